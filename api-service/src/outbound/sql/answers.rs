//! Answers while they are made, and when they are kept.

mod wire;

use std::collections::HashSet;

use async_trait::async_trait;
use service_kit::clock::Millis;
use sqlx::{Any, Transaction};

use super::{
    MOST_ROWS, SqlStore, accounts::OWNER_IS_THERE, bigint, citations::add_evidence,
    conversations::joined, impossible, insert_all, interactions::log, page, placeholders, size,
    sql, tokens::settle,
};
use crate::{
    app::ports::{AnswerStore, Due, Ended, Recorded, StoreError, Unrecorded},
    domain::{
        answer::{AnswerEvent, Numbered},
        chunk::{ChunkId, Passage},
        conversation::{ConversationId, NewAnswer, Opening, Replaced, Speaker},
        document::DocumentId,
        principal::{Scope, VISITOR},
    },
};

/// Answers that nobody makes any more and that are ended at once.
const STEP: i64 = 100;

#[async_trait]
impl AnswerStore for SqlStore {
    async fn open(
        &self,
        scope: &Scope,
        opening: &Opening,
        now: Millis,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.database.begin_delayed().await?;
        if !conversation_is_there(&mut transaction, scope, opening, now).await? {
            return Ok(false);
        }
        replace(&mut transaction, opening).await?;
        if let Some(question) = &opening.question {
            sqlx::query(
                "INSERT INTO messages (id, conversation_id, role, content, documents, complete, \
                 created_at) VALUES ($1, $2, $3, $4, $5, 1, $6)",
            )
            .bind(&opening.question_id)
            .bind(&opening.conversation_id.0)
            .bind(Speaker::User.as_str())
            .bind(question)
            .bind(joined(&opening.documents))
            .bind(now)
            .execute(&mut *transaction)
            .await?;
        }
        sqlx::query(
            "INSERT INTO answers (message_id, conversation_id, question_id, over, stop_asked, \
             alive_at, listened_at) VALUES ($1, $2, $3, 0, 0, $4, 0)",
        )
        .bind(&opening.answer_id)
        .bind(&opening.conversation_id.0)
        .bind(&opening.question_id)
        .bind(now)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(true)
    }

    async fn record(
        &self,
        unrecorded: Vec<Unrecorded>,
        now: Millis,
    ) -> Result<Vec<String>, StoreError> {
        let mut stopped = vec![];
        let mut transaction = self.database.begin_delayed().await?;
        for some in unrecorded.chunks(MOST_ROWS) {
            let going_on = note_alive(&mut transaction, some, now).await?;
            let (going_on, over): (Vec<_>, Vec<_>) = some
                .iter()
                .partition(|answer| going_on.contains(&answer.answer_id));
            add_events(&mut transaction, &going_on).await?;
            stopped.extend(over.into_iter().map(|answer| answer.answer_id.clone()));
        }
        transaction.commit().await?;
        Ok(stopped)
    }

    async fn close(&self, scope: &Scope, ended: Ended, now: Millis) -> Result<(), StoreError> {
        let mut transaction = self.database.begin_delayed().await?;
        if let Some(settled) = ended.settled {
            settle(&mut transaction, scope, settled).await?;
        }
        let open = sqlx::query(
            "UPDATE answers SET over = 1, alive_at = $1 WHERE message_id = $2 AND over = 0 \
             AND conversation_id IN (SELECT id FROM conversations WHERE owner_id = $3)",
        )
        .bind(now)
        .bind(&ended.last.answer_id)
        .bind(scope.owner())
        .execute(&mut *transaction)
        .await?;
        // The conversation was deleted meanwhile, or another process took this one
        // for dead: there is nowhere to keep it.
        if open.rows_affected() == 0 {
            transaction.commit().await?;
            return Ok(());
        }
        add_events(&mut transaction, &[&ended.last]).await?;
        if let Some(answer) = &ended.answer {
            keep(&mut transaction, answer, now).await?;
        }
        if let Some(interaction) = &ended.interaction {
            log(&mut transaction, interaction).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    async fn recorded(
        &self,
        scope: &Scope,
        answer_id: &str,
        after: usize,
        now: Millis,
    ) -> Result<Option<Recorded>, StoreError> {
        let Some((over, alive_at)) = standing(self, scope, answer_id).await? else {
            return Ok(None);
        };
        if !over {
            sqlx::query("UPDATE answers SET listened_at = $1 WHERE message_id = $2")
                .bind(now)
                .bind(answer_id)
                .execute(&self.database.pool)
                .await?;
        }
        let rows: Vec<(i64, String)> = sqlx::query_as(
            "SELECT first, events FROM answer_events WHERE message_id = $1 AND last > $2 \
             ORDER BY first",
        )
        .bind(answer_id)
        .bind(bigint(after))
        .fetch_all(&self.database.pool)
        .await?;
        let mut events = vec![];
        for (first, text) in rows {
            let read = wire::read(&text).ok_or_else(|| impossible(answer_id, "events"))?;
            let numbered = (size(first)..).zip(read);
            let numbered = numbered.map(|(number, event)| Numbered { number, event });
            events.extend(numbered.filter(|event| event.number > after));
        }
        Ok(Some(Recorded {
            events,
            alive_at: (!over).then_some(alive_at),
        }))
    }

    async fn under_way(
        &self,
        scope: &Scope,
        conversation: &ConversationId,
    ) -> Result<Option<String>, StoreError> {
        let row: Option<(String,)> = sqlx::query_as(
            "SELECT a.message_id FROM answers a JOIN conversations c ON c.id = a.conversation_id \
             WHERE c.id = $1 AND c.owner_id = $2 AND a.over = 0 \
             ORDER BY a.message_id DESC LIMIT 1",
        )
        .bind(&conversation.0)
        .bind(scope.owner())
        .fetch_optional(&self.database.pool)
        .await?;
        Ok(row.map(|(id,)| id))
    }

    async fn ask_to_stop(&self, scope: &Scope, answer_id: &str) -> Result<bool, StoreError> {
        let asked = sqlx::query(
            "UPDATE answers SET stop_asked = 1 WHERE message_id = $1 AND conversation_id IN \
             (SELECT id FROM conversations WHERE owner_id = $2)",
        )
        .bind(answer_id)
        .bind(scope.owner())
        .execute(&self.database.pool)
        .await?;
        Ok(asked.rows_affected() > 0)
    }

    async fn is_listened_to(&self, answer_id: &str, since: Millis) -> Result<bool, StoreError> {
        let row: Option<(i64,)> = sqlx::query_as(
            "SELECT listened_at FROM answers WHERE message_id = $1 AND listened_at >= $2",
        )
        .bind(answer_id)
        .bind(since)
        .fetch_optional(&self.database.pool)
        .await?;
        Ok(row.is_some())
    }

    async fn tidy_up(&self, due: Due) -> Result<(), StoreError> {
        // A range, which the index on owners knows, and LIKE does not.
        let end = VISITOR.replace(':', ";");
        sqlx::query(
            "DELETE FROM conversations WHERE owner_id > $1 AND owner_id < $2 AND updated_at < $3",
        )
        .bind(VISITOR)
        .bind(end)
        .bind(due.visited_before)
        .execute(&self.database.pool)
        .await?;
        sqlx::query("DELETE FROM answers WHERE over = 1 AND alive_at < $1")
            .bind(due.over_since)
            .execute(&self.database.pool)
            .await?;
        let silent: Vec<(String, String, i64)> = sqlx::query_as(
            "SELECT message_id, conversation_id, alive_at FROM answers \
             WHERE over = 0 AND alive_at < $1 ORDER BY alive_at LIMIT $2",
        )
        .bind(due.silent_since)
        .bind(STEP)
        .fetch_all(&self.database.pool)
        .await?;
        for (answer, conversation, alive_at) in silent {
            end_silent(self, &answer, &conversation, alive_at).await?;
        }
        self.database.sync().await?;
        Ok(())
    }
}

/// Begins the conversation, or finds it in the scope.
async fn conversation_is_there(
    transaction: &mut Transaction<'static, Any>,
    scope: &Scope,
    opening: &Opening,
    now: Millis,
) -> Result<bool, StoreError> {
    let id = &opening.conversation_id.0;
    let Some(title) = &opening.begins else {
        let known =
            sqlx::query("UPDATE conversations SET updated_at = $1 WHERE id = $2 AND owner_id = $3")
                .bind(now)
                .bind(id)
                .bind(scope.owner())
                .execute(&mut **transaction)
                .await?;
        return Ok(known.rows_affected() > 0);
    };
    let begun = sqlx::query(sql(format!(
        "INSERT INTO conversations (owner_id, id, title, created_at, updated_at) \
         SELECT $1, $2, $3, $4, $4 WHERE {OWNER_IS_THERE}"
    )))
    .bind(scope.owner())
    .bind(id)
    .bind(title)
    .bind(now)
    .execute(&mut **transaction)
    .await?;
    // The numbers stand in the text: where they are arguments, SQLite plans anew
    // each time. They are set once for all.
    sqlx::query(sql(format!(
        "DELETE FROM conversations WHERE owner_id = $1 AND id IN (SELECT id FROM conversations \
         WHERE owner_id = $1 ORDER BY updated_at DESC, id DESC LIMIT {} OFFSET {})",
        i64::MAX,
        bigint(opening.retention)
    )))
    .bind(scope.owner())
    .execute(&mut **transaction)
    .await?;
    Ok(begun.rows_affected() > 0)
}

async fn replace(
    transaction: &mut Transaction<'static, Any>,
    opening: &Opening,
) -> Result<(), StoreError> {
    let (compared, message) = match &opening.replaces {
        None => return Ok(()),
        Some(Replaced::From(message)) => (">=", message),
        Some(Replaced::After(message)) => (">", message),
    };
    sqlx::query(sql(format!(
        "UPDATE messages SET replaced = 1 WHERE conversation_id = $1 AND (created_at, id) \
         {compared} (SELECT n.created_at, n.id FROM messages n \
         WHERE n.id = $2 AND n.conversation_id = $1)"
    )))
    .bind(&opening.conversation_id.0)
    .bind(message)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Notes that these answers are being made; gives those that are to go on.
async fn note_alive(
    transaction: &mut Transaction<'static, Any>,
    answers: &[Unrecorded],
    now: Millis,
) -> Result<HashSet<String>, StoreError> {
    let text = sql(format!(
        "UPDATE answers SET alive_at = $1 WHERE over = 0 AND stop_asked = 0 \
         AND message_id IN ({}) RETURNING message_id",
        placeholders(2, answers.len())
    ));
    let mut query = sqlx::query_as(text).bind(now);
    for answer in answers {
        query = query.bind(&answer.answer_id);
    }
    let rows: Vec<(String,)> = query.fetch_all(&mut **transaction).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

async fn add_events(
    transaction: &mut Transaction<'static, Any>,
    answers: &[&Unrecorded],
) -> Result<(), StoreError> {
    let mut new = vec![];
    for answer in answers.iter().filter(|answer| !answer.events.is_empty()) {
        let last = answer.first + answer.events.len() - 1;
        new.push((answer, last, wire::write(&answer.events)?));
    }
    let into = "answer_events (message_id, first, last, events)";
    insert_all(transaction, into, 4, &new, |row, (answer, last, events)| {
        row.bind(&answer.answer_id)
            .bind(bigint(answer.first))
            .bind(bigint(*last))
            .bind(events)
    })
    .await
}

async fn keep(
    transaction: &mut Transaction<'static, Any>,
    answer: &NewAnswer,
    now: Millis,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE conversations SET updated_at = $1 WHERE id = $2")
        .bind(now)
        .bind(&answer.conversation_id.0)
        .execute(&mut **transaction)
        .await?;
    let known = &answer.answered;
    sqlx::query(
        "INSERT INTO messages (id, conversation_id, role, content, complete, created_at, kind, \
         broken, model, prompt_tokens, completion_tokens) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(&answer.id)
    .bind(&answer.conversation_id.0)
    .bind(Speaker::Assistant.as_str())
    .bind(&answer.content)
    .bind(i64::from(known.broken.is_none()))
    .bind(now)
    .bind(known.kind.as_str())
    .bind(known.broken.as_deref().unwrap_or_default())
    .bind(known.model.as_deref().unwrap_or_default())
    .bind(i64::try_from(known.usage.prompt).unwrap_or(i64::MAX))
    .bind(i64::try_from(known.usage.completion).unwrap_or(i64::MAX))
    .execute(&mut **transaction)
    .await?;
    add_sources(transaction, &answer.id, &known.sources).await?;
    add_evidence(transaction, &answer.id, &known.sources, &known.evidence).await
}

async fn add_sources(
    transaction: &mut Transaction<'static, Any>,
    message: &str,
    sources: &[Passage],
) -> Result<(), StoreError> {
    let numbered: Vec<(i64, &Passage)> = (1..).zip(sources).collect();
    let into = "message_sources (message_id, number, chunk_id, document_id, title, path, \
        heading, text, span_start, span_end, page, score)";
    insert_all(transaction, into, 12, &numbered, |row, (number, source)| {
        row.bind(message)
            .bind(number)
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
    })
    .await
}

/// The sources of an answer as they stood when it was given.
pub(super) async fn sources_of(
    store: &SqlStore,
    answer_id: &str,
) -> Result<Vec<Passage>, StoreError> {
    type Row = (
        String,
        String,
        String,
        String,
        String,
        String,
        i64,
        i64,
        i64,
        f64,
    );
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT chunk_id, document_id, title, path, heading, text, span_start, span_end, page, \
         score FROM message_sources WHERE message_id = $1 ORDER BY number",
    )
    .bind(answer_id)
    .fetch_all(&store.database.pool)
    .await?;
    let sources = rows.into_iter().map(|row| Passage {
        chunk_id: ChunkId(row.0),
        document_id: DocumentId(row.1),
        external_id: String::new(),
        title: row.2,
        path: row.3,
        heading: row.4,
        text: row.5,
        span: size(row.6)..size(row.7),
        page: page(row.8),
        ordinal: None,
        score: row.9,
    });
    Ok(sources.collect())
}

/// Whether an answer in the scope is over, and when its maker was last heard of.
async fn standing(
    store: &SqlStore,
    scope: &Scope,
    answer_id: &str,
) -> Result<Option<(bool, Millis)>, StoreError> {
    let row: Option<(i64, i64)> = sqlx::query_as(
        "SELECT a.over, a.alive_at FROM answers a JOIN conversations c \
         ON c.id = a.conversation_id WHERE a.message_id = $1 AND c.owner_id = $2",
    )
    .bind(answer_id)
    .bind(scope.owner())
    .fetch_optional(&store.database.pool)
    .await?;
    Ok(row.map(|(over, alive_at)| (over != 0, alive_at)))
}

/// Ends an answer whose maker has died: what was recorded of its text becomes
/// the message.
async fn end_silent(
    store: &SqlStore,
    answer: &str,
    conversation: &str,
    alive_at: Millis,
) -> Result<(), StoreError> {
    let mut transaction = store.database.begin().await?;
    let mine = sqlx::query(
        "UPDATE answers SET over = 1 WHERE message_id = $1 AND over = 0 AND alive_at = $2",
    )
    .bind(answer)
    .bind(alive_at)
    .execute(&mut *transaction)
    .await?;
    if mine.rows_affected() == 0 {
        return Ok(());
    }
    let rows: Vec<(i64, String)> = sqlx::query_as(
        "SELECT last, events FROM answer_events WHERE message_id = $1 ORDER BY first",
    )
    .bind(answer)
    .fetch_all(&mut *transaction)
    .await?;
    let last = rows.last().map_or(0, |(last, _)| size(*last));
    let events: Vec<AnswerEvent> = rows
        .iter()
        .filter_map(|(_, text)| wire::read(text))
        .flatten()
        .collect();
    let ended = Unrecorded {
        answer_id: answer.to_owned(),
        first: last + 1,
        events: vec![AnswerEvent::interrupted()],
    };
    add_events(&mut transaction, &[&ended]).await?;
    if let Some(left) = wire::left(answer, conversation, &events) {
        keep(&mut transaction, &left, alive_at).await?;
    }
    transaction.commit().await?;
    Ok(())
}
