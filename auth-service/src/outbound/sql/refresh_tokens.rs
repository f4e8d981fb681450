//! Refresh tokens in SQL.

use async_trait::async_trait;
use service_kit::database::Database;
use sqlx::FromRow;

use super::failed;
use crate::{
    app::ports::{Exchange, RefreshToken, RefreshTokens, StoreError},
    domain::session::Session,
};

/// The refresh tokens of one database.
#[derive(Debug, Clone)]
pub struct SqlRefreshTokens(Database);

impl SqlRefreshTokens {
    /// Reads and writes the refresh tokens of `database`.
    pub const fn new(database: Database) -> Self {
        Self(database)
    }
}

#[derive(FromRow)]
struct TokenRow {
    session_id: String,
    expires_at: i64,
    used_at: Option<i64>,
}

const INSERT: &str = "INSERT INTO refresh_tokens (token_hash, session_id, created_at, expires_at) \
     VALUES ($1, $2, $3, $4)";

#[async_trait]
impl RefreshTokens for SqlRefreshTokens {
    async fn add(&self, token_hash: &str, session: &Session) -> Result<(), StoreError> {
        sqlx::query(INSERT)
            .bind(token_hash)
            .bind(&session.id)
            .bind(session.refreshed_at)
            .bind(session.ends_at)
            .execute(&self.0.pool)
            .await
            .map_err(failed)?;
        Ok(())
    }

    async fn by_hash(&self, token_hash: &str) -> Result<Option<RefreshToken>, StoreError> {
        let row: Option<TokenRow> = sqlx::query_as(
            "SELECT session_id, expires_at, used_at FROM refresh_tokens WHERE token_hash = $1",
        )
        .bind(token_hash)
        .fetch_optional(&self.0.pool)
        .await
        .map_err(failed)?;
        Ok(row.map(|row| RefreshToken {
            session_id: row.session_id,
            expires_at: row.expires_at,
            used_at: row.used_at,
        }))
    }

    async fn exchange(&self, exchange: Exchange<'_>) -> Result<bool, StoreError> {
        let Exchange {
            used,
            successor,
            session,
        } = exchange;
        let mut transaction = self.0.begin().await.map_err(failed)?;
        // The session's row first, as whoever ends the session locks it: two
        // that take locks in different orders would wait for one another.
        let prolonged =
            sqlx::query("UPDATE sessions SET expires_at = $1, refreshed_at = $2 WHERE id = $3")
                .bind(session.expires_at)
                .bind(session.refreshed_at)
                .bind(&session.id)
                .execute(&mut *transaction)
                .await
                .map_err(failed)?;
        if prolonged.rows_affected() == 0 {
            return Ok(false);
        }
        let marked = sqlx::query(
            "UPDATE refresh_tokens SET used_at = $1 WHERE token_hash = $2 AND used_at IS NULL",
        )
        .bind(session.refreshed_at)
        .bind(used)
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
        if marked.rows_affected() == 1 {
            sqlx::query(INSERT)
                .bind(successor)
                .bind(&session.id)
                .bind(session.refreshed_at)
                .bind(session.ends_at)
                .execute(&mut *transaction)
                .await
                .map_err(failed)?;
            transaction.commit().await.map_err(failed)?;
        }
        Ok(true)
    }
}
