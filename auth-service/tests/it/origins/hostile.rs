//! Requests that no client sends, and many at once.

use axum::{body::Body, http::Request};
use futures::future::join_all;
use proptest::{
    collection::vec, prelude::*, sample::select, strategy::ValueTree, test_runner::TestRunner,
};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::{
    TestApp, TestDatabase, get_me, json_request, on_both_engines, read, sign_up_request,
};

const TRIES: usize = 600;

/// Pieces of what the parsers look for, in any order, and other bytes.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let known = select(vec![
        &b"{"[..],
        b"}",
        b"{\"email\":",
        b"\"username\":",
        b"\"ada@example.com\"",
        b"\"\\ud800\"",
        b"\"\\u0000\"",
        b",",
        b"[",
        b"null",
        b"1e999",
        b"username=",
        b"&password=",
        b"&grant_type=password",
        b"%",
        b"%00",
        b"%ff",
        b"+",
        b"--x\r\n",
        b"\r\n\r\n",
        b"\r\n--x--\r\n",
        b"Content-Disposition: form-data; name=\"username\"",
    ]);
    let known = known.prop_map(<[u8]>::to_vec);
    let other = vec(any::<u8>(), 0..40);
    vec(prop_oneof![known, other], 0..12).prop_map(|pieces| pieces.concat())
}

#[tokio::test]
async fn no_body_is_a_fault() {
    let app = TestApp::sqlite().await;
    let paths = [
        "/auth/signup",
        "/auth/signin",
        "/auth/register",
        "/auth/token",
        "/api/v1/auth/register",
        "/api/v1/auth/login",
    ];
    let kinds = [
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain",
    ];
    let mut runner = TestRunner::deterministic();
    for number in 0..TRIES {
        let bytes = pieces().new_tree(&mut runner).unwrap().current();
        let path = paths[number % paths.len()];
        let kind = kinds[number / paths.len() % kinds.len()];
        let request = Request::post(path).header("content-type", kind);
        let request = request.body(Body::from(bytes.clone())).unwrap();
        let (status, body) = app.ask(request).await;
        assert!(status.is_client_error(), "{path} {kind} {status} {bytes:?}");
        let detail = &body["detail"];
        let told = detail.is_string() || detail.as_array().is_some_and(|list| !list.is_empty());
        assert!(told, "{path} {kind} {status} {body} {bytes:?}");
    }
}

#[tokio::test]
async fn a_refusal_never_repeats_a_password() {
    let app = TestApp::sqlite().await;
    let secret = "hunter2-hunter2";
    let bodies = [
        json!({"email": 1, "password": secret}),
        json!({"username": {"password": secret}, "email": [secret], "password": {"a": secret}}),
        json!([secret]),
        json!(secret),
    ];
    for path in [
        "/auth/signup",
        "/auth/signin",
        "/auth/register",
        "/auth/token",
    ] {
        for body in &bodies {
            let (status, answer) = app.ask(json_request("POST", path, body)).await;
            assert_eq!(status, 422, "{path} {body}");
            assert!(!answer.to_string().contains("hunter2"), "{path} {answer}");
        }
    }
}

async fn of_many_who_register_with_one_address_one_does(home: TestDatabase) {
    let app = TestApp::on(home, &[]).await;
    let paths = [
        "/auth/signup",
        "/auth/register",
        "/api/v1/auth/register",
        "/v1/accounts",
    ];
    let asked = (0..8).map(|number| {
        // One address in as many spellings, on every surface.
        let mut email = b"concurrent@example.com".to_vec();
        email[number].make_ascii_uppercase();
        let mut body = json!({
            "email": String::from_utf8(email).unwrap(),
            "password": "correct horse battery",
            "name": "Ada",
        });
        if paths[number % 4] == "/auth/register" {
            body["username"] = json!(format!("ada{number}"));
        }
        let request = json_request("POST", paths[number % 4], &body);
        let router = app.router.clone();
        async move { read(router.oneshot(request).await.unwrap()).await }
    });
    let answers = join_all(asked).await;
    let made = answers.iter().filter(|(status, _)| status.is_success());
    assert_eq!(made.count(), 1, "{answers:?}");
    for (status, body) in answers.iter().filter(|(status, _)| !status.is_success()) {
        let told = match status.as_u16() {
            400 => body["detail"] == "Email already registered",
            409 => body["code"] == "email_taken",
            _ => false,
        };
        assert!(told, "{status} {body}");
    }
}

async fn of_many_who_take_one_user_name_one_does(home: TestDatabase) {
    let app = TestApp::on(home, &[]).await;
    let asked = (0..8).map(|number| {
        let body = json!({
            "username": if number % 2 == 0 { "ada" } else { "ADA" },
            "email": format!("ada{number}@example.com"),
            "password": "correct horse battery",
        });
        let request = json_request("POST", "/auth/register", &body);
        let router = app.router.clone();
        async move { read(router.oneshot(request).await.unwrap()).await }
    });
    let answers = join_all(asked).await;
    let taken = json!({"detail": "Username already registered"});
    let refused = answers.iter().filter(|(_, body)| *body == taken).count();
    assert_eq!(refused, 7, "{answers:?}");
}

/// Who changes one part of a profile does not undo what another tab changes.
async fn changes_at_once_are_all_kept(home: TestDatabase) {
    let app = TestApp::on(home, &[]).await;
    let (_, session) = app.ask(sign_up_request("ada")).await;
    let token = session["access_token"].as_str().unwrap();
    let changes = [
        json!({"name": "Ada Lovelace"}),
        json!({"username": "lovelace"}),
        json!({"image": "https://example.com/ada.png"}),
        json!({"profile": {"interestArea": "engines"}}),
        json!({"profile": {"softwareBackground": "notes"}}),
    ];
    let asked = changes.iter().map(|change| {
        let mut request = json_request("PATCH", "/v1/me", change);
        let bearer = format!("Bearer {token}").parse().unwrap();
        request.headers_mut().insert("authorization", bearer);
        let router = app.router.clone();
        async move { read(router.oneshot(request).await.unwrap()).await }
    });
    for (status, body) in join_all(asked).await {
        assert_eq!(status, 200, "{body}");
    }
    let (_, user) = app.ask(get_me(token)).await;
    assert_eq!(user["name"], "Ada Lovelace");
    assert_eq!(user["username"], "lovelace");
    assert_eq!(user["image"], "https://example.com/ada.png");
    let profile = json!({"interestArea": "engines", "softwareBackground": "notes"});
    assert_eq!(user["profile"], profile);
}

/// A token is good for exactly the requests of its owner, whichever surface
/// gave it.
async fn every_surface_gives_tokens_that_every_surface_takes(home: TestDatabase) {
    let app = TestApp::on(home, &[]).await;
    let body =
        json!({"username": "ada", "email": "ada@example.com", "password": "a long enough one"});
    app.ask(json_request("POST", "/auth/register", &body)).await;
    let login = json!({"email": "ada@example.com", "password": "a long enough one"});
    let form = Request::post("/auth/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from("username=ada&password=a+long+enough+one"))
        .unwrap();
    let asked = [
        json_request("POST", "/v1/sessions", &login),
        json_request("POST", "/auth/signin", &login),
        json_request("POST", "/api/v1/auth/login", &login),
        form,
    ];
    for request in asked {
        let (_, session) = app.ask(request).await;
        let token = session["access_token"].as_str().unwrap();
        for path in ["/v1/me", "/auth/me", "/api/v1/auth/me", "/api/v1/users/me"] {
            assert_eq!(
                email_at(&app, path, token).await,
                "ada@example.com",
                "{path}"
            );
        }
        let mut request = json_request("DELETE", "/v1/sessions/current", &json!({}));
        let bearer = format!("Bearer {token}").parse().unwrap();
        request.headers_mut().insert("authorization", bearer);
        assert_eq!(app.ask(request).await.0, 204);
        for path in ["/v1/me", "/auth/me", "/api/v1/users/me"] {
            assert_eq!(email_at(&app, path, token).await, Value::Null, "{path}");
        }
    }
}

async fn email_at(app: &TestApp, path: &str, token: &str) -> Value {
    let request = Request::get(path).header("authorization", format!("Bearer {token}"));
    let (_, body) = app.ask(request.body(Body::empty()).unwrap()).await;
    body["email"].clone()
}

on_both_engines!(
    of_many_who_register_with_one_address_one_does,
    of_many_who_take_one_user_name_one_does,
    changes_at_once_are_all_kept,
    every_surface_gives_tokens_that_every_surface_takes,
);
