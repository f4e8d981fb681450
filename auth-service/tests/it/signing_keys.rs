//! The keys that sign tokens: rotated, shared by replicas, encrypted at rest,
//! or replaced by a shared secret.

use std::{collections::BTreeSet, sync::Arc};

use auth_service::{
    app::{
        ports::{KeptKey, PrivateKey, SigningKeys},
        signing_keys::KeyState,
    },
    domain::signing_key::LEAD,
    outbound::sql::SqlSigningKeys,
    startup,
};
use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use service_kit::clock::{CountingRandomness, FixedClock, SystemRandomness};
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::support::{NOON, TestApp, TestDatabase, get_me, on_both_engines, read};

const DAY: i64 = 24 * 60 * 60 * 1000;
const HOUR: i64 = 60 * 60 * 1000;

const DAILY: &[(&str, &str)] = &[("KEY_ROTATION_INTERVAL", "1d"), ("JWT_EXPIRES_IN", "1h")];

async fn published(app: &TestApp) -> Vec<String> {
    let request = Request::get("/v1/jwks").body(Body::empty()).unwrap();
    let (_, body) = app.ask(request).await;
    let keys = body["keys"].as_array().unwrap();
    let kids = keys.iter().map(|key| key["kid"].as_str().unwrap());
    kids.map(str::to_owned).collect()
}

/// The name of the key that signed `token`.
fn kid(token: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap());
    let header: Value = serde_json::from_slice(&header.unwrap()).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

/// Asks for a new token in the session of an older one.
async fn again(app: &TestApp, token: &str) -> String {
    let current = app.app.owner_of(token).await.unwrap();
    let access = app.app.access_token(&current.user, &current.session);
    access.unwrap().token
}

async fn a_key_is_published_signs_verifies_and_goes(home: TestDatabase) {
    let app = TestApp::on(home, DAILY).await;
    let session = app.sign_up("ada").await;
    let mut token = session["access_token"].as_str().unwrap().to_owned();
    let first = kid(&token);
    for _ in 0..23 {
        app.clock.advance(HOUR);
        app.app.refresh_keys().await.unwrap();
        token = again(&app, &token).await;
    }
    app.clock.advance(HOUR - LEAD - 1000);
    app.app.refresh_keys().await.unwrap();
    assert_eq!(published(&app).await, [first.as_str()]);

    app.clock.advance(1000);
    app.app.refresh_keys().await.unwrap();
    let both = published(&app).await;
    assert_eq!((both.len(), &both[0]), (2, &first));
    app.clock.advance(LEAD - 1000);
    let last = again(&app, &token).await;
    assert_eq!(kid(&last), first, "published, but it does not sign yet");
    app.clock.advance(1000);
    let renewed = again(&app, &last).await;
    assert_eq!(kid(&renewed), both[1]);

    app.clock.advance(HOUR - 2000);
    app.app.refresh_keys().await.unwrap();
    assert_eq!(app.ask(get_me(&last)).await.0, StatusCode::OK);
    app.clock.advance(LEAD + 2000);
    app.app.refresh_keys().await.unwrap();
    assert_eq!(published(&app).await, [both[1].as_str()]);
    assert_eq!(app.ask(get_me(&renewed)).await.0, StatusCode::UNAUTHORIZED);
    let (acts,): (i64,) =
        sqlx::query_as("SELECT COUNT(*) FROM audit_log WHERE act = 'signing_key.rotated'")
            .fetch_one(&app.database.pool)
            .await
            .unwrap();
    assert_eq!(acts, 1);
}

/// A token of a longer life than the setting now says is still checked.
async fn a_key_outlives_the_tokens_of_an_earlier_setting(home: TestDatabase) {
    let long = TestApp::on(home, &[("JWT_EXPIRES_IN", "30d")]).await;
    let config = long.home.config(DAILY);
    let clock = Arc::new(FixedClock::at(NOON));
    let chance = Arc::new(SystemRandomness);
    let short = startup::assemble(&config, clock.clone(), chance).await;
    let short = short.unwrap().app;
    clock.advance(DAY);
    short.refresh_keys().await.unwrap();
    clock.advance(30 * DAY + LEAD);
    short.refresh_keys().await.unwrap();
    let first = &long.app.public_keys()[0];
    assert!(short.public_keys().contains(first));
    clock.advance(2 * LEAD);
    short.refresh_keys().await.unwrap();
    assert!(!short.public_keys().contains(first));
}

async fn replicas_rotate_once_and_take_what_the_others_made(home: TestDatabase) {
    let clock = Arc::new(FixedClock::at(NOON));
    let (config, mut replicas) = (home.config(DAILY), Vec::new());
    for _ in 0..6 {
        let made = startup::assemble(&config, clock.clone(), Arc::new(SystemRandomness));
        replicas.push(made.await.unwrap().app);
    }
    clock.advance(DAY - LEAD);
    let mut all = JoinSet::new();
    for app in &replicas[..3] {
        let app = Arc::clone(app);
        all.spawn(async move { app.refresh_keys().await.unwrap() });
    }
    for app in &replicas[3..5] {
        let app = Arc::clone(app);
        all.spawn(async move { app.rotate_keys().await.map(drop).unwrap() });
    }
    all.join_all().await;
    replicas[5].refresh_keys().await.unwrap();
    let sets: BTreeSet<String> = replicas
        .iter()
        .map(|app| app.key_set().to_string())
        .collect();
    assert_eq!(sets.len(), 1, "{sets:?}");
    assert_eq!(replicas[5].public_keys().len(), 2);
}

async fn an_operator_rotates_once_in_ten_minutes(home: TestDatabase) {
    let app = TestApp::on(home, &[("KEY_ROTATION_INTERVAL", "off")]).await;
    let states = |keys: &[auth_service::app::signing_keys::ListedKey]| {
        let states: Vec<KeyState> = keys.iter().map(|key| key.state).collect();
        states
    };
    let listed = app.app.list_keys().await.unwrap();
    assert_eq!(states(&listed), [KeyState::Signing]);
    let rotated = app.app.rotate_keys().await.unwrap();
    assert_eq!(states(&rotated), [KeyState::Signing, KeyState::Next]);
    assert_eq!(rotated[1].signs_from, NOON / 1000 * 1000 + LEAD);
    assert_eq!(app.app.rotate_keys().await.unwrap(), rotated);
    app.clock.advance(LEAD);
    let listed = app.app.list_keys().await.unwrap();
    assert_eq!(states(&listed), [KeyState::Verifying, KeyState::Signing]);
    assert_eq!(app.app.rotate_keys().await.unwrap().len(), 3);
    app.clock.advance(365 * DAY);
    app.app.refresh_keys().await.unwrap();
    assert_eq!(app.app.list_keys().await.unwrap().len(), 1, "off is off");
}

async fn private_keys_are_encrypted_and_earlier_ones_become_so(home: TestDatabase) {
    let app = TestApp::on(home, &[]).await;
    // As a version before encryption left it: RFC 8037, appendix A.1.
    let clear = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
    let kid = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
    sqlx::query("UPDATE signing_keys SET kid = $1, private_key = $2, sealed = 0")
        .bind(kid)
        .bind(clear)
        .execute(&app.database.pool)
        .await
        .unwrap();
    app.app.refresh_keys().await.unwrap();
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    assert!(app.app.key_set().contains(x));
    let kept: Vec<KeptKey> = SqlSigningKeys::new(app.database.clone())
        .all()
        .await
        .unwrap();
    let PrivateKey::Sealed(sealed) = &kept[0].private_key else {
        panic!("still in clear");
    };
    assert!(!sealed.contains(clear));
    let seed = app.app.vault.open("signing key", sealed).unwrap();
    assert_eq!(URL_SAFE_NO_PAD.encode(seed), clear);
    app.app.refresh_keys().await.unwrap();
    assert!(app.app.key_set().contains(kid));
}

async fn another_secret_is_refused_and_makes_no_new_key(home: TestDatabase) {
    let app = TestApp::on(home, &[]).await;
    let kids = published(&app).await;
    let other = [("AUTH_SECRET", "another-secret-of-32-letters-or-so")];
    let clock = Arc::new(FixedClock::at(NOON));
    let chance = Arc::new(CountingRandomness::default());
    let refused = startup::assemble(&app.home.config(&other), clock, chance).await;
    let message = format!("{:#}", refused.err().unwrap());
    assert!(
        message.starts_with("AUTH_SECRET is not the secret"),
        "{message}"
    );
    app.app.refresh_keys().await.unwrap();
    assert_eq!(published(&app).await, kids);
}

const SHARED: &[(&str, &str)] = &[("JWT_SECRET", "0123456789abcdef0123456789abcdef")];

async fn a_shared_secret_signs_in_place_of_keys(home: TestDatabase) {
    let app = TestApp::on(home, SHARED).await;
    let session = app.sign_up("ada").await;
    let token = session["access_token"].as_str().unwrap();
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap());
    let header = String::from_utf8(header.unwrap()).unwrap();
    assert_eq!(header, r#"{"typ":"at+jwt","alg":"HS256"}"#);
    assert_eq!(app.ask(get_me(token)).await.0, StatusCode::OK);
    assert_eq!(published(&app).await, Vec::<String>::new());
    let kept = SqlSigningKeys::new(app.database.clone()).all().await;
    assert!(kept.unwrap().is_empty());
    let refused = app.app.rotate_keys().await.unwrap_err();
    assert!(refused.to_string().contains("JWT_SECRET"), "{refused}");

    // Neither mode takes a token of the other.
    let keyed = TestApp::on(TestDatabase::sqlite(), &[]).await;
    let other = keyed.sign_up("ada").await;
    let other = other["access_token"].as_str().unwrap();
    for (app, token) in [(&app, other), (&keyed, token)] {
        let answer = app.router.clone().oneshot(get_me(token)).await.unwrap();
        let (status, body) = read(answer).await;
        let expected = (StatusCode::UNAUTHORIZED, &"invalid_token".into());
        assert_eq!((status, &body["code"]), expected);
    }
}

on_both_engines!(
    a_key_is_published_signs_verifies_and_goes,
    a_key_outlives_the_tokens_of_an_earlier_setting,
    replicas_rotate_once_and_take_what_the_others_made,
    an_operator_rotates_once_in_ten_minutes,
    private_keys_are_encrypted_and_earlier_ones_become_so,
    another_secret_is_refused_and_makes_no_new_key,
    a_shared_secret_signs_in_place_of_keys,
);
