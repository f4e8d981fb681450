//! A whole auth-service in a test, on a database of its own.

use std::{net::SocketAddr, sync::Arc};

use auth_service::{
    app::App,
    config::Config,
    startup::{self, Service},
};
use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{Request, Response, StatusCode, request},
};
use http_body_util::BodyExt;
use service_kit::{
    clock::{CountingRandomness, FixedClock},
    database::Database,
};
use tower::ServiceExt;

pub mod browser;
pub mod database;
pub mod forge;
pub mod grpc;
pub mod providers;
pub mod scenario;

pub use database::TestDatabase;

/// Runs each function on a database of its own, on both engines.
macro_rules! on_both_engines {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $name() {
                super::$name($crate::support::TestDatabase::sqlite()).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $name() {
                super::$name($crate::support::TestDatabase::postgres().await).await;
            })*
        }
    };
}
pub(crate) use on_both_engines;

/// 2026-11-01T12:00:00.123Z.
pub const NOON: i64 = 1_793_534_400_123;

/// A service on a database of its own, where time stands still and chance
/// repeats itself.
pub struct TestApp {
    pub app: Arc<App>,
    pub router: Router,
    pub clock: Arc<FixedClock>,
    pub database: Database,
    pub home: TestDatabase,
}

impl TestApp {
    pub async fn on(home: TestDatabase, settings: &[(&str, &str)]) -> Self {
        let clock = Arc::new(FixedClock::at(NOON));
        let config = home.config(settings);
        let service = start(&config, &clock).await;
        Self {
            app: service.app,
            router: service.router,
            clock,
            database: Database::open(&config.server.database).await.unwrap(),
            home,
        }
    }

    pub async fn sqlite() -> Self {
        Self::on(TestDatabase::sqlite(), &[]).await
    }

    pub async fn ask(&self, request: Request<Body>) -> (StatusCode, serde_json::Value) {
        read(self.router.clone().oneshot(request).await.unwrap()).await
    }

    /// Signs `name` up and gives the session.
    pub async fn sign_up(&self, name: &str) -> serde_json::Value {
        let (status, body) = self.ask(sign_up_request(name)).await;
        assert_eq!(status, StatusCode::CREATED, "{body}");
        body
    }

    pub async fn promote(&self, id: &str) {
        sqlx::query("UPDATE users SET role = 'admin' WHERE id = $1")
            .bind(id)
            .execute(&self.database.pool)
            .await
            .unwrap();
    }

    /// Every mail that was written to a file by now.
    pub async fn mails(&self) -> Vec<serde_json::Value> {
        if let Some(outbox) = &self.app.outbox {
            outbox.settled().await;
        }
        let file = self.home.folder.path().join("mail.jsonl");
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let lines = text.lines().map(serde_json::from_str);
        lines.map(Result::unwrap).collect()
    }

    pub async fn disable(&self, id: &str) {
        sqlx::query("UPDATE users SET disabled_at = 1 WHERE id = $1")
            .bind(id)
            .execute(&self.database.pool)
            .await
            .unwrap();
    }
}

pub async fn start(config: &Config, clock: &Arc<FixedClock>) -> Service {
    let randomness = Arc::new(CountingRandomness::default());
    let clock = Arc::clone(clock);
    startup::assemble(config, clock, randomness).await.unwrap()
}

pub fn sign_up_request(name: &str) -> Request<Body> {
    let body = serde_json::json!({
        "email": format!("{name}@example.com"),
        "password": "a long enough one",
        "name": name,
    });
    json_request("POST", "/v1/accounts", &body)
}

pub fn sign_in_request(name: &str) -> Request<Body> {
    let body = serde_json::json!({
        "email": format!("{name}@example.com"),
        "password": "a long enough one",
    });
    json_request("POST", "/v1/sessions", &body)
}

pub fn get_me(token: &str) -> Request<Body> {
    let request = request::Builder::new().uri("/v1/me");
    let request = request.header("authorization", format!("Bearer {token}"));
    request.body(Body::empty()).unwrap()
}

/// The same request from another address.
pub fn from(mut request: Request<Body>, ip: &str) -> Request<Body> {
    let peer = SocketAddr::new(ip.parse().unwrap(), 4711);
    request.extensions_mut().insert(ConnectInfo(peer));
    request
}

pub fn json_request(method: &str, path: &str, body: &serde_json::Value) -> Request<Body> {
    let request = request::Builder::new().method(method).uri(path);
    let request = request.header("content-type", "application/json");
    request.body(Body::from(body.to_string())).unwrap()
}

/// The whole body of a problem.
pub fn problem(status: StatusCode, code: &str, detail: &str) -> serde_json::Value {
    serde_json::json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "code": code,
        "detail": detail,
    })
}

pub async fn read(response: Response<Body>) -> (StatusCode, serde_json::Value) {
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let body = serde_json::from_slice(&bytes).unwrap_or(serde_json::Value::Null);
    (status, body)
}
