//! Counts in SQL.

use async_trait::async_trait;
use service_kit::database::Database;

use super::failed;
use crate::app::ports::{Count, Counts, StoreError};

/// The counts of one database.
#[derive(Debug, Clone)]
pub struct SqlCounts(Database);

impl SqlCounts {
    /// Counts in `database`.
    pub const fn new(database: Database) -> Self {
        Self(database)
    }

    /// Adds a count, unless there is one.
    async fn insert(&self, key: &str, count: Count) -> Result<u64, sqlx::Error> {
        let done = sqlx::query(
            "INSERT INTO counts (key, times, until, expires_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (key) DO NOTHING",
        )
        .bind(key)
        .bind(count.times)
        .bind(count.until)
        .bind(count.expires_at)
        .execute(&self.0.pool)
        .await?;
        Ok(done.rows_affected())
    }

    /// Changes a count that still is what was read.
    async fn update(&self, key: &str, before: Count, after: Count) -> Result<u64, sqlx::Error> {
        let done = sqlx::query(
            "UPDATE counts SET times = $1, until = $2, expires_at = $3 \
             WHERE key = $4 AND times = $5 AND until = $6",
        )
        .bind(after.times)
        .bind(after.until)
        .bind(after.expires_at)
        .bind(key)
        .bind(before.times)
        .bind(before.until)
        .execute(&self.0.pool)
        .await?;
        Ok(done.rows_affected())
    }

    /// Removes a count that still is what was read.
    async fn remove(&self, key: &str, before: Count) -> Result<u64, sqlx::Error> {
        let done = sqlx::query("DELETE FROM counts WHERE key = $1 AND times = $2 AND until = $3")
            .bind(key)
            .bind(before.times)
            .bind(before.until)
            .execute(&self.0.pool)
            .await?;
        Ok(done.rows_affected())
    }
}

#[async_trait]
impl Counts for SqlCounts {
    async fn read(&self, key: &str) -> Result<Option<Count>, StoreError> {
        let row: Option<(i64, i64, i64)> =
            sqlx::query_as("SELECT times, until, expires_at FROM counts WHERE key = $1")
                .bind(key)
                .fetch_optional(&self.0.pool)
                .await
                .map_err(failed)?;
        Ok(row.map(|(times, until, expires_at)| Count {
            times,
            until,
            expires_at,
        }))
    }

    async fn swap(
        &self,
        key: &str,
        before: Option<Count>,
        after: Option<Count>,
    ) -> Result<bool, StoreError> {
        let changed = match (before, after) {
            (None, Some(after)) => self.insert(key, after).await,
            (Some(before), Some(after)) => self.update(key, before, after).await,
            (Some(before), None) => self.remove(key, before).await,
            (None, None) => Ok(1),
        };
        Ok(changed.map_err(failed)? > 0)
    }

    async fn forget(&self, keys: &[String]) -> Result<(), StoreError> {
        for key in keys {
            sqlx::query("DELETE FROM counts WHERE key = $1")
                .bind(key)
                .execute(&self.0.pool)
                .await
                .map_err(failed)?;
        }
        Ok(())
    }
}
