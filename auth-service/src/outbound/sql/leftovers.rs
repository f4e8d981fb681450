//! Removes rows that have expired.

use async_trait::async_trait;
use service_kit::database::Database;
use sqlx::AssertSqlSafe;

use super::failed;
use crate::{
    app::ports::{Leftover, Leftovers, StoreError},
    domain::Millis,
};

/// Removes what has expired in one database.
#[derive(Debug, Clone)]
pub struct SqlLeftovers(Database);

impl SqlLeftovers {
    /// Removes from `database`.
    pub const fn new(database: Database) -> Self {
        Self(database)
    }
}

/// The table of something, its key, and the column with the moment from which
/// on a row is a leftover.
const fn place(leftover: Leftover) -> (&'static str, &'static str, &'static str) {
    match leftover {
        Leftover::Sessions => ("sessions", "id", "expires_at"),
        Leftover::RefreshTokens => ("refresh_tokens", "token_hash", "expires_at"),
        Leftover::OneTimeTokens => ("one_time_tokens", "token_hash", "expires_at"),
        Leftover::OauthFlows => ("oauth_flows", "state_hash", "expires_at"),
        Leftover::Counts => ("counts", "key", "expires_at"),
        Leftover::AccountEvents => ("account_events", "number", "until"),
        Leftover::AuditLog => ("audit_log", "id", "at"),
    }
}

#[async_trait]
impl Leftovers for SqlLeftovers {
    async fn remove(
        &self,
        leftover: Leftover,
        before: Millis,
        limit: u64,
    ) -> Result<u64, StoreError> {
        let (table, key, column) = place(leftover);
        // Safe: the names are constants of this file.
        let sql = AssertSqlSafe(format!(
            "DELETE FROM {table} WHERE {key} IN (SELECT {key} FROM {table} \
             WHERE {column} < $1 ORDER BY {column} LIMIT $2)"
        ));
        let removed = sqlx::query(sql)
            .bind(before)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .execute(&self.0.pool)
            .await
            .map_err(failed)?;
        Ok(removed.rows_affected())
    }
}
