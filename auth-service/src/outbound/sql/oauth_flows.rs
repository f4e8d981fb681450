//! Browsers on their way to a provider and back, in SQL.

use async_trait::async_trait;
use service_kit::database::Database;

use super::failed;
use crate::{
    app::{ports::StoreError, social::ports::Flows},
    domain::Millis,
};

/// The flows of one database.
#[derive(Debug, Clone)]
pub struct SqlFlows(Database);

impl SqlFlows {
    /// Reads and writes the flows of `database`.
    pub const fn new(database: Database) -> Self {
        Self(database)
    }
}

#[async_trait]
impl Flows for SqlFlows {
    async fn put(
        &self,
        state_hash: &str,
        flow: &str,
        expires_at: Millis,
    ) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO oauth_flows (state_hash, flow, expires_at) VALUES ($1, $2, $3)")
            .bind(state_hash)
            .bind(flow)
            .bind(expires_at)
            .execute(&self.0.pool)
            .await
            .map_err(failed)?;
        Ok(())
    }

    async fn find(&self, state_hash: &str, now: Millis) -> Result<Option<String>, StoreError> {
        let found: Option<(String,)> = sqlx::query_as(
            "SELECT flow FROM oauth_flows WHERE state_hash = $1 AND expires_at > $2",
        )
        .bind(state_hash)
        .bind(now)
        .fetch_optional(&self.0.pool)
        .await
        .map_err(failed)?;
        Ok(found.map(|(flow,)| flow))
    }

    async fn take(&self, state_hash: &str) -> Result<bool, StoreError> {
        let done = sqlx::query("DELETE FROM oauth_flows WHERE state_hash = $1")
            .bind(state_hash)
            .execute(&self.0.pool)
            .await
            .map_err(failed)?;
        Ok(done.rows_affected() > 0)
    }
}
