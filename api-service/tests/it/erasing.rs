//! What a deleted user had is erased, and nothing else.

use std::sync::Arc;

use api_service::{
    app::ports::{AccountStore, ClaimLimits, JobStore, Labels, Published, VectorIndex},
    domain::{
        account::{AccountEvent, Happening},
        principal::UserId,
        tags::Tags,
    },
};
use axum::http::StatusCode;
use serde_json::json;

use crate::support::{
    NOON, Parts, TestApp, TestHome,
    accounts::{Accounts, Ears, within_a_second},
    halting::{Fate, HaltingIndex, Switch},
    json_request, user_id,
};

/// How many milliseconds are between the two passes.
const UNDER_WAY: i64 = 10 * 60 * 1000;

const ONE: ClaimLimits = ClaimLimits {
    jobs: 1,
    of_one_tenant: 1,
};

async fn fill(app: &TestApp) {
    for name in ["ada", "ben"] {
        for number in 0..3 {
            let text = format!("# Notes of {name}\n\nThe kettle number {number} of {name} is red.");
            app.add(name, &json!({"text": text})).await;
        }
        let chat = json_request(name, "POST /v1/chat", &json!({"message": "Which kettle?"}));
        let (status, body) = app.ask(chat).await;
        assert_eq!(status, StatusCode::OK, "{body}");
    }
    let (status, body) = {
        let public = app
            .app
            .public_base(&crate::support::caller("admin"), "book")
            .await
            .unwrap();
        let upload =
            json!({"text": "The kettle of the book is blue.", "knowledge_base": public.id.0});
        app.ask(json_request("admin", "POST /v1/documents", &upload))
            .await
    };
    assert_eq!(status, StatusCode::ACCEPTED, "{body}");
}

async fn tell(app: &TestApp, number: i64, name: &str, happening: Happening) {
    let event = AccountEvent {
        number,
        at: NOON,
        user: UserId(user_id(name)),
        happening,
    };
    app.store.apply(&[event], NOON).await.unwrap();
}

/// The rows of each kind, and the points of the index.
async fn left(app: &TestApp) -> [i64; 9] {
    let points = app.index().count().await.unwrap();
    [
        app.count("SELECT COUNT(*) FROM knowledge_bases").await,
        app.count("SELECT COUNT(*) FROM documents").await,
        app.count("SELECT COUNT(*) FROM document_versions").await,
        app.count("SELECT COUNT(*) FROM chunks").await,
        app.count("SELECT COUNT(*) FROM jobs").await,
        app.count("SELECT COUNT(*) FROM conversations").await,
        app.count("SELECT COUNT(*) FROM messages").await,
        app.count("SELECT COUNT(*) FROM index_garbage").await,
        i64::try_from(points).unwrap(),
    ]
}

/// Ben's three documents and the one of the book, and his conversation.
const WITHOUT_ADA: [i64; 9] = [2, 4, 4, 4, 4, 1, 2, 0, 4];

#[tokio::test]
async fn all_that_a_user_had_goes_and_nothing_else() {
    for home in [TestHome::sqlite(), TestHome::postgres().await] {
        let app = TestApp::on(home).await;
        fill(&app).await;
        app.work().await;
        assert_eq!(left(&app).await, [3, 7, 7, 7, 7, 2, 4, 0, 7]);
        tell(&app, 1, "ada", Happening::Deleted).await;
        app.app.erase_due().await.unwrap();
        assert_eq!(left(&app).await, WITHOUT_ADA);
        let found = app.find("ben", "kettle of ada").await;
        assert_eq!(found.len(), 4);
        assert!(!found.iter().any(|text| text.contains("ada")), "{found:?}");
        let found = app.find("ada", "kettle of ada").await;
        assert_eq!(found.len(), 1, "the book is all that is left: {found:?}");
        // The same event again, as after a break, and the second pass.
        tell(&app, 1, "ada", Happening::Deleted).await;
        assert_eq!(app.count("SELECT COUNT(*) FROM erasures").await, 1);
        app.home.clock.advance(UNDER_WAY);
        app.app.erase_due().await.unwrap();
        assert_eq!(left(&app).await, WITHOUT_ADA);
        assert_eq!(app.count("SELECT COUNT(*) FROM erasures").await, 0);
        assert_eq!(app.count("SELECT COUNT(*) FROM erased_bases").await, 0);
    }
}

/// Nothing comes back through what was under way when the account was deleted.
#[tokio::test]
async fn nothing_comes_back() {
    for home in [TestHome::sqlite(), TestHome::postgres().await] {
        let app = TestApp::on(home).await;
        fill(&app).await;
        let claimed = app.store.claim("other", ONE, NOON, 60_000).await.unwrap();
        assert_eq!(claimed.len(), 1);
        tell(&app, 1, "ada", Happening::Deleted).await;
        app.app.erase_due().await.unwrap();
        // Her token was looked at before: the stand-in's app refuses nobody.
        for (line, body) in [
            ("POST /v1/documents", json!({"text": "The kettle is back."})),
            ("POST /v1/chat", json!({"message": "Which kettle?"})),
        ] {
            let (status, body) = app.ask(json_request("ada", line, &body)).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{line}: {body}");
            assert_eq!(body["code"], "invalid_token");
        }
        let labels = Labels {
            title: "Back".to_owned(),
            tags: Tags::default(),
        };
        let kept = app.store.publish(&claimed[0], "m", &labels, NOON).await;
        assert_eq!(kept.unwrap(), Published::Unwanted);
        app.store
            .keep_chunks(&claimed[0], "m", &[], 0)
            .await
            .unwrap();
        app.work().await;
        assert_eq!(left(&app).await, WITHOUT_ADA);
    }
}

/// A worker that dies between writing points and publishing them leaves points
/// that no row knows of: the second pass takes them out.
#[tokio::test]
async fn points_of_a_worker_that_died_go_with_the_second_pass() {
    let switch = Switch::new(Fate::Works);
    let around = switch.clone();
    let parts = Parts {
        around_index: Some(Box::new(move |inner: Arc<dyn VectorIndex>| {
            Arc::new(HaltingIndex {
                inner,
                switch: around,
            })
        })),
        ..Parts::default()
    };
    let app = TestApp::with(TestHome::sqlite(), parts).await;
    app.add("ada", &json!({"text": "The kettle is red."})).await;
    switch.set(Fate::HaltsAfter);
    tokio::select! {
        done = app.app.work_once("worker") => panic!("{done:?}"),
        () = switch.halted.notified() => {}
    }
    // The halted write is only ended after the notification.
    let index = app.index();
    tell(&app, 1, "ada", Happening::Deleted).await;
    // The index is out of reach: the rows go at once, and the rest waits.
    switch.set(Fate::Fails);
    assert!(app.app.erase_due().await.is_err());
    assert_eq!(app.count("SELECT COUNT(*) FROM chunks").await, 0);
    assert_eq!(app.count("SELECT passes FROM erasures").await, 0);
    switch.set(Fate::Works);
    assert_eq!(index.count().await.unwrap(), 1);
    app.app.erase_due().await.unwrap();
    assert_eq!(index.count().await.unwrap(), 0);
    assert_eq!(app.count("SELECT passes FROM erasures").await, 1);
}

/// A process that is killed in the middle leaves the rest to the next one.
#[tokio::test]
async fn an_erasure_goes_on_where_it_was_killed() {
    for home in [TestHome::sqlite(), TestHome::postgres().await] {
        let app = TestApp::on(home).await;
        fill(&app).await;
        for number in 0..45 {
            app.add(
                "ada",
                &json!({"text": format!("Page {number} of the log.")}),
            )
            .await;
        }
        app.work().await;
        tell(&app, 1, "ada", Happening::Deleted).await;
        let ada = UserId(user_id("ada"));
        // The conversation, and two of the steps that documents take.
        for _ in 0..3 {
            assert!(app.store.erase_some(&ada).await.unwrap());
        }
        let before = left(&app).await;
        assert!(before[1] > WITHOUT_ADA[1] && before[1] < 52, "{before:?}");
        let home = app.end().await;
        let app = TestApp::on(home).await;
        app.app.erase_due().await.unwrap();
        assert_eq!(left(&app).await, WITHOUT_ADA);
    }
}

/// From the deletion in auth-service to the last vector in api-service.
#[tokio::test]
async fn a_user_deleted_in_auth_service_is_erased_in_api_service() {
    for home in [TestHome::sqlite(), TestHome::postgres().await] {
        let accounts = Accounts::new().await;
        let auth = accounts.start(&home.clock).await;
        let app = accounts.api(home).await;
        let ears = Ears::of(&app, accounts.reached()).await;
        let ada = auth.sign_up("ada").await;
        let token = auth.token(&ada);
        let upload = axum::http::Request::post("/v1/documents")
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(json!({"text": "The kettle is red."}).to_string().into())
            .unwrap();
        let (status, body) = app.ask(upload).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{body}");
        app.work().await;
        assert_eq!(left(&app).await, [1, 1, 1, 1, 1, 0, 0, 0, 1]);

        auth.delete(&ada.user.id).await;
        within_a_second("the token is refused", || {
            crate::support::accounts::refused(&app, &token)
        })
        .await;
        within_a_second("the deletion is kept", || async {
            app.count("SELECT COUNT(*) FROM erasures").await == 1
        })
        .await;
        app.app.erase_due().await.unwrap();
        assert_eq!(left(&app).await, [0; 9]);
        ears.cover().await;
    }
}
