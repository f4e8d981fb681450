//! Asking: rewrite → retrieve → rank, and then the answer is written.

use std::sync::Arc;

use service_kit::clock::is_id;
use tokio::sync::mpsc;

use super::{App, answering::Answering, error::Error, ports::UnverifiedToken};
use crate::domain::{
    answer::{AnswerEvent, Evidence},
    conversation::{ConversationId, NewMessage, Speaker, Turn, title_of},
    principal::{Principal, Scope},
    question::Question,
};

/// How many turns of a conversation the model is shown.
const TURNS: usize = 10;

/// Events that may wait for a slow reader before generation waits too.
const WAITING_EVENTS: usize = 64;

/// What is asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The question.
    pub message: String,
    /// The conversation that it goes on with; a new one where it is missing.
    pub conversation_id: Option<String>,
    /// The one knowledge base to answer from, by name or id.
    pub knowledge_base: Option<String>,
}

/// The events of an answer. Dropping it stops the answer; what came so far is
/// kept in the conversation.
pub type Events = mpsc::Receiver<AnswerEvent>;

impl App {
    /// Begins to answer. What can be refused is refused here; after that, the
    /// events tell everything.
    pub async fn ask(self: &Arc<Self>, caller: &Principal, asked: &Asked) -> Result<Events, Error> {
        let began = self.clock.now();
        let scope = caller.scope();
        let question = Question::new(&asked.message)?;
        let place = self.place(&scope).await?;
        let history = self
            .history(&scope, asked.conversation_id.as_deref())
            .await?;
        let base = asked.knowledge_base.as_deref();
        let passages = self.gather(&scope, &question, base).await?;
        let conversation_id = match &asked.conversation_id {
            Some(id) => ConversationId(id.clone()),
            None => self.begin_conversation(&scope, &question).await?,
        };
        let question_id = self.new_id();
        let message = NewMessage {
            id: question_id.clone(),
            speaker: Speaker::User,
            content: question.text().to_owned(),
            complete: true,
            sources: vec![],
            evidence: Evidence::default(),
        };
        self.keep(&scope, &conversation_id, message).await?;
        let (reader, events) = mpsc::channel(WAITING_EVENTS);
        let message_id = self.new_id();
        let answering = Answering {
            app: Arc::clone(self),
            scope,
            question,
            conversation_id,
            question_id,
            message_id,
            history,
            passages,
            place,
            began,
            reader,
        };
        self.answers.spawn(answering.run());
        Ok(events)
    }

    async fn history(&self, scope: &Scope, id: Option<&str>) -> Result<Vec<Turn>, Error> {
        let Some(id) = id else { return Ok(vec![]) };
        if !is_id(id) {
            return Err(Error::NoSuchConversation);
        }
        let id = ConversationId(id.to_owned());
        let turns = self.conversations.last_turns(scope, &id, TURNS).await?;
        turns.ok_or(Error::NoSuchConversation)
    }

    async fn begin_conversation(
        &self,
        scope: &Scope,
        question: &Question,
    ) -> Result<ConversationId, Error> {
        let id = ConversationId(self.new_id());
        let title = title_of(question.text());
        let begun = self
            .conversations
            .begin(scope, &id, &title, self.clock.now())
            .await?;
        // The account was deleted since the token was looked at.
        begun
            .then_some(id)
            .ok_or(Error::Token(UnverifiedToken::Invalid))
    }

    pub(super) async fn keep(
        &self,
        scope: &Scope,
        conversation: &ConversationId,
        message: NewMessage,
    ) -> Result<(), Error> {
        Ok(self
            .conversations
            .add(scope, conversation, message, self.clock.now())
            .await?)
    }
}
