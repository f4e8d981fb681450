//! What the service says of itself: the OpenAPI document, and the pages that
//! show it.

use std::sync::{Arc, OnceLock};

use axum::{
    Json,
    extract::State,
    http::{Method, header},
};
use proto::api_key;
use serde_json::{Value, json};
use service_kit::{
    api_pages, health,
    openapi::{About, Operation, Schemas, Writer},
    problem::Problem,
};

use super::{Route, Surface};
use crate::app::App;

const TITLE: &str = "Lectern auth-service";

/// An access token, however it was got.
pub(super) const ACCESS_TOKEN: [&str; 2] = ["password", "bearer"];

pub(super) fn routes() -> Vec<Route> {
    let told = |summary| Operation::new::<Problem>("Service", summary);
    let page = |summary| told(summary).answers_as(200, "text/html", text);
    let documented = told("This document").answers_as(200, "application/json", object);
    let named = told("What this is").answers_as(200, "application/json", object);
    // Written once, when somebody asks.
    let written = Arc::new(OnceLock::new());
    let openapi = move |State(app): State<Arc<App>>| {
        let written = Arc::clone(&written);
        async move {
            let text: &String = written.get_or_init(|| document(&app).to_string());
            ([(header::CONTENT_TYPE, "application/json")], text.clone())
        }
    };
    vec![
        Route::new(Method::GET, "/", index, named),
        Route::new(Method::GET, "/openapi.json", openapi, documented),
        Route::new(
            Method::GET,
            "/docs",
            api_pages::swagger_ui,
            page("The document in Swagger UI"),
        ),
        Route::new(
            Method::GET,
            "/redoc",
            api_pages::redoc,
            page("The document in ReDoc"),
        ),
    ]
}

fn text(_: &mut Schemas) -> Value {
    json!({ "type": "string" })
}

fn object(_: &mut Schemas) -> Value {
    json!({ "type": "object" })
}

/// The OpenAPI document of every route.
pub fn document(app: &App) -> Value {
    let mut writer = Writer::new(app);
    let surfaces = super::surfaces();
    for route in surfaces.iter().flat_map(|surface| &surface.routes) {
        writer.add(&route.method, route.path, &route.operation);
    }
    for (path, operation) in health::described() {
        writer.add(&Method::GET, path, &operation);
    }
    writer.finish(&About {
        title: TITLE,
        version: env!("CARGO_PKG_VERSION"),
        description: "Accounts, sessions, access tokens and API keys. `/v1` is the canonical \
                      surface; the others are what existing frontends speak.",
        security_schemes: security_schemes(app, &surfaces),
    })
}

fn security_schemes(app: &App, surfaces: &[Surface]) -> Value {
    let cookie = surfaces.iter().find_map(|surface| surface.session_cookie);
    let mut schemes = json!({
        "password": {
            "type": "oauth2",
            "description": "Sign in with an e-mail address or a user name.",
            "flows": { "password": { "tokenUrl": "/auth/token", "scopes": {} } },
        },
        "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
        "session": {
            "type": "http",
            "scheme": "bearer",
            "description": "The token of a session, for clients that keep no cookies.",
        },
        "apiKey": { "type": "apiKey", "in": "header", "name": api_key::HEADER },
        "serviceToken": {
            "type": "http",
            "scheme": "basic",
            "description": "SERVICE_TOKEN is the password; as a bearer token it holds too.",
        },
    });
    if let Some(name) = cookie {
        schemes["cookie"] = json!({ "type": "apiKey", "in": "cookie", "name": name(app) });
    }
    schemes
}

async fn index() -> Json<Value> {
    Json(json!({
        "name": env!("CARGO_PKG_NAME"),
        "version": env!("CARGO_PKG_VERSION"),
        "docs": "/docs",
        "health": "/health",
    }))
}
