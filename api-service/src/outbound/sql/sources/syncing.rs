//! What is read and written of a source by who has claimed it.

use service_kit::clock::Millis;
use sqlx::{Any, Row, Transaction};

use super::{NEVER, rows::settings};
use crate::{
    app::ports::{KnownPage, NewPage, Refused, StoreError},
    domain::{
        document::Change,
        knowledge_base::KnowledgeBaseId,
        quota::Quota,
        source::{ClaimedSource, Marks, SourceId, SourceState, SourceSync, SyncReport},
    },
    outbound::sql::{SqlStore, bigint, documents::put_one, knowledge_bases::hold_to},
};

type PageRow = (String, String, String, String, i64);

/// How long a claim holds while it is ended, in milliseconds.
const TO_END: Millis = 60_000;

impl SqlStore {
    pub(super) async fn claim_due_source(
        &self,
        worker: &str,
        now: Millis,
        lease: Millis,
    ) -> Result<Option<ClaimedSource>, StoreError> {
        let mut transaction = self.database.begin().await?;
        // The outer condition is looked at again when a row was locked by
        // another claim: that is what keeps two workers from one source.
        let row = sqlx::query(
            "UPDATE sources SET state = 'syncing', worker = $1, lease_until = $2, \
             started_at = $3, finished_at = 0, created = 0, updated = 0, unchanged = 0, \
             removed = 0, refused = 0, error_code = '', error_detail = '', \
             due_at = CASE WHEN every_seconds > 0 THEN $3 + every_seconds * 1000 ELSE $4 END \
             WHERE lease_until <= $3 AND (due_at <= $3 OR state = 'syncing') AND id = \
             (SELECT s.id FROM sources s JOIN knowledge_bases k ON k.id = s.knowledge_base_id \
             WHERE s.lease_until <= $3 AND (s.due_at <= $3 OR s.state = 'syncing') \
             AND NOT EXISTS (SELECT 1 FROM sources busy JOIN knowledge_bases theirs \
             ON theirs.id = busy.knowledge_base_id WHERE theirs.owner_id = k.owner_id \
             AND busy.lease_until > $3) ORDER BY s.due_at, s.id LIMIT 1) \
             RETURNING id, knowledge_base_id, kind, addresses, include, exclude, every_seconds",
        )
        .bind(worker)
        .bind(now + lease)
        .bind(now)
        .bind(NEVER)
        .fetch_optional(&mut *transaction)
        .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let source = ClaimedSource {
            id: SourceId(row.try_get("id")?),
            worker: worker.to_owned(),
            knowledge_base_id: KnowledgeBaseId(row.try_get("knowledge_base_id")?),
            settings: settings(&row)?,
            started_at: now,
        };
        sqlx::query("DELETE FROM source_refusals WHERE source_id = $1")
            .bind(&source.id.0)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(Some(source))
    }

    pub(super) async fn pages_of(
        &self,
        source: &ClaimedSource,
    ) -> Result<Vec<KnownPage>, StoreError> {
        let rows: Vec<PageRow> = sqlx::query_as(
            "SELECT p.address, p.etag, p.last_modified, p.lastmod, \
             CASE WHEN j.state IS NULL OR j.state IN ('failed', 'cancelled') THEN 0 ELSE 1 END \
             FROM source_pages p \
             LEFT JOIN documents d ON d.external_id = p.address AND d.knowledge_base_id = $2 \
             LEFT JOIN jobs j ON j.document_id = d.id AND j.version = d.newest_version \
             WHERE p.source_id = $1",
        )
        .bind(&source.id.0)
        .bind(&source.knowledge_base_id.0)
        .fetch_all(&self.database.pool)
        .await?;
        let pages = rows
            .into_iter()
            .map(|(address, etag, last_modified, lastmod, holds)| {
                let marks = Marks {
                    etag,
                    last_modified,
                    lastmod,
                };
                KnownPage {
                    address,
                    marks: if holds == 1 { marks } else { Marks::default() },
                }
            });
        Ok(pages.collect())
    }

    pub(super) async fn put_page(
        &self,
        source: &ClaimedSource,
        page: &NewPage,
        quota: Quota,
        now: Millis,
    ) -> Result<Change, Refused> {
        let mut transaction = self.database.begin().await?;
        let NewPage { document, marks } = page;
        // Bases are locked before all that belongs to them.
        let base: Option<(String,)> = sqlx::query_as(
            "UPDATE knowledge_bases SET name = name WHERE id = $1 RETURNING owner_id",
        )
        .bind(&source.knowledge_base_id.0)
        .fetch_optional(&mut *transaction)
        .await?;
        let (owner,) = base.ok_or(Refused::Missing)?;
        let ours = sqlx::query("UPDATE sources SET worker = worker WHERE id = $1 AND worker = $2")
            .bind(&source.id.0)
            .bind(&source.worker)
            .execute(&mut *transaction)
            .await?;
        if ours.rows_affected() == 0 {
            return Err(Refused::Missing);
        }
        note_page(&mut transaction, &source.id, &document.external_id, marks).await?;
        let taken = put_one(&mut transaction, document, now).await?;
        if taken.change != Change::Unchanged {
            hold_to(quota, &mut transaction, &owner).await?;
        }
        transaction.commit().await?;
        Ok(taken.change)
    }

    pub(super) async fn note_progress(
        &self,
        source: &ClaimedSource,
        report: &SyncReport,
        lease_until: Millis,
    ) -> Result<bool, StoreError> {
        let noted = sqlx::query(
            "UPDATE sources SET lease_until = $3, created = $4, updated = $5, unchanged = $6, \
             removed = $7, refused = $8 WHERE id = $1 AND worker = $2 AND state = 'syncing'",
        )
        .bind(&source.id.0)
        .bind(&source.worker)
        .bind(lease_until)
        .bind(bigint(report.created))
        .bind(bigint(report.updated))
        .bind(bigint(report.unchanged))
        .bind(bigint(report.removed))
        .bind(bigint(report.refused_count))
        .execute(&self.database.pool)
        .await?;
        Ok(noted.rows_affected() > 0)
    }

    pub(super) async fn end_sync(
        &self,
        source: &ClaimedSource,
        sync: &SourceSync,
    ) -> Result<(), StoreError> {
        let finished_at = sync.finished_at.unwrap_or(source.started_at);
        let until = finished_at + TO_END;
        if !self.note_progress(source, &sync.report, until).await? {
            return Ok(());
        }
        let (state, code, detail) = match &sync.failure {
            None => (SourceState::Idle, "", ""),
            Some(failure) => (SourceState::Failed, &*failure.code, &*failure.detail),
        };
        let mut transaction = self.database.begin().await?;
        let ended = sqlx::query(
            "UPDATE sources SET state = $3, finished_at = $4, error_code = $5, \
             error_detail = $6, worker = '', lease_until = 0 WHERE id = $1 AND worker = $2",
        )
        .bind(&source.id.0)
        .bind(&source.worker)
        .bind(state.as_str())
        .bind(finished_at)
        .bind(code)
        .bind(detail)
        .execute(&mut *transaction)
        .await?;
        if ended.rows_affected() == 0 {
            return Ok(());
        }
        for (number, page) in (0..).zip(&sync.report.refused) {
            let number: i64 = number;
            sqlx::query(
                "INSERT INTO source_refusals (source_id, number, address, code, detail) \
                 VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(&source.id.0)
            .bind(number)
            .bind(&page.address)
            .bind(&page.code)
            .bind(&page.detail)
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}

/// Notes what tells whether a page changed; `false` where the source is gone.
pub(super) async fn note_page(
    transaction: &mut Transaction<'static, Any>,
    source: &SourceId,
    address: &str,
    marks: &Marks,
) -> Result<bool, sqlx::Error> {
    let noted = sqlx::query(
        "INSERT INTO source_pages (source_id, address, etag, last_modified, lastmod) \
         SELECT id, $2, $3, $4, $5 FROM sources WHERE id = $1 \
         ON CONFLICT (source_id, address) DO UPDATE SET etag = excluded.etag, \
         last_modified = excluded.last_modified, lastmod = excluded.lastmod",
    )
    .bind(&source.0)
    .bind(address)
    .bind(&marks.etag)
    .bind(&marks.last_modified)
    .bind(&marks.lastmod)
    .execute(&mut **transaction)
    .await?;
    Ok(noted.rows_affected() > 0)
}
