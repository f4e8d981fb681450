//! API keys in SQL.

use std::num::NonZeroU32;

use async_trait::async_trait;
use proto::{api_key::KeyScopes, claims::LONGEST_LIFETIME};
use service_kit::database::Database;
use sqlx::{AssertSqlSafe, FromRow};

use super::{
    failed,
    record::{record, tell},
    user_row::{COLUMNS, UserRow},
};
use crate::{
    app::ports::{ApiKeys, StoreError},
    domain::{
        Millis, account_event::Happening, api_key::ApiKey, audit::AuditEntry, throttling::Rate,
        user::User,
    },
};

/// The API keys of one database.
#[derive(Debug, Clone)]
pub struct SqlApiKeys(Database);

impl SqlApiKeys {
    /// Reads and writes the API keys of `database`.
    pub const fn new(database: Database) -> Self {
        Self(database)
    }
}

const KEY_COLUMNS: &str = "k.id, k.user_id AS owner_id, k.session_id, k.revision, \
     k.name AS key_name, k.prefix, k.start, k.scopes, k.enabled, k.rate_max, k.rate_window, \
     k.request_count, k.last_used_at, k.expires_at, k.metadata, k.created_at, k.updated_at";

#[derive(FromRow)]
struct KeyRow {
    id: String,
    owner_id: String,
    session_id: String,
    revision: i64,
    key_name: Option<String>,
    prefix: String,
    start: String,
    scopes: String,
    enabled: i64,
    rate_max: Option<i64>,
    rate_window: Option<i64>,
    request_count: i64,
    last_used_at: Option<i64>,
    expires_at: Option<i64>,
    metadata: Option<String>,
    created_at: i64,
    updated_at: i64,
}

#[derive(FromRow)]
struct OwnedRow {
    #[sqlx(flatten)]
    key: KeyRow,
    #[sqlx(flatten)]
    owner: UserRow,
}

impl KeyRow {
    fn into_key(self) -> ApiKey {
        let times = self.rate_max.and_then(|max| u32::try_from(max).ok());
        let rate = times.and_then(NonZeroU32::new).zip(self.rate_window);
        ApiKey {
            id: self.id,
            user_id: self.owner_id,
            session_id: self.session_id,
            revision: self.revision,
            name: self.key_name,
            prefix: self.prefix,
            start: self.start,
            scopes: KeyScopes::from_text(&self.scopes),
            enabled: self.enabled == 1,
            rate: rate.map(|(times, within)| Rate { times, within }),
            request_count: self.request_count,
            last_used_at: self.last_used_at,
            expires_at: self.expires_at,
            metadata: self.metadata,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

/// A key's session is over. It had no end: none of its access tokens lives
/// longer than any token may.
const fn over(session_id: String, now: Millis) -> Happening {
    Happening::SessionRevoked {
        session_id,
        ends_at: now + LONGEST_LIFETIME * 1000,
    }
}

#[async_trait]
impl ApiKeys for SqlApiKeys {
    async fn add(
        &self,
        key: &ApiKey,
        key_hash: &str,
        entry: &AuditEntry,
    ) -> Result<(), StoreError> {
        let mut transaction = self.0.begin().await.map_err(failed)?;
        sqlx::query(
            "INSERT INTO api_keys (id, user_id, key_hash, session_id, revision, name, prefix, \
             start, scopes, enabled, rate_max, rate_window, request_count, last_used_at, \
             expires_at, metadata, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, \
             $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
        )
        .bind(&key.id)
        .bind(&key.user_id)
        .bind(key_hash)
        .bind(&key.session_id)
        .bind(key.revision)
        .bind(key.name.as_deref())
        .bind(&key.prefix)
        .bind(&key.start)
        .bind(key.scopes.to_string())
        .bind(i64::from(key.enabled))
        .bind(key.rate.map(|rate| i64::from(rate.times.get())))
        .bind(key.rate.map(|rate| rate.within))
        .bind(key.request_count)
        .bind(key.last_used_at)
        .bind(key.expires_at)
        .bind(key.metadata.as_deref())
        .bind(key.created_at)
        .bind(key.updated_at)
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
        record(&mut transaction, entry).await?;
        transaction.commit().await.map_err(failed)
    }

    async fn by_hash(&self, key_hash: &str) -> Result<Option<(ApiKey, User)>, StoreError> {
        // Safe: the names of columns are constants of this folder.
        let sql = AssertSqlSafe(format!(
            "SELECT {KEY_COLUMNS}, {COLUMNS} FROM api_keys k \
             JOIN users u ON u.id = k.user_id WHERE k.key_hash = $1"
        ));
        let row: Option<OwnedRow> = sqlx::query_as(sql)
            .bind(key_hash)
            .fetch_optional(&self.0.pool)
            .await
            .map_err(failed)?;
        let Some(row) = row else {
            return Ok(None);
        };
        let owner = row.owner.into_credentials()?.user;
        Ok(Some((row.key.into_key(), owner)))
    }

    async fn by_id(&self, user_id: &str, id: &str) -> Result<Option<ApiKey>, StoreError> {
        // Safe: the names of columns are a constant.
        let sql = AssertSqlSafe(format!(
            "SELECT {KEY_COLUMNS} FROM api_keys k WHERE k.id = $1 AND k.user_id = $2"
        ));
        let row: Option<KeyRow> = sqlx::query_as(sql)
            .bind(id)
            .bind(user_id)
            .fetch_optional(&self.0.pool)
            .await
            .map_err(failed)?;
        Ok(row.map(KeyRow::into_key))
    }

    async fn of_user(&self, user_id: &str) -> Result<Vec<ApiKey>, StoreError> {
        // Safe: the names of columns are a constant.
        let sql = AssertSqlSafe(format!(
            "SELECT {KEY_COLUMNS} FROM api_keys k WHERE k.user_id = $1 \
             ORDER BY k.created_at DESC, k.id DESC"
        ));
        let rows: Vec<KeyRow> = sqlx::query_as(sql)
            .bind(user_id)
            .fetch_all(&self.0.pool)
            .await
            .map_err(failed)?;
        Ok(rows.into_iter().map(KeyRow::into_key).collect())
    }

    async fn replace(
        &self,
        key: &ApiKey,
        revoked: Option<&str>,
        entry: &AuditEntry,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.0.begin().await.map_err(failed)?;
        let done = sqlx::query(
            "UPDATE api_keys SET session_id = $1, revision = revision + 1, name = $2, \
             scopes = $3, enabled = $4, rate_max = $5, rate_window = $6, expires_at = $7, \
             metadata = $8, updated_at = $9 WHERE id = $10 AND user_id = $11 AND revision = $12",
        )
        .bind(&key.session_id)
        .bind(key.name.as_deref())
        .bind(key.scopes.to_string())
        .bind(i64::from(key.enabled))
        .bind(key.rate.map(|rate| i64::from(rate.times.get())))
        .bind(key.rate.map(|rate| rate.within))
        .bind(key.expires_at)
        .bind(key.metadata.as_deref())
        .bind(key.updated_at)
        .bind(&key.id)
        .bind(&key.user_id)
        .bind(key.revision)
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        if let Some(session_id) = revoked {
            let happening = over(session_id.to_owned(), entry.at);
            tell(&mut transaction, &key.user_id, &happening, entry.at).await?;
        }
        record(&mut transaction, entry).await?;
        transaction.commit().await.map_err(failed)?;
        Ok(true)
    }

    async fn delete(
        &self,
        user_id: &str,
        id: &str,
        entry: &AuditEntry,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.0.begin().await.map_err(failed)?;
        let deleted: Option<(String,)> = sqlx::query_as(
            "DELETE FROM api_keys WHERE id = $1 AND user_id = $2 RETURNING session_id",
        )
        .bind(id)
        .bind(user_id)
        .fetch_optional(&mut *transaction)
        .await
        .map_err(failed)?;
        let Some((session_id,)) = deleted else {
            return Ok(false);
        };
        let happening = over(session_id, entry.at);
        tell(&mut transaction, user_id, &happening, entry.at).await?;
        record(&mut transaction, entry).await?;
        transaction.commit().await.map_err(failed)?;
        Ok(true)
    }

    async fn count(&self, id: &str, uses: i64, now: Millis) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE api_keys SET request_count = request_count + $1, last_used_at = $2 \
             WHERE id = $3",
        )
        .bind(uses)
        .bind(now)
        .bind(id)
        .execute(&self.0.pool)
        .await
        .map_err(failed)?;
        Ok(())
    }
}
