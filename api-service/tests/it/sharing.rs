//! What sharing, showing and deleting knowledge bases does to what is found.

use api_service::{
    app::ports::{AccountStore, BaseChange},
    domain::{
        account::{AccountEvent, Happening},
        knowledge_base::{ShareRole, Visibility},
        principal::UserId,
    },
};
use axum::http::StatusCode;
use futures::future::join_all;
use serde_json::json;

use crate::support::{NOON, TestApp, TestHome, caller, json_request, plain_request, user_id};

const KETTLE: &str = "The kettle is red.";

async fn make(
    app: &TestApp,
    name: &str,
    base: &str,
    visibility: Visibility,
) -> Result<String, &'static str> {
    let caller = caller(name);
    let made = app
        .app
        .create_knowledge_base(&caller, base, visibility, None);
    made.await
        .map(|base| base.id.0)
        .map_err(|error| error.code())
}

async fn share(
    app: &TestApp,
    name: &str,
    base: &str,
    with: &str,
    role: ShareRole,
) -> Result<(), &'static str> {
    let (caller, with) = (caller(name), user_id(with));
    let shared = app.app.share(&caller, base, &with, role).await;
    shared.map(|_| ()).map_err(|error| error.code())
}

/// Ada's knowledge base `notes` with a document that can be found.
async fn adas_notes(app: &TestApp) -> (String, String) {
    let made = make(app, "ada", "notes", Visibility::Private);
    let base = made.await.unwrap();
    let document = app
        .add("ada", &json!({"text": KETTLE, "knowledge_base": base}))
        .await;
    app.work().await;
    (base, document["id"].as_str().unwrap().to_owned())
}

/// Whether each of them finds the kettle, reads its document, and is told of it.
async fn knows(app: &TestApp, name: &str, document: &str) -> bool {
    let found = app.find(name, "kettle").await == [KETTLE];
    let line = format!("GET /v1/documents/{document}");
    let (status, _) = app.ask(plain_request(name, &line)).await;
    let chat = json_request(name, "POST /v1/chat", &json!({"message": "Which kettle?"}));
    let (_, answer) = app.ask(chat).await;
    let told = answer.to_string().contains("kettle is red");
    assert_eq!([found, told], [status.is_success(); 2], "{name}: {answer}");
    found
}

#[tokio::test]
async fn a_share_shows_and_its_end_hides_at_once() {
    for home in [TestHome::sqlite(), TestHome::postgres().await] {
        let app = TestApp::on(home).await;
        let (base, document) = adas_notes(&app).await;
        let (ada, ben) = (caller("ada"), user_id("ben"));
        assert!(!knows(&app, "ben", &document).await);
        let role = ShareRole::Reader;
        app.app.share(&ada, &base, &ben, role).await.unwrap();
        assert!(knows(&app, "ben", &document).await);
        assert!(!knows(&app, "carl", &document).await);
        app.app.unshare(&ada, &base, &ben).await.unwrap();
        assert!(!knows(&app, "ben", &document).await);
    }
}

#[tokio::test]
async fn editors_write_and_readers_do_not() {
    let app = TestApp::sqlite().await;
    let (base, document) = adas_notes(&app).await;
    let delete = format!("DELETE /v1/documents/{document}");
    let upload = json!({"text": "Another kettle.", "knowledge_base": base});
    for (role, expected) in [
        (ShareRole::Reader, [403, 403]),
        (ShareRole::Editor, [202, 204]),
    ] {
        let shared = share(&app, "ada", &base, "ben", role);
        shared.await.unwrap();
        let add = json_request("ben", "POST /v1/documents", &upload);
        let added = app.ask(add).await.0.as_u16();
        let deleted = app.ask(plain_request("ben", &delete)).await.0.as_u16();
        assert_eq!([added, deleted], expected, "{role:?}");
    }
}

#[tokio::test]
async fn who_sees_a_base_follows_its_visibility() {
    for home in [TestHome::sqlite(), TestHome::postgres().await] {
        let app = TestApp::on(home).await;
        let (base, document) = adas_notes(&app).await;
        let become_ = async |name: &str, visibility| {
            let change = BaseChange {
                visibility: Some(visibility),
                ..BaseChange::default()
            };
            let caller = caller(name);
            let changed = app.app.change_knowledge_base(&caller, &base, &change);
            changed
                .await
                .map(|base| base.owner)
                .map_err(|error| error.code())
        };
        let ada = user_id("ada");
        assert_eq!(become_("ada", Visibility::Members).await, Ok(ada.clone()));
        assert!(knows(&app, "ben", &document).await);
        assert_eq!(become_("ben", Visibility::Private).await, Err("read_only"));
        assert_eq!(become_("ada", Visibility::Public).await, Err("read_only"));
        let shared = share(&app, "ada", &base, "ben", ShareRole::Editor);
        shared.await.unwrap();
        // Public, it is nobody's own, and the shares are gone for good.
        assert_eq!(
            become_("admin", Visibility::Public).await,
            Ok(String::new())
        );
        assert!(knows(&app, "ben", &document).await);
        assert_eq!(become_("ada", Visibility::Private).await, Err("read_only"));
        assert_eq!(
            become_("admin", Visibility::Private).await,
            Ok(user_id("admin"))
        );
        for (name, expected) in [("ada", false), ("ben", false), ("admin", true)] {
            assert_eq!(knows(&app, name, &document).await, expected, "{name}");
        }
    }
}

#[tokio::test]
async fn a_deleted_base_is_found_no_more_and_leaves_nothing() {
    for home in [TestHome::sqlite(), TestHome::postgres().await] {
        let app = TestApp::on(home).await;
        let (base, document) = adas_notes(&app).await;
        let share = share(&app, "ada", &base, "ben", ShareRole::Reader);
        share.await.unwrap();
        app.add(
            "ada",
            &json!({"text": "Not ready.", "knowledge_base": base}),
        )
        .await;
        let line = format!("DELETE /v1/knowledge-bases/{base}");
        let (status, _) = app.ask(plain_request("ada", &line)).await;
        assert_eq!(status, StatusCode::NO_CONTENT);
        for name in ["ada", "ben"] {
            assert!(!knows(&app, name, &document).await);
        }
        app.work().await;
        for table in [
            "SELECT COUNT(*) FROM knowledge_bases",
            "SELECT COUNT(*) FROM knowledge_base_shares",
            "SELECT COUNT(*) FROM knowledge_base_garbage",
            "SELECT COUNT(*) FROM documents",
            "SELECT COUNT(*) FROM chunks",
            "SELECT COUNT(*) FROM jobs",
        ] {
            assert_eq!(app.count(table).await, 0, "{table}");
        }
        assert_eq!(app.index().count().await.unwrap(), 0);
    }
}

/// Somebody else's knowledge base never takes the place of a public one.
#[tokio::test]
async fn a_name_means_a_public_base_before_somebody_elses() {
    let app = TestApp::sqlite().await;
    app.app.public_base(&caller("admin"), "book").await.unwrap();
    let book = json!({"text": "The tea of the book.", "knowledge_base": "book"});
    app.add("admin", &book).await;
    let made = make(&app, "eve", "book", Visibility::Members);
    let base = made.await.unwrap();
    app.add(
        "eve",
        &json!({"text": "The tea of Eve.", "knowledge_base": base}),
    )
    .await;
    app.work().await;
    let body = json!({"query": "tea", "knowledge_base": "book"});
    for (name, expected) in [("ada", "The tea of the book."), ("eve", "The tea of Eve.")] {
        let (_, found) = app.ask(json_request(name, "POST /v1/search", &body)).await;
        assert_eq!(found["results"][0]["text"], expected, "{name}");
    }
}

#[tokio::test]
async fn of_many_who_take_a_name_at_once_one_does() {
    for home in [TestHome::sqlite(), TestHome::postgres().await] {
        let app = TestApp::on(home).await;
        let ada = caller("ada");
        let all = (0..6).map(|_| {
            app.app
                .create_knowledge_base(&ada, "one", Visibility::Members, None)
        });
        let made = join_all(all).await;
        assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 1);
        let codes = made.iter().filter_map(|made| made.as_ref().err());
        assert!(
            codes
                .map(api_service::app::error::Error::code)
                .all(|code| code == "knowledge_base_name_taken")
        );
    }
}

#[tokio::test]
async fn there_are_as_many_as_there_may_be() {
    let app = TestApp::sqlite().await;
    for number in 0..100 {
        let name = format!("base {number}");
        let made = make(&app, "ada", &name, Visibility::Private).await;
        made.unwrap();
    }
    let body = json!({"name": "one more"});
    let (status, body) = app
        .ask(json_request("ada", "POST /v1/knowledge-bases", &body))
        .await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::CONFLICT, &json!("too_many"))
    );
}

/// What a deleted user shared goes, and so does what was shared with them.
#[tokio::test]
async fn deleted_users_share_nothing() {
    for home in [TestHome::sqlite(), TestHome::postgres().await] {
        let app = TestApp::on(home).await;
        let (base, document) = adas_notes(&app).await;
        for (owner, other) in [("ada", "ben"), ("ben", "ada")] {
            let made = make(&app, owner, "ours", Visibility::Members);
            let id = made.await.unwrap();
            let shared = share(&app, owner, &id, other, ShareRole::Editor);
            shared.await.unwrap();
        }
        let shared = share(&app, "ada", &base, "ben", ShareRole::Reader);
        shared.await.unwrap();
        let event = AccountEvent {
            number: 1,
            at: NOON,
            user: UserId(user_id("ada")),
            happening: Happening::Deleted,
        };
        app.store.apply(&[event], NOON).await.unwrap();
        app.app.erase_due().await.unwrap();
        assert!(!knows(&app, "ben", &document).await);
        assert_eq!(app.count("SELECT COUNT(*) FROM knowledge_bases").await, 1);
        assert_eq!(
            app.count("SELECT COUNT(*) FROM knowledge_base_shares")
                .await,
            0
        );
        assert_eq!(app.count("SELECT COUNT(*) FROM owners").await, 1);
        let bens = app.app.knowledge_bases(&caller("ben")).await.unwrap();
        let again = share(&app, "ben", &bens[0].id.0, "ada", ShareRole::Reader);
        assert_eq!(again.await.unwrap_err(), "unknown_user");
        let made = make(&app, "ada", "back", Visibility::Private);
        assert_eq!(made.await.unwrap_err(), "invalid_token");
    }
}
