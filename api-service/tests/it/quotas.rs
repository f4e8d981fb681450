//! A user keeps no more than they may, however many add at once.

use api_service::domain::{
    knowledge_base::{ShareRole, Visibility},
    quota::Quota,
};
use axum::http::StatusCode;
use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::{Parts, TestApp, TestHome, caller, json_request, plain_request, user_id};

const QUOTA: Quota = Quota {
    documents: 3,
    bytes: 100,
};

async fn limited(home: TestHome) -> TestApp {
    let parts = Parts {
        quota: QUOTA,
        ..Parts::default()
    };
    TestApp::with(home, parts).await
}

fn text(external_id: &str, length: usize) -> Value {
    json!({"text": "a".repeat(length), "external_id": external_id})
}

async fn add(app: &TestApp, name: &str, body: &Value) -> (u16, Value) {
    let (status, body) = app
        .ask(json_request(name, "POST /v1/documents", body))
        .await;
    (status.as_u16(), body)
}

async fn is_added(app: &TestApp, name: &str, body: &Value) -> bool {
    let (status, body) = add(app, name, body).await;
    let refused = (status, &body["code"]) == (409, &json!("quota_exceeded"));
    assert!(refused || status == 202, "{status} {body}");
    !refused
}

#[tokio::test]
async fn documents_and_bytes_are_counted() {
    for home in [TestHome::sqlite(), TestHome::postgres().await] {
        let app = limited(home).await;
        assert!(is_added(&app, "ada", &text("one", 60)).await);
        let refused = add(&app, "ada", &text("two", 41)).await;
        let expected = json!({
            "type": "about:blank",
            "title": "Conflict",
            "status": 409,
            "code": "quota_exceeded",
            "detail": "This is more than the owner of the knowledge base may keep, in documents \
                or in bytes; delete some documents first, or ask an administrator for more room.",
        });
        assert_eq!(refused, (409, expected));
        assert_eq!(app.count("SELECT COUNT(*) FROM documents").await, 1);
        assert!(is_added(&app, "ada", &text("two", 40)).await);
        // What is there already takes no more room, and a new version is counted
        // in the place of the old one.
        assert!(is_added(&app, "ada", &text("one", 60)).await);
        assert!(!is_added(&app, "ada", &text("one", 61)).await);
        assert!(is_added(&app, "ada", &text("one", 10)).await);
        assert!(is_added(&app, "ada", &text("three", 1)).await);
        assert!(!is_added(&app, "ada", &text("four", 1)).await);
        // Others have room of their own.
        assert!(is_added(&app, "ben", &text("one", 100)).await);
    }
}

#[tokio::test]
async fn what_is_deleted_makes_room() {
    for home in [TestHome::sqlite(), TestHome::postgres().await] {
        let app = limited(home).await;
        let (_, first) = add(&app, "ada", &text("one", 100)).await;
        assert!(!is_added(&app, "ada", &text("two", 1)).await);
        let line = format!("DELETE /v1/documents/{}", first["id"].as_str().unwrap());
        let (status, _) = app.ask(plain_request("ada", &line)).await;
        assert_eq!(status, StatusCode::NO_CONTENT);
        assert!(is_added(&app, "ada", &text("two", 100)).await);
    }
}

/// What an editor adds is the owner's; public knowledge is nobody's.
#[tokio::test]
async fn all_that_is_in_an_owners_bases_counts_for_them() {
    for home in [TestHome::sqlite(), TestHome::postgres().await] {
        let app = limited(home).await;
        let (ada, ben) = (caller("ada"), user_id("ben"));
        let made = app
            .app
            .create_knowledge_base(&ada, "ours", Visibility::Members, None);
        let base = made.await.unwrap().id.0;
        let shared = app.app.share(&ada, &base, &ben, ShareRole::Editor);
        shared.await.unwrap();
        let in_base = |id: &str| json!({"text": "Tea.", "external_id": id, "knowledge_base": base});
        assert!(is_added(&app, "ada", &text("one", 1)).await);
        assert!(is_added(&app, "ben", &in_base("one")).await);
        assert!(is_added(&app, "ben", &in_base("two")).await);
        assert!(!is_added(&app, "ben", &in_base("three")).await);
        assert!(!is_added(&app, "ada", &text("two", 1)).await);
        assert!(is_added(&app, "ben", &text("one", 100)).await);
        app.app.public_base(&caller("admin"), "book").await.unwrap();
        for number in 0..5 {
            let page = json!({"text": "Tea.", "knowledge_base": "book", "external_id": number.to_string()});
            assert!(is_added(&app, "admin", &page).await);
        }
    }
}

#[tokio::test]
async fn of_many_at_once_as_many_come_in_as_there_is_room_for() {
    for home in [TestHome::sqlite(), TestHome::postgres().await] {
        let app = limited(home).await;
        // Into two bases: each of these is locked by its own writers alone.
        let ada = caller("ada");
        let made = app
            .app
            .create_knowledge_base(&ada, "more", Visibility::Private, None);
        made.await.unwrap();
        let bodies: Vec<Value> = (0..12)
            .map(|number| match number % 2 {
                0 => text(&number.to_string(), 1),
                _ => json!({"text": "a", "knowledge_base": "more"}),
            })
            .collect();
        let added = join_all(bodies.iter().map(|body| is_added(&app, "ada", body))).await;
        assert_eq!(added.iter().filter(|added| **added).count(), 3);
        assert_eq!(app.count("SELECT COUNT(*) FROM documents").await, 3);
        assert_eq!(app.count("SELECT COUNT(*) FROM jobs").await, 3);
    }
}
