//! What the service says of itself: the OpenAPI document, and the pages that
//! show it.

use std::sync::{Arc, OnceLock};

use axum::{
    Extension, Json,
    http::{HeaderName, Method, header},
};
use proto::api_key;
use serde_json::{Value, json};
use service_kit::{
    api_pages, health,
    openapi::{self, About, Schemas, Writer},
    problem::Problem,
};

use super::{Route, metrics};

/// What the document says of a route.
pub type Operation = openapi::Operation<()>;

const TITLE: &str = "Lectern api-service";

/// An access token, however it was got, or an API key.
pub(super) const CREDENTIALS: [&str; 3] = ["password", "bearer", "apiKey"];

/// The document, which is written once, when somebody asks.
#[derive(Clone)]
pub(super) struct Documented {
    token_url: String,
    text: Arc<OnceLock<String>>,
}

impl Documented {
    /// The document of a service whose users sign in at `auth_url`.
    pub(super) fn new(auth_url: &str) -> Self {
        Self {
            token_url: format!("{auth_url}/auth/token"),
            text: Arc::default(),
        }
    }
}

pub(super) fn routes() -> Vec<Route> {
    let told = |summary| Operation::new::<Problem>("Service", summary);
    let page = |summary| told(summary).answers_as(200, "text/html", text);
    let documented = told("This document").answers_as(200, "application/json", object);
    let counted = told("What Prometheus collects").answers_as(200, "text/plain", text);
    vec![
        Route::public(Method::GET, "/openapi.json", openapi, documented),
        Route::public(
            Method::GET,
            "/docs",
            api_pages::swagger_ui,
            page("The document in Swagger UI"),
        ),
        Route::public(
            Method::GET,
            "/redoc",
            api_pages::redoc,
            page("The document in ReDoc"),
        ),
        Route::public(Method::GET, "/metrics", metrics::metrics, counted),
    ]
}

pub(super) fn text(_: &mut Schemas) -> Value {
    json!({ "type": "string" })
}

pub(super) fn object(_: &mut Schemas) -> Value {
    json!({ "type": "object" })
}

/// The OpenAPI document of every route, where people sign in at
/// `token_url`.
pub fn document(token_url: &str) -> Value {
    let mut writer = Writer::new(&());
    for route in super::routes() {
        writer.add(&route.method, route.path, &route.operation);
    }
    for (path, operation) in health::described() {
        writer.add(&Method::GET, path, &operation);
    }
    writer.finish(&About {
        title: TITLE,
        version: env!("CARGO_PKG_VERSION"),
        description: "Documents, search, answers and conversations. `/v1` is the canonical \
                      surface; the others are what existing frontends and public protocols \
                      speak.",
        security_schemes: json!({
            "password": {
                "type": "oauth2",
                "description": "Sign in with an e-mail address or a user name.",
                "flows": { "password": { "tokenUrl": token_url, "scopes": {} } },
            },
            "bearer": {
                "type": "http",
                "scheme": "bearer",
                "description": "An access token of auth-service, or an API key.",
            },
            "apiKey": { "type": "apiKey", "in": "header", "name": api_key::HEADER },
        }),
    })
}

/// What this is, for programs.
pub(super) fn index() -> Json<Value> {
    Json(json!({
        "name": TITLE,
        "version": env!("CARGO_PKG_VERSION"),
        "docs": "/docs",
        "health": "/health",
    }))
}

async fn openapi(
    Extension(documented): Extension<Documented>,
) -> ([(HeaderName, &'static str); 1], String) {
    let written = || document(&documented.token_url).to_string();
    let text = documented.text.get_or_init(written).clone();
    ([(header::CONTENT_TYPE, "application/json")], text)
}
