//! Documents from close by: their chunks and their bytes.

use async_trait::async_trait;

use super::{IN_SCOPE, SqlStore, bigint, size, sql};
use crate::{
    app::ports::{ChunkView, DocumentViews, Original, StoreError},
    domain::{chunk::ChunkId, document::DocumentId, principal::Scope},
};

/// The version of document `d` that is shown.
const SHOWN: &str = "CASE WHEN d.live_version > 0 THEN d.live_version ELSE d.newest_version END";

type ChunkRow = (String, i64, String, String, i64, i64);

#[async_trait]
impl DocumentViews for SqlStore {
    async fn chunks(
        &self,
        scope: &Scope,
        id: &DocumentId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<ChunkView>, StoreError> {
        let query = format!(
            "SELECT c.id, c.ordinal, c.heading, c.text, c.span_start, c.span_end FROM chunks c \
             JOIN documents d ON d.id = c.document_id AND d.live_version = c.version \
             JOIN knowledge_bases k ON k.id = d.knowledge_base_id \
             WHERE {IN_SCOPE} AND d.id = $2 AND c.ordinal > $3 ORDER BY c.ordinal LIMIT $4"
        );
        let rows: Vec<ChunkRow> = sqlx::query_as(sql(query))
            .bind(scope.owner())
            .bind(&id.0)
            .bind(after)
            .bind(bigint(limit))
            .fetch_all(&self.database.pool)
            .await?;
        let chunks = rows
            .into_iter()
            .map(|(id, ordinal, heading, text, start, end)| ChunkView {
                id: ChunkId(id),
                ordinal,
                heading,
                text,
                span: size(start)..size(end),
            });
        Ok(chunks.collect())
    }

    async fn shown_version(
        &self,
        scope: &Scope,
        id: &DocumentId,
    ) -> Result<Option<i64>, StoreError> {
        let query = format!(
            "SELECT {SHOWN} FROM documents d \
             JOIN knowledge_bases k ON k.id = d.knowledge_base_id WHERE {IN_SCOPE} AND d.id = $2"
        );
        let row: Option<(i64,)> = sqlx::query_as(sql(query))
            .bind(scope.owner())
            .bind(&id.0)
            .fetch_optional(&self.database.pool)
            .await?;
        Ok(row.map(|(version,)| version))
    }

    async fn original(
        &self,
        scope: &Scope,
        id: &DocumentId,
        version: i64,
    ) -> Result<Option<Original>, StoreError> {
        let query = format!(
            "SELECT d.path, d.title, v.media_type, v.content FROM documents d \
             JOIN knowledge_bases k ON k.id = d.knowledge_base_id \
             JOIN document_versions v ON v.document_id = d.id AND v.version = {SHOWN} \
             WHERE {IN_SCOPE} AND d.id = $2 AND v.version = $3"
        );
        let row: Option<(String, String, String, Vec<u8>)> = sqlx::query_as(sql(query))
            .bind(scope.owner())
            .bind(&id.0)
            .bind(version)
            .fetch_optional(&self.database.pool)
            .await?;
        Ok(row.map(|(path, title, media_type, bytes)| Original {
            path,
            title,
            media_type,
            bytes,
        }))
    }
}
