//! What access tokens say.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::support::TestApp;

/// The header and the payload of a token.
fn parts(token: &str) -> [Value; 2] {
    let mut parts = token.split('.').map(|part| {
        let bytes = URL_SAFE_NO_PAD.decode(part).unwrap();
        serde_json::from_slice(&bytes).unwrap_or_default()
    });
    [parts.next().unwrap(), parts.next().unwrap()]
}

#[tokio::test]
async fn a_token_says_who_and_for_how_long() {
    let app = TestApp::sqlite().await;
    let session = app.sign_up("ada").await;
    let [header, payload] = parts(session["access_token"].as_str().unwrap());
    let kid = &app.app.public_keys()[0].kid;
    assert_eq!(header, json!({"alg": "EdDSA", "typ": "at+jwt", "kid": kid}));
    let expected = json!({
        "iss": "lectern",
        "aud": "lectern",
        "sub": session["user"]["id"],
        "iat": 1_793_534_400,
        "nbf": 1_793_534_400,
        "exp": 1_793_534_400 + 604_800,
        "jti": payload["jti"],
        "sid": payload["sid"],
        "roles": ["user"],
        "email": "ada@example.com",
        "name": "ada",
    });
    assert_eq!(payload, expected);
    assert_ne!(payload["jti"], payload["sid"]);
}

#[tokio::test]
async fn a_surface_adds_fields_but_hides_none_and_stays_small() {
    let app = TestApp::sqlite().await;
    let session = app.sign_up("ada").await;
    let token = session["access_token"].as_str().unwrap();
    let current = app.app.owner_of(token).await.unwrap();
    let more = BTreeMap::from([
        ("emailVerified".to_owned(), json!(false)),
        ("bio".to_owned(), json!("b".repeat(4000))),
        ("sub".to_owned(), json!("somebody else")),
        ("roles".to_owned(), json!(["admin"])),
        ("image".to_owned(), Value::Null),
    ]);
    let access = app
        .app
        .access_token_with(&current.user, &current.session, more)
        .unwrap();
    let [_, payload] = parts(&access.token);
    assert_eq!(payload["sub"], session["user"]["id"]);
    assert_eq!(payload["roles"], json!(["user"]));
    assert_eq!(payload["emailVerified"], json!(false));
    let names = payload.as_object().unwrap();
    assert!(names.contains_key("image") && !names.contains_key("bio"));
    let again = app.app.owner_of(&access.token).await.unwrap();
    assert_eq!(again.session.id, current.session.id);
}
