//! Chunks: kept by the worker, read as passages.

use super::{
    IN_SCOPE, LIVE, MOST_PLACEHOLDERS, SqlStore, bigint, from_bytes, jobs::OVER, lock_document,
    page, placeholders, size, sql, to_bytes,
};
use crate::{
    app::ports::StoreError,
    domain::{
        chunk::{ChunkId, EmbeddedChunk, HEADING_SEPARATOR, Passage},
        document::DocumentId,
        job::ClaimedJob,
        knowledge_base::KnowledgeBaseId,
        principal::Scope,
    },
};

/// What [`passage`] reads of a passage.
const PASSAGE: &str = "SELECT c.id, c.ordinal, d.id, d.external_id, d.title, d.path, c.heading, \
    c.text, c.span_start, c.span_end, c.page";

type PassageRow = (
    String,
    i64,
    String,
    String,
    String,
    String,
    String,
    String,
    i64,
    i64,
    i64,
);

impl SqlStore {
    pub(super) async fn passages_of(
        &self,
        scope: &Scope,
        ids: &[ChunkId],
    ) -> Result<Vec<Passage>, StoreError> {
        self.passages_by(scope, ids, "", "c").await
    }

    pub(super) async fn passages_after(
        &self,
        scope: &Scope,
        ids: &[ChunkId],
    ) -> Result<Vec<Passage>, StoreError> {
        let join = "JOIN chunks before ON before.document_id = c.document_id \
            AND before.version = c.version AND c.ordinal = before.ordinal + 1";
        self.passages_by(scope, ids, join, "before").await
    }

    /// The passages where the chunk that `named` stands for is one of these.
    async fn passages_by(
        &self,
        scope: &Scope,
        ids: &[ChunkId],
        join: &str,
        named: &str,
    ) -> Result<Vec<Passage>, StoreError> {
        let mut passages = Vec::with_capacity(ids.len());
        for ids in ids.chunks(MOST_PLACEHOLDERS) {
            let text = format!(
                "{PASSAGE} FROM {LIVE} JOIN knowledge_bases k ON k.id = d.knowledge_base_id \
                 {join} WHERE {IN_SCOPE} AND {named}.id IN ({})",
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

    pub(super) async fn passages_if_few(
        &self,
        scope: &Scope,
        bases: &[KnowledgeBaseId],
        most: usize,
    ) -> Result<Option<Vec<Passage>>, StoreError> {
        let in_bases = if bases.is_empty() {
            String::new()
        } else {
            format!(" AND k.id IN ({})", placeholders(2, bases.len()))
        };
        // The number stands in the text: where it is an argument, SQLite plans anew
        // each time. The caller has one for all.
        let from = format!(
            "FROM {LIVE} JOIN knowledge_bases k ON k.id = d.knowledge_base_id \
             WHERE {IN_SCOPE}{in_bases} LIMIT {}",
            most + 1
        );
        // Where there are many, which is so for most, none of their texts is read.
        let text = format!("SELECT COUNT(*) FROM (SELECT 1 {from}) AS few");
        let mut query = sqlx::query_scalar::<_, i64>(sql(text)).bind(scope.owner());
        for base in bases {
            query = query.bind(&base.0);
        }
        if query.fetch_one(&self.database.pool).await? > bigint(most) {
            return Ok(None);
        }
        let text = format!("{PASSAGE} {from}");
        let mut query = sqlx::query_as::<_, PassageRow>(sql(text)).bind(scope.owner());
        for base in bases {
            query = query.bind(&base.0);
        }
        let rows = query.fetch_all(&self.database.pool).await?;
        if rows.len() > most {
            return Ok(None);
        }
        let mut passages: Vec<Passage> = rows.into_iter().map(passage).collect();
        passages.sort_by(|one, other| {
            let documents = one.document_id.cmp(&other.document_id);
            documents.then(one.ordinal.cmp(&other.ordinal))
        });
        Ok(Some(passages))
    }

    pub(super) async fn embeddings_of(
        &self,
        job: &ClaimedJob,
        model: &str,
    ) -> Result<Vec<(String, Vec<f32>)>, StoreError> {
        let rows: Vec<(String, Vec<u8>)> = sqlx::query_as(
            "SELECT c.content_hash, e.embedding FROM chunks c \
             JOIN embeddings e ON e.chunk_id = c.id WHERE c.document_id = $1 AND e.model = $2",
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
                 span_start, span_end, page, content_hash) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
                 ON CONFLICT (id) DO UPDATE SET heading = excluded.heading, \
                 text = excluded.text, span_start = excluded.span_start, \
                 span_end = excluded.span_end, page = excluded.page, \
                 content_hash = excluded.content_hash",
            )
            .bind(&chunk.id.0)
            .bind(&job.document_id.0)
            .bind(job.version)
            .bind(bigint(chunk.ordinal))
            .bind(chunk.chunk.headings.join(HEADING_SEPARATOR))
            .bind(&chunk.chunk.text)
            .bind(bigint(chunk.chunk.span.start))
            .bind(bigint(chunk.chunk.span.end))
            .bind(i64::from(chunk.chunk.page.unwrap_or_default()))
            .bind(&chunk.content_hash)
            .execute(&mut *transaction)
            .await?;
            sqlx::query(
                "INSERT INTO embeddings (chunk_id, model, embedding) VALUES ($1, $2, $3) \
                 ON CONFLICT (chunk_id, model) DO UPDATE SET embedding = excluded.embedding",
            )
            .bind(&chunk.id.0)
            .bind(model)
            .bind(to_bytes(&chunk.embedding))
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(true)
    }
}

fn passage(row: PassageRow) -> Passage {
    let (chunk, ordinal, document, external_id, title, path, heading, text, start, end, on) = row;
    Passage {
        chunk_id: ChunkId(chunk),
        document_id: DocumentId(document),
        external_id,
        title,
        path,
        heading,
        text,
        span: size(start)..size(end),
        page: page(on),
        ordinal: Some(ordinal),
        score: 0.0,
    }
}
