//! Health: `/healthz` (the process lives), `/readyz` (it can serve) and
//! `/health` (what each part says, for people and for the origins' frontends).

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use async_trait::async_trait;
use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::{openapi::Operation, problem::Problem};

/// How a part fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It answers.
    Up,
    /// It does not answer; the service goes on without it, with less.
    Degraded,
    /// It does not answer, and nothing can be served without it.
    Down,
}

/// A part that a service depends on.
#[async_trait]
pub trait Dependency: Send + Sync {
    /// Its name in answers.
    fn name(&self) -> &'static str;
    /// Asks it, within a second or two.
    async fn check(&self) -> Status;
}

/// A service's name and what it depends on.
pub struct Health {
    /// The service's name in answers.
    pub service: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The parts that are asked.
    pub dependencies: Vec<Arc<dyn Dependency>>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Health")]
struct Report {
    status: &'static str,
    service: &'static str,
    version: &'static str,
    dependencies: BTreeMap<&'static str, DependencyReport>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DependencyHealth")]
struct DependencyReport {
    status: Status,
    latency_ms: u64,
}

/// The paths of the three routes, and what the document says of them.
pub fn described<S>() -> [(&'static str, Operation<S>); 3] {
    let told = |summary| Operation::new::<Problem>("Health", summary);
    let lives = |_: &mut _| {
        json!({
            "type": "object",
            "properties": { "status": { "const": "ok" } },
            "required": ["status"],
        })
    };
    let ready = told("Whether it can serve").answers::<Report>(200);
    [
        (
            "/healthz",
            told("Whether the process lives").answers_as(200, "application/json", lives),
        ),
        ("/readyz", ready.answers::<Report>(503)),
        (
            "/health",
            told("How each part fares").answers::<Report>(200),
        ),
    ]
}

/// The three routes.
pub fn routes<S: Clone + Send + Sync + 'static>(health: Health) -> Router<S> {
    Router::new()
        .route("/healthz", get(|| async { Json(json!({"status": "ok"})) }))
        .route("/readyz", get(ready))
        .route("/health", get(report))
        .with_state(Arc::new(health))
}

async fn ready(State(health): State<Arc<Health>>) -> Response {
    answer(&health, |report| {
        report.status == "healthy" || report.status == "degraded"
    })
    .await
}

/// Always 200: what watches this address restarts what answers anything else,
/// and a restart mends no dependency.
async fn report(State(health): State<Arc<Health>>) -> Response {
    answer(&health, |_| true).await
}

async fn answer(health: &Health, serves: impl Fn(&Report) -> bool) -> Response {
    let mut dependencies = BTreeMap::new();
    for dependency in &health.dependencies {
        let started = Instant::now();
        let status = dependency.check().await;
        let latency_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        dependencies.insert(dependency.name(), DependencyReport { status, latency_ms });
    }
    let worst = dependencies.values().map(|dependency| dependency.status);
    let status = worst.fold("healthy", |status, next| match (status, next) {
        (_, Status::Down) | ("unavailable", _) => "unavailable",
        (_, Status::Degraded) => "degraded",
        (status, Status::Up) => status,
    });
    let report = Report {
        status,
        service: health.service,
        version: health.version,
        dependencies,
    };
    let code = if serves(&report) {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (code, Json(report)).into_response()
}
