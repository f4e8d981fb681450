//! Nobody sees, finds, changes or is answered from what is another's.

use api_service::http::{PUBLIC_ROUTES, Route, VISITORS_ROUTES, routes};
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::support::{
    Parts, TestApp, TestHome, json_request, plain_request, request, token_of, user_id,
};

#[tokio::test]
async fn every_route_needs_a_token_unless_it_is_listed() {
    let parts = Parts {
        members_only: true,
        ..Parts::default()
    };
    let members_only = TestApp::with(TestHome::sqlite(), parts).await;
    let open = TestApp::sqlite().await;
    let visited = [PUBLIC_ROUTES, VISITORS_ROUTES].concat();
    for (app, listed) in [(members_only, PUBLIC_ROUTES), (open, &visited)] {
        let mut walked = 0;
        for route in routes() {
            let line = format!("{} {}", route.method, route.path);
            let (status, body) = app.ask(plain_request("", &line)).await;
            let listed = listed
                .iter()
                .any(|(method, path)| *method == route.method.as_str() && *path == route.path);
            let refused = status == StatusCode::UNAUTHORIZED;
            assert_eq!(refused, !listed, "{line}: {status} {body}");
            walked += usize::from(refused);
        }
        assert!(walked >= 10, "only {walked} routes were walked");
    }
}

/// A document of Ada's, its job, its knowledge base, which is shared with Carl,
/// a conversation, a source, an answer, and a publishable key.
async fn adas_ids(app: &TestApp) -> [String; 7] {
    let document = app
        .add("ada", &json!({"text": "The vault opens at nine."}))
        .await;
    app.work().await;
    let chat = json_request("ada", "POST /v1/chat", &json!({"message": "vault?"}));
    let (_, answer) = app.ask(chat).await;
    let body = json!({"kind": "urls", "urls": ["https://example.com/vault"]});
    let (_, source) = app
        .ask(json_request("ada", "POST /v1/sources", &body))
        .await;
    let body = json!({"name": "Vault", "knowledge_base": document["knowledge_base"]["id"],
        "origins": ["https://docs.example.com"]});
    let (_, key) = app
        .ask(json_request("ada", "POST /v1/publishable-keys", &body))
        .await;
    let ids = [
        &document["id"],
        &document["job"]["id"],
        &document["knowledge_base"]["id"],
        &answer["conversation_id"],
        &source["id"],
        &answer["message_id"],
        &key["id"],
    ]
    .map(|id| id.as_str().unwrap().to_owned());
    let line = format!(
        "PUT /v1/knowledge-bases/{}/shares/{}",
        ids[2],
        user_id("carl")
    );
    let (status, body) = app
        .ask(json_request("ada", &line, &json!({"role": "reader"})))
        .await;
    assert_eq!(status, StatusCode::OK, "{body}");
    ids
}

/// What the route answers of what is not the caller's.
fn nothing_of(route: &Route) -> StatusCode {
    match route.path {
        // Its protocol tells a chat that was not begun from no other.
        "/v1/ui/chat/{id}/stream" => StatusCode::NO_CONTENT,
        _ => StatusCode::NOT_FOUND,
    }
}

/// A body that the route takes, about this knowledge base.
fn body_of(route: &Route, base: &str) -> Value {
    match (route.method.as_str(), route.path) {
        ("PUT", "/v1/documents/{id}") => json!({"text": "Mine now.", "knowledge_base": base}),
        ("PUT", "/v1/knowledge-bases/{id}/shares/{user_id}") => json!({"role": "editor"}),
        ("PATCH", "/v1/conversations/{id}") => json!({"title": "Mine now."}),
        ("PUT", "/v1/messages/{id}/feedback") => json!({"rating": "down"}),
        _ => json!({}),
    }
}

#[tokio::test]
async fn every_route_with_an_id_answers_404_to_another() {
    for home in [TestHome::sqlite(), TestHome::postgres().await] {
        let app = TestApp::on(home).await;
        let mut walked = 0;
        let with_ids = |route: &&Route| route.path.contains('{') && route.scope.is_some();
        for route in routes().iter().filter(with_ids) {
            let ids = adas_ids(&app).await;
            let mut known_to_ada = 0;
            for id in &ids {
                let path = route.path.replace("{id}", id);
                let path = path.replace("{session_id}", id);
                let path = path.replace("{user_id}", &user_id("carl"));
                assert!(
                    !path.contains('{'),
                    "{path}: a parameter that is not known here"
                );
                let line = format!("{} {path}", route.method);
                for name in ["ben", "admin"] {
                    let asked = json_request(name, &line, &body_of(route, &ids[2]));
                    let (status, body) = app.ask(asked).await;
                    assert_eq!(status, nothing_of(route), "{line} by {name}: {body}");
                    assert!(!body.to_string().contains("vault"), "{body}");
                }
                let (status, _) = app
                    .ask(json_request("ada", &line, &body_of(route, &ids[2])))
                    .await;
                // Her job is over, which nobody else may know.
                let told = status.is_success() || status == StatusCode::CONFLICT;
                known_to_ada += usize::from(told);
            }
            assert!(
                known_to_ada > 0,
                "{} means nothing to Ada either",
                route.path
            );
            walked += 1;
        }
        assert!(walked >= 3, "only {walked} routes were walked");
    }
}

#[tokio::test]
async fn ids_in_bodies_and_queries_of_another_answer_404() {
    let app = TestApp::sqlite().await;
    let [_, _, base, conversation, _, answer, _] = adas_ids(&app).await;
    let rows = async || {
        [
            app.count("SELECT COUNT(*) FROM messages").await,
            app.count("SELECT COUNT(*) FROM conversations").await,
            app.count("SELECT COUNT(*) FROM documents").await,
        ]
    };
    let before = rows().await;
    let goes_on = json!({"message": "vault?", "conversation_id": conversation});
    let again = json!({"replaces": answer});
    let in_base = json!({"message": "vault?", "knowledge_base": base});
    let search = json!({"query": "vault", "knowledge_base": base});
    let upload = json!({"text": "Mine now.", "knowledge_base": base});
    let source = json!({"kind": "urls", "urls": ["https://example.com/"], "knowledge_base": base});
    let key = json!({"name": "Mine", "origins": ["https://evil.test"], "knowledge_base": base});
    for (line, body) in [
        ("POST /v1/chat", &goes_on),
        ("POST /v1/chat/stream", &goes_on),
        ("POST /v1/chat", &again),
        ("POST /v1/chat/stream", &again),
        ("POST /v1/chat", &in_base),
        ("POST /v1/chat/stream", &in_base),
        ("POST /v1/search", &search),
        ("POST /v1/documents", &upload),
        ("POST /v1/sources", &source),
        ("POST /v1/publishable-keys", &key),
    ] {
        let (status, body) = app.ask(json_request("ben", line, body)).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{line}: {body}");
    }
    for line in [
        format!("GET /v1/chat?message=vault&conversation_id={conversation}"),
        format!("GET /v1/chat?message=vault&knowledge_base={base}"),
        format!("GET /v1/documents?knowledge_base={base}"),
        format!("GET /v1/sources?knowledge_base={base}"),
    ] {
        let (status, body) = app.ask(plain_request("ben", &line)).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{line}: {body}");
    }
    assert_eq!(rows().await, before);
}

#[tokio::test]
async fn two_people_neither_list_nor_find_nor_hear_of_the_others_documents() {
    for home in [TestHome::sqlite(), TestHome::postgres().await] {
        let app = TestApp::on(home).await;
        let text = |colour: &str| json!({"text": format!("The secret door is {colour} and made of steel.")});
        app.add("ada", &text("red")).await;
        app.add("ben", &text("blue")).await;
        app.work().await;
        for (name, own, other) in [("ada", "red", "blue"), ("ben", "blue", "red")] {
            let (_, list) = app.ask(plain_request(name, "GET /v1/documents")).await;
            assert_eq!(list["documents"].as_array().unwrap().len(), 1);
            let search = json!({"query": format!("secret door {other}")});
            let (_, found) = app
                .ask(json_request(name, "POST /v1/search", &search))
                .await;
            let asked = json!({"message": format!("Is the secret door {other}?")});
            let (_, answer) = app.ask(json_request(name, "POST /v1/chat", &asked)).await;
            let stream = json_request(name, "POST /v1/chat/stream", &asked);
            let (_, streamed) = app.ask(stream).await;
            for told in [&found, &answer, &streamed] {
                let told = told.to_string();
                assert!(told.contains(&format!("is {own}")), "{told}");
                assert!(!told.contains(&format!("is {other}")), "{told}");
            }
        }
        let (_, list) = app.ask(plain_request("eve", "GET /v1/documents")).await;
        assert_eq!(list["documents"], json!([]));
        let (_, bases) = app
            .ask(plain_request("eve", "GET /v1/knowledge-bases"))
            .await;
        assert_eq!(bases["knowledge_bases"], json!([]));
    }
}

async fn status_of(app: &TestApp, name: &str, line: &str, body: &Value) -> (u16, Value) {
    let (status, body) = app.ask(json_request(name, line, body)).await;
    (status.as_u16(), body["code"].clone())
}

#[tokio::test]
async fn public_knowledge_is_read_by_all_and_changed_by_administrators() {
    let app = TestApp::sqlite().await;
    let admin = crate::support::caller("admin");
    app.app.public_base(&admin, "book").await.unwrap();
    let page = json!({"text": "Pumps move water uphill.", "knowledge_base": "book"});
    let line = "POST /v1/documents";
    let refused = (403, "read_only".into());
    assert_eq!(status_of(&app, "ada", line, &page).await, refused);
    assert_eq!(app.count("SELECT COUNT(*) FROM documents").await, 0);
    let document = app.add("admin", &page).await;
    app.work().await;
    for name in ["ada", "ben", "admin"] {
        assert_eq!(app.find(name, "pumps").await, ["Pumps move water uphill."]);
    }
    let id = document["id"].as_str().unwrap();
    let delete = format!("DELETE /v1/documents/{id}");
    assert_eq!(status_of(&app, "ada", &delete, &json!({})).await, refused);
    let read = format!("GET /v1/documents/{id}");
    assert_eq!(status_of(&app, "ada", &read, &json!({})).await.0, 200);
    let ada = crate::support::caller("ada");
    let made = app.app.public_base(&ada, "mine").await;
    assert_eq!(made.unwrap_err().code(), "read_only");
    assert_eq!(status_of(&app, "admin", &delete, &json!({})).await.0, 204);
    assert_eq!(app.find("ada", "pumps").await, [""; 0]);
}

/// A name of one's own goes before the same name of a public one, and never
/// leads to another's.
#[tokio::test]
async fn a_name_means_ones_own_knowledge_base_first() {
    let app = TestApp::sqlite().await;
    let admin = crate::support::caller("admin");
    app.app.public_base(&admin, "personal").await.unwrap();
    let public = json!({"text": "Public tea.", "knowledge_base": "personal"});
    app.add("admin", &public).await;
    app.add("ada", &json!({"text": "Private tea."})).await;
    app.work().await;
    let find = async |name| {
        let body = json!({"query": "tea", "knowledge_base": "personal"});
        let (_, found) = app.ask(json_request(name, "POST /v1/search", &body)).await;
        found["results"][0]["text"].clone()
    };
    assert_eq!(find("ada").await, "Private tea.");
    assert_eq!(find("ben").await, "Public tea.");
}

/// The token's `sub` decides, whatever else a request says.
#[tokio::test]
async fn headers_do_not_make_somebody_else() {
    let app = TestApp::sqlite().await;
    app.add("ada", &json!({"text": "The vault opens at nine."}))
        .await;
    let ada = crate::support::user_id("ada");
    let mut asked = request("ben", "GET /v1/documents");
    for header in ["x-user-id", "x-forwarded-user", "x-owner-id"] {
        asked = asked.header(header, &ada);
    }
    let asked = asked.body(axum::body::Body::empty()).unwrap();
    let (_, list) = app.ask(asked).await;
    assert_eq!(list["documents"], json!([]));
    let two = request("ben", "GET /v1/documents");
    let two = two.header("authorization", format!("Bearer {}", token_of("ada")));
    let (status, body) = app.ask(two.body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "{body}");
    assert_eq!(body["code"], "invalid_token");
}
