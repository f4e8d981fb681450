//! What callers see when a part fails: a stable code, and never the cause.

use std::sync::Arc;

use async_trait::async_trait;
use auth_service::{
    app::{
        App,
        ports::{HashError, PasswordHasher, Verdict},
    },
    config::{Config, VARIABLES},
    domain::password::Password,
    http::{self, AllowedOrigins},
};
use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use service_kit::health::Health;
use tower::ServiceExt;

use crate::support::{TestApp, get_me, read, sign_in_request};

struct FailingHasher(fn() -> HashError);

#[async_trait]
impl PasswordHasher for FailingHasher {
    async fn hash(&self, _: &Password) -> Result<String, HashError> {
        Err((self.0)())
    }

    async fn verify(&self, _: &Password, _: Option<&str>) -> Result<Verdict, HashError> {
        Err((self.0)())
    }
}

async fn sign_in_with(failure: fn() -> HashError) -> axum::http::Response<Body> {
    let whole = TestApp::sqlite().await.app;
    let app = App {
        users: Arc::clone(&whole.users),
        hasher: Arc::new(FailingHasher(failure)),
        signer: Arc::clone(&whole.signer),
        clock: Arc::clone(&whole.clock),
        randomness: Arc::clone(&whole.randomness),
        policy: whole.policy.clone(),
    };
    let health = Health {
        service: "auth-service",
        version: "0",
        dependencies: Vec::new(),
    };
    let router = http::router(Arc::new(app), health, &AllowedOrigins::SameOnly);
    router.oneshot(sign_in_request("ada")).await.unwrap()
}

#[tokio::test]
async fn a_flood_is_told_to_come_back() {
    let response = sign_in_with(|| HashError::Busy).await;
    assert_eq!(response.headers()["retry-after"], "1");
    let (status, body) = read(response).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(body["code"], "busy");
}

#[tokio::test]
async fn a_fault_of_ours_does_not_show_its_cause() {
    let response = sign_in_with(|| HashError::Broken("host=db.internal".into())).await;
    let (status, body) = read(response).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(body["code"], "internal");
    assert!(!body.to_string().contains("db.internal"), "{body}");
}

/// The tables go, as they do when somebody restores the wrong backup.
#[tokio::test]
async fn a_database_without_tables_is_a_fault_of_ours() {
    let app = TestApp::sqlite().await;
    let session = app.sign_up("ada").await;
    sqlx::query("DROP TABLE users")
        .execute(&app.database.pool)
        .await
        .unwrap();
    let token = session["access_token"].as_str().unwrap();
    for request in [get_me(token), sign_in_request("ada")] {
        let (status, body) = app.ask(request).await;
        assert_eq!(
            (status, &body["code"]),
            (StatusCode::INTERNAL_SERVER_ERROR, &"internal".into())
        );
        assert!(!body.to_string().contains("users"), "{body}");
    }
    let live = Request::get("/healthz").body(Body::empty()).unwrap();
    assert_eq!(app.ask(live).await.0, StatusCode::OK);
}

fn refusal(name: &str, value: &str) -> String {
    let values = [(name.to_owned(), value.to_owned())];
    Config::from_values(values).unwrap_err().to_string()
}

#[test]
fn half_a_configuration_is_refused_before_a_port_is_bound() {
    let refusals: Vec<String> = [
        ("AUTH_HTTP_ADDR", "3001"),
        ("AUTH_GRPC_ADDR", "localhost:3002"),
        ("AUTH_DATABASE_URL", "mysql://root:hunter2@db/auth"),
        ("DATABASE_URL", "sqlite::memory:"),
        ("JWT_EXPIRES_IN", "forever"),
        ("SERVICE_TOKEN", "hunter2"),
        ("SERVICE_TOKEN", "your-token-here-your-token-here-your"),
        ("PASSWORD_MIN_LENGTH", "4"),
        ("PASSWORD_HASH_THREADS", "0"),
        ("ALLOWED_ORIGINS", "docs.example.com"),
        ("ALLOWED_ORIGINS", "[\"https://docs.example.com\""),
        ("ALLOWED_ORIGINS", "https://docs.example.com/path"),
        ("LOG_FORMAT", "xml"),
    ]
    .map(|(name, value)| refusal(name, value))
    .to_vec();
    assert!(refusals.iter().all(|line| !line.contains("hunter2")));
    insta::with_settings!({snapshot_path => "snapshots", prepend_module_to_snapshot => false}, {
        insta::assert_snapshot!("refused_configurations", refusals.join("\n"));
    });
}

#[test]
fn the_help_text_lists_every_variable() {
    let help = service_kit::environment::describe(VARIABLES);
    insta::with_settings!({snapshot_path => "snapshots", prepend_module_to_snapshot => false}, {
        insta::assert_snapshot!("variables", help);
    });
}

#[test]
fn what_is_configured_is_not_printed() {
    let secrets = [
        ("AUTH_DATABASE_URL", "postgres://root:hunter2@db/auth"),
        ("SERVICE_TOKEN", "hunter2hunter2hunter2hunter2hunter2"),
        ("ADMIN_PASSWORD", "hunter2hunter2"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let printed = format!("{:?}", Config::from_values(secrets).unwrap());
    assert!(!printed.contains("hunter2"), "{printed}");
}
