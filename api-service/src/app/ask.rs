//! Asking: rewrite → retrieve → rank, and then the answer is written.

use std::{
    pin::Pin,
    sync::{Arc, OnceLock},
};

use futures::Stream;
use service_kit::clock::is_id;

use super::{App, answering::Answering, error::Error, ports::UnverifiedToken, search::Within};
use crate::domain::{
    answer::Numbered,
    conversation::{AskedBefore, ConversationId, Opening, Replaced, Turn, title_of},
    interaction::Timings,
    principal::{Principal, Scope},
    question::Question,
};

/// How many turns of a conversation are looked at.
const TURNS: usize = 20;

/// What is asked.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// The question; empty where an answer is to be given anew.
    pub message: String,
    /// The conversation that it goes on with; a new one where it is missing.
    pub conversation_id: Option<String>,
    /// What it is answered from.
    pub within: Within,
    /// The message from which on the conversation is replaced: an answer, whose
    /// question is asked again, or a question, in whose place this one is asked.
    pub replaces: Option<String>,
}

/// The events of an answer, from the one that was asked for. Who drops them
/// stops listening; when nobody has listened for a while, the answer stops, and
/// what came so far is kept.
pub type Events = Pin<Box<dyn Stream<Item = Numbered> + Send>>;

/// Where a question stands.
struct Context {
    question: Question,
    /// The conversation; none where it begins.
    conversation: Option<ConversationId>,
    /// The question's message, where it is asked again.
    again: Option<String>,
    history: Vec<Turn>,
}

impl App {
    /// Begins to answer. What can be refused is refused here; after that, the
    /// events tell everything.
    pub async fn ask(self: &Arc<Self>, caller: &Principal, asked: &Asked) -> Result<Events, Error> {
        let began = self.clock.now();
        let scope = caller.scope();
        let context = self.context(&scope, asked).await?;
        let place = self.place(&scope).await?;
        let placed = self.clock.now();
        let query = self.rewrite(place.as_ref(), &context.question, &context.history);
        let query = query.await;
        let rewritten = self.clock.now();
        let passages = self.gather(&scope, &query, &asked.within).await?;
        let timings = Timings {
            rewrite: (!context.history.is_empty()).then_some(rewritten - placed),
            retrieve: self.clock.now() - rewritten,
            ..Timings::default()
        };
        let opening = self.opening(&context, asked);
        if !self.runs.open(&scope, &opening, began).await? {
            return Err(match &context.conversation {
                Some(_) => Error::NoSuchConversation,
                // The account was deleted since the token was looked at.
                None => Error::Token(UnverifiedToken::Invalid),
            });
        }
        let live = self.live.open(&opening.answer_id, scope.owner());
        let events = self.told(caller, live.read(0));
        let answering = Answering {
            app: Arc::clone(self),
            scope,
            question: context.question,
            query,
            opening,
            history: context.history,
            passages: passages.into(),
            place,
            began,
            timings,
            first_word: OnceLock::new(),
            live,
        };
        self.answers.spawn(answering.run());
        Ok(events)
    }

    /// Finds out which question is asked where.
    async fn context(&self, scope: &Scope, asked: &Asked) -> Result<Context, Error> {
        if let Some(message) = &asked.replaces {
            return self.replaced_context(scope, asked, message).await;
        }
        let question = Question::new(&asked.message)?;
        let Some(id) = &asked.conversation_id else {
            return Ok(Context {
                question,
                conversation: None,
                again: None,
                history: vec![],
            });
        };
        let id = conversation_id(id)?;
        Ok(Context {
            question,
            history: self.history(scope, &id, None).await?,
            conversation: Some(id),
            again: None,
        })
    }

    async fn replaced_context(
        &self,
        scope: &Scope,
        asked: &Asked,
        message: &str,
    ) -> Result<Context, Error> {
        let before = if is_id(message) {
            self.conversations.asked_before(scope, message).await?
        } else {
            None
        };
        let AskedBefore {
            conversation_id: id,
            question_id,
            question,
        } = before.ok_or(Error::NoSuchMessage)?;
        if asked
            .conversation_id
            .as_ref()
            .is_some_and(|one| *one != id.0)
        {
            return Err(Error::NoSuchMessage);
        }
        let edited = question_id == *message;
        // A question that is to be replaced by nothing is asked again itself.
        let again = !edited || asked.message.trim().is_empty();
        let question = if again { &question } else { &asked.message };
        Ok(Context {
            question: Question::new(question)?,
            history: self.history(scope, &id, Some(&question_id)).await?,
            conversation: Some(id),
            again: again.then_some(question_id),
        })
    }

    async fn history(
        &self,
        scope: &Scope,
        id: &ConversationId,
        before: Option<&str>,
    ) -> Result<Vec<Turn>, Error> {
        let turns = self.conversations.last_turns(scope, id, before, TURNS);
        turns.await?.ok_or(Error::NoSuchConversation)
    }

    fn opening(&self, context: &Context, asked: &Asked) -> Opening {
        let begins = match context.conversation {
            Some(_) => None,
            None => Some(title_of(context.question.text())),
        };
        let replaces = match (&asked.replaces, &context.again) {
            (None, _) => None,
            (Some(_), Some(question)) => Some(Replaced::After(question.clone())),
            (Some(message), None) => Some(Replaced::From(message.clone())),
        };
        let question_id = context.again.clone().unwrap_or_else(|| self.new_id());
        Opening {
            conversation_id: match &context.conversation {
                Some(id) => id.clone(),
                None => ConversationId(self.new_id()),
            },
            begins,
            replaces,
            question: match context.again {
                Some(_) => None,
                None => Some(context.question.text().to_owned()),
            },
            question_id,
            answer_id: self.new_id(),
            retention: self.retention,
        }
    }
}

/// What may be a conversation's id.
pub(super) fn conversation_id(id: &str) -> Result<ConversationId, Error> {
    if !is_id(id) {
        return Err(Error::NoSuchConversation);
    }
    Ok(ConversationId(id.to_owned()))
}
