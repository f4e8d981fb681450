//! What the verbs about conversations and answers need from outside.

use async_trait::async_trait;
use service_kit::clock::Millis;

use super::{Page, Settled, StoreError};
use crate::domain::{
    answer::{AnswerEvent, Numbered},
    conversation::{
        AskedBefore, Conversation, ConversationId, Feedback, Message, NewAnswer, Opening, Turn,
    },
    interaction::Interaction,
    principal::Scope,
};

/// What a page begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The oldest.
    OldestFirst,
    /// The newest.
    NewestFirst,
}

/// Conversations and their messages. What was replaced by an edit or another
/// answer is not among them.
#[async_trait]
pub trait ConversationStore: Send + Sync {
    /// A page of the conversations in `scope`, by their newest message; where
    /// `words` are given, those whose title or messages hold them.
    async fn list(
        &self,
        scope: &Scope,
        words: Option<&str>,
        page: &Page,
        order: Order,
    ) -> Result<Vec<Conversation>, StoreError>;
    /// A conversation in `scope`.
    async fn conversation(
        &self,
        scope: &Scope,
        id: &ConversationId,
    ) -> Result<Option<Conversation>, StoreError>;
    /// A page of its messages.
    async fn messages(
        &self,
        scope: &Scope,
        id: &ConversationId,
        page: &Page,
        order: Order,
    ) -> Result<Vec<Message>, StoreError>;
    /// The last turns of a conversation in `scope` before the message `before`,
    /// oldest first; `None` where there is no such conversation.
    async fn last_turns(
        &self,
        scope: &Scope,
        id: &ConversationId,
        before: Option<&str>,
        limit: usize,
    ) -> Result<Option<Vec<Turn>>, StoreError>;
    /// The question that a message of a conversation in `scope` is or answers.
    async fn asked_before(
        &self,
        scope: &Scope,
        message_id: &str,
    ) -> Result<Option<AskedBefore>, StoreError>;
    /// The message of a conversation in `scope` that is its question at a place,
    /// counted from 1; `None` where it has not so many.
    async fn question_at(
        &self,
        scope: &Scope,
        id: &ConversationId,
        place: usize,
    ) -> Result<Option<String>, StoreError>;
    /// Gives a conversation another title; `false` where there is none.
    async fn rename(
        &self,
        scope: &Scope,
        id: &ConversationId,
        title: &str,
    ) -> Result<bool, StoreError>;
    /// Removes a conversation; `false` where there is none.
    async fn delete(&self, scope: &Scope, id: &ConversationId) -> Result<bool, StoreError>;
    /// Removes all conversations of the scope's owner; tells how many.
    async fn delete_all(&self, scope: &Scope) -> Result<u64, StoreError>;
    /// Keeps what a reader thought of an answer, or takes it back; `false` where
    /// there is no such answer.
    async fn rate(
        &self,
        scope: &Scope,
        answer_id: &str,
        feedback: Option<&Feedback>,
        now: Millis,
    ) -> Result<bool, StoreError>;
}

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Answers that nobody has made on since then are ended.
    pub silent_since: Millis,
    /// Events of answers that were over before then are forgotten.
    pub over_since: Millis,
    /// Conversations of visitors without a question since then are deleted.
    pub visited_before: Millis,
}

/// Where an answer stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// The events that were asked for, as far as they were recorded.
    pub events: Vec<Numbered>,
    /// When whoever makes it was last heard of; `None` where it is over.
    pub alive_at: Option<Millis>,
}

/// Events of an answer that were not recorded yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Unrecorded {
    /// The answer.
    pub answer_id: String,
    /// The number of the first one.
    pub first: usize,
    /// They may be none: then only that the answer is still being made is noted.
    pub events: Vec<AnswerEvent>,
}

/// What is kept of an answer that ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// The message, unless it was stopped before there was a word of it.
    pub answer: Option<NewAnswer>,
    /// What is logged of it, unless that is switched off.
    pub interaction: Option<Interaction>,
    /// What it has used, which counts whether or not there is still a place to keep it.
    pub settled: Option<Settled>,
    /// The last events.
    pub last: Unrecorded,
}

/// Answers while they are made. Their events are recorded so that any process
/// can tell them to whoever comes back.
#[async_trait]
pub trait AnswerStore: Send + Sync {
    /// Keeps a question, and that its answer is being made; `false` where the
    /// account was deleted, or the conversation is not in `scope`.
    async fn open(&self, scope: &Scope, opening: &Opening, now: Millis)
    -> Result<bool, StoreError>;
    /// Records events of answers that are made here; gives those of the answers
    /// that are to stop, or whose conversation is gone.
    async fn record(
        &self,
        unrecorded: Vec<Unrecorded>,
        now: Millis,
    ) -> Result<Vec<String>, StoreError>;
    /// Keeps an answer that ends, all of it or nothing.
    async fn close(&self, scope: &Scope, ended: Ended, now: Millis) -> Result<(), StoreError>;
    /// The events of an answer in `scope` after the one with the number `after`,
    /// and notes that somebody listens; `None` where there is no such answer, or
    /// its events were forgotten.
    async fn recorded(
        &self,
        scope: &Scope,
        answer_id: &str,
        after: usize,
        now: Millis,
    ) -> Result<Option<Recorded>, StoreError>;
    /// The answer that is being made in a conversation in `scope`.
    async fn under_way(
        &self,
        scope: &Scope,
        conversation: &ConversationId,
    ) -> Result<Option<String>, StoreError>;
    /// Asks whoever makes an answer in `scope` to stop; `false` where there is no
    /// such answer.
    async fn ask_to_stop(&self, scope: &Scope, answer_id: &str) -> Result<bool, StoreError>;
    /// Whether another process has told somebody of this answer since `since`.
    async fn is_listened_to(&self, answer_id: &str, since: Millis) -> Result<bool, StoreError>;
    /// Ends answers whose makers are silent, keeping what there is of them, and
    /// forgets what is due to be forgotten.
    async fn tidy_up(&self, due: Due) -> Result<(), StoreError>;
}
