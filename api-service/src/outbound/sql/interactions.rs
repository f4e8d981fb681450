//! The log of interactions.

use async_trait::async_trait;
use service_kit::clock::Millis;
use sqlx::{Any, Transaction};

use super::{IN_SCOPE, SqlStore, bigint, impossible, placeholders, size, sql, tokens::counted};
use crate::{
    app::ports::{InteractionStore, StoreError},
    domain::{
        answer::{AnswerKind, TokenUsage},
        conversation::Rating,
        document::DocumentId,
        interaction::{AskedTexts, CitedDocument, Interaction, LoggedAnswer, Timings, Window},
        principal::Scope,
    },
};

/// Rows that one step of forgetting removes: others want to write too.
const STEP: i64 = 1_000;

#[async_trait]
impl InteractionStore for SqlStore {
    async fn logged_answers(
        &self,
        scope: &Scope,
        window: &Window,
        limit: usize,
    ) -> Result<Vec<LoggedAnswer>, StoreError> {
        if !scope.manages_public() {
            return Ok(vec![]);
        }
        // Two hundred characters tell a question from others, and many of them
        // are held at once.
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT i.asked_at, SUBSTR(CASE WHEN t.rewritten <> '' THEN t.rewritten \
             ELSE t.question END, 1, 200), i.kind, i.broken, i.rewrite_ms, i.retrieve_ms, \
             i.first_word_ms, i.total_ms, i.model, i.prompt_tokens, i.completion_tokens, \
             f.rating FROM interactions i \
             LEFT JOIN interaction_texts t ON t.answer_id = i.answer_id \
             LEFT JOIN message_feedback f ON f.message_id = i.answer_id \
             WHERE i.asked_at >= $1 AND i.asked_at < $2 AND ($3 = '' OR EXISTS \
             (SELECT 1 FROM interaction_sources s \
             WHERE s.answer_id = i.answer_id AND s.knowledge_base_id = $3)) \
             ORDER BY i.asked_at DESC, i.answer_id DESC LIMIT $4",
        )
        .bind(window.from)
        .bind(window.to)
        .bind(base(window))
        .bind(bigint(limit))
        .fetch_all(&self.database.pool)
        .await?;
        rows.into_iter().map(logged_answer).collect()
    }

    async fn cited_documents(
        &self,
        scope: &Scope,
        window: &Window,
        limit: usize,
    ) -> Result<Vec<CitedDocument>, StoreError> {
        if !scope.manages_public() {
            return Ok(vec![]);
        }
        let rows: Vec<(String, String, String, String, i64, i64)> = sqlx::query_as(sql(format!(
            "SELECT d.id, d.title, d.path, k.name, CAST(SUM(s.cited) AS BIGINT), COUNT(*) \
             FROM interaction_sources s JOIN interactions i ON i.answer_id = s.answer_id \
             JOIN documents d ON d.id = s.document_id \
             JOIN knowledge_bases k ON k.id = d.knowledge_base_id \
             WHERE {IN_SCOPE} AND i.asked_at >= $2 AND i.asked_at < $3 \
             AND ($4 = '' OR k.id = $4) GROUP BY d.id, d.title, d.path, k.name \
             ORDER BY 5 DESC, 6 DESC, d.id LIMIT $5"
        )))
        .bind(scope.owner())
        .bind(window.from)
        .bind(window.to)
        .bind(base(window))
        .bind(bigint(limit))
        .fetch_all(&self.database.pool)
        .await?;
        let documents = rows
            .into_iter()
            .map(|(id, title, path, base, cited, found)| CitedDocument {
                id: DocumentId(id),
                title,
                path,
                knowledge_base: base,
                cited: size(cited),
                found: size(found),
            });
        Ok(documents.collect())
    }

    async fn forget_interactions(
        &self,
        before: Millis,
        texts_before: Millis,
    ) -> Result<(), StoreError> {
        let old = "DELETE FROM interactions WHERE answer_id IN (SELECT answer_id \
            FROM interactions WHERE asked_at < $1 ORDER BY asked_at LIMIT $2)";
        let texts = "DELETE FROM interaction_texts WHERE answer_id IN (SELECT t.answer_id \
            FROM interaction_texts t JOIN interactions i ON i.answer_id = t.answer_id \
            WHERE i.asked_at < $1 LIMIT $2)";
        for (statement, moment) in [(old, before), (texts, texts_before)] {
            loop {
                let gone = sqlx::query(statement)
                    .bind(moment)
                    .bind(STEP)
                    .execute(&self.database.pool)
                    .await?;
                if gone.rows_affected() == 0 {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// The knowledge base that is looked at; empty for all.
fn base(window: &Window) -> &str {
    window.knowledge_base.as_ref().map_or("", |base| &base.0)
}

/// Time, question, kind, code; four times; model, tokens; rating.
type Row = (
    i64,
    Option<String>,
    String,
    String,
    i64,
    i64,
    i64,
    i64,
    String,
    i64,
    i64,
    Option<String>,
);

fn logged_answer(row: Row) -> Result<LoggedAnswer, StoreError> {
    let (asked_at, question, kind, broken, rewrite, retrieve, first_word, total, ..) = row;
    let (.., model, prompt, completion, rating) = row;
    Ok(LoggedAnswer {
        asked_at,
        question,
        kind: AnswerKind::parse(&kind).ok_or_else(|| impossible("interactions", &kind))?,
        broken: !broken.is_empty(),
        timings: Timings {
            rewrite: (rewrite >= 0).then_some(rewrite),
            retrieve,
            first_word: (first_word >= 0).then_some(first_word),
            total,
        },
        model: Some(model).filter(|model| !model.is_empty()),
        usage: TokenUsage {
            prompt: prompt.unsigned_abs(),
            completion: completion.unsigned_abs(),
        },
        rating: rating.and_then(|word| Rating::parse(&word)),
    })
}

/// Logs an interaction of an answer that is being kept.
pub(super) async fn log(
    transaction: &mut Transaction<'static, Any>,
    interaction: &Interaction,
) -> Result<(), StoreError> {
    let (grounds, timings) = (&interaction.grounds, interaction.timings);
    sqlx::query(
        "INSERT INTO interactions (answer_id, asked_at, kind, broken, sources, best_score, cited, \
         unsupported, rewrite_ms, retrieve_ms, first_word_ms, total_ms, model, prompt_tokens, \
         completion_tokens) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
    )
    .bind(&interaction.answer_id)
    .bind(interaction.asked_at)
    .bind(interaction.kind.as_str())
    .bind(interaction.broken.unwrap_or_default())
    .bind(bigint(grounds.sources))
    .bind(grounds.best_score)
    .bind(bigint(grounds.cited))
    .bind(bigint(grounds.unsupported))
    .bind(timings.rewrite.unwrap_or(-1))
    .bind(timings.retrieve)
    .bind(timings.first_word.unwrap_or(-1))
    .bind(timings.total)
    .bind(interaction.model.as_deref().unwrap_or_default())
    .bind(counted(interaction.usage.prompt))
    .bind(counted(interaction.usage.completion))
    .execute(&mut **transaction)
    .await?;
    if let Some(texts) = &interaction.texts {
        log_texts(transaction, &interaction.answer_id, texts).await?;
    }
    for cited in [true, false] {
        let documents = grounds.documents.iter();
        let documents: Vec<_> = documents.filter(|(_, is)| **is == cited).collect();
        if documents.is_empty() {
            continue;
        }
        // A document that is gone by now is left out.
        let text = format!(
            "INSERT INTO interaction_sources (answer_id, document_id, knowledge_base_id, cited) \
             SELECT $1, d.id, d.knowledge_base_id, $2 FROM documents d WHERE d.id IN ({})",
            placeholders(3, documents.len())
        );
        let mut query = sqlx::query(sql(text));
        query = query.bind(&interaction.answer_id).bind(i64::from(cited));
        for (document, _) in documents {
            query = query.bind(&document.0);
        }
        query.execute(&mut **transaction).await?;
    }
    Ok(())
}

async fn log_texts(
    transaction: &mut Transaction<'static, Any>,
    answer_id: &str,
    texts: &AskedTexts,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO interaction_texts (answer_id, conversation_id, question, rewritten) \
         VALUES ($1, $2, $3, $4)",
    )
    .bind(answer_id)
    .bind(&texts.conversation_id.0)
    .bind(&texts.question)
    .bind(texts.rewritten.as_deref().unwrap_or_default())
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
