//! Many at once, and one after the other: replicas, floods, restarts.

use std::{collections::BTreeSet, sync::Arc};

use auth_service::{
    app::create_admin::{AdminCreated, CreateAdmin},
    cli, startup,
};
use axum::http::StatusCode;
use futures::future::join_all;
use serde_json::{Value, json};
use service_kit::{
    clock::{FixedClock, SystemClock, SystemRandomness},
    exit,
};
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::support::{
    NOON, TestApp, TestDatabase, browser::Browser, get_me, json_request, on_both_engines, problem,
    read, sign_in_request, sign_up_request, start,
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

async fn refreshes_at_once_agree(home: TestDatabase) {
    let app = TestApp::on(home, &[]).await;
    let session = app.sign_up("ada").await;
    let refresh = |token: &Value| {
        let request = json_request(
            "POST",
            "/v1/tokens/refresh",
            &json!({ "refresh_token": token }),
        );
        let router = app.router.clone();
        async move { read(router.oneshot(request).await.unwrap()).await }
    };
    let first = &session["refresh_token"];
    let answers = join_all((0..8).map(|_| refresh(first))).await;
    let next = answers[0].1["refresh_token"].clone();
    for (status, body) in &answers {
        assert_eq!(*status, StatusCode::OK, "{body}");
        assert_eq!(
            (&body["refresh_token"], &body["user"]),
            (&next, &session["user"])
        );
    }
    assert_ne!(&next, first);
    // Whoever comes with it much later is not the owner: nobody goes on.
    app.clock.advance(10_001);
    let status = StatusCode::UNAUTHORIZED;
    let reused = "The refresh token was used before, so its session was ended; sign in again.";
    let over = "The refresh token does not hold; sign in again.";
    let answers = join_all((0..4).map(|_| refresh(first))).await;
    let (reused, over) = (
        (status, problem(status, "refresh_token_reused", reused)),
        (status, problem(status, "invalid_refresh_token", over)),
    );
    assert!(answers.contains(&reused), "{answers:?}");
    assert!(
        answers
            .iter()
            .all(|answer| *answer == reused || *answer == over),
        "{answers:?}"
    );
    assert_eq!(refresh(&next).await, over);
}

async fn of_deletes_at_once_one_finds_the_account(home: TestDatabase) {
    let app = TestApp::on(home, &[]).await;
    let mut browser = Browser::new(&app.router);
    let sign_up =
        json!({ "email": "ada@example.com", "password": "a long enough one", "name": "Ada" });
    browser.post("/api/auth/sign-up/email", &sign_up).await;
    let deletes = (0..8).map(|_| {
        let mut browser = browser.clone();
        async move { browser.post("/api/auth/delete-user", &json!({})).await }
    });
    let answers = join_all(deletes).await;
    let done = json!({ "success": true, "message": "User deleted" });
    let nobody = json!({ "message": "Unauthorized", "code": "UNAUTHORIZED" });
    let mut found: Vec<_> = answers
        .into_iter()
        .map(|answer| (answer.status.as_u16(), answer.body))
        .collect();
    found.sort_by_key(|(status, _)| *status);
    assert_eq!(found[0], (200, done));
    assert!(
        found[1..]
            .iter()
            .all(|answer| *answer == (401, nobody.clone())),
        "{found:?}"
    );
    let acts: Vec<(String,)> =
        sqlx::query_as("SELECT act FROM audit_log WHERE act = 'account.deleted'")
            .fetch_all(&app.database.pool)
            .await
            .unwrap();
    assert_eq!(acts.len(), 1);
}

async fn of_sign_ups_at_once_one_gets_the_address(home: TestDatabase) {
    let app = TestApp::on(home, &[]).await;
    let sign_ups = (0..8).map(|number| {
        // One address in as many spellings.
        let mut email = b"concurrent@example.com".to_vec();
        email[number].make_ascii_uppercase();
        let body = json!({
            "email": String::from_utf8(email).unwrap(),
            "password": "a long enough one",
            "name": "Ada",
        });
        let request = json_request("POST", "/api/auth/sign-up/email", &body);
        let router = app.router.clone();
        async move { read(router.oneshot(request).await.unwrap()).await }
    });
    let mut answers = join_all(sign_ups).await;
    answers.sort_by_key(|(status, _)| *status);
    assert_eq!(answers[0].0, StatusCode::OK);
    assert_eq!(answers[0].1["user"]["email"], "concurrent@example.com");
    let taken = json!({
        "message": "User already exists. Use another email.",
        "code": "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL",
    });
    let taken = (StatusCode::UNPROCESSABLE_ENTITY, taken);
    assert!(
        answers[1..].iter().all(|answer| *answer == taken),
        "{answers:?}"
    );
    let accounts: (i64,) = sqlx::query_as("SELECT COUNT(*) FROM users")
        .fetch_one(&app.database.pool)
        .await
        .unwrap();
    assert_eq!(accounts, (1,));
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
        exit::one_line(error.as_ref()),
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
    refreshes_at_once_agree,
    of_deletes_at_once_one_finds_the_account,
    of_sign_ups_at_once_one_gets_the_address,
);
