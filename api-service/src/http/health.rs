//! The parts whose health is told.

use std::sync::Arc;

use async_trait::async_trait;
use service_kit::health::{Dependency, Status};

use crate::{
    app::{App, ports::VectorIndex},
    outbound::jwks::JwksVerifier,
};

/// The database: nothing is answered without it.
pub struct DatabaseHealth(pub Arc<App>);

#[async_trait]
impl Dependency for DatabaseHealth {
    fn name(&self) -> &'static str {
        "database"
    }

    async fn check(&self) -> Status {
        if self.0.documents.is_up().await {
            Status::Up
        } else {
            Status::Down
        }
    }
}

/// The vector index: nothing is found without it.
pub struct IndexHealth(pub Arc<dyn VectorIndex>);

#[async_trait]
impl Dependency for IndexHealth {
    fn name(&self) -> &'static str {
        "vector_index"
    }

    async fn check(&self) -> Status {
        if self.0.is_up().await {
            Status::Up
        } else {
            Status::Down
        }
    }
}

/// auth-service: without it, tokens are checked with the keys that are known.
pub struct AuthHealth(pub Arc<JwksVerifier>);

#[async_trait]
impl Dependency for AuthHealth {
    fn name(&self) -> &'static str {
        "auth_service"
    }

    async fn check(&self) -> Status {
        if self.0.is_up().await {
            Status::Up
        } else {
            Status::Degraded
        }
    }
}
