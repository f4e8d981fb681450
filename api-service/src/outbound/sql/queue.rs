//! The queue: jobs put in, claimed in turns, moved on by the claim's holder,
//! and given back.

use service_kit::clock::Millis;
use sqlx::{Any, Transaction};

use super::{SqlStore, bigint, filters::tags_of_lines, impossible, jobs::OVER, placeholders, sql};
use crate::{
    app::ports::{ClaimLimits, StoreError},
    domain::{
        document::{DocumentId, MediaType},
        job::{ClaimedJob, MAX_ATTEMPTS, Step},
        knowledge_base::KnowledgeBaseId,
    },
};

/// After so many claims, the turns of tenants without open jobs are forgotten.
const FORGET_EVERY: i64 = 256;

type ClaimedRow = (
    String,
    i64,
    i64,
    String,
    String,
    i64,
    String,
    String,
    String,
    String,
    String,
    Vec<u8>,
);

/// A job that is put into the queue.
pub(super) struct QueuedJob<'a> {
    pub(super) id: &'a str,
    pub(super) document_id: &'a str,
    pub(super) version: i64,
    pub(super) run_id: &'a str,
}

/// Puts a job into the queue.
pub(super) async fn queue_job(
    transaction: &mut Transaction<'static, Any>,
    job: QueuedJob<'_>,
    now: Millis,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO jobs (id, document_id, version, run_id, tenant, state, error_code, \
         error_stage, retryable, attempt, chunks, done, embedded, state_since, worker, \
         lease_until, fence, created_at, updated_at) \
         SELECT $1, d.id, $3, $4, CASE WHEN k.owner_id = '' THEN k.id ELSE k.owner_id END, \
         'queued', '', '', 0, 0, 0, 0, 0, $5, '', 0, 0, $5, $5 \
         FROM documents d JOIN knowledge_bases k ON k.id = d.knowledge_base_id WHERE d.id = $2",
    )
    .bind(job.id)
    .bind(job.document_id)
    .bind(job.version)
    .bind(job.run_id)
    .bind(now)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

impl SqlStore {
    pub(super) async fn claim_some(
        &self,
        worker: &str,
        limits: ClaimLimits,
        now: Millis,
        lease: Millis,
    ) -> Result<Vec<ClaimedJob>, StoreError> {
        if !self.any_waits(now).await? {
            return Ok(vec![]);
        }
        self.give_up(now).await?;
        let mut transaction = self.database.begin().await?;
        let (turn,): (i64,) = sqlx::query_as(
            "UPDATE queue_turns SET turn = turn + 1 WHERE tenant = '' RETURNING turn",
        )
        .fetch_one(&mut *transaction)
        .await?;
        let next = next_in_turn(&mut transaction, worker, limits, now).await?;
        if next.is_empty() {
            return Ok(vec![]);
        }
        // The condition is looked at again where a row was locked meanwhile,
        // such as by somebody who cancels the job.
        let text = format!(
            "UPDATE jobs SET state = 'parsing', state_since = $1, worker = $2, lease_until = $3, \
             attempt = attempt + 1, fence = fence + 1, done = 0, updated_at = $1 \
             WHERE lease_until <= $1 AND state NOT IN {OVER} AND id IN ({}) RETURNING id",
            placeholders(4, next.len())
        );
        let mut query = sqlx::query_as::<_, (String,)>(sql(text))
            .bind(now)
            .bind(worker)
            .bind(now + lease);
        for (id, _) in &next {
            query = query.bind(id);
        }
        let ids = query.fetch_all(&mut *transaction).await?;
        for (_, tenant) in &next {
            serve(&mut transaction, tenant, turn).await?;
        }
        if turn % FORGET_EVERY == 0 {
            forget_idle(&mut transaction).await?;
        }
        transaction.commit().await?;
        let ids: Vec<String> = ids.into_iter().map(|(id,)| id).collect();
        if ids.is_empty() {
            return Ok(vec![]);
        }
        self.claimed(&ids).await
    }

    /// Whether there is anything to claim: an idle worker writes nothing.
    async fn any_waits(&self, now: Millis) -> Result<bool, StoreError> {
        let query = format!(
            "SELECT COUNT(*) FROM (SELECT 1 FROM jobs WHERE state NOT IN {OVER} \
             AND lease_until <= $1 LIMIT 1) waiting"
        );
        let (waiting,): (i64,) = sqlx::query_as(sql(query))
            .bind(now)
            .fetch_one(&self.database.pool)
            .await?;
        Ok(waiting > 0)
    }

    /// Ends jobs that were begun too often: each time the process died.
    async fn give_up(&self, now: Millis) -> Result<(), StoreError> {
        let query = format!(
            "UPDATE jobs SET state = 'failed', error_code = 'too_many_attempts', \
             error_stage = state, retryable = 1, state_since = $1, updated_at = $1, \
             fence = fence + 1 WHERE lease_until <= $1 AND attempt >= $2 AND state NOT IN {OVER}"
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
            "SELECT j.id, j.attempt, j.fence, j.tenant, d.id, j.version, d.knowledge_base_id, \
             v.title, d.path, v.tags, v.media_type, v.content FROM jobs j \
             JOIN documents d ON d.id = j.document_id \
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

    pub(super) async fn step(
        &self,
        job: &ClaimedJob,
        step: Step,
        now: Millis,
    ) -> Result<bool, StoreError> {
        let query = format!(
            "UPDATE jobs SET state_since = CASE WHEN state = $1 THEN state_since ELSE $2 END, \
             state = $1, chunks = $3, lease_until = $4, updated_at = $2 \
             WHERE id = $5 AND fence = $6 AND state NOT IN {OVER}"
        );
        let moved = sqlx::query(sql(query))
            .bind(step.state.as_str())
            .bind(now)
            .bind(bigint(step.total))
            .bind(step.lease_until)
            .bind(&job.id)
            .bind(job.fence)
            .execute(&self.database.pool)
            .await?;
        Ok(moved.rows_affected() > 0)
    }

    pub(super) async fn end_as_failed(
        &self,
        job: &ClaimedJob,
        code: &str,
        retryable: bool,
        now: Millis,
    ) -> Result<(), StoreError> {
        let query = format!(
            "UPDATE jobs SET state = 'failed', error_code = $1, error_stage = state, \
             retryable = $2, state_since = $3, updated_at = $3 \
             WHERE id = $4 AND fence = $5 AND state NOT IN {OVER}"
        );
        sqlx::query(sql(query))
            .bind(code)
            .bind(i64::from(retryable))
            .bind(now)
            .bind(&job.id)
            .bind(job.fence)
            .execute(&self.database.pool)
            .await?;
        Ok(())
    }

    pub(super) async fn queue_again(
        &self,
        job: &ClaimedJob,
        until: Millis,
        counts: bool,
    ) -> Result<(), StoreError> {
        let query = format!(
            "UPDATE jobs SET state = 'queued', lease_until = $1, worker = '', \
             fence = fence + 1, attempt = attempt - $2 \
             WHERE id = $3 AND fence = $4 AND state NOT IN {OVER}"
        );
        sqlx::query(sql(query))
            .bind(until)
            .bind(i64::from(!counts))
            .bind(&job.id)
            .bind(job.fence)
            .execute(&self.database.pool)
            .await?;
        Ok(())
    }
}

/// The jobs whose turn it is, with their tenants. A job's place is how many of
/// its tenant's are before it, waiting or under way.
async fn next_in_turn(
    transaction: &mut Transaction<'static, Any>,
    worker: &str,
    limits: ClaimLimits,
    now: Millis,
) -> Result<Vec<(String, String)>, StoreError> {
    let query = format!(
        "SELECT id, tenant FROM (SELECT j.id, j.tenant, COALESCE(t.turn, 0) AS turn, \
         ROW_NUMBER() OVER (PARTITION BY j.tenant ORDER BY j.id) + COALESCE(h.held, 0) AS place, \
         ROW_NUMBER() OVER (PARTITION BY j.tenant ORDER BY j.id) + COALESCE(h.here, 0) AS here \
         FROM jobs j LEFT JOIN queue_turns t ON t.tenant = j.tenant \
         LEFT JOIN (SELECT tenant, COUNT(*) AS held, \
         COUNT(CASE WHEN worker = $1 THEN 1 END) AS here FROM jobs \
         WHERE worker <> '' AND lease_until > $2 AND state NOT IN {OVER} GROUP BY tenant) h \
         ON h.tenant = j.tenant WHERE j.lease_until <= $2 AND j.state NOT IN {OVER}) waiting \
         WHERE here <= $3 ORDER BY place, turn, id LIMIT $4"
    );
    let next = sqlx::query_as(sql(query))
        .bind(worker)
        .bind(now)
        .bind(bigint(limits.of_one_tenant))
        .bind(bigint(limits.jobs))
        .fetch_all(&mut **transaction)
        .await?;
    Ok(next)
}

async fn serve(
    transaction: &mut Transaction<'static, Any>,
    tenant: &str,
    turn: i64,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO queue_turns (tenant, turn) VALUES ($1, $2) \
         ON CONFLICT (tenant) DO UPDATE SET turn = excluded.turn",
    )
    .bind(tenant)
    .bind(turn)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

async fn forget_idle(transaction: &mut Transaction<'static, Any>) -> Result<(), StoreError> {
    let query = format!(
        "DELETE FROM queue_turns WHERE tenant <> '' \
         AND tenant NOT IN (SELECT tenant FROM jobs WHERE state NOT IN {OVER})"
    );
    sqlx::query(sql(query)).execute(&mut **transaction).await?;
    Ok(())
}

fn claimed_job(row: ClaimedRow) -> Result<ClaimedJob, StoreError> {
    let (id, attempt, fence, tenant, document_id, version, base, title, path, tags, kind, content) =
        row;
    let media_type = MediaType::from_name(&kind).ok_or_else(|| impossible(&id, &kind))?;
    Ok(ClaimedJob {
        id,
        attempt,
        fence,
        tenant,
        document_id: DocumentId(document_id),
        version,
        knowledge_base_id: KnowledgeBaseId(base),
        title,
        path,
        tags: tags_of_lines(&tags),
        media_type,
        content,
    })
}
