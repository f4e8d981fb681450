//! Requests that no client sends: nothing in a cookie, a header, a body or a
//! URL brings the surface down, and no URL leads astray.

use axum::{
    body::Body,
    http::{HeaderValue, Request, StatusCode},
};
use proptest::{
    collection::vec, prelude::*, sample::select, strategy::ValueTree, test_runner::TestRunner,
};
use url::Url;

use crate::support::TestApp;

const TRIES: usize = 400;

/// Pieces of what the parsers look for, in any order, and other bytes.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let known = select(vec![
        &b"better-auth.session_token="[..],
        b"__Secure-better-auth.session_token",
        b"better-auth.dont_remember=true.",
        b"Bearer ",
        b"bearer",
        b"a.b.c",
        b"%2B",
        b"%",
        b"%zz",
        b"%ff",
        b"; ",
        b"=",
        b".",
        b"\"",
        b"{\"email\":",
        b"\"ada@example.com\"",
        b"\"\\ud800\"",
        b"}",
        b"[",
        b"null",
        b"1e999",
        b"&email=",
        b"+",
    ]);
    let known = known.prop_map(<[u8]>::to_vec);
    let other = vec(any::<u8>(), 0..40);
    vec(prop_oneof![known, other], 0..12).prop_map(|pieces| pieces.concat())
}

/// So many values of a strategy.
fn values<S: Strategy>(strategy: &S) -> Vec<S::Value> {
    let mut runner = TestRunner::deterministic();
    let mut value = || strategy.new_tree(&mut runner).unwrap().current();
    (0..TRIES).map(|_| value()).collect()
}

#[tokio::test]
async fn no_cookie_and_no_header_is_a_session_or_a_fault() {
    let app = TestApp::sqlite().await;
    let names = [
        "cookie",
        "authorization",
        "origin",
        "referer",
        "content-type",
    ];
    for value in values(&vec(pieces(), names.len())) {
        let mut get = Request::get("/api/auth/get-session");
        let mut post = Request::post("/api/auth/update-user");
        for (name, bytes) in names.iter().zip(&value) {
            if let Ok(header) = HeaderValue::from_bytes(bytes) {
                get = get
                    .header(*name, header.clone())
                    .header(*name, header.clone());
                post = post.header(*name, header);
            }
        }
        let (status, body) = app.ask(get.body(Body::empty()).unwrap()).await;
        assert_eq!(
            (status, body),
            (StatusCode::OK, serde_json::Value::Null),
            "{value:?}"
        );
        let (status, _) = app.ask(post.body(Body::from("{}")).unwrap()).await;
        let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];
        assert!(refused.contains(&status), "{status} {value:?}");
    }
}

#[tokio::test]
async fn no_body_is_a_fault() {
    let app = TestApp::sqlite().await;
    let kinds = ["application/json", "application/x-www-form-urlencoded"];
    let paths = ["/api/auth/sign-in/email", "/api/auth/sign-up/email"];
    for (number, bytes) in values(&pieces()).into_iter().enumerate() {
        let request =
            Request::post(paths[number % 2]).header("content-type", kinds[number / 2 % 2]);
        let request = request.body(Body::from(bytes.clone())).unwrap();
        let (status, body) = app.ask(request).await;
        assert!(status.is_client_error(), "{status} {body} {bytes:?}");
        assert!(body["code"].is_string(), "{status} {body} {bytes:?}");
    }
}

#[tokio::test]
async fn a_trusted_target_stays_with_who_is_trusted() {
    let settings = [("ALLOWED_ORIGINS", "https://docs.example.com")];
    let app = TestApp::on(crate::support::TestDatabase::sqlite(), &settings).await;
    let parts = select(vec![
        "/",
        "//",
        "\\",
        "%2f",
        "%5C",
        "%09",
        "\t",
        "\n",
        " ",
        "@",
        ":",
        "?",
        "#",
        ".",
        "..",
        "x",
        "http:",
        "https://",
        "javascript:",
        "evil.test",
        "docs.example.com",
        "localhost:3001",
    ]);
    let start = select(vec![
        "",
        "/",
        "/x",
        "http://localhost:3001",
        "https://docs.example.com/",
    ]);
    let targets = (start, vec(parts, 0..6));
    let targets = targets.prop_map(|(start, parts)| start.to_owned() + &parts.concat());
    let page = Url::parse("https://docs.example.com/page").unwrap();
    let ours = Url::parse("http://localhost:3001/api/auth/sign-in").unwrap();
    let mut trusted = 0;
    for target in values(&targets) {
        if !app.app.may_send_to(&target) {
            continue;
        }
        trusted += 1;
        // A page's script and a browser that follows `Location` read it each
        // from where they stand.
        for base in [&page, &ours] {
            let led = base.join(&target).unwrap().origin().ascii_serialization();
            let known = ["https://docs.example.com", "http://localhost:3001"];
            assert!(known.contains(&led.as_str()), "{target:?} leads to {led}");
        }
    }
    assert!(trusted > 20, "only {trusted} were trusted");
}

/// What clients of Better Auth read in an access token (golden 14).
#[tokio::test]
async fn an_access_token_carries_the_user() {
    let app = TestApp::sqlite().await;
    let body = serde_json::json!({
        "email": "ada@example.com",
        "password": "correct-horse-battery",
        "name": "Ada",
        "interestArea": "robotics",
    });
    let request = Request::post("/api/auth/sign-up/email");
    let request = request.header("content-type", "application/json");
    let request = request.body(Body::from(body.to_string())).unwrap();
    let (_, signed_up) = app.ask(request).await;
    let session = format!("Bearer {}", signed_up["token"].as_str().unwrap());
    let request = Request::get("/api/auth/token").header("authorization", session);
    let (_, answer) = app.ask(request.body(Body::empty()).unwrap()).await;
    let claims = payload(answer["token"].as_str().unwrap());
    for (name, value) in signed_up["user"].as_object().unwrap() {
        assert_eq!(&claims[name], value, "{name}");
    }
    assert_eq!(claims["sub"], signed_up["user"]["id"]);
}

fn payload(token: &str) -> serde_json::Value {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}
