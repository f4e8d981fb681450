//! Requests that are sent again, and known by their key.

use service_kit::clock::Millis;
use sqlx::{Any, Transaction};

use super::SqlStore;
use crate::{
    app::ports::{StoreError, Taken},
    domain::{
        document::{Change, DocumentId},
        request_key::{KeyedRequest, REQUEST_LIFETIME},
    },
};

impl SqlStore {
    pub(super) async fn forget_keys(&self, now: Millis) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM idempotency_keys WHERE created_at <= $1")
            .bind(now - REQUEST_LIFETIME)
            .execute(&self.database.pool)
            .await?;
        Ok(())
    }
}

/// Writes the key down, unless it is there. Who sends the same at the same time
/// waits here until the first one is done.
pub(super) async fn is_first(
    transaction: &mut Transaction<'static, Any>,
    request: &KeyedRequest,
    now: Millis,
) -> Result<bool, StoreError> {
    let written = sqlx::query(
        "INSERT INTO idempotency_keys \
         (caller, idempotency_key, request_hash, document_id, created_at) \
         VALUES ($1, $2, $3, '', $4) ON CONFLICT (caller, idempotency_key) \
         DO UPDATE SET request_hash = excluded.request_hash, created_at = excluded.created_at \
         WHERE idempotency_keys.created_at <= $5",
    )
    .bind(&request.caller.0)
    .bind(&request.key)
    .bind(&request.hash)
    .bind(now)
    .bind(now - REQUEST_LIFETIME)
    .execute(&mut **transaction)
    .await?;
    Ok(written.rows_affected() > 0)
}

/// What the same request came to; `None` where the key stands for another one.
pub(super) async fn known(
    transaction: &mut Transaction<'static, Any>,
    request: &KeyedRequest,
) -> Result<Option<Taken>, StoreError> {
    let row: Option<(String,)> = sqlx::query_as(
        "SELECT document_id FROM idempotency_keys \
         WHERE caller = $1 AND idempotency_key = $2 AND request_hash = $3",
    )
    .bind(&request.caller.0)
    .bind(&request.key)
    .bind(&request.hash)
    .fetch_optional(&mut **transaction)
    .await?;
    Ok(row.map(|(id,)| Taken {
        document_id: DocumentId(id),
        change: Change::Unchanged,
    }))
}

/// Keeps what the first one came to.
pub(super) async fn keep_answer(
    transaction: &mut Transaction<'static, Any>,
    request: &KeyedRequest,
    document: &DocumentId,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE idempotency_keys SET document_id = $1 WHERE caller = $2 AND idempotency_key = $3",
    )
    .bind(&document.0)
    .bind(&request.caller.0)
    .bind(&request.key)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
