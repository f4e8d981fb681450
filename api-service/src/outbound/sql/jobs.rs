//! Jobs: looked at, cancelled, tried again, published.

use async_trait::async_trait;
use service_kit::clock::Millis;
use sqlx::{Any, Row, Transaction};

use super::{
    IN_SCOPE, SqlStore, bigint, filters::set_tags, impossible, knowledge_bases::writable,
    lock_document, size, sql,
};
use crate::{
    app::ports::{ClaimLimits, JobStore, Labels, Page, Published, Refused, StoreError},
    domain::{
        chunk::EmbeddedChunk,
        document::DocumentId,
        job::{ClaimedJob, Failure, Job, JobCounts, JobState, Step},
        knowledge_base::KnowledgeBaseId,
        principal::Scope,
    },
};

/// The states in which nothing more will happen.
pub(super) const OVER: &str = "('ready', 'failed', 'cancelled')";

/// What [`job`] reads of a job `j`.
pub(super) const JOB_COLUMNS: &str = "j.id AS job_id, j.document_id AS job_document_id, \
    j.state AS job_state, j.error_code, j.error_stage, j.retryable, j.attempt, j.chunks, j.done, \
    j.embedded, j.state_since, j.created_at AS job_created_at, j.updated_at AS job_updated_at";

/// A job and what decides who sees it.
const TABLES: &str = "jobs j JOIN documents d ON d.id = j.document_id \
    JOIN knowledge_bases k ON k.id = d.knowledge_base_id";

#[async_trait]
impl JobStore for SqlStore {
    async fn get(&self, scope: &Scope, id: &str) -> Result<Option<Job>, StoreError> {
        let query = format!("SELECT {JOB_COLUMNS} FROM {TABLES} WHERE {IN_SCOPE} AND j.id = $2");
        let row = sqlx::query(sql(query))
            .bind(scope.owner())
            .bind(id)
            .fetch_optional(&self.database.pool)
            .await?;
        row.as_ref().map(job).transpose()
    }

    async fn list(&self, scope: &Scope, page: &Page) -> Result<Vec<Job>, StoreError> {
        let query = format!(
            "SELECT {JOB_COLUMNS} FROM {TABLES} WHERE {IN_SCOPE} AND j.id > $2 \
             ORDER BY j.id LIMIT $3"
        );
        let rows = sqlx::query(sql(query))
            .bind(scope.owner())
            .bind(&page.after)
            .bind(bigint(page.limit))
            .fetch_all(&self.database.pool)
            .await?;
        rows.iter().map(job).collect()
    }

    async fn cancel(&self, scope: &Scope, id: &str, now: Millis) -> Result<bool, Refused> {
        let mut transaction = self.database.begin().await?;
        writable_job(&mut transaction, scope, id).await?;
        let query = format!(
            "UPDATE jobs SET state = 'cancelled', state_since = $2, updated_at = $2, \
             fence = fence + 1 WHERE id = $1 AND state NOT IN {OVER}"
        );
        let cancelled = sqlx::query(sql(query))
            .bind(id)
            .bind(now)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(cancelled.rows_affected() > 0)
    }

    async fn retry(&self, scope: &Scope, id: &str, now: Millis) -> Result<bool, Refused> {
        let mut transaction = self.database.begin().await?;
        let document = writable_job(&mut transaction, scope, id).await?;
        // So that no newer version comes while it is looked for one.
        if !lock_document(&mut transaction, &document).await? {
            return Err(Refused::Missing);
        }
        let queued = sqlx::query(
            "UPDATE jobs SET state = 'queued', error_code = '', error_stage = '', retryable = 0, \
             attempt = 0, done = 0, worker = '', lease_until = 0, fence = fence + 1, \
             state_since = $2, updated_at = $2 \
             WHERE id = $1 AND state IN ('failed', 'cancelled') \
             AND version = (SELECT newest_version FROM documents WHERE id = document_id)",
        )
        .bind(id)
        .bind(now)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(queued.rows_affected() > 0)
    }

    async fn claim(
        &self,
        worker: &str,
        limits: ClaimLimits,
        now: Millis,
        lease: Millis,
    ) -> Result<Vec<ClaimedJob>, StoreError> {
        self.claim_some(worker, limits, now, lease).await
    }

    async fn advance(&self, job: &ClaimedJob, step: Step, now: Millis) -> Result<bool, StoreError> {
        self.step(job, step, now).await
    }

    async fn fail(
        &self,
        job: &ClaimedJob,
        code: &str,
        retryable: bool,
        now: Millis,
    ) -> Result<(), StoreError> {
        self.end_as_failed(job, code, retryable, now).await
    }

    async fn put_off(
        &self,
        job: &ClaimedJob,
        until: Millis,
        counts: bool,
    ) -> Result<(), StoreError> {
        self.queue_again(job, until, counts).await
    }

    async fn release(&self, worker: &str) -> Result<(), StoreError> {
        let query = format!(
            "UPDATE jobs SET state = 'queued', lease_until = 0, worker = '', \
             fence = fence + 1, attempt = attempt - 1 WHERE worker = $1 AND state NOT IN {OVER}"
        );
        sqlx::query(sql(query))
            .bind(worker)
            .execute(&self.database.pool)
            .await?;
        Ok(())
    }

    async fn release_all(&self) -> Result<(), StoreError> {
        let query = format!(
            "UPDATE jobs SET state = 'queued', lease_until = 0, worker = '', \
             fence = fence + 1 WHERE worker <> '' AND state NOT IN {OVER}"
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
        embedded: usize,
    ) -> Result<bool, StoreError> {
        self.insert_chunks(job, model, chunks, embedded).await
    }

    async fn publish(
        &self,
        job: &ClaimedJob,
        model: &str,
        labels: &Labels,
        now: Millis,
    ) -> Result<Published, StoreError> {
        self.publish_version(job, model, labels, now).await
    }

    async fn adopt(
        &self,
        scope: &Scope,
        base: &KnowledgeBaseId,
        run_id: &str,
    ) -> Result<usize, StoreError> {
        let query = format!(
            "UPDATE jobs SET run_id = $3 WHERE state NOT IN {OVER} AND document_id IN \
             (SELECT d.id FROM documents d JOIN knowledge_bases k ON k.id = d.knowledge_base_id \
             WHERE {IN_SCOPE} AND k.id = $2)"
        );
        let adopted = sqlx::query(sql(query))
            .bind(scope.owner())
            .bind(&base.0)
            .bind(run_id)
            .execute(&self.database.pool)
            .await?;
        Ok(usize::try_from(adopted.rows_affected()).unwrap_or(usize::MAX))
    }

    async fn counts(&self, scope: &Scope, run_id: &str) -> Result<JobCounts, StoreError> {
        let query = format!(
            "SELECT j.state, COUNT(*), CAST(SUM(j.chunks) AS BIGINT) FROM {TABLES} \
             WHERE {IN_SCOPE} AND j.run_id = $2 GROUP BY j.state"
        );
        let rows: Vec<(String, i64, i64)> = sqlx::query_as(sql(query))
            .bind(scope.owner())
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

    async fn failures(
        &self,
        scope: &Scope,
        run_id: &str,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let query = format!(
            "SELECT d.path, j.error_code FROM {TABLES} \
             WHERE {IN_SCOPE} AND j.run_id = $2 AND j.state = 'failed' ORDER BY d.path"
        );
        Ok(sqlx::query_as(sql(query))
            .bind(scope.owner())
            .bind(run_id)
            .fetch_all(&self.database.pool)
            .await?)
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
}

impl SqlStore {
    async fn publish_version(
        &self,
        job: &ClaimedJob,
        model: &str,
        labels: &Labels,
        now: Millis,
    ) -> Result<Published, StoreError> {
        let mut transaction = self.database.begin().await?;
        if !lock_document(&mut transaction, &job.document_id).await? {
            return Ok(Published::Unwanted);
        }
        if !lock_active_model(&mut transaction, model).await? {
            return Ok(Published::OtherModel);
        }
        let query = format!(
            "UPDATE jobs SET state = 'ready', state_since = $1, updated_at = $1, lease_until = 0, \
             chunks = (SELECT COUNT(*) FROM chunks c WHERE c.document_id = $2 AND c.version = $3) \
             WHERE id = $4 AND fence = $5 AND state NOT IN {OVER}"
        );
        let ended = sqlx::query(sql(query))
            .bind(now)
            .bind(&job.document_id.0)
            .bind(job.version)
            .bind(&job.id)
            .bind(job.fence)
            .execute(&mut *transaction)
            .await?;
        if ended.rows_affected() == 0 {
            return why_not_published(&mut transaction, &job.id).await;
        }
        sqlx::query("UPDATE documents SET live_version = $1, title = $2 WHERE id = $3")
            .bind(job.version)
            .bind(&labels.title)
            .bind(&job.document_id.0)
            .execute(&mut *transaction)
            .await?;
        set_tags(&mut transaction, &job.document_id, &labels.tags).await?;
        if job.version > 1 {
            self.drop_older(&mut transaction, job).await?;
        }
        transaction.commit().await?;
        Ok(Published::Done)
    }

    async fn drop_older(
        &self,
        transaction: &mut Transaction<'static, Any>,
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

/// The document of a job whose knowledge base may be written to in `scope`. The
/// base stays locked until the transaction ends.
async fn writable_job(
    transaction: &mut Transaction<'static, Any>,
    scope: &Scope,
    id: &str,
) -> Result<DocumentId, Refused> {
    let query = format!("SELECT k.id, d.id FROM {TABLES} WHERE {IN_SCOPE} AND j.id = $2");
    let row: Option<(String, String)> = sqlx::query_as(sql(query))
        .bind(scope.owner())
        .bind(id)
        .fetch_optional(&mut **transaction)
        .await?;
    let (base, document) = row.ok_or(Refused::Missing)?;
    writable(transaction, scope, &KnowledgeBaseId(base)).await?;
    Ok(DocumentId(document))
}

/// Locks the model that answers come from, so that it stays the one until the
/// transaction ends; `false` where it is another one.
async fn lock_active_model(
    transaction: &mut Transaction<'static, Any>,
    model: &str,
) -> Result<bool, StoreError> {
    let locked = sqlx::query(
        "UPDATE embedding_models SET state = state WHERE fingerprint = $1 AND state = 'active'",
    )
    .bind(model)
    .execute(&mut **transaction)
    .await?;
    Ok(locked.rows_affected() > 0)
}

async fn why_not_published(
    transaction: &mut Transaction<'static, Any>,
    id: &str,
) -> Result<Published, StoreError> {
    let state: Option<(String,)> = sqlx::query_as("SELECT state FROM jobs WHERE id = $1")
        .bind(id)
        .fetch_optional(&mut **transaction)
        .await?;
    Ok(match state.as_ref().map(|(state,)| state.as_str()) {
        None | Some("cancelled" | "failed") => Published::Unwanted,
        Some(_) => Published::TakenOver,
    })
}

/// The job of a row with [`JOB_COLUMNS`].
pub(super) fn job(row: &sqlx::any::AnyRow) -> Result<Job, StoreError> {
    let id: String = row.try_get("job_id")?;
    let state: String = row.try_get("job_state")?;
    let known = |word: &str| JobState::from_word(word).ok_or_else(|| impossible(&id, word));
    let state = known(&state)?;
    let failure = if state == JobState::Failed {
        let failed_in: String = row.try_get("error_stage")?;
        let retryable: i64 = row.try_get("retryable")?;
        Some(Failure {
            code: row.try_get("error_code")?,
            stage: known(&failed_in)?,
            retryable: retryable != 0,
        })
    } else {
        None
    };
    let count = |column: &str| row.try_get::<i64, _>(column).map(size);
    Ok(Job {
        document_id: DocumentId(row.try_get("job_document_id")?),
        state,
        failure,
        attempt: row.try_get("attempt")?,
        total: count("chunks")?,
        done: count("done")?,
        embedded: count("embedded")?,
        state_since: row.try_get("state_since")?,
        created_at: row.try_get("job_created_at")?,
        updated_at: row.try_get("job_updated_at")?,
        id,
    })
}
