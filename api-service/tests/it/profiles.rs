//! Answers are pitched to what their readers say of themselves, and given
//! without that where auth-service is down.

use std::time::Duration;

use api_service::{
    app::{add_document::Upload, ask::Asked},
    domain::principal::Principal,
};
use futures::StreamExt;
use proto::claims::Role;

use crate::support::{
    self, Parts, TestApp, TestHome,
    accounts::Both,
    language_model::{LanguageModel, Script},
};

const PATIENT: Duration = Duration::from_secs(20);

async fn ask(app: &TestApp, caller: &Principal) {
    let asked = Asked {
        message: "What does the arm lift?".to_owned(),
        ..Asked::default()
    };
    let events = app.app.ask(caller, &asked).await.unwrap();
    events.collect::<Vec<_>>().await;
}

#[tokio::test]
async fn a_beginner_and_an_expert_are_told_apart_also_when_auth_service_is_gone() {
    let scripts = vec![Script::Says(vec!["Ten [1]."]); 5];
    let model = LanguageModel::start(scripts).await;
    let parts = Parts {
        generator: Some(model.client(PATIENT)),
        ..Parts::default()
    };
    let both = Both::with(TestHome::sqlite(), parts).await;
    let told = [
        ("softwareBackground", "none\nat  all"),
        ("hardwareBackground", ""),
        ("interestArea", "robots"),
    ];
    let beginner = both.auth.sign_up_saying("ada", &told).await;
    let silent = both.auth.sign_up("ben").await;
    let late = both.auth.sign_up_saying("eve", &told).await;
    let [ada, ben, eve] =
        [&beginner, &silent, &late].map(|opened| support::user(&opened.user.id, Role::User));
    let admin = support::caller("admin");
    both.app.app.public_base(&admin, "book").await.unwrap();
    let page = Upload {
        knowledge_base: Some("book".to_owned()),
        content: b"The arm lifts ten kilograms.".to_vec(),
        ..Upload::default()
    };
    both.app.app.add_document(&admin, page).await.unwrap();
    both.app.work().await;
    ask(&both.app, &ada).await;
    ask(&both.app, &ben).await;
    let Both {
        auth, app, ears, ..
    } = both;
    auth.stop().await;
    // What is known is kept; what is not is not waited for.
    ask(&app, &ada).await;
    ask(&app, &eve).await;
    app.home.clock.advance(301_000);
    ask(&app, &ada).await;
    let reader = "\n- interestArea: robots\n- softwareBackground: none at all\n\n# Sources\n";
    let seen: Vec<bool> = model
        .requests()
        .iter()
        .map(|request| {
            let system = request["messages"][0]["content"].as_str().unwrap();
            assert_eq!(
                system.contains(reader),
                system.contains("# Reader"),
                "{system}"
            );
            system.contains(reader)
        })
        .collect();
    // Five minutes later nothing is known of her any more, and nobody can tell.
    assert_eq!(seen, [true, false, true, false, false]);
    ears.cover().await;
}
