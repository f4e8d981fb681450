//! The parts whose health is told.

use std::sync::Arc;

use async_trait::async_trait;
use service_kit::health::{Dependency, Status};

use crate::{app::App, outbound::jwks::JwksVerifier};

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
pub struct IndexHealth(pub Arc<App>);

#[async_trait]
impl Dependency for IndexHealth {
    fn name(&self) -> &'static str {
        "vector_index"
    }

    async fn check(&self) -> Status {
        let space = self.0.spaces.active();
        let Some(index) = &space.index else {
            return Status::Down;
        };
        if index.is_up().await {
            Status::Up
        } else {
            Status::Down
        }
    }
}

/// What happens to accounts: while it is not told, the last known refusals hold.
pub struct AccountsHealth(pub Arc<App>);

#[async_trait]
impl Dependency for AccountsHealth {
    fn name(&self) -> &'static str {
        "accounts"
    }

    async fn check(&self) -> Status {
        if self.0.refused.is_silent(self.0.clock.now()) {
            Status::Degraded
        } else {
            Status::Up
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
