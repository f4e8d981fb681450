//! Chunks: kept by the worker, read as passages and as points of the index.

use service_kit::clock::Millis;

use super::{
    IN_SCOPE, MOST_PLACEHOLDERS, SqlStore, bigint, from_bytes,
    jobs::OVER,
    lock_document, placeholders,
    queue::{QueuedJob, queue_job},
    size, sql, to_bytes,
};
use crate::{
    app::ports::StoreError,
    domain::{
        chunk::{ChunkId, EmbeddedChunk, HEADING_SEPARATOR, Passage},
        document::DocumentId,
        index::{IndexPoint, SparseVector},
        job::ClaimedJob,
        knowledge_base::KnowledgeBaseId,
        principal::Scope,
    },
};

/// Only a live version's chunks are ever shown.
const LIVE: &str = "chunks c JOIN documents d ON d.id = c.document_id \
    AND d.live_version = c.version";

type PassageRow = (
    String,
    String,
    String,
    String,
    String,
    String,
    String,
    i64,
    i64,
);

impl SqlStore {
    pub(super) async fn passages_of(
        &self,
        scope: &Scope,
        ids: &[ChunkId],
    ) -> Result<Vec<Passage>, StoreError> {
        let mut passages = Vec::with_capacity(ids.len());
        for ids in ids.chunks(MOST_PLACEHOLDERS) {
            let text = format!(
                "SELECT c.id, d.id, d.external_id, d.title, d.path, c.heading, c.text, \
                 c.span_start, c.span_end FROM {LIVE} \
                 JOIN knowledge_bases k ON k.id = d.knowledge_base_id \
                 WHERE {IN_SCOPE} AND c.id IN ({})",
                placeholders(2, ids.len())
            );
            let mut query = sqlx::query_as::<_, PassageRow>(sql(text)).bind(scope.owner());
            for id in ids {
                query = query.bind(&id.0);
            }
            let rows = query.fetch_all(&self.database.pool).await?;
            passages.extend(rows.into_iter().map(passage));
        }
        Ok(passages)
    }

    pub(super) async fn embeddings_of(
        &self,
        job: &ClaimedJob,
        model: &str,
    ) -> Result<Vec<(String, Vec<f32>)>, StoreError> {
        let rows: Vec<(String, Vec<u8>)> = sqlx::query_as(
            "SELECT content_hash, embedding FROM chunks WHERE document_id = $1 AND model = $2",
        )
        .bind(&job.document_id.0)
        .bind(model)
        .fetch_all(&self.database.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(|(hash, bytes)| (hash, from_bytes(&bytes)))
            .collect())
    }

    pub(super) async fn insert_chunks(
        &self,
        job: &ClaimedJob,
        model: &str,
        chunks: &[EmbeddedChunk],
        embedded: usize,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.database.begin().await?;
        if !lock_document(&mut transaction, &job.document_id).await? {
            return Ok(false);
        }
        let count = format!(
            "UPDATE jobs SET done = done + $1, embedded = embedded + $2 \
             WHERE id = $3 AND fence = $4 AND state NOT IN {OVER}"
        );
        let counted = sqlx::query(sql(count))
            .bind(bigint(chunks.len()))
            .bind(bigint(embedded))
            .bind(&job.id)
            .bind(job.fence)
            .execute(&mut *transaction)
            .await?;
        if counted.rows_affected() == 0 {
            return Ok(false);
        }
        for chunk in chunks {
            sqlx::query(
                "INSERT INTO chunks (id, document_id, version, ordinal, heading, text, \
                 span_start, span_end, content_hash, embedding, model) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
                 ON CONFLICT (id) DO UPDATE SET heading = excluded.heading, \
                 text = excluded.text, span_start = excluded.span_start, \
                 span_end = excluded.span_end, content_hash = excluded.content_hash, \
                 embedding = excluded.embedding, model = excluded.model",
            )
            .bind(&chunk.id.0)
            .bind(&job.document_id.0)
            .bind(job.version)
            .bind(bigint(chunk.ordinal))
            .bind(chunk.chunk.headings.join(HEADING_SEPARATOR))
            .bind(&chunk.chunk.text)
            .bind(bigint(chunk.chunk.span.start))
            .bind(bigint(chunk.chunk.span.end))
            .bind(&chunk.content_hash)
            .bind(to_bytes(&chunk.embedding))
            .bind(model)
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(true)
    }

    pub(super) async fn count_live(&self, model: &str) -> Result<u64, StoreError> {
        let query = format!("SELECT COUNT(*) FROM {LIVE} WHERE c.model = $1");
        let (count,): (i64,) = sqlx::query_as(sql(query))
            .bind(model)
            .fetch_one(&self.database.pool)
            .await?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    pub(super) async fn live_ids(
        &self,
        model: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<ChunkId>, StoreError> {
        let query = format!(
            "SELECT c.id FROM {LIVE} WHERE c.model = $1 AND c.id > $2 ORDER BY c.id LIMIT $3"
        );
        let rows: Vec<(String,)> = sqlx::query_as(sql(query))
            .bind(model)
            .bind(after)
            .bind(bigint(limit))
            .fetch_all(&self.database.pool)
            .await?;
        Ok(rows.into_iter().map(|(id,)| ChunkId(id)).collect())
    }

    pub(super) async fn points_of(
        &self,
        ids: &[ChunkId],
    ) -> Result<Vec<(IndexPoint, String)>, StoreError> {
        type Row = (String, String, i64, String, Vec<u8>, String, String, String);
        let mut points = Vec::with_capacity(ids.len());
        for ids in ids.chunks(MOST_PLACEHOLDERS) {
            let text = format!(
                "SELECT c.id, d.id, c.version, d.knowledge_base_id, c.embedding, d.title, \
                 c.heading, c.text FROM {LIVE} WHERE c.id IN ({})",
                placeholders(1, ids.len())
            );
            let mut query = sqlx::query_as::<_, Row>(sql(text));
            for id in ids {
                query = query.bind(&id.0);
            }
            for row in query.fetch_all(&self.database.pool).await? {
                let (id, document, version, base, embedding, title, heading, text) = row;
                let chunk = crate::domain::chunk::ChunkText {
                    headings: heading
                        .split(HEADING_SEPARATOR)
                        .map(str::to_owned)
                        .collect(),
                    text,
                    span: 0..0,
                };
                let point = IndexPoint {
                    chunk_id: ChunkId(id),
                    document_id: DocumentId(document),
                    version,
                    knowledge_base_id: KnowledgeBaseId(base),
                    dense: from_bytes(&embedding),
                    sparse: SparseVector::default(),
                };
                points.push((point, chunk.indexed_text(&title)));
            }
        }
        Ok(points)
    }

    pub(super) async fn requeue(
        &self,
        model: &str,
        new_id: &(dyn Fn() -> String + Sync),
        now: Millis,
    ) -> Result<usize, StoreError> {
        let mut transaction = self.database.begin().await?;
        let query = format!(
            "SELECT DISTINCT d.id, d.newest_version FROM {LIVE} \
             WHERE c.model <> $1 AND d.newest_version = d.live_version"
        );
        let stale: Vec<(String, i64)> = sqlx::query_as(sql(query))
            .bind(model)
            .fetch_all(&mut *transaction)
            .await?;
        let mut queued = 0;
        for (id, version) in &stale {
            let raised = sqlx::query(
                "UPDATE documents SET newest_version = $1 WHERE id = $2 AND newest_version = $3",
            )
            .bind(version + 1)
            .bind(id)
            .bind(version)
            .execute(&mut *transaction)
            .await?;
            // Another replica that starts, or a new version, was quicker.
            if raised.rows_affected() == 0 {
                continue;
            }
            queued += 1;
            sqlx::query(
                "INSERT INTO document_versions \
                 SELECT document_id, version + 1, title, media_type, content_hash, content \
                 FROM document_versions WHERE document_id = $1 AND version = $2",
            )
            .bind(id)
            .bind(version)
            .execute(&mut *transaction)
            .await?;
            let job = QueuedJob {
                id: &new_id(),
                document_id: id,
                version: version + 1,
                run_id: "",
            };
            queue_job(&mut transaction, job, now).await?;
        }
        transaction.commit().await?;
        Ok(queued)
    }
}

fn passage(row: PassageRow) -> Passage {
    let (chunk_id, document_id, external_id, title, path, heading, text, start, end) = row;
    Passage {
        chunk_id: ChunkId(chunk_id),
        document_id: DocumentId(document_id),
        external_id,
        title,
        path,
        heading,
        text,
        span: size(start)..size(end),
        score: 0.0,
    }
}
