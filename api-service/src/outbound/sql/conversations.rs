//! Conversations and their messages.

use async_trait::async_trait;
use service_kit::clock::Millis;

use super::{SqlStore, answers::sources_of, bigint, citations::evidence_of, impossible, sql};
use crate::{
    app::ports::{ConversationStore, Order, Page, StoreError},
    domain::{
        answer::{AnswerKind, Evidence, TokenUsage},
        conversation::{
            Answered, AskedBefore, Conversation, ConversationId, Feedback, Message, Rating,
            Speaker, Turn,
        },
        document::DocumentId,
        principal::Scope,
    },
};

#[async_trait]
impl ConversationStore for SqlStore {
    async fn list(
        &self,
        scope: &Scope,
        words: Option<&str>,
        page: &Page,
        order: Order,
    ) -> Result<Vec<Conversation>, StoreError> {
        let (beyond, direction) = compared(order);
        let rows: Vec<ConversationRow> = sqlx::query_as(sql(format!(
            "SELECT id, title, created_at, updated_at FROM conversations c WHERE owner_id = $1 \
             AND ($2 = '' OR (updated_at, id) {beyond} (SELECT f.updated_at, f.id FROM conversations f \
             WHERE f.id = $2 AND f.owner_id = $1)) \
             AND ($3 = '' OR LOWER(title) LIKE $3 ESCAPE '!' OR EXISTS (SELECT 1 FROM messages m \
             WHERE m.conversation_id = c.id AND m.replaced = 0 \
             AND LOWER(m.content) LIKE $3 ESCAPE '!')) \
             ORDER BY updated_at {direction}, id {direction} LIMIT $4",
        )))
        .bind(scope.owner())
        .bind(&page.after)
        .bind(words.map(pattern).unwrap_or_default())
        .bind(bigint(page.limit))
        .fetch_all(&self.database.pool)
        .await?;
        Ok(rows.into_iter().map(conversation).collect())
    }

    async fn conversation(
        &self,
        scope: &Scope,
        id: &ConversationId,
    ) -> Result<Option<Conversation>, StoreError> {
        let row: Option<ConversationRow> = sqlx::query_as(
            "SELECT id, title, created_at, updated_at FROM conversations \
             WHERE id = $1 AND owner_id = $2",
        )
        .bind(&id.0)
        .bind(scope.owner())
        .fetch_optional(&self.database.pool)
        .await?;
        Ok(row.map(conversation))
    }

    async fn messages(
        &self,
        scope: &Scope,
        id: &ConversationId,
        page: &Page,
        order: Order,
    ) -> Result<Vec<Message>, StoreError> {
        let (beyond, direction) = compared(order);
        let rows: Vec<MessageRow> = sqlx::query_as(sql(format!(
            "SELECT m.id, m.role, m.content, m.documents, m.created_at, m.kind, m.broken, m.model, \
             m.prompt_tokens, m.completion_tokens, f.rating, f.reason \
             FROM messages m JOIN conversations c ON c.id = m.conversation_id \
             LEFT JOIN message_feedback f ON f.message_id = m.id \
             WHERE c.owner_id = $1 AND c.id = $2 AND m.replaced = 0 \
             AND ($3 = '' OR (m.created_at, m.id) {beyond} (SELECT n.created_at, n.id FROM messages n \
             WHERE n.id = $3 AND n.conversation_id = $2)) \
             ORDER BY m.created_at {direction}, m.id {direction} LIMIT $4",
        )))
        .bind(scope.owner())
        .bind(&id.0)
        .bind(&page.after)
        .bind(bigint(page.limit))
        .fetch_all(&self.database.pool)
        .await?;
        let mut messages = Vec::with_capacity(rows.len());
        for row in rows {
            let mut message = message(row)?;
            if let Some(answer) = &mut message.answer {
                answer.sources = sources_of(self, &message.id).await?;
                answer.evidence = evidence_of(self, &message.id).await?;
            }
            messages.push(message);
        }
        Ok(messages)
    }

    async fn last_turns(
        &self,
        scope: &Scope,
        id: &ConversationId,
        before: Option<&str>,
        limit: usize,
    ) -> Result<Option<Vec<Turn>>, StoreError> {
        if self.conversation(scope, id).await?.is_none() {
            return Ok(None);
        }
        let rows: Vec<(String, String)> = sqlx::query_as(
            "SELECT role, content FROM messages WHERE conversation_id = $1 AND replaced = 0 \
             AND ($2 = '' OR (created_at, id) < (SELECT n.created_at, n.id FROM messages n \
             WHERE n.id = $2 AND n.conversation_id = $1)) \
             ORDER BY created_at DESC, id DESC LIMIT $3",
        )
        .bind(&id.0)
        .bind(before.unwrap_or_default())
        .bind(bigint(limit))
        .fetch_all(&self.database.pool)
        .await?;
        let turns = rows.into_iter().rev().map(|(role, content)| {
            let speaker = Speaker::parse(&role).ok_or_else(|| impossible(&id.0, &role))?;
            Ok(Turn { speaker, content })
        });
        turns.collect::<Result<Vec<_>, _>>().map(Some)
    }

    async fn asked_before(
        &self,
        scope: &Scope,
        message_id: &str,
    ) -> Result<Option<AskedBefore>, StoreError> {
        // An answer's question is the last one before it.
        let row: Option<(String, String, String, String)> = sqlx::query_as(
            "SELECT q.conversation_id, q.id, q.content, q.documents FROM messages m \
             JOIN conversations c ON c.id = m.conversation_id \
             JOIN messages q ON q.conversation_id = m.conversation_id AND q.role = 'user' \
             AND q.replaced = 0 AND (q.created_at, q.id) <= (m.created_at, m.id) \
             WHERE m.id = $1 AND c.owner_id = $2 AND m.replaced = 0 \
             ORDER BY q.created_at DESC, q.id DESC LIMIT 1",
        )
        .bind(message_id)
        .bind(scope.owner())
        .fetch_optional(&self.database.pool)
        .await?;
        Ok(row.map(
            |(conversation, question_id, question, documents)| AskedBefore {
                conversation_id: ConversationId(conversation),
                question_id,
                question,
                documents: parted(&documents),
            },
        ))
    }

    async fn question_at(
        &self,
        scope: &Scope,
        id: &ConversationId,
        place: usize,
    ) -> Result<Option<String>, StoreError> {
        let Some(before) = place.checked_sub(1) else {
            return Ok(None);
        };
        let row: Option<(String,)> = sqlx::query_as(
            "SELECT m.id FROM messages m JOIN conversations c ON c.id = m.conversation_id \
             WHERE c.id = $1 AND c.owner_id = $2 AND m.role = 'user' AND m.replaced = 0 \
             ORDER BY m.created_at, m.id LIMIT 1 OFFSET $3",
        )
        .bind(&id.0)
        .bind(scope.owner())
        .bind(bigint(before))
        .fetch_optional(&self.database.pool)
        .await?;
        Ok(row.map(|(id,)| id))
    }

    async fn rename(
        &self,
        scope: &Scope,
        id: &ConversationId,
        title: &str,
    ) -> Result<bool, StoreError> {
        let renamed =
            sqlx::query("UPDATE conversations SET title = $1 WHERE id = $2 AND owner_id = $3")
                .bind(title)
                .bind(&id.0)
                .bind(scope.owner())
                .execute(&self.database.pool)
                .await?;
        Ok(renamed.rows_affected() > 0)
    }

    async fn delete(&self, scope: &Scope, id: &ConversationId) -> Result<bool, StoreError> {
        let deleted = sqlx::query("DELETE FROM conversations WHERE id = $1 AND owner_id = $2")
            .bind(&id.0)
            .bind(scope.owner())
            .execute(&self.database.pool)
            .await?;
        Ok(deleted.rows_affected() > 0)
    }

    async fn delete_all(&self, scope: &Scope) -> Result<u64, StoreError> {
        let deleted = sqlx::query("DELETE FROM conversations WHERE owner_id = $1")
            .bind(scope.owner())
            .execute(&self.database.pool)
            .await?;
        Ok(deleted.rows_affected())
    }

    async fn rate(
        &self,
        scope: &Scope,
        answer_id: &str,
        feedback: Option<&Feedback>,
        now: Millis,
    ) -> Result<bool, StoreError> {
        const MINE: &str = "FROM messages m JOIN conversations c ON c.id = m.conversation_id \
            WHERE m.id = $1 AND c.owner_id = $2 AND m.role = 'assistant'";
        let mut transaction = self.database.begin().await?;
        let known: Option<(String,)> = sqlx::query_as(sql(format!("SELECT m.id {MINE}")))
            .bind(answer_id)
            .bind(scope.owner())
            .fetch_optional(&mut *transaction)
            .await?;
        if known.is_none() {
            return Ok(false);
        }
        sqlx::query("DELETE FROM message_feedback WHERE message_id = $1")
            .bind(answer_id)
            .execute(&mut *transaction)
            .await?;
        if let Some(feedback) = feedback {
            // Twice at once: the later one holds.
            sqlx::query(
                "INSERT INTO message_feedback (message_id, rating, reason, created_at) \
                 VALUES ($1, $2, $3, $4) ON CONFLICT (message_id) DO UPDATE SET \
                 rating = excluded.rating, reason = excluded.reason",
            )
            .bind(answer_id)
            .bind(feedback.rating.as_str())
            .bind(&feedback.reason)
            .bind(now)
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(true)
    }
}

/// Ids of documents as one text.
pub(super) fn joined(documents: &[DocumentId]) -> String {
    let ids: Vec<_> = documents.iter().map(|id| id.0.as_str()).collect();
    ids.join(" ")
}

fn parted(ids: &str) -> Vec<DocumentId> {
    let ids = ids.split_whitespace();
    ids.map(|id| DocumentId(id.to_owned())).collect()
}

/// How what comes after a place compares to it, and how it is sorted.
const fn compared(order: Order) -> (&'static str, &'static str) {
    match order {
        Order::OldestFirst => (">", "ASC"),
        Order::NewestFirst => ("<", "DESC"),
    }
}

/// What is in any text that has these words, as `LIKE` writes it.
fn pattern(words: &str) -> String {
    let mut pattern = String::from("%");
    for letter in words.to_lowercase().chars() {
        if matches!(letter, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

/// Id, title, begun, last changed.
type ConversationRow = (String, String, i64, i64);

fn conversation((id, title, created_at, updated_at): ConversationRow) -> Conversation {
    Conversation {
        id: ConversationId(id),
        title,
        created_at,
        updated_at,
    }
}

/// Id, role, content, documents, time; kind, code, model and tokens of an answer; its
/// rating, and why.
type MessageRow = (
    String,
    String,
    String,
    String,
    i64,
    String,
    String,
    String,
    i64,
    i64,
    Option<String>,
    Option<String>,
);

fn message(row: MessageRow) -> Result<Message, StoreError> {
    let (
        id,
        role,
        content,
        documents,
        created_at,
        kind,
        broken,
        model,
        prompt,
        completion,
        rating,
        reason,
    ) = row;
    let speaker = Speaker::parse(&role).ok_or_else(|| impossible(&id, &role))?;
    let answer = match speaker {
        Speaker::User => None,
        Speaker::Assistant => Some(Answered {
            kind: AnswerKind::parse(&kind).ok_or_else(|| impossible(&id, &kind))?,
            broken: Some(broken).filter(|code| !code.is_empty()),
            model: Some(model).filter(|model| !model.is_empty()),
            usage: TokenUsage {
                prompt: prompt.unsigned_abs(),
                completion: completion.unsigned_abs(),
            },
            sources: vec![],
            evidence: Evidence::default(),
            feedback: rating.and_then(|rating| {
                Some(Feedback {
                    rating: Rating::parse(&rating)?,
                    reason: reason.unwrap_or_default(),
                })
            }),
        }),
    };
    Ok(Message {
        id,
        speaker,
        content,
        created_at,
        documents: parted(&documents),
        answer,
    })
}
