//! Signing keys in SQL.

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use service_kit::database::Database;
use sqlx::FromRow;

use super::{BadRow, failed};
use crate::{
    app::ports::{SigningKeys, StoreError},
    domain::signing_key::SigningKey,
};

/// The signing keys of one database.
#[derive(Debug, Clone)]
pub struct SqlSigningKeys(Database);

impl SqlSigningKeys {
    /// Reads and writes the keys of `database`.
    pub const fn new(database: Database) -> Self {
        Self(database)
    }
}

#[derive(FromRow)]
struct KeyRow {
    kid: String,
    private_key: String,
    created_at: i64,
}

impl KeyRow {
    fn into_key(self) -> Result<SigningKey, BadRow> {
        let seed = URL_SAFE_NO_PAD.decode(&self.private_key).ok();
        match seed.and_then(|seed| seed.try_into().ok()) {
            Some(seed) => Ok(SigningKey {
                kid: self.kid,
                seed,
                created_at: self.created_at,
            }),
            None => Err(BadRow {
                table: "signing_keys",
                id: self.kid,
                column: "private_key",
            }),
        }
    }
}

#[async_trait]
impl SigningKeys for SqlSigningKeys {
    async fn active(&self) -> Result<Option<SigningKey>, StoreError> {
        let row: Option<KeyRow> = sqlx::query_as(
            "SELECT kid, private_key, created_at FROM signing_keys WHERE active = 1",
        )
        .fetch_optional(&self.0.pool)
        .await
        .map_err(failed)?;
        Ok(row.map(KeyRow::into_key).transpose()?)
    }

    async fn activate_first(&self, key: &SigningKey) -> Result<SigningKey, StoreError> {
        // The unique index on the active key lets one of several inserts
        // through; the others find its row afterwards.
        sqlx::query(
            "INSERT INTO signing_keys (kid, private_key, active, created_at) \
             VALUES ($1, $2, 1, $3) ON CONFLICT DO NOTHING",
        )
        .bind(&key.kid)
        .bind(URL_SAFE_NO_PAD.encode(key.seed))
        .bind(key.created_at)
        .execute(&self.0.pool)
        .await
        .map_err(failed)?;
        let active = self.active().await?;
        active.ok_or_else(|| {
            StoreError::from(BadRow {
                table: "signing_keys",
                id: key.kid.clone(),
                column: "active",
            })
        })
    }
}
