//! Services that speak for users: the agent backend's `internal-save`, and whom
//! a question is believed to come from.

use api_service::domain::principal::Principal;
use auth_service::app::{
    api_keys::{KeyTerms, NewApiKey},
    client::Client,
};
use axum::http::{Request, StatusCode};
use proto::{
    api_key::KeyScope::{self, Chat, ConversationsInternalSave},
    claims::Role,
};
use serde_json::{Value, json};

use crate::support::{
    TestApp, TestHome,
    accounts::{Both, Running},
    user,
};

async fn post(app: &TestApp, credentials: &str, path: &str, body: &Value) -> (StatusCode, Value) {
    let request = Request::post(path)
        .header("authorization", format!("Bearer {credentials}"))
        .header("content-type", "application/json");
    app.ask(request.body(body.to_string().into()).unwrap())
        .await
}

/// A key of an administrator's, and the id of a user.
async fn key_and_user(auth: &Running, scopes: &[KeyScope]) -> (String, String) {
    let root = auth.sign_up("root").await;
    let root = auth.make_admin(&root.user.id).await;
    let words = scopes.iter().map(|scope| scope.as_str().to_owned());
    let new = NewApiKey {
        terms: KeyTerms {
            scopes: Some(words.collect()),
            ..KeyTerms::default()
        },
        ..NewApiKey::default()
    };
    let made = auth.app.make_api_key(&root, new, &Client::default()).await;
    let ada = auth.sign_up("ada").await;
    (made.unwrap().secret, ada.user.id)
}

async fn titles(app: &TestApp, ada: &Principal) -> Vec<String> {
    let page = api_service::app::ports::Page::first();
    let found = app.app.list_conversations(ada, None, &page).await.unwrap();
    found.into_iter().map(|found| found.title).collect()
}

#[tokio::test]
async fn a_service_saves_and_asks_for_the_user_it_names() {
    for home in [TestHome::sqlite(), TestHome::postgres().await] {
        let both = Both::on(home).await;
        let (auth, app) = (&both.auth, &both.app);
        let (key, ada) = key_and_user(auth, &[Chat, ConversationsInternalSave]).await;
        let turn = json!({"user_id": ada, "query": "User's query", "response": "AI's response"});
        let save = "/api/v1/conversations/internal-save";
        let (status, saved) = post(app, &key, save, &turn).await;
        assert_eq!(status, StatusCode::CREATED, "{saved}");
        assert_eq!(saved["status"], "success");
        let question = json!({"message": {"content": "For her?", "user_id": ada}});
        let (status, answer) = post(app, &key, "/api/v1/chat", &question).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let hers = user(&ada, Role::User);
        assert_eq!(titles(app, &hers).await, ["For her?", "User's query"]);
        let id = saved["id"].as_str().unwrap();
        let (_, messages) = app.app.whole_conversation(&hers, id).await.unwrap();
        let told: Vec<_> = messages.iter().map(|told| told.content.as_str()).collect();
        assert_eq!(told, ["User's query", "AI's response"]);
        for nobody in ["user-uuid", "01890000-0000-7000-8000-000000000000"] {
            let turn = json!({"user_id": nobody, "query": "q", "response": "r"});
            let (status, refused) = post(app, &key, save, &turn).await;
            // An id that was never given to anybody can't be told from one of an
            // account that this service has not heard of.
            let known = nobody.contains("7000");
            let expected = if known {
                StatusCode::CREATED
            } else {
                StatusCode::NOT_FOUND
            };
            assert_eq!(status, expected, "{refused}");
        }
        both.ears.cover().await;
    }
}

#[tokio::test]
async fn whom_a_page_names_is_not_believed() {
    let both = Both::on(TestHome::sqlite()).await;
    let (auth, app) = (&both.auth, &both.app);
    let (key, ada) = key_and_user(auth, &[Chat]).await;
    let bob = auth.sign_up("bob").await;
    let question = json!({"message": {"content": "In her name?", "user_id": ada}});
    for credentials in [&key, &auth.token(&bob)] {
        let (status, answer) = post(app, credentials, "/api/v1/chat", &question).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
    assert!(titles(app, &user(&ada, Role::User)).await.is_empty());
    let his = user(&bob.user.id, Role::User);
    assert_eq!(titles(app, &his).await, ["In her name?"]);
    both.ears.cover().await;
}
