//! Sources: seen and changed by those who may write to their knowledge base,
//! synced by one worker at a time, held by a lease.

mod rows;
mod syncing;

use async_trait::async_trait;
use service_kit::clock::Millis;
use sqlx::{Any, Transaction};

use super::{SqlStore, bigint, knowledge_bases::writable, size, sql};
use crate::{
    app::ports::{KnownPage, NewPage, NewSource, Page, Refused, SourceStore, StoreError},
    domain::{
        document::Change,
        knowledge_base::KnowledgeBaseId,
        principal::Scope,
        quota::Quota,
        source::{
            ClaimedSource, MAX_SOURCES, Marks, Source, SourceId, SourceSettings, SourceSync,
            SyncReport,
        },
    },
};
use rows::{SEEN, from_row, lines};
use syncing::note_page;

/// The due time of a source that is synced when it is asked for alone.
const NEVER: Millis = Millis::MAX;

/// The condition that documents may be put into knowledge base `k` in a scope
/// whose owner is `$1` and that manages public knowledge where `$2` is 1: what
/// [`KnowledgeBase::writable`](crate::domain::knowledge_base::KnowledgeBase::writable)
/// says, for rows.
const WRITABLE: &str = "((k.visibility <> 'private' AND $2 = 1) OR ($1 <> '' \
    AND k.visibility <> 'public' AND (k.owner_id = $1 OR EXISTS (SELECT 1 \
    FROM knowledge_base_shares held WHERE held.knowledge_base_id = k.id \
    AND held.user_id = $1 AND held.role = 'editor'))))";

/// The same of the knowledge base of a row of `sources`.
fn of_writable_base() -> String {
    format!(
        "EXISTS (SELECT 1 FROM knowledge_bases k \
         WHERE k.id = sources.knowledge_base_id AND {WRITABLE})"
    )
}

/// The documents that source `$1` brought and nobody else brings: an address
/// between the two is added where it matters.
const BROUGHT: &str = "origin = 'source' AND knowledge_base_id = \
    (SELECT knowledge_base_id FROM sources WHERE id = $1) \
    AND external_id IN (SELECT p.address FROM source_pages p WHERE p.source_id = $1 \
    AND NOT EXISTS (SELECT 1 FROM source_pages other JOIN sources o ON o.id = other.source_id \
    WHERE other.address = p.address AND o.id <> $1 AND o.knowledge_base_id = \
    (SELECT knowledge_base_id FROM sources WHERE id = $1)))";

/// Deletes what source `$1` brought and `more` says; gives how many documents.
async fn delete_brought(
    transaction: &mut Transaction<'static, Any>,
    source: &SourceId,
    more: &str,
    address: &str,
) -> Result<u64, sqlx::Error> {
    let garbage = format!(
        "INSERT INTO index_garbage (document_id, upto_version) \
         SELECT id, newest_version FROM documents WHERE {BROUGHT} AND {more} \
         ON CONFLICT DO NOTHING"
    );
    let delete = format!("DELETE FROM documents WHERE {BROUGHT} AND {more}");
    let mut deleted = 0;
    for statement in [garbage, delete] {
        let done = sqlx::query(sql(statement))
            .bind(&source.0)
            .bind(address)
            .execute(&mut **transaction)
            .await?;
        deleted = done.rows_affected();
    }
    Ok(deleted)
}

#[async_trait]
impl SourceStore for SqlStore {
    async fn create_source(&self, scope: &Scope, source: NewSource) -> Result<(), Refused> {
        let mut transaction = self.database.begin().await?;
        let base = writable(&mut transaction, scope, &source.knowledge_base_id).await?;
        let (there,): (i64,) =
            sqlx::query_as("SELECT COUNT(*) FROM sources WHERE knowledge_base_id = $1")
                .bind(&base.id.0)
                .fetch_one(&mut *transaction)
                .await?;
        if size(there) >= MAX_SOURCES {
            return Err(Refused::TooMany);
        }
        let settings = &source.settings;
        sqlx::query(
            "INSERT INTO sources (id, knowledge_base_id, kind, addresses, include, exclude, \
             every_seconds, state, due_at, worker, lease_until, created_at, started_at, \
             finished_at, created, updated, unchanged, removed, refused, error_code, error_detail) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, 'idle', $8, '', 0, $8, 0, 0, 0, 0, 0, 0, 0, \
             '', '')",
        )
        .bind(&source.id.0)
        .bind(&base.id.0)
        .bind(settings.kind.as_str())
        .bind(lines(&settings.addresses))
        .bind(lines(&settings.include))
        .bind(lines(&settings.exclude))
        .bind(settings.every_seconds)
        .bind(source.created_at)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn sources(
        &self,
        scope: &Scope,
        base: Option<&KnowledgeBaseId>,
        page: &Page,
    ) -> Result<Vec<Source>, StoreError> {
        let query = format!(
            "{SEEN} WHERE {WRITABLE} AND s.id > $3 AND ($4 = '' OR k.id = $4) \
             ORDER BY s.id LIMIT $5"
        );
        let rows = sqlx::query(sql(query))
            .bind(scope.owner())
            .bind(i64::from(scope.manages_public()))
            .bind(&page.after)
            .bind(base.map_or("", |base| base.0.as_str()))
            .bind(bigint(page.limit))
            .fetch_all(&self.database.pool)
            .await?;
        let mut sources = Vec::with_capacity(rows.len());
        for row in rows {
            sources.push(self.with_refusals(from_row(&row)?).await?);
        }
        Ok(sources)
    }

    async fn source(&self, scope: &Scope, id: &SourceId) -> Result<Option<Source>, StoreError> {
        let query = format!("{SEEN} WHERE {WRITABLE} AND s.id = $3");
        let row = sqlx::query(sql(query))
            .bind(scope.owner())
            .bind(i64::from(scope.manages_public()))
            .bind(&id.0)
            .fetch_optional(&self.database.pool)
            .await?;
        match row {
            Some(row) => Ok(Some(self.with_refusals(from_row(&row)?).await?)),
            None => Ok(None),
        }
    }

    async fn change_source(
        &self,
        scope: &Scope,
        id: &SourceId,
        settings: &SourceSettings,
        now: Millis,
    ) -> Result<bool, StoreError> {
        let query = format!(
            "UPDATE sources SET addresses = $4, include = $5, exclude = $6, every_seconds = $7, \
             due_at = $8 WHERE id = $3 AND {}",
            of_writable_base()
        );
        let changed = sqlx::query(sql(query))
            .bind(scope.owner())
            .bind(i64::from(scope.manages_public()))
            .bind(&id.0)
            .bind(lines(&settings.addresses))
            .bind(lines(&settings.include))
            .bind(lines(&settings.exclude))
            .bind(settings.every_seconds)
            .bind(now)
            .execute(&self.database.pool)
            .await?;
        Ok(changed.rows_affected() > 0)
    }

    async fn request_sync(
        &self,
        scope: &Scope,
        id: &SourceId,
        now: Millis,
    ) -> Result<bool, StoreError> {
        let query = format!(
            "UPDATE sources SET due_at = CASE WHEN due_at < $4 THEN due_at ELSE $4 END \
             WHERE id = $3 AND {}",
            of_writable_base()
        );
        let due = sqlx::query(sql(query))
            .bind(scope.owner())
            .bind(i64::from(scope.manages_public()))
            .bind(&id.0)
            .bind(now)
            .execute(&self.database.pool)
            .await?;
        Ok(due.rows_affected() > 0)
    }

    async fn delete_source(&self, scope: &Scope, id: &SourceId) -> Result<bool, StoreError> {
        let mut transaction = self.database.begin().await?;
        // Locks it: no page comes after its documents went.
        let query = format!(
            "UPDATE sources SET worker = '' WHERE id = $3 AND {}",
            of_writable_base()
        );
        let found = sqlx::query(sql(query))
            .bind(scope.owner())
            .bind(i64::from(scope.manages_public()))
            .bind(&id.0)
            .execute(&mut *transaction)
            .await?;
        if found.rows_affected() == 0 {
            return Ok(false);
        }
        delete_brought(&mut transaction, id, "$2 = ''", "").await?;
        sqlx::query("DELETE FROM sources WHERE id = $1")
            .bind(&id.0)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(true)
    }

    async fn claim_source(
        &self,
        worker: &str,
        now: Millis,
        lease: Millis,
    ) -> Result<Option<ClaimedSource>, StoreError> {
        self.claim_due_source(worker, now, lease).await
    }

    async fn known_pages(&self, source: &ClaimedSource) -> Result<Vec<KnownPage>, StoreError> {
        self.pages_of(source).await
    }

    async fn take_page(
        &self,
        source: &ClaimedSource,
        page: NewPage,
        quota: Quota,
        now: Millis,
    ) -> Result<Change, Refused> {
        self.put_page(source, &page, quota, now).await
    }

    async fn keep_page(
        &self,
        source: &ClaimedSource,
        address: &str,
        marks: &Marks,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.database.begin().await?;
        let noted = note_page(&mut transaction, &source.id, address, marks).await?;
        transaction.commit().await?;
        Ok(noted)
    }

    async fn drop_page(&self, source: &ClaimedSource, address: &str) -> Result<bool, StoreError> {
        let mut transaction = self.database.begin().await?;
        let deleted =
            delete_brought(&mut transaction, &source.id, "external_id = $2", address).await?;
        sqlx::query("DELETE FROM source_pages WHERE source_id = $1 AND address = $2")
            .bind(&source.id.0)
            .bind(address)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(deleted > 0)
    }

    async fn renew_source(
        &self,
        source: &ClaimedSource,
        report: &SyncReport,
        lease_until: Millis,
    ) -> Result<bool, StoreError> {
        self.note_progress(source, report, lease_until).await
    }

    async fn finish_source(
        &self,
        source: &ClaimedSource,
        sync: &SourceSync,
    ) -> Result<(), StoreError> {
        self.end_sync(source, sync).await
    }

    async fn release_sources(&self, worker: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE sources SET lease_until = 0 WHERE worker = $1 AND state = 'syncing'")
            .bind(worker)
            .execute(&self.database.pool)
            .await?;
        Ok(())
    }

    async fn release_all_sources(&self) -> Result<(), StoreError> {
        sqlx::query("UPDATE sources SET lease_until = 0 WHERE state = 'syncing'")
            .execute(&self.database.pool)
            .await?;
        Ok(())
    }

    async fn is_there(&self, id: &SourceId) -> Result<bool, StoreError> {
        let found: Option<(String,)> = sqlx::query_as("SELECT id FROM sources WHERE id = $1")
            .bind(&id.0)
            .fetch_optional(&self.database.pool)
            .await?;
        Ok(found.is_some())
    }
}
