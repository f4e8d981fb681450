//! Signing keys in SQL.

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use service_kit::database::Database;
use sqlx::FromRow;

use super::{BadRow, failed, record::record};
use crate::{
    app::ports::{KeptKey, PrivateKey, SigningKeys, StoreError},
    domain::{Millis, audit::AuditEntry},
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
    generation: i64,
    private_key: String,
    sealed: i64,
    created_at: i64,
    signs_from: i64,
    longest_token: i64,
}

impl KeyRow {
    fn into_key(self) -> Result<KeptKey, BadRow> {
        let private_key = if self.sealed == 1 {
            PrivateKey::Sealed(self.private_key)
        } else {
            let seed = URL_SAFE_NO_PAD.decode(&self.private_key);
            PrivateKey::Clear(seed.map_err(|_| BadRow {
                table: "signing_keys",
                id: self.kid.clone(),
                column: "private_key",
            })?)
        };
        Ok(KeptKey {
            kid: self.kid,
            generation: self.generation,
            private_key,
            created_at: self.created_at,
            signs_from: self.signs_from,
            longest_token: self.longest_token,
        })
    }
}

#[async_trait]
impl SigningKeys for SqlSigningKeys {
    async fn all(&self) -> Result<Vec<KeptKey>, StoreError> {
        let rows: Vec<KeyRow> = sqlx::query_as(
            "SELECT kid, generation, private_key, sealed, created_at, signs_from, longest_token \
             FROM signing_keys ORDER BY generation",
        )
        .fetch_all(&self.0.pool)
        .await
        .map_err(failed)?;
        let keys = rows.into_iter().map(KeyRow::into_key);
        Ok(keys.collect::<Result<_, _>>()?)
    }

    async fn add(&self, key: &KeptKey, entry: Option<&AuditEntry>) -> Result<bool, StoreError> {
        let PrivateKey::Sealed(private_key) = &key.private_key else {
            return Err(StoreError::Broken("a private key in clear".into()));
        };
        let mut transaction = self.0.begin().await.map_err(failed)?;
        let done = sqlx::query(
            "INSERT INTO signing_keys (kid, generation, private_key, sealed, created_at, \
             signs_from, longest_token) VALUES ($1, $2, $3, 1, $4, $5, $6) ON CONFLICT DO NOTHING",
        )
        .bind(&key.kid)
        .bind(key.generation)
        .bind(private_key)
        .bind(key.created_at)
        .bind(key.signs_from)
        .bind(key.longest_token)
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
        let is_new = done.rows_affected() == 1;
        if let (true, Some(entry)) = (is_new, entry) {
            record(&mut transaction, entry).await?;
        }
        transaction.commit().await.map_err(failed)?;
        Ok(is_new)
    }

    async fn seal(&self, kid: &str, sealed: &str) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE signing_keys SET private_key = $1, sealed = 1 WHERE kid = $2 AND sealed = 0",
        )
        .bind(sealed)
        .bind(kid)
        .execute(&self.0.pool)
        .await
        .map_err(failed)?;
        Ok(())
    }

    async fn lengthen(&self, kid: &str, longest_token: Millis) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE signing_keys SET longest_token = $1 WHERE kid = $2 AND longest_token < $1",
        )
        .bind(longest_token)
        .bind(kid)
        .execute(&self.0.pool)
        .await
        .map_err(failed)?;
        Ok(())
    }

    async fn remove_up_to(&self, generation: i64) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM signing_keys WHERE generation <= $1")
            .bind(generation)
            .execute(&self.0.pool)
            .await
            .map_err(failed)?;
        Ok(())
    }
}
