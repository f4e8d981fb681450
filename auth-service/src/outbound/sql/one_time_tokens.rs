//! One-time tokens in SQL.

use async_trait::async_trait;
use service_kit::database::Database;
use sqlx::{AnyConnection, FromRow};

use super::{BadRow, failed, record::record};
use crate::{
    app::ports::{OneTimeTokens, StoreError},
    domain::{
        audit::AuditEntry,
        one_time_token::{OneTimeToken, Purpose},
    },
};

/// The one-time tokens of one database.
#[derive(Debug, Clone)]
pub struct SqlOneTimeTokens(Database);

impl SqlOneTimeTokens {
    /// Reads and writes the tokens of `database`.
    pub const fn new(database: Database) -> Self {
        Self(database)
    }
}

#[derive(FromRow)]
struct TokenRow {
    purpose: String,
    user_id: Option<String>,
    payload: String,
    created_at: i64,
    expires_at: i64,
}

impl TokenRow {
    fn into_token(self, token_hash: &str) -> Result<OneTimeToken, BadRow> {
        let purpose = Purpose::from_word(&self.purpose).ok_or_else(|| BadRow {
            table: "one_time_tokens",
            id: token_hash.to_owned(),
            column: "purpose",
        })?;
        Ok(OneTimeToken {
            purpose,
            user_id: self.user_id,
            payload: self.payload,
            created_at: self.created_at,
            expires_at: self.expires_at,
        })
    }
}

#[async_trait]
impl OneTimeTokens for SqlOneTimeTokens {
    async fn put(
        &self,
        token_hash: &str,
        token: &OneTimeToken,
        entry: Option<&AuditEntry>,
    ) -> Result<(), StoreError> {
        let mut transaction = self.0.begin().await.map_err(failed)?;
        sqlx::query("DELETE FROM one_time_tokens WHERE user_id = $1 AND purpose = $2")
            .bind(token.user_id.as_deref())
            .bind(token.purpose.as_str())
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        sqlx::query(
            "INSERT INTO one_time_tokens \
             (token_hash, purpose, user_id, payload, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(token_hash)
        .bind(token.purpose.as_str())
        .bind(token.user_id.as_deref())
        .bind(&token.payload)
        .bind(token.created_at)
        .bind(token.expires_at)
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
        if let Some(entry) = entry {
            record(&mut transaction, entry).await?;
        }
        transaction.commit().await.map_err(failed)
    }

    async fn find(&self, token_hash: &str) -> Result<Option<OneTimeToken>, StoreError> {
        let row: Option<TokenRow> = sqlx::query_as(
            "SELECT purpose, user_id, payload, created_at, expires_at \
             FROM one_time_tokens WHERE token_hash = $1",
        )
        .bind(token_hash)
        .fetch_optional(&self.0.pool)
        .await
        .map_err(failed)?;
        let token = row.map(|row| row.into_token(token_hash));
        Ok(token.transpose()?)
    }

    async fn take(&self, token_hash: &str) -> Result<Option<OneTimeToken>, StoreError> {
        let row: Option<TokenRow> = sqlx::query_as(
            "DELETE FROM one_time_tokens WHERE token_hash = $1 \
             RETURNING purpose, user_id, payload, created_at, expires_at",
        )
        .bind(token_hash)
        .fetch_optional(&self.0.pool)
        .await
        .map_err(failed)?;
        let token = row.map(|row| row.into_token(token_hash));
        Ok(token.transpose()?)
    }
}

/// Ends every token of an account within a transaction.
pub(super) async fn end_tokens(
    connection: &mut AnyConnection,
    user_id: &str,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM one_time_tokens WHERE user_id = $1")
        .bind(user_id)
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(())
}
