//! Looking at conversations, renaming and deleting them, and saying what one
//! thinks of an answer.

use futures::{Stream, stream};
use service_kit::clock::is_id;

use super::{
    App,
    ask::conversation_id,
    error::Error,
    knowledge::check,
    ports::{Order, Page},
};
use crate::domain::{
    conversation::{
        Conversation, ConversationId, Feedback, MAX_REASON, MAX_TITLE, Message, Rating,
    },
    principal::{Principal, Scope},
};

/// The longest text that conversations are searched for, in characters.
const MAX_WORDS: usize = 200;

/// Messages that are read at once.
const BATCH: usize = 100;

/// A conversation with its messages.
pub type Whole = (Conversation, Vec<Message>);

impl App {
    /// A page of the caller's conversations, newest first; those that hold some
    /// words where such are given.
    pub async fn list_conversations(
        &self,
        caller: &Principal,
        words: Option<&str>,
        page: &Page,
    ) -> Result<Vec<Conversation>, Error> {
        check(page)?;
        if words.is_some_and(|words| words.chars().count() > MAX_WORDS) {
            return Err(Error::Label("`q` has at most 200 characters."));
        }
        let words = words.map(str::trim).filter(|words| !words.is_empty());
        let scope = caller.scope();
        let order = Order::NewestFirst;
        Ok(self.conversations.list(&scope, words, page, order).await?)
    }

    /// A page of the caller's conversations, in the order of choice.
    pub async fn conversations_by(
        &self,
        caller: &Principal,
        page: &Page,
        order: Order,
    ) -> Result<Vec<Conversation>, Error> {
        check(page)?;
        let scope = caller.scope();
        Ok(self.conversations.list(&scope, None, page, order).await?)
    }

    /// A conversation of the caller's with a page of its messages, oldest first.
    pub async fn conversation(
        &self,
        caller: &Principal,
        id: &str,
        page: &Page,
    ) -> Result<Whole, Error> {
        self.conversation_by(caller, id, page, Order::OldestFirst)
            .await
    }

    /// A conversation of the caller's with a page of its messages, in the order
    /// of choice.
    pub async fn conversation_by(
        &self,
        caller: &Principal,
        id: &str,
        page: &Page,
        order: Order,
    ) -> Result<Whole, Error> {
        check(page)?;
        let id = conversation_id(id)?;
        let scope = caller.scope_in(&id);
        let conversation = self.conversations.conversation(&scope, &id).await?;
        let conversation = conversation.ok_or(Error::NoSuchConversation)?;
        let messages = self.conversations.messages(&scope, &id, page, order);
        Ok((conversation, messages.await?))
    }

    /// Gives a conversation of the caller's another title.
    pub async fn rename_conversation(
        &self,
        caller: &Principal,
        id: &str,
        title: &str,
    ) -> Result<Conversation, Error> {
        let id = conversation_id(id)?;
        let scope = caller.scope_in(&id);
        let title = title.trim();
        if title.is_empty() || title.chars().count() > MAX_TITLE || title.contains('\0') {
            return Err(Error::Label("A title has 1 to 80 characters."));
        }
        self.conversations.rename(&scope, &id, title).await?;
        let conversation = self.conversations.conversation(&scope, &id).await?;
        conversation.ok_or(Error::NoSuchConversation)
    }

    /// Deletes a conversation of the caller's, and stops what is written in it.
    pub async fn delete_conversation(&self, caller: &Principal, id: &str) -> Result<(), Error> {
        let id = conversation_id(id)?;
        let scope = caller.scope_in(&id);
        let deleted = self.conversations.delete(&scope, &id).await?;
        deleted.then_some(()).ok_or(Error::NoSuchConversation)
    }

    /// Deletes all of the caller's conversations; tells how many there were.
    pub async fn delete_conversations(&self, caller: &Principal) -> Result<u64, Error> {
        Ok(self.conversations.delete_all(&caller.scope()).await?)
    }

    /// All of the caller's conversations with all messages, one after the other.
    pub fn export_conversations(
        self: std::sync::Arc<Self>,
        caller: Principal,
    ) -> impl Stream<Item = Result<Whole, Error>> + Send {
        stream::try_unfold(Some(String::new()), move |after| {
            let (app, caller) = (std::sync::Arc::clone(&self), caller.clone());
            async move {
                let Some(after) = after else { return Ok(None) };
                app.next_exported(&caller, after).await
            }
        })
    }

    /// A conversation of the caller's with all of its messages.
    pub async fn whole_conversation(&self, caller: &Principal, id: &str) -> Result<Whole, Error> {
        let id = conversation_id(id)?;
        let scope = caller.scope_in(&id);
        let conversation = self.conversations.conversation(&scope, &id).await?;
        let conversation = conversation.ok_or(Error::NoSuchConversation)?;
        let messages = self.all_messages(&scope, &id).await?;
        Ok((conversation, messages))
    }

    async fn all_messages(
        &self,
        scope: &Scope,
        id: &ConversationId,
    ) -> Result<Vec<Message>, Error> {
        let (mut messages, mut after) = (vec![], String::new());
        loop {
            let page = Page {
                after,
                limit: BATCH,
            };
            let batch = self
                .conversations
                .messages(scope, id, &page, Order::OldestFirst);
            let batch = batch.await?;
            let more = batch.len() == BATCH;
            after = batch.last().map(|last| last.id.clone()).unwrap_or_default();
            messages.extend(batch);
            if !more {
                return Ok(messages);
            }
        }
    }

    async fn next_exported(
        &self,
        caller: &Principal,
        after: String,
    ) -> Result<Option<(Whole, Option<String>)>, Error> {
        let (scope, page) = (caller.scope(), Page { after, limit: 1 });
        let order = Order::NewestFirst;
        let found = self.conversations.list(&scope, None, &page, order).await?;
        let Some(conversation) = found.into_iter().next() else {
            return Ok(None);
        };
        let messages = self.all_messages(&scope, &conversation.id).await?;
        let next = conversation.id.0.clone();
        Ok(Some(((conversation, messages), Some(next))))
    }

    /// Keeps whether the answers among these messages were of use. What else is
    /// among them is passed over, but there must be an answer of the caller's.
    pub async fn rate_answers(
        &self,
        caller: &Principal,
        messages: &[String],
        rating: Rating,
    ) -> Result<(), Error> {
        let mut rated = Err(Error::NoSuchMessage);
        for message in messages.iter().take(BATCH) {
            let feedback = Feedback {
                rating,
                reason: String::new(),
            };
            match self.rate_answer(caller, message, Some(feedback)).await {
                Err(Error::NoSuchMessage) => {}
                done => {
                    done?;
                    rated = Ok(());
                }
            }
        }
        rated
    }

    /// Keeps what the caller thinks of an answer of theirs, or takes it back.
    pub async fn rate_answer(
        &self,
        caller: &Principal,
        answer_id: &str,
        feedback: Option<Feedback>,
    ) -> Result<(), Error> {
        if !is_id(answer_id) {
            return Err(Error::NoSuchMessage);
        }
        let reason = feedback.as_ref().map_or("", |feedback| &feedback.reason);
        if reason.chars().count() > MAX_REASON || reason.contains('\0') {
            return Err(Error::Label("A `reason` has at most 1,000 characters."));
        }
        let (scope, now) = (caller.scope(), self.clock.now());
        let rated = self
            .conversations
            .rate(&scope, answer_id, feedback.as_ref(), now);
        rated.await?.then_some(()).ok_or(Error::NoSuchMessage)
    }
}
