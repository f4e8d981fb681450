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
    http,
};
use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use service_kit::{client_address::TrustedProxies, health::Health};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tower::ServiceExt;

use crate::support::{TestApp, TestDatabase, get_me, read, sign_in_request};

struct FailingHasher(fn() -> HashError);

#[async_trait]
impl PasswordHasher for FailingHasher {
    async fn hash(&self, _: &Password) -> Result<String, HashError> {
        Err((self.0)())
    }

    async fn verify(&self, _: &Password, _: Option<&str>) -> Result<Verdict, HashError> {
        Err((self.0)())
    }

    fn reads(&self, _: &str) -> bool {
        false
    }
}

async fn sign_in_with(whole: &App, failure: fn() -> HashError) -> axum::http::Response<Body> {
    let app = App {
        hasher: Arc::new(FailingHasher(failure)),
        ..whole.clone()
    };
    let health = Health {
        service: "auth-service",
        version: "0",
        dependencies: Vec::new(),
    };
    let router = http::router(Arc::new(app), health, TrustedProxies::default());
    router.oneshot(sign_in_request("ada")).await.unwrap()
}

#[tokio::test]
async fn a_flood_is_told_to_come_back() {
    let response = sign_in_with(&TestApp::sqlite().await.app, || HashError::Busy).await;
    assert_eq!(response.headers()["retry-after"], "1");
    let (status, body) = read(response).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(body["code"], "busy");
}

#[tokio::test]
async fn whose_password_nobody_looked_at_has_not_failed() {
    let home = TestDatabase::sqlite();
    let app = TestApp::on(home, &[("RATE_LIMIT_ENABLED", "true")]).await;
    for _ in 0..8 {
        let response = sign_in_with(&app.app, || HashError::Busy).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
    let kept: Vec<(String,)> = sqlx::query_as("SELECT key FROM counts")
        .fetch_all(&app.database.pool)
        .await
        .unwrap();
    assert_eq!(kept, [("sign-in unknown".to_owned(),)]);
}

#[tokio::test]
async fn a_fault_of_ours_does_not_show_its_cause() {
    let failure = || HashError::Broken("host=db.internal".into());
    let response = sign_in_with(&TestApp::sqlite().await.app, failure).await;
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

/// Carries bytes between `listener` and `server` until it is dropped.
pub fn cable(listener: TcpListener, server: String) -> JoinSet<()> {
    let mut cable = JoinSet::new();
    cable.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((mut near, _)) = listener.accept().await {
            let server = server.clone();
            connections.spawn(async move {
                let mut far = TcpStream::connect(server).await.unwrap();
                let _ = copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    cable
}

async fn get(app: &TestApp, path: &str) -> (StatusCode, serde_json::Value) {
    app.ask(Request::get(path).body(Body::empty()).unwrap())
        .await
}

#[tokio::test]
async fn a_database_out_of_reach_is_said_to_be_and_comes_back() {
    let home = TestDatabase::postgres().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (server, url) = home.behind(address);
    let connected = cable(listener, server.clone());
    let app = TestApp::on(home, &[("AUTH_DATABASE_URL", &url)]).await;
    let session = app.sign_up("ada").await;
    let token = session["access_token"].as_str().unwrap();
    assert_eq!(app.ask(get_me(token)).await.0, StatusCode::OK);

    drop(connected);
    let response = app.router.clone().oneshot(get_me(token)).await.unwrap();
    assert_eq!(response.headers()["retry-after"], "5");
    let (status, body) = read(response).await;
    let unavailable = (StatusCode::SERVICE_UNAVAILABLE, "unavailable".into());
    assert_eq!((status, body["code"].clone()), unavailable);
    assert!(!body.to_string().contains(&address.to_string()), "{body}");
    let (status, body) = get(&app, "/readyz").await;
    assert_eq!((status, body["status"].clone()), unavailable);
    assert_eq!(body["dependencies"]["database"]["status"], "down");
    assert_eq!(get(&app, "/health").await.0, StatusCode::OK);
    assert_eq!(get(&app, "/healthz").await.0, StatusCode::OK);
    assert_eq!(get(&app, "/v1/jwks").await.0, StatusCode::OK);

    let _connected = cable(TcpListener::bind(address).await.unwrap(), server);
    assert_eq!(app.ask(get_me(token)).await.0, StatusCode::OK);
    assert_eq!(get(&app, "/readyz").await.0, StatusCode::OK);
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
        ("PASSWORD_MIN_LENGTH", "3"),
        ("PASSWORD_BLOCKLIST", "perhaps"),
        ("PASSWORD_ARGON2_MEMORY_KIB", "19455"),
        ("PASSWORD_ARGON2_MEMORY_KIB", "262145"),
        ("PASSWORD_ARGON2_PASSES", "1"),
        ("PASSWORD_ARGON2_PASSES", "17"),
        ("PASSWORD_ARGON2_LANES", "0"),
        ("RATE_LIMIT_ENABLED", "yes"),
        ("RATE_LIMIT_REQUESTS_PER_MINUTE", "0"),
        ("PASSWORD_HASH_THREADS", "0"),
        ("ALLOWED_ORIGINS", "docs.example.com"),
        ("ALLOWED_ORIGINS", "[\"https://docs.example.com\""),
        ("ALLOWED_ORIGINS", "https://docs.example.com/path"),
        ("TRUSTED_PROXIES", "10.0.0.0/8,proxy"),
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
    let help = service_kit::environment::describe(&VARIABLES);
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
