//! Id tokens that hold, and those that must not.

use serde_json::{Value, json};

use super::{World, gina, me};
use crate::support::{TestDatabase, on_both_engines, providers::Fault};

on_both_engines!(
    a_forged_id_token_signs_nobody_in,
    an_app_signs_in_with_an_id_token,
    a_nonce_must_be_the_one_that_the_app_chose,
);

const FORGED: [&str; 15] = [
    "none",
    "hs256",
    "rs512",
    "tampered",
    "garbage",
    "wrong_issuer",
    "wrong_audience",
    "two_audiences",
    "expired",
    "old",
    "not_yet",
    "no_expiry",
    "no_subject",
    "unknown_key",
    "no_key",
];

async fn a_forged_id_token_signs_nobody_in(home: TestDatabase) {
    let world = World::on(home).await;
    let mut browser = world.browser();
    for forged in FORGED {
        world.providers.forge(forged);
        let answer = world.sign_in(&mut browser, "google", gina()).await;
        let end = "/login-error?error=unable_to_get_user_info";
        assert_eq!(answer.location(), end, "{forged}");
        let token = world.providers.id_token(None);
        let body = json!({ "provider": "google", "idToken": { "token": token } });
        let answer = browser.post("/api/auth/sign-in/social", &body).await;
        let refused = json!({ "message": "Invalid token", "code": "INVALID_TOKEN" });
        assert_eq!(
            (answer.status.as_u16(), answer.body),
            (401, refused),
            "{forged}"
        );
    }
    let body = json!({ "provider": "google", "idToken": { "token": "a".repeat(40_000) } });
    let answer = browser.post("/api/auth/sign-in/social", &body).await;
    assert_eq!(answer.body["code"], "INVALID_TOKEN");
    assert_eq!(world.count("users").await, 0);
    world.providers.forge("");
    world.sign_in(&mut browser, "google", gina()).await;
    assert_eq!(me(&mut browser).await["user"]["name"], "Gina Google");
}

async fn an_app_signs_in_with_an_id_token(home: TestDatabase) {
    let world = World::on(home).await;
    world.providers.sign_in_as(gina());
    let mut app = world.browser();
    let id_token = json!({ "token": world.providers.id_token(None), "accessToken": "theirs" });
    let body = json!({ "provider": "google", "idToken": id_token });
    let answer = app.post("/api/auth/sign-in/social", &body).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["redirect"], false);
    assert_eq!(answer.body["user"]["email"], "gina@example.com");
    assert_eq!(answer.body.get("url"), None);
    let token = answer.body["token"].as_str().unwrap();
    assert_eq!(me(&mut app).await["session"]["token"], token);
    let mut nobody = gina();
    nobody["sub"] = "g-2".into();
    nobody["email"] = Value::Null;
    world.providers.sign_in_as(nobody);
    let id_token = json!({ "token": world.providers.id_token(None) });
    let body = json!({ "provider": "google", "idToken": id_token });
    let answer = app.post("/api/auth/sign-in/social", &body).await;
    let refused = json!({ "message": "User email not found", "code": "USER_EMAIL_NOT_FOUND" });
    assert_eq!((answer.status.as_u16(), answer.body), (401, refused));
    let body = json!({ "provider": "github", "idToken": { "token": "x.y.z" } });
    let answer = app.post("/api/auth/sign-in/social", &body).await;
    let refused = json!({ "message": "id_token not supported", "code": "ID_TOKEN_NOT_SUPPORTED" });
    assert_eq!((answer.status.as_u16(), answer.body), (404, refused));
}

async fn a_nonce_must_be_the_one_that_the_app_chose(home: TestDatabase) {
    let world = World::on(home).await;
    world.providers.sign_in_as(gina());
    let mut app = world.browser();
    for (told, shown, status) in [
        (Some("one"), "other", 401),
        (None, "one", 401),
        (Some("one"), "one", 200),
    ] {
        let token = world.providers.id_token(told);
        let id_token = json!({ "token": token, "nonce": shown });
        let body = json!({ "provider": "google", "idToken": id_token });
        let answer = app.post("/api/auth/sign-in/social", &body).await;
        assert_eq!(answer.status, status, "{told:?} {shown}");
    }
}

#[tokio::test]
async fn keys_are_asked_for_once_and_unknown_ones_seldom() {
    let world = World::on(TestDatabase::sqlite()).await;
    world.providers.sign_in_as(gina());
    let mut app = world.browser();
    let mut show = async || {
        let token = world.providers.id_token(None);
        let body = json!({ "provider": "google", "idToken": { "token": token } });
        let answer = app.post("/api/auth/sign-in/social", &body).await;
        answer.status.as_u16()
    };
    let asked = || world.providers.asked("/google/jwks");
    assert_eq!((show().await, show().await, asked()), (200, 200, 1));
    // After an hour they are asked for anew; where they can't be had, those
    // that are known stay good.
    world.app.clock.advance(60 * 60 * 1000);
    world
        .providers
        .break_down("/google/jwks", Fault::Status(500));
    assert_eq!((show().await, asked()), (200, 2));
    world.providers.mend();
    world.providers.forge("unknown_key");
    assert_eq!((show().await, show().await, asked()), (401, 401, 2));
    world.app.clock.advance(60_000);
    assert_eq!((show().await, show().await, asked()), (401, 401, 3));
}
