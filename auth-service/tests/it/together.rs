//! Many at once, and one after the other: replicas, floods, restarts.

use std::{collections::BTreeSet, sync::Arc};

use auth_service::{
    app::create_admin::{AdminCreated, CreateAdmin},
    cli, startup,
};
use axum::http::StatusCode;
use service_kit::clock::{FixedClock, SystemClock, SystemRandomness};
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::support::{
    NOON, TestApp, TestDatabase, get_me, on_both_engines, read, sign_in_request, sign_up_request,
    start,
};

async fn one_address_is_given_once(home: TestDatabase) {
    let app = TestApp::on(home, &[]).await;
    let mut all = JoinSet::new();
    for _ in 0..16 {
        all.spawn(app.router.clone().oneshot(sign_up_request("ada")));
    }
    let mut statuses = Vec::new();
    while let Some(response) = all.join_next().await {
        statuses.push(response.unwrap().unwrap().status());
    }
    let with = |status| statuses.iter().filter(|found| **found == status).count();
    assert_eq!(with(StatusCode::CREATED), 1, "{statuses:?}");
    assert_eq!(with(StatusCode::CONFLICT), 15, "{statuses:?}");
}

async fn replicas_share_one_key(home: TestDatabase) {
    let mut all = JoinSet::new();
    for _ in 0..8 {
        let config = home.config(&[]);
        all.spawn(async move {
            let (clock, randomness) = (Arc::new(SystemClock), Arc::new(SystemRandomness));
            let service = startup::assemble(&config, clock, randomness).await;
            service.unwrap().app.public_keys()
        });
    }
    let mut kids = BTreeSet::new();
    while let Some(keys) = all.join_next().await {
        let keys = keys.unwrap();
        assert_eq!(keys.len(), 1);
        kids.insert(keys[0].kid.clone());
    }
    assert_eq!(kids.len(), 1, "{kids:?}");
}

async fn a_restart_loses_nothing(home: TestDatabase) {
    let before = TestApp::on(home, &[]).await;
    let session = before.sign_up("ada").await;
    let token = session["access_token"].as_str().unwrap().to_owned();
    let config = before.home.config(&[]);
    let after = start(&config, &Arc::new(FixedClock::at(NOON + 1000))).await;
    let me = after.router.clone().oneshot(get_me(&token)).await.unwrap();
    assert_eq!(read(me).await, (StatusCode::OK, session["user"].clone()));
    let signed_in = after.router.oneshot(sign_in_request("ada")).await.unwrap();
    assert_eq!(signed_in.status(), StatusCode::OK);
    assert_eq!(after.app.public_keys(), before.app.public_keys());
}

async fn the_administrator_is_made_once(home: TestDatabase) {
    let whole = TestApp::on(home, &[]).await;
    let app = &whole.app;
    let wish = |email: &str| CreateAdmin {
        email: email.to_owned(),
        password: None,
        if_none: true,
    };
    let made = app.create_admin(wish("Root@example.com")).await.unwrap();
    let AdminCreated::Made {
        email,
        random_password: Some(password),
    } = made
    else {
        panic!("no administrator was made");
    };
    assert_eq!((email.as_str(), password.len()), ("root@example.com", 24));
    let again = app.create_admin(wish("other@example.com")).await.unwrap();
    assert!(again == AdminCreated::NotNeeded);
}

async fn an_old_hash_is_renewed_at_sign_in(home: TestDatabase) {
    let app = TestApp::on(home, &[]).await;
    app.sign_up("ada").await;
    // `a long enough one` with 8 MiB and one pass.
    let old = cheap_hash("a long enough one");
    sqlx::query("UPDATE users SET password_hash = $1")
        .bind(old)
        .execute(&app.database.pool)
        .await
        .unwrap();
    let (status, _) = app.ask(sign_in_request("ada")).await;
    assert_eq!(status, StatusCode::OK);
    let (hash,): (String,) = sqlx::query_as("SELECT password_hash FROM users")
        .fetch_one(&app.database.pool)
        .await
        .unwrap();
    assert!(
        hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
        "{hash}"
    );
    let (status, _) = app.ask(sign_in_request("ada")).await;
    assert_eq!(status, StatusCode::OK);
}

fn cheap_hash(password: &str) -> String {
    use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version, password_hash::SaltString};
    let params = Params::new(8192, 1, 1, None).unwrap();
    let salt = SaltString::encode_b64(&[7; 16]).unwrap();
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon2.hash_password(password.as_bytes(), &salt).unwrap();
    hash.to_string()
}

#[tokio::test]
async fn an_account_that_is_there_is_granted_and_keeps_its_password() {
    let app = TestApp::sqlite().await;
    let session = app.sign_up("ada").await;
    let config = app.home.config(&[("ADMIN_EMAIL", "ada@example.com")]);
    let granted = cli::admin::create(&config, None, true).await.unwrap();
    let email = "ada@example.com".to_owned();
    assert!(granted == AdminCreated::Granted { email });
    let (status, body) = app.ask(sign_in_request("ada")).await;
    assert_eq!(
        (status, &body["user"]["role"]),
        (StatusCode::OK, &"admin".into())
    );
    assert_eq!(body["user"]["id"], session["user"]["id"]);
}

#[tokio::test]
async fn the_configured_administrator_meets_the_rules() {
    let home = TestDatabase::sqlite();
    let config = home.config(&[("ADMIN_PASSWORD", "short")]);
    let Err(error) = cli::admin::create(&config, None, false).await else {
        panic!("a short password was taken");
    };
    assert_eq!(
        cli::one_line(&error),
        "the administrator can't be made; see ADMIN_EMAIL and ADMIN_PASSWORD: \
         The password is too short; use at least 8 characters."
    );
}

on_both_engines!(
    one_address_is_given_once,
    replicas_share_one_key,
    a_restart_loses_nothing,
    the_administrator_is_made_once,
    an_old_hash_is_renewed_at_sign_in,
);
