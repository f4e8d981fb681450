//! Jobs: claimed by one worker at a time, held by a lease.

use async_trait::async_trait;
use service_kit::clock::Millis;

use super::{IN_SCOPE, SqlStore, bigint, impossible, lock_document, placeholders, size, sql};
use crate::{
    app::ports::{JobStore, StoreError},
    domain::{
        chunk::{ChunkId, EmbeddedChunk},
        document::{DocumentId, MediaType},
        index::IndexPoint,
        job::{ClaimedJob, Job, JobCounts, JobState, MAX_ATTEMPTS},
        knowledge_base::KnowledgeBaseId,
        principal::Scope,
    },
};

/// The states in which nothing more will happen.
const OVER: &str = "('ready', 'failed', 'cancelled')";

type Row = (String, String, String, String, i64, Millis, Millis);
type ClaimedRow = (
    String,
    i64,
    String,
    i64,
    String,
    String,
    String,
    String,
    Vec<u8>,
);

#[async_trait]
impl JobStore for SqlStore {
    async fn get(&self, scope: &Scope, id: &str) -> Result<Option<Job>, StoreError> {
        let query = format!(
            "SELECT j.id, j.document_id, j.state, j.error_code, j.chunks, j.created_at, \
             j.updated_at FROM jobs j JOIN documents d ON d.id = j.document_id \
             JOIN knowledge_bases k ON k.id = d.knowledge_base_id \
             WHERE {IN_SCOPE} AND j.id = $2"
        );
        let row: Option<Row> = sqlx::query_as(sql(query))
            .bind(scope.owner())
            .bind(id)
            .fetch_optional(&self.database.pool)
            .await?;
        row.map(job).transpose()
    }

    async fn claim(
        &self,
        worker: &str,
        limit: usize,
        now: Millis,
        lease: Millis,
    ) -> Result<Vec<ClaimedJob>, StoreError> {
        self.give_up(now).await?;
        // The outer condition is looked at again when a row was locked by
        // another claim: that is what keeps two workers from one job.
        let query = format!(
            "UPDATE jobs SET state = 'parsing', worker = $1, lease_until = $2, \
             attempt = attempt + 1, updated_at = $3 WHERE lease_until <= $3 \
             AND state NOT IN {OVER} AND id IN (SELECT id FROM jobs \
             WHERE lease_until <= $3 AND state NOT IN {OVER} ORDER BY id LIMIT $4) RETURNING id"
        );
        let ids: Vec<(String,)> = sqlx::query_as(sql(query))
            .bind(worker)
            .bind(now + lease)
            .bind(now)
            .bind(bigint(limit))
            .fetch_all(&self.database.pool)
            .await?;
        let ids: Vec<String> = ids.into_iter().map(|(id,)| id).collect();
        if ids.is_empty() {
            Ok(vec![])
        } else {
            self.claimed(&ids).await
        }
    }

    async fn advance(
        &self,
        worker: &str,
        ids: &[String],
        state: JobState,
        lease_until: Millis,
    ) -> Result<Vec<String>, StoreError> {
        let text = format!(
            "UPDATE jobs SET state = $1, lease_until = $2 WHERE worker = $3 \
             AND state NOT IN {OVER} AND id IN ({}) RETURNING id",
            placeholders(4, ids.len())
        );
        let mut query = sqlx::query_as::<_, (String,)>(sql(text))
            .bind(state.as_str())
            .bind(lease_until)
            .bind(worker);
        for id in ids {
            query = query.bind(id);
        }
        let rows = query.fetch_all(&self.database.pool).await?;
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }

    async fn fail(
        &self,
        worker: &str,
        id: &str,
        code: &str,
        now: Millis,
    ) -> Result<(), StoreError> {
        let query = format!(
            "UPDATE jobs SET state = 'failed', error_code = $1, updated_at = $2 \
             WHERE id = $3 AND worker = $4 AND state NOT IN {OVER}"
        );
        sqlx::query(sql(query))
            .bind(code)
            .bind(now)
            .bind(id)
            .bind(worker)
            .execute(&self.database.pool)
            .await?;
        Ok(())
    }

    async fn release(&self, worker: &str) -> Result<(), StoreError> {
        let query = format!(
            "UPDATE jobs SET state = 'queued', lease_until = 0, worker = '', \
             attempt = attempt - 1 WHERE worker = $1 AND state NOT IN {OVER}"
        );
        sqlx::query(sql(query))
            .bind(worker)
            .execute(&self.database.pool)
            .await?;
        Ok(())
    }

    async fn release_all(&self) -> Result<(), StoreError> {
        let query = format!(
            "UPDATE jobs SET state = 'queued', lease_until = 0, worker = '' \
             WHERE lease_until > 0 AND state NOT IN {OVER}"
        );
        sqlx::query(sql(query)).execute(&self.database.pool).await?;
        Ok(())
    }

    async fn known_embeddings(
        &self,
        job: &ClaimedJob,
        model: &str,
    ) -> Result<Vec<(String, Vec<f32>)>, StoreError> {
        self.embeddings_of(job, model).await
    }

    async fn keep_chunks(
        &self,
        job: &ClaimedJob,
        model: &str,
        chunks: &[EmbeddedChunk],
    ) -> Result<(), StoreError> {
        self.insert_chunks(job, model, chunks).await
    }

    async fn publish(
        &self,
        worker: &str,
        job: &ClaimedJob,
        title: &str,
        now: Millis,
    ) -> Result<bool, StoreError> {
        self.publish_version(worker, job, title, now).await
    }

    async fn adopt(&self, base: &KnowledgeBaseId, run_id: &str) -> Result<usize, StoreError> {
        let query = format!(
            "UPDATE jobs SET run_id = $1 WHERE state NOT IN {OVER} AND document_id IN \
             (SELECT id FROM documents WHERE knowledge_base_id = $2)"
        );
        let adopted = sqlx::query(sql(query))
            .bind(run_id)
            .bind(&base.0)
            .execute(&self.database.pool)
            .await?;
        Ok(usize::try_from(adopted.rows_affected()).unwrap_or(usize::MAX))
    }

    async fn counts(&self, run_id: &str) -> Result<JobCounts, StoreError> {
        let rows: Vec<(String, i64, i64)> = sqlx::query_as(
            "SELECT state, COUNT(*), CAST(SUM(chunks) AS BIGINT) FROM jobs \
             WHERE run_id = $1 GROUP BY state",
        )
        .bind(run_id)
        .fetch_all(&self.database.pool)
        .await?;
        let mut counts = JobCounts::default();
        for (state, jobs, chunks) in rows {
            match state.as_str() {
                "ready" => {
                    counts.ready = size(jobs);
                    counts.chunks = size(chunks);
                }
                "failed" => counts.failed = size(jobs),
                "cancelled" => counts.cancelled = size(jobs),
                _ => counts.open += size(jobs),
            }
        }
        Ok(counts)
    }

    async fn failures(&self, run_id: &str) -> Result<Vec<(String, String)>, StoreError> {
        let rows = sqlx::query_as(
            "SELECT d.path, j.error_code FROM jobs j JOIN documents d ON d.id = j.document_id \
             WHERE j.run_id = $1 AND j.state = 'failed' ORDER BY d.path",
        );
        Ok(rows.bind(run_id).fetch_all(&self.database.pool).await?)
    }

    async fn garbage(&self) -> Result<Vec<(DocumentId, i64)>, StoreError> {
        let rows: Vec<(String, i64)> =
            sqlx::query_as("SELECT document_id, upto_version FROM index_garbage LIMIT 100")
                .fetch_all(&self.database.pool)
                .await?;
        Ok(rows
            .into_iter()
            .map(|(id, version)| (DocumentId(id), version))
            .collect())
    }

    async fn cleared(&self, document: &DocumentId, upto: i64) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM index_garbage WHERE document_id = $1 AND upto_version = $2")
            .bind(&document.0)
            .bind(upto)
            .execute(&self.database.pool)
            .await?;
        Ok(())
    }

    async fn live_chunks(&self, model: &str) -> Result<u64, StoreError> {
        self.count_live(model).await
    }

    async fn live_chunk_ids(
        &self,
        model: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<ChunkId>, StoreError> {
        self.live_ids(model, after, limit).await
    }

    async fn points(&self, ids: &[ChunkId]) -> Result<Vec<(IndexPoint, String)>, StoreError> {
        self.points_of(ids).await
    }

    async fn requeue_other_models(
        &self,
        model: &str,
        new_id: &(dyn Fn() -> String + Sync),
        now: Millis,
    ) -> Result<usize, StoreError> {
        self.requeue(model, new_id, now).await
    }
}

impl SqlStore {
    /// Ends jobs that were begun too often: each time the process died.
    async fn give_up(&self, now: Millis) -> Result<(), StoreError> {
        let query = format!(
            "UPDATE jobs SET state = 'failed', error_code = 'too_many_attempts', updated_at = $1 \
             WHERE lease_until <= $1 AND attempt >= $2 AND state NOT IN {OVER}"
        );
        sqlx::query(sql(query))
            .bind(now)
            .bind(MAX_ATTEMPTS)
            .execute(&self.database.pool)
            .await?;
        Ok(())
    }

    async fn claimed(&self, ids: &[String]) -> Result<Vec<ClaimedJob>, StoreError> {
        let text = format!(
            "SELECT j.id, j.attempt, d.id, j.version, d.knowledge_base_id, v.title, d.path, \
             v.media_type, v.content FROM jobs j JOIN documents d ON d.id = j.document_id \
             JOIN document_versions v ON v.document_id = d.id AND v.version = j.version \
             WHERE j.id IN ({}) ORDER BY j.id",
            placeholders(1, ids.len())
        );
        let mut query = sqlx::query_as::<_, ClaimedRow>(sql(text));
        for id in ids {
            query = query.bind(id);
        }
        let rows = query.fetch_all(&self.database.pool).await?;
        rows.into_iter().map(claimed_job).collect()
    }

    async fn publish_version(
        &self,
        worker: &str,
        job: &ClaimedJob,
        title: &str,
        now: Millis,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.database.begin().await?;
        if !lock_document(&mut transaction, &job.document_id).await? {
            return Ok(false);
        }
        let query = format!(
            "UPDATE jobs SET state = 'ready', updated_at = $1, lease_until = 0, chunks = \
             (SELECT COUNT(*) FROM chunks c WHERE c.document_id = $2 AND c.version = $3) \
             WHERE id = $4 AND worker = $5 AND state NOT IN {OVER}"
        );
        let ended = sqlx::query(sql(query))
            .bind(now)
            .bind(&job.document_id.0)
            .bind(job.version)
            .bind(&job.id)
            .bind(worker)
            .execute(&mut *transaction)
            .await?;
        if ended.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query("UPDATE documents SET live_version = $1, title = $2 WHERE id = $3")
            .bind(job.version)
            .bind(title)
            .bind(&job.document_id.0)
            .execute(&mut *transaction)
            .await?;
        if job.version > 1 {
            self.drop_older(&mut transaction, job).await?;
        }
        transaction.commit().await?;
        Ok(true)
    }

    async fn drop_older(
        &self,
        transaction: &mut sqlx::Transaction<'static, sqlx::Any>,
        job: &ClaimedJob,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO index_garbage (document_id, upto_version) VALUES ($1, $2) \
             ON CONFLICT DO NOTHING",
        )
        .bind(&job.document_id.0)
        .bind(job.version - 1)
        .execute(&mut **transaction)
        .await?;
        for statement in [
            "DELETE FROM chunks WHERE document_id = $1 AND version < $2",
            "DELETE FROM document_versions WHERE document_id = $1 AND version < $2",
        ] {
            sqlx::query(statement)
                .bind(&job.document_id.0)
                .bind(job.version)
                .execute(&mut **transaction)
                .await?;
        }
        Ok(())
    }
}

fn job(row: Row) -> Result<Job, StoreError> {
    let (id, document_id, state, error_code, chunks, created_at, updated_at) = row;
    let state = JobState::from_word(&state).ok_or_else(|| impossible(&id, &state))?;
    let (document_id, chunks) = (DocumentId(document_id), size(chunks));
    Ok(Job {
        id,
        document_id,
        state,
        error_code,
        chunks,
        created_at,
        updated_at,
    })
}

fn claimed_job(row: ClaimedRow) -> Result<ClaimedJob, StoreError> {
    let (id, attempt, document_id, version, base, title, path, media_type, content) = row;
    let media_type =
        MediaType::from_name(&media_type).ok_or_else(|| impossible(&id, &media_type))?;
    let content = String::from_utf8(content).map_err(|_| impossible(&id, "bytes, not text"))?;
    Ok(ClaimedJob {
        id,
        attempt,
        document_id: DocumentId(document_id),
        version,
        knowledge_base_id: KnowledgeBaseId(base),
        title,
        path,
        media_type,
        content,
    })
}
