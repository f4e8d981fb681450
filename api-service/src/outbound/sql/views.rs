//! Documents from close by: their chunks and their bytes.

use std::ops::Range;

use async_trait::async_trait;

use super::{IN_SCOPE, LIVE, SqlStore, bigint, impossible, page, size, sql};
use crate::{
    app::ports::{ChunkView, DocumentViews, LONGEST_QUOTED, Original, ShownVersion, StoreError},
    domain::{
        chunk::ChunkId,
        document::{DocumentId, MediaType},
        principal::Scope,
    },
};

/// The version of document `d` that is shown, as `v`.
const SHOWN_VERSION: &str = "document_versions v ON v.document_id = d.id AND v.version = CASE \
    WHEN d.live_version > 0 THEN d.live_version ELSE d.newest_version END";

type ChunkRow = (String, i64, String, String, i64, i64, i64);

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
            "SELECT c.id, c.ordinal, c.heading, c.text, c.span_start, c.span_end, c.page \
             FROM chunks c \
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
            .map(|(id, ordinal, heading, text, start, end, on)| ChunkView {
                id: ChunkId(id),
                ordinal,
                heading,
                text,
                span: size(start)..size(end),
                page: page(on),
            });
        Ok(chunks.collect())
    }

    async fn shown_version(
        &self,
        scope: &Scope,
        id: &DocumentId,
    ) -> Result<Option<ShownVersion>, StoreError> {
        let query = format!(
            "SELECT v.version, v.media_type FROM documents d \
             JOIN knowledge_bases k ON k.id = d.knowledge_base_id \
             JOIN {SHOWN_VERSION} WHERE {IN_SCOPE} AND d.id = $2"
        );
        let row: Option<(i64, String)> = sqlx::query_as(sql(query))
            .bind(scope.owner())
            .bind(&id.0)
            .fetch_optional(&self.database.pool)
            .await?;
        row.map(|(version, name)| {
            let media_type = MediaType::from_name(&name);
            Ok(ShownVersion {
                version,
                media_type: media_type.ok_or_else(|| impossible(&id.0, &name))?,
            })
        })
        .transpose()
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
             JOIN {SHOWN_VERSION} WHERE {IN_SCOPE} AND d.id = $2 AND v.version = $3"
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

    async fn quoted(
        &self,
        scope: &Scope,
        chunk: &ChunkId,
        place: &Range<usize>,
    ) -> Result<Option<String>, StoreError> {
        let query = format!(
            "SELECT v.media_type, \
             substr(v.content, CAST($3 AS INTEGER), CAST($4 AS INTEGER)) \
             FROM {LIVE} JOIN knowledge_bases k ON k.id = d.knowledge_base_id \
             JOIN document_versions v ON v.document_id = d.id AND v.version = d.live_version \
             WHERE {IN_SCOPE} AND c.id = $2"
        );
        let row: Option<(String, Vec<u8>)> = sqlx::query_as(sql(query))
            .bind(scope.owner())
            .bind(&chunk.0)
            // Bytes are counted from 1.
            .bind(bigint(place.start + 1))
            .bind(bigint(place.len().min(LONGEST_QUOTED)))
            .fetch_optional(&self.database.pool)
            .await?;
        let in_place =
            |name: &str| MediaType::from_name(name).is_some_and(MediaType::is_read_in_place);
        Ok(row
            .filter(|(media_type, _)| in_place(media_type))
            .and_then(|(_, bytes)| text_of(bytes)))
    }
}

/// Bytes as text, but for a letter that was cut at the end.
fn text_of(mut bytes: Vec<u8>) -> Option<String> {
    if let Err(error) = std::str::from_utf8(&bytes)
        && error.error_len().is_none()
    {
        bytes.truncate(error.valid_up_to());
    }
    String::from_utf8(bytes).ok()
}
