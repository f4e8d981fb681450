//! Conversations and their messages.

use async_trait::async_trait;
use service_kit::clock::Millis;

use super::{SqlStore, accounts::OWNER_IS_THERE, bigint, citations::add_evidence, impossible, sql};
use crate::{
    app::ports::{ConversationStore, StoreError},
    domain::{
        answer::Evidence,
        chunk::Passage,
        conversation::{ConversationId, NewMessage, Speaker, Turn},
        principal::Scope,
    },
};

#[async_trait]
impl ConversationStore for SqlStore {
    async fn begin(
        &self,
        scope: &Scope,
        id: &ConversationId,
        title: &str,
        now: Millis,
    ) -> Result<bool, StoreError> {
        let query = format!(
            "INSERT INTO conversations (owner_id, id, title, created_at, updated_at) \
             SELECT $1, $2, $3, $4, $4 WHERE {OWNER_IS_THERE}"
        );
        let begun = sqlx::query(sql(query))
            .bind(scope.owner())
            .bind(&id.0)
            .bind(title)
            .bind(now)
            .execute(&self.database.pool)
            .await?;
        Ok(begun.rows_affected() > 0)
    }

    async fn last_turns(
        &self,
        scope: &Scope,
        id: &ConversationId,
        limit: usize,
    ) -> Result<Option<Vec<Turn>>, StoreError> {
        let known: Option<(String,)> =
            sqlx::query_as("SELECT id FROM conversations WHERE id = $1 AND owner_id = $2")
                .bind(&id.0)
                .bind(scope.owner())
                .fetch_optional(&self.database.pool)
                .await?;
        if known.is_none() {
            return Ok(None);
        }
        let rows: Vec<(String, String)> = sqlx::query_as(
            "SELECT role, content FROM messages WHERE conversation_id = $1 \
             ORDER BY created_at DESC, id DESC LIMIT $2",
        )
        .bind(&id.0)
        .bind(bigint(limit))
        .fetch_all(&self.database.pool)
        .await?;
        let turns = rows
            .into_iter()
            .rev()
            .map(|(role, content)| match role.as_str() {
                "user" => Ok(Turn {
                    speaker: Speaker::User,
                    content,
                }),
                "assistant" => Ok(Turn {
                    speaker: Speaker::Assistant,
                    content,
                }),
                other => Err(impossible(&id.0, other)),
            });
        turns.collect::<Result<Vec<_>, _>>().map(Some)
    }

    async fn add(
        &self,
        scope: &Scope,
        id: &ConversationId,
        message: NewMessage,
        now: Millis,
    ) -> Result<(), StoreError> {
        let mut transaction = self.database.begin().await?;
        let owned =
            sqlx::query("UPDATE conversations SET updated_at = $1 WHERE id = $2 AND owner_id = $3")
                .bind(now)
                .bind(&id.0)
                .bind(scope.owner())
                .execute(&mut *transaction)
                .await?;
        // The conversation was deleted meanwhile: there is nowhere to add to.
        if owned.rows_affected() == 0 {
            return Ok(());
        }
        sqlx::query(
            "INSERT INTO messages (id, conversation_id, role, content, complete, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(&message.id)
        .bind(&id.0)
        .bind(message.speaker.as_str())
        .bind(&message.content)
        .bind(i64::from(message.complete))
        .bind(now)
        .execute(&mut *transaction)
        .await?;
        for (index, source) in message.sources.iter().enumerate() {
            add_source(&mut transaction, &message.id, index + 1, source).await?;
        }
        add_evidence(
            &mut transaction,
            &message.id,
            &message.sources,
            &message.evidence,
        )
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn evidence(&self, scope: &Scope, message: &str) -> Result<Option<Evidence>, StoreError> {
        self.evidence_of(scope, message).await
    }
}

async fn add_source(
    transaction: &mut sqlx::Transaction<'static, sqlx::Any>,
    message: &str,
    number: usize,
    source: &Passage,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO message_sources (message_id, number, chunk_id, document_id, title, path, \
         heading, text, span_start, span_end, page, score) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(message)
    .bind(bigint(number))
    .bind(&source.chunk_id.0)
    .bind(&source.document_id.0)
    .bind(&source.title)
    .bind(&source.path)
    .bind(&source.heading)
    .bind(&source.text)
    .bind(bigint(source.span.start))
    .bind(bigint(source.span.end))
    .bind(i64::from(source.page.unwrap_or_default()))
    .bind(source.score)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
