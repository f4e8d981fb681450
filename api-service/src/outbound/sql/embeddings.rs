//! Embedding models, the embeddings by each, and languages: what the index is
//! made from.

use async_trait::async_trait;
use service_kit::clock::Millis;
use sqlx::Row;

use super::{
    LIVE, MOST_PLACEHOLDERS, SqlStore, bigint, from_bytes, impossible, placeholders, size, sql,
    to_bytes,
};
use crate::{
    app::ports::{EmbeddingStore, StoreError, StoredPoint},
    domain::{
        chunk::{ChunkId, ChunkText, HEADING_SEPARATOR},
        document::DocumentId,
        embedding_model::{EmbeddingModel, ModelOrigin, ModelState, ModelStatus},
        index::{IndexPoint, SparseVector},
        knowledge_base::KnowledgeBaseId,
        language::Language,
    },
};

/// Chunks' embeddings by the model `$1`.
const EMBEDDED: &str = "JOIN embeddings e ON e.chunk_id = c.id AND e.model = $1";

const MODEL: &str = "SELECT fingerprint, dimensions, provider, base_url, model, state \
    FROM embedding_models";

fn model(row: &sqlx::any::AnyRow) -> Result<EmbeddingModel, StoreError> {
    Ok(EmbeddingModel {
        fingerprint: row.try_get("fingerprint")?,
        dimensions: size(row.try_get("dimensions")?),
        origin: ModelOrigin {
            provider: row.try_get("provider")?,
            base_url: row.try_get("base_url")?,
            model: row.try_get("model")?,
        },
    })
}

#[async_trait]
impl EmbeddingStore for SqlStore {
    async fn models(&self) -> Result<Vec<ModelStatus>, StoreError> {
        let query = format!("{MODEL} ORDER BY state, fingerprint");
        let rows = sqlx::query(sql(query))
            .fetch_all(&self.database.pool)
            .await?;
        let mut models = Vec::with_capacity(rows.len());
        for row in rows {
            let (model, word): (_, String) = (model(&row)?, row.try_get("state")?);
            let query = format!("SELECT COUNT(*) FROM {LIVE} {EMBEDDED}");
            let (embedded,): (i64,) = sqlx::query_as(sql(query))
                .bind(&model.fingerprint)
                .fetch_one(&self.database.pool)
                .await?;
            let state = ModelState::from_word(&word)
                .ok_or_else(|| impossible(&model.fingerprint, &word))?;
            let embedded = size(embedded);
            models.push(ModelStatus {
                model,
                state,
                embedded,
            });
        }
        Ok(models)
    }

    async fn active_or(
        &self,
        model: &EmbeddingModel,
        now: Millis,
    ) -> Result<EmbeddingModel, StoreError> {
        let mut transaction = self.database.begin().await?;
        insert(&mut transaction, model, ModelState::Active, now).await?;
        let query = format!("{MODEL} WHERE state = 'active'");
        let row = sqlx::query(sql(query)).fetch_one(&mut *transaction).await?;
        transaction.commit().await?;
        self::model(&row)
    }

    async fn claim_model(
        &self,
        model: &EmbeddingModel,
        worker: &str,
        now: Millis,
        lease_until: Millis,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.database.begin().await?;
        insert(&mut transaction, model, ModelState::Building, now).await?;
        let claimed = sqlx::query(
            "UPDATE embedding_models SET state = 'building', worker = $1, lease_until = $2 \
             WHERE fingerprint = $3 AND state <> 'active' AND (worker = $1 OR lease_until < $4)",
        )
        .bind(worker)
        .bind(lease_until)
        .bind(&model.fingerprint)
        .bind(now)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(claimed.rows_affected() > 0)
    }

    async fn activate(&self, fingerprint: &str, now: Millis) -> Result<bool, StoreError> {
        let mut transaction = self.database.begin().await?;
        // First of all: whoever publishes a document locks this row.
        sqlx::query(
            "UPDATE embedding_models SET state = 'kept', changed_at = $1 WHERE state = 'active'",
        )
        .bind(now)
        .execute(&mut *transaction)
        .await?;
        let query = format!(
            "UPDATE embedding_models SET state = 'active', changed_at = $1, worker = '', \
             lease_until = 0 WHERE fingerprint = $2 AND NOT EXISTS (SELECT 1 FROM {LIVE} \
             WHERE NOT EXISTS (SELECT 1 FROM embeddings e \
             WHERE e.chunk_id = c.id AND e.model = $2))"
        );
        let activated = sqlx::query(sql(query))
            .bind(now)
            .bind(fingerprint)
            .execute(&mut *transaction)
            .await?;
        if activated.rows_affected() == 0 {
            return Ok(false);
        }
        transaction.commit().await?;
        Ok(true)
    }

    async fn forget_model(&self, fingerprint: &str) -> Result<bool, StoreError> {
        let mut transaction = self.database.begin().await?;
        let forgotten = sqlx::query(
            "DELETE FROM embedding_models WHERE fingerprint = $1 AND state <> 'active'",
        )
        .bind(fingerprint)
        .execute(&mut *transaction)
        .await?;
        if forgotten.rows_affected() > 0 {
            sqlx::query("DELETE FROM embeddings WHERE model = $1")
                .bind(fingerprint)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(forgotten.rows_affected() > 0)
    }

    async fn live_chunks(&self) -> Result<u64, StoreError> {
        let query = format!("SELECT COUNT(*) FROM {LIVE}");
        let (count,): (i64,) = sqlx::query_as(sql(query))
            .fetch_one(&self.database.pool)
            .await?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    async fn not_embedded(
        &self,
        fingerprint: &str,
        limit: usize,
    ) -> Result<Vec<ChunkId>, StoreError> {
        let query = format!(
            "SELECT c.id FROM {LIVE} WHERE NOT EXISTS (SELECT 1 FROM embeddings e \
             WHERE e.chunk_id = c.id AND e.model = $1) LIMIT $2"
        );
        let rows: Vec<(String,)> = sqlx::query_as(sql(query))
            .bind(fingerprint)
            .bind(bigint(limit))
            .fetch_all(&self.database.pool)
            .await?;
        Ok(rows.into_iter().map(|(id,)| ChunkId(id)).collect())
    }

    async fn keep_embeddings(
        &self,
        fingerprint: &str,
        embeddings: &[(ChunkId, Vec<f32>)],
    ) -> Result<(), StoreError> {
        let mut transaction = self.database.begin().await?;
        for (id, vector) in embeddings {
            sqlx::query(
                "INSERT INTO embeddings (chunk_id, model, embedding) \
                 SELECT id, $2, $3 FROM chunks WHERE id = $1 \
                 ON CONFLICT (chunk_id, model) DO UPDATE SET embedding = excluded.embedding",
            )
            .bind(&id.0)
            .bind(fingerprint)
            .bind(to_bytes(vector))
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    async fn embedded_ids(
        &self,
        fingerprint: &str,
        base: Option<&KnowledgeBaseId>,
        after: &str,
        limit: usize,
    ) -> Result<Vec<ChunkId>, StoreError> {
        let query = format!(
            "SELECT c.id FROM {LIVE} {EMBEDDED} WHERE c.id > $2 \
             AND ($3 = '' OR d.knowledge_base_id = $3) ORDER BY c.id LIMIT $4"
        );
        let rows: Vec<(String,)> = sqlx::query_as(sql(query))
            .bind(fingerprint)
            .bind(after)
            .bind(base.map_or("", |base| &base.0))
            .bind(bigint(limit))
            .fetch_all(&self.database.pool)
            .await?;
        Ok(rows.into_iter().map(|(id,)| ChunkId(id)).collect())
    }

    async fn points(
        &self,
        fingerprint: &str,
        ids: &[ChunkId],
    ) -> Result<Vec<StoredPoint>, StoreError> {
        let mut points = Vec::with_capacity(ids.len());
        for ids in ids.chunks(MOST_PLACEHOLDERS) {
            let text = format!(
                "SELECT c.id AS chunk, d.id AS document, c.version, d.knowledge_base_id, \
                 e.embedding, d.title, c.heading, c.text, k.language FROM {LIVE} \
                 JOIN knowledge_bases k ON k.id = d.knowledge_base_id \
                 LEFT JOIN embeddings e ON e.chunk_id = c.id AND e.model = $1 \
                 WHERE c.id IN ({})",
                placeholders(2, ids.len())
            );
            let mut query = sqlx::query(sql(text)).bind(fingerprint);
            for id in ids {
                query = query.bind(&id.0);
            }
            for row in query.fetch_all(&self.database.pool).await? {
                points.push(point(&row)?);
            }
        }
        Ok(points)
    }

    async fn language(&self, base: &KnowledgeBaseId) -> Result<Option<Language>, StoreError> {
        let row: Option<(String,)> =
            sqlx::query_as("SELECT language FROM knowledge_bases WHERE id = $1")
                .bind(&base.0)
                .fetch_optional(&self.database.pool)
                .await?;
        Ok(row.and_then(|(code,)| Language::from_code(&code)))
    }

    async fn note_language(
        &self,
        base: &KnowledgeBaseId,
        language: Language,
    ) -> Result<(), StoreError> {
        let mut transaction = self.database.begin().await?;
        let noted =
            sqlx::query("UPDATE knowledge_bases SET language = $1 WHERE id = $2 AND language = ''")
                .bind(language.code())
                .bind(&base.0)
                .execute(&mut *transaction)
                .await?;
        // Until now it was taken for English.
        if noted.rows_affected() > 0 && language != Language::ENGLISH {
            outdate(&mut transaction, base).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    async fn outdated_base(&self) -> Result<Option<(KnowledgeBaseId, String)>, StoreError> {
        let row: Option<(String, String)> = sqlx::query_as(
            "SELECT knowledge_base_id, renewed_upto FROM outdated_bases \
             ORDER BY knowledge_base_id LIMIT 1",
        )
        .fetch_optional(&self.database.pool)
        .await?;
        Ok(row.map(|(id, after)| (KnowledgeBaseId(id), after)))
    }

    async fn renewed(
        &self,
        base: &KnowledgeBaseId,
        before: &str,
        upto: Option<&ChunkId>,
    ) -> Result<(), StoreError> {
        let query = match upto {
            Some(_) => {
                "UPDATE outdated_bases SET renewed_upto = $3 \
                 WHERE knowledge_base_id = $1 AND renewed_upto = $2"
            }
            None => {
                "DELETE FROM outdated_bases WHERE knowledge_base_id = $1 \
                 AND renewed_upto = $2 AND $3 = ''"
            }
        };
        sqlx::query(query)
            .bind(&base.0)
            .bind(before)
            .bind(upto.map_or("", |id| &id.0))
            .execute(&self.database.pool)
            .await?;
        Ok(())
    }
}

/// Notes that all points of a knowledge base are to be written anew.
pub(super) async fn outdate(
    transaction: &mut sqlx::Transaction<'static, sqlx::Any>,
    base: &KnowledgeBaseId,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO outdated_bases (knowledge_base_id, renewed_upto) VALUES ($1, '') \
         ON CONFLICT (knowledge_base_id) DO UPDATE SET renewed_upto = ''",
    )
    .bind(&base.0)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Puts a model in, unless it is there, or is to be active beside another one.
async fn insert(
    transaction: &mut sqlx::Transaction<'static, sqlx::Any>,
    model: &EmbeddingModel,
    state: ModelState,
    now: Millis,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO embedding_models (fingerprint, dimensions, state, provider, base_url, \
         model, worker, lease_until, changed_at) SELECT $1, $2, $3, $4, $5, $6, '', 0, $7 \
         WHERE $3 <> 'active' OR NOT EXISTS \
         (SELECT 1 FROM embedding_models WHERE state = 'active') \
         ON CONFLICT (fingerprint) DO UPDATE SET dimensions = excluded.dimensions, \
         provider = excluded.provider, base_url = excluded.base_url, model = excluded.model",
    )
    .bind(&model.fingerprint)
    .bind(bigint(model.dimensions))
    .bind(state.as_str())
    .bind(&model.origin.provider)
    .bind(&model.origin.base_url)
    .bind(&model.origin.model)
    .bind(now)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

fn point(row: &sqlx::any::AnyRow) -> Result<StoredPoint, StoreError> {
    let (heading, title, code): (String, String, String) = (
        row.try_get("heading")?,
        row.try_get("title")?,
        row.try_get("language")?,
    );
    let embedding: Option<Vec<u8>> = row.try_get("embedding")?;
    let chunk = ChunkText {
        headings: heading
            .split(HEADING_SEPARATOR)
            .map(str::to_owned)
            .collect(),
        text: row.try_get("text")?,
        span: 0..0,
        page: None,
    };
    Ok(StoredPoint {
        point: IndexPoint {
            chunk_id: ChunkId(row.try_get("chunk")?),
            document_id: DocumentId(row.try_get("document")?),
            version: row.try_get("version")?,
            knowledge_base_id: KnowledgeBaseId(row.try_get("knowledge_base_id")?),
            dense: from_bytes(&embedding.unwrap_or_default()),
            sparse: SparseVector::default(),
        },
        text: chunk.indexed_text(&title),
        language: Language::from_code(&code).unwrap_or(Language::ENGLISH),
    })
}
