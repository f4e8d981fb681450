//! What a process needs to be a service at all: reading variables, opening a
//! database, problem+json, OpenAPI, request ids, health, logs, graceful shutdown. It
//! knows nothing of users or documents.

pub mod api_pages;
pub mod browser_origins;
pub mod client_address;
pub mod clock;
pub mod database;
pub mod environment;
pub mod exit;
pub mod fastapi;
pub mod health;
pub mod healthcheck;
pub mod http_layers;
pub mod openapi;
pub mod problem;
pub mod refusal;
pub mod secret_file;
pub mod serve;
pub mod signing_secret;
pub mod telemetry;
