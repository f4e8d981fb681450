//! Documents: taking in, listing, deleting.

use std::collections::BTreeSet;

use async_trait::async_trait;
use service_kit::clock::Millis;
use sqlx::{Any, Row, Transaction};

use super::{
    IN_SCOPE, SqlStore, bigint,
    filters::{set_tags, tag_lines},
    jobs::{JOB_COLUMNS, OVER, job},
    knowledge_bases::{hold_to, writable},
    queue::{QueuedJob, queue_job},
    requests::{is_first, keep_answer, known},
    sql,
};
use crate::{
    app::ports::{DocumentStore, KeyedDocument, Page, Refused, StoreError, Taken, WantedBase},
    domain::{
        chunk::{ChunkId, Passage},
        document::{Change, Document, DocumentId, NewDocument},
        filter::DocumentFilter,
        knowledge_base::{KnowledgeBase, KnowledgeBaseId},
        principal::Scope,
        quota::Quota,
        tags::Tags,
    },
};

const COLUMNS: &str = "d.id, d.knowledge_base_id, k.name, d.external_id, d.title, d.path, \
    d.created_at, d.updated_at, d.live_version";

const TABLES: &str = "documents d JOIN knowledge_bases k ON k.id = d.knowledge_base_id \
    JOIN jobs j ON j.document_id = d.id AND j.version = d.newest_version";

fn from_row(row: &sqlx::any::AnyRow) -> Result<Document, StoreError> {
    let live: i64 = row.try_get("live_version")?;
    Ok(Document {
        id: DocumentId(row.try_get("id")?),
        knowledge_base_id: KnowledgeBaseId(row.try_get("knowledge_base_id")?),
        knowledge_base: row.try_get("name")?,
        external_id: row.try_get("external_id")?,
        title: row.try_get("title")?,
        path: row.try_get("path")?,
        tags: Tags::default(),
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        searchable: live > 0,
        job: job(row)?,
    })
}

#[async_trait]
impl DocumentStore for SqlStore {
    async fn knowledge_bases(&self, scope: &Scope) -> Result<Vec<KnowledgeBase>, StoreError> {
        self.bases_in(scope).await
    }

    async fn knowledge_base(
        &self,
        scope: &Scope,
        wanted: WantedBase,
    ) -> Result<KnowledgeBase, Refused> {
        self.base_or_new(scope, wanted).await
    }

    async fn put(
        &self,
        scope: &Scope,
        documents: Vec<NewDocument>,
        quota: Quota,
        now: Millis,
    ) -> Result<Vec<Taken>, Refused> {
        let mut transaction = self.database.begin().await?;
        let taken = put_all(&mut transaction, scope, &documents, quota, now).await?;
        transaction.commit().await?;
        Ok(taken)
    }

    async fn put_once(
        &self,
        scope: &Scope,
        keyed: KeyedDocument,
        quota: Quota,
        now: Millis,
    ) -> Result<Option<Taken>, Refused> {
        let KeyedDocument { request, document } = keyed;
        let mut transaction = self.database.begin().await?;
        if !is_first(&mut transaction, &request, now).await? {
            return Ok(known(&mut transaction, &request).await?);
        }
        let mut taken = put_all(&mut transaction, scope, &[document], quota, now).await?;
        let taken = taken.pop();
        if let Some(taken) = &taken {
            keep_answer(&mut transaction, &request, &taken.document_id).await?;
        }
        transaction.commit().await?;
        Ok(taken)
    }

    async fn forget_requests(&self, now: Millis) -> Result<(), StoreError> {
        self.forget_keys(now).await
    }

    async fn list(
        &self,
        scope: &Scope,
        base: Option<&KnowledgeBaseId>,
        page: &Page,
    ) -> Result<Vec<Document>, StoreError> {
        let query = format!(
            "SELECT {COLUMNS}, {JOB_COLUMNS} FROM {TABLES} WHERE {IN_SCOPE} AND d.id > $2 \
             AND ($3 = '' OR k.id = $3) ORDER BY d.id LIMIT $4"
        );
        let rows = sqlx::query(sql(query))
            .bind(scope.owner())
            .bind(&page.after)
            .bind(base.map_or("", |base| base.0.as_str()))
            .bind(bigint(page.limit))
            .fetch_all(&self.database.pool)
            .await?;
        let documents = rows.iter().map(from_row).collect::<Result<_, _>>()?;
        self.tagged(documents).await
    }

    async fn get(&self, scope: &Scope, id: &DocumentId) -> Result<Option<Document>, StoreError> {
        let query =
            format!("SELECT {COLUMNS}, {JOB_COLUMNS} FROM {TABLES} WHERE {IN_SCOPE} AND d.id = $2");
        let row = sqlx::query(sql(query))
            .bind(scope.owner())
            .bind(&id.0)
            .fetch_optional(&self.database.pool)
            .await?;
        let document = row.iter().map(from_row).collect::<Result<_, _>>()?;
        Ok(self.tagged(document).await?.pop())
    }

    async fn named(
        &self,
        scope: &Scope,
        base: &KnowledgeBaseId,
        external_id: &str,
    ) -> Result<Option<Document>, StoreError> {
        let query = format!(
            "SELECT {COLUMNS}, {JOB_COLUMNS} FROM {TABLES} \
             WHERE {IN_SCOPE} AND d.knowledge_base_id = $2 AND d.external_id = $3"
        );
        let row = sqlx::query(sql(query))
            .bind(scope.owner())
            .bind(&base.0)
            .bind(external_id)
            .fetch_optional(&self.database.pool)
            .await?;
        let document = row.iter().map(from_row).collect::<Result<_, _>>()?;
        Ok(self.tagged(document).await?.pop())
    }

    async fn directory_hashes(
        &self,
        scope: &Scope,
        base: &KnowledgeBaseId,
    ) -> Result<Vec<(DocumentId, String, String)>, StoreError> {
        let query = format!(
            "SELECT d.id, d.external_id, \
             CASE WHEN j.state IN ('failed', 'cancelled') THEN '' ELSE v.content_hash END FROM documents d \
             JOIN knowledge_bases k ON k.id = d.knowledge_base_id \
             JOIN document_versions v ON v.document_id = d.id AND v.version = d.newest_version \
             JOIN jobs j ON j.document_id = d.id AND j.version = d.newest_version \
             WHERE {IN_SCOPE} AND k.id = $2 AND d.origin = 'directory'"
        );
        let rows: Vec<(String, String, String)> = sqlx::query_as(sql(query))
            .bind(scope.owner())
            .bind(&base.0)
            .fetch_all(&self.database.pool)
            .await?;
        Ok(rows
            .into_iter()
            .map(|(id, path, hash)| (DocumentId(id), path, hash))
            .collect())
    }

    async fn delete(&self, scope: &Scope, id: &DocumentId) -> Result<(), Refused> {
        let mut transaction = self.database.begin().await?;
        let query = format!(
            "SELECT k.id FROM documents d JOIN knowledge_bases k ON k.id = d.knowledge_base_id \
             WHERE {IN_SCOPE} AND d.id = $2"
        );
        let base: Option<(String,)> = sqlx::query_as(sql(query))
            .bind(scope.owner())
            .bind(&id.0)
            .fetch_optional(&mut *transaction)
            .await?;
        let (base,) = base.ok_or(Refused::Missing)?;
        writable(&mut transaction, scope, &KnowledgeBaseId(base)).await?;
        let deleted: Option<(i64,)> =
            sqlx::query_as("DELETE FROM documents WHERE id = $1 RETURNING newest_version")
                .bind(&id.0)
                .fetch_optional(&mut *transaction)
                .await?;
        let (newest,) = deleted.ok_or(Refused::Missing)?;
        sqlx::query(
            "INSERT INTO index_garbage (document_id, upto_version) VALUES ($1, $2) \
             ON CONFLICT DO NOTHING",
        )
        .bind(&id.0)
        .bind(newest)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn passages(&self, scope: &Scope, ids: &[ChunkId]) -> Result<Vec<Passage>, StoreError> {
        self.passages_of(scope, ids).await
    }

    async fn following(&self, scope: &Scope, ids: &[ChunkId]) -> Result<Vec<Passage>, StoreError> {
        self.passages_after(scope, ids).await
    }

    async fn all_passages(
        &self,
        scope: &Scope,
        bases: &[KnowledgeBaseId],
        most: usize,
    ) -> Result<Option<Vec<Passage>>, StoreError> {
        self.passages_if_few(scope, bases, most).await
    }

    async fn matching(
        &self,
        scope: &Scope,
        bases: &[KnowledgeBaseId],
        filter: &DocumentFilter,
        most: usize,
    ) -> Result<Vec<DocumentId>, StoreError> {
        self.matching_documents(scope, bases, filter, most).await
    }

    async fn is_up(&self) -> bool {
        self.database.answers().await
    }
}

async fn put_all(
    transaction: &mut Transaction<'static, Any>,
    scope: &Scope,
    documents: &[NewDocument],
    quota: Quota,
    now: Millis,
) -> Result<Vec<Taken>, Refused> {
    let bases = documents.iter().map(|document| &document.knowledge_base_id);
    let mut owners = BTreeSet::new();
    // In one order, so that none waits for the other in a circle.
    for base in bases.collect::<BTreeSet<_>>() {
        owners.insert(writable(transaction, scope, base).await?.owner);
    }
    let mut taken = Vec::with_capacity(documents.len());
    for document in documents {
        taken.push(put_one(transaction, document, now).await?);
    }
    if taken.iter().any(|taken| taken.change != Change::Unchanged) {
        for owner in &owners {
            hold_to(quota, transaction, owner).await?;
        }
    }
    Ok(taken)
}

/// Takes one document in: a new one, a new version, or nothing.
pub(super) async fn put_one(
    transaction: &mut Transaction<'static, Any>,
    document: &NewDocument,
    now: Millis,
) -> Result<Taken, StoreError> {
    let inserted = sqlx::query(
        "INSERT INTO documents (id, knowledge_base_id, external_id, title, path, origin, \
         created_at, updated_at, newest_version, live_version) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7, 0, 0) \
         ON CONFLICT (knowledge_base_id, external_id) DO NOTHING",
    )
    .bind(&document.id.0)
    .bind(&document.knowledge_base_id.0)
    .bind(&document.external_id)
    // Until its content tells a better one.
    .bind(if document.title.is_empty() {
        &document.path
    } else {
        &document.title
    })
    .bind(&document.path)
    .bind(document.origin.as_str())
    .bind(now)
    .execute(&mut **transaction)
    .await?;
    // Changes nothing, but locks the row: another writer's version may come
    // between a mere look and the next statement.
    let (id, newest): (String, i64) = sqlx::query_as(
        "UPDATE documents SET newest_version = newest_version \
         WHERE knowledge_base_id = $1 AND external_id = $2 RETURNING id, newest_version",
    )
    .bind(&document.knowledge_base_id.0)
    .bind(&document.external_id)
    .fetch_one(&mut **transaction)
    .await?;
    let document_id = DocumentId(id);
    if same_content(transaction, &document_id, newest, document).await? {
        return Ok(Taken {
            document_id,
            change: Change::Unchanged,
        });
    }
    add_version(transaction, &document_id, newest + 1, document, now).await?;
    let created = inserted.rows_affected() > 0;
    if created {
        set_tags(transaction, &document_id, &document.tags).await?;
    }
    let change = if created {
        Change::Created
    } else {
        Change::Updated
    };
    Ok(Taken {
        document_id,
        change,
    })
}

/// Whether the newest version has this content and its job was not given up.
async fn same_content(
    transaction: &mut Transaction<'static, Any>,
    id: &DocumentId,
    newest: i64,
    document: &NewDocument,
) -> Result<bool, StoreError> {
    let same: Option<(i64,)> = sqlx::query_as(
        "SELECT v.version FROM document_versions v \
         JOIN documents d ON d.id = v.document_id \
         JOIN jobs j ON j.document_id = v.document_id AND j.version = v.version \
         WHERE v.document_id = $1 AND v.version = $2 AND v.content_hash = $3 \
         AND v.media_type = $4 AND v.title = $5 AND d.path = $6 AND v.tags = $7 \
         AND j.state NOT IN ('failed', 'cancelled')",
    )
    .bind(&id.0)
    .bind(newest)
    .bind(&document.content_hash)
    .bind(document.media_type.as_str())
    .bind(&document.title)
    .bind(&document.path)
    .bind(tag_lines(&document.tags))
    .fetch_optional(&mut **transaction)
    .await?;
    Ok(same.is_some())
}

async fn add_version(
    transaction: &mut Transaction<'static, Any>,
    id: &DocumentId,
    version: i64,
    document: &NewDocument,
    now: Millis,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE documents SET newest_version = $1, updated_at = $2, path = $3, origin = $4 \
         WHERE id = $5",
    )
    .bind(version)
    .bind(now)
    .bind(&document.path)
    .bind(document.origin.as_str())
    .bind(&id.0)
    .execute(&mut **transaction)
    .await?;
    sqlx::query(
        "INSERT INTO document_versions \
         (document_id, version, title, media_type, content_hash, content, tags) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(&id.0)
    .bind(version)
    .bind(&document.title)
    .bind(document.media_type.as_str())
    .bind(&document.content_hash)
    .bind(&document.content)
    .bind(tag_lines(&document.tags))
    .execute(&mut **transaction)
    .await?;
    // Work on an older version is no longer wanted.
    let cancel = format!(
        "UPDATE jobs SET state = 'cancelled', state_since = $1, updated_at = $1, \
         fence = fence + 1 WHERE document_id = $2 AND state NOT IN {OVER}"
    );
    sqlx::query(sql(cancel))
        .bind(now)
        .bind(&id.0)
        .execute(&mut **transaction)
        .await?;
    let job = QueuedJob {
        id: &document.job_id,
        document_id: &id.0,
        version,
        run_id: &document.run_id,
    };
    queue_job(transaction, job, now).await
}
