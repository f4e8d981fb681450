//! Links show what their maker may read, while they may.

use api_service::{
    app::{ports::AccountStore, view_document::LinkWanted},
    domain::{
        account::{AccountEvent, Happening},
        knowledge_base::{ShareRole, Visibility},
        principal::UserId,
    },
};
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::support::{NOON, TestApp, TestHome, caller, json_request, plain_request, user_id};

/// The text of a link to the document.
async fn link(app: &TestApp, name: &str, document: &str, body: &Value) -> String {
    let line = format!("POST /v1/documents/{document}/links");
    let (status, made) = app.ask(json_request(name, &line, body)).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    made["url"].as_str().unwrap().to_owned()
}

async fn follow(app: &TestApp, url: &str) -> (u16, Value) {
    let (status, body) = app.ask(plain_request("", &format!("GET {url}"))).await;
    (status.as_u16(), body)
}

async fn leads_nowhere(app: &TestApp, url: &str) {
    let (status, body) = follow(app, url).await;
    assert_eq!((status, &body["code"]), (404, &json!("invalid_link")));
}

/// A document in a knowledge base of Ada's.
async fn adas_document(app: &TestApp) -> (String, String) {
    let ada = caller("ada");
    let made = app
        .app
        .create_knowledge_base(&ada, "notes", Visibility::Private, None);
    let base = made.await.unwrap().id.0;
    let upload = json!({"text": "# The kettle\n\nIt is red.", "knowledge_base": base, "external_id": "kettle"});
    let document = app.add("ada", &upload).await;
    app.work().await;
    (base, document["id"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_link_ends_with_its_makers_share() {
    for home in [TestHome::sqlite(), TestHome::postgres().await] {
        let app = TestApp::on(home).await;
        let (base, document) = adas_document(&app).await;
        let (ada, ben) = (caller("ada"), user_id("ben"));
        let shared = app.app.share(&ada, &base, &ben, ShareRole::Reader).await;
        shared.unwrap();
        let [adas, bens] = [
            link(&app, "ada", &document, &json!({})).await,
            link(&app, "ben", &document, &json!({})).await,
        ];
        assert_eq!(follow(&app, &bens).await.0, 200);
        app.app.unshare(&ada, &base, &ben).await.unwrap();
        leads_nowhere(&app, &bens).await;
        assert_eq!(follow(&app, &adas).await.0, 200);
    }
}

#[tokio::test]
async fn a_link_shows_one_version() {
    for home in [TestHome::sqlite(), TestHome::postgres().await] {
        let app = TestApp::on(home).await;
        let (base, document) = adas_document(&app).await;
        let url = link(&app, "ada", &document, &json!({})).await;
        let next = json!({"text": "It is blue.", "knowledge_base": base, "external_id": "kettle"});
        app.add("ada", &next).await;
        let before = follow(&app, &url).await;
        assert_eq!(before, (200, json!("# The kettle\n\nIt is red.")));
        app.work().await;
        leads_nowhere(&app, &url).await;
        let url = link(&app, "ada", &document, &json!({})).await;
        assert_eq!(follow(&app, &url).await, (200, json!("It is blue.")));
    }
}

#[tokio::test]
async fn a_link_ends_when_its_makers_tokens_do() {
    let app = TestApp::sqlite().await;
    let (_, document) = adas_document(&app).await;
    for (number, happening) in [(1, Happening::TokensRevoked), (2, Happening::Disabled)] {
        app.home.clock.advance(2_000);
        // By the verb: Ada's token is as old as the clock, and goes with the first event.
        let (ada, wanted) = (caller("ada"), LinkWanted::default());
        let made = app.app.link_document(&ada, &document, &wanted);
        let url = format!("/v1/files/{}", made.await.unwrap().token);
        assert_eq!(follow(&app, &url).await.0, 200);
        let event = AccountEvent {
            number,
            at: NOON + 2_000 * number,
            user: UserId(user_id("ada")),
            happening,
        };
        app.store.apply(&[event], NOON).await.unwrap();
        // As a start does, which reads what is refused.
        app.app.follower().await.unwrap();
        leads_nowhere(&app, &url).await;
    }
}

#[tokio::test]
async fn a_link_leads_to_a_heading_or_a_page() {
    let app = TestApp::sqlite().await;
    let (_, document) = adas_document(&app).await;
    let line = format!("GET /v1/documents/{document}/chunks");
    let (_, chunks) = app.ask(plain_request("ada", &line)).await;
    let expected = json!({
        "chunks": [{
            "id": chunks["chunks"][0]["id"],
            "ordinal": 0,
            "heading": "The kettle",
            "text": "It is red.",
            "span": {"start": 14, "end": 24},
            "page": null,
        }],
        "next": null,
    });
    assert_eq!(chunks, expected);
    let chunk = json!({"chunk_id": chunks["chunks"][0]["id"]});
    let url = link(&app, "ada", &document, &chunk).await;
    assert!(url.ends_with("#the-kettle"), "{url}");
    let url = link(&app, "ada", &document, &json!({"page": 3})).await;
    assert!(url.ends_with("#page=3"), "{url}");
    // A chunk of another document, even one's own, is not here.
    let other = app.add("ada", &json!({"text": "Tea."})).await;
    let line = format!("POST /v1/documents/{}/links", other["id"].as_str().unwrap());
    let (status, body) = app.ask(json_request("ada", &line, &chunk)).await;
    assert_eq!(
        (status.as_u16(), &body["code"]),
        (404, &json!("chunk_not_found"))
    );
}
