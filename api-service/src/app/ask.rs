//! Asking: rewrite → retrieve → rank, and then the answer is written.

use std::{
    pin::Pin,
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures::{Stream, StreamExt};
use service_kit::clock::is_id;

use super::{
    App,
    answering::Answering,
    error::Error,
    ports::{StoreError, UnverifiedToken},
    search::Within,
};
use crate::domain::{
    answer::{Answer, AnswerEvent, Numbered},
    conversation::{AskedBefore, ConversationId, Opening, Replaced, Turn, title_of},
    interaction::Timings,
    principal::{Principal, Scope},
    question::Question,
};

/// How many turns of a conversation are looked at.
const TURNS: usize = 20;

/// How much is looked at of a turn, or of a wish, that a caller brings, in
/// characters.
const OF_A_TEXT: usize = 8_000;

/// How long the first word of an answer waits for the question to be kept, so that
/// what hinders that is told before the answer begins.
const KEPT_WITHIN: Duration = Duration::from_millis(10);

/// What is asked.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// The question; empty where an answer is to be given anew.
    pub message: String,
    /// The conversation that it goes on with; a new one where it is missing.
    pub conversation_id: Option<String>,
    /// What is done where there is no such conversation.
    pub otherwise: Otherwise,
    /// What it is answered from.
    pub within: Within,
    /// The most sources that it is answered from; as many as are good for an
    /// answer where nothing is said.
    pub most_sources: Option<usize>,
    /// The message from which on the conversation is replaced: an answer, whose
    /// question is asked again, or a question, in whose place this one is asked.
    pub replaces: Option<String>,
    /// The question of the conversation that `message` takes the place of, from
    /// 1, where there are so many; the same question is asked again.
    pub replaces_question: Option<usize>,
    /// What was said before, oldest first, where no conversation of ours has it.
    pub history: Vec<Turn>,
    /// How whoever runs the frontend wishes answers to be written; may be empty.
    pub wish: String,
    /// Whether the conversation is forgotten once it has the answer.
    pub passing: bool,
}

/// What is done where the conversation that a question names is not there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Otherwise {
    /// The question is refused.
    #[default]
    Refuse,
    /// Another one is begun, under an id of its own.
    BeginAnother,
    /// One is begun that the caller finds again under the name they gave, which
    /// may be any text.
    BeginNamed,
}

/// A whole answer, and where it stands.
#[derive(Debug)]
pub struct Answered {
    /// Its conversation.
    pub conversation_id: ConversationId,
    /// The question's message.
    pub question_id: String,
    /// Its message.
    pub message_id: String,
    /// The answer.
    pub answer: Answer,
}

/// Waits for an answer to be whole.
pub async fn whole(mut events: Events) -> Result<Answered, Error> {
    let mut place = None;
    while let Some(told) = events.next().await {
        match (told.event, place.take()) {
            (
                AnswerEvent::Started {
                    conversation_id,
                    question_id,
                    message_id,
                },
                _,
            ) => place = Some((conversation_id, question_id, message_id)),
            (AnswerEvent::Completed(answer), Some((conversation_id, question_id, message_id))) => {
                return Ok(Answered {
                    conversation_id,
                    question_id,
                    message_id,
                    answer,
                });
            }
            (AnswerEvent::Failed { code, message }, _) => {
                return Err(Error::AnswerFailed(code, message));
            }
            (_, before) => place = before,
        }
    }
    Err(Error::broke_off())
}

/// The events of an answer, from the one that was asked for. Who drops them
/// stops listening; when nobody has listened for a while, the answer stops, and
/// what came so far is kept.
pub type Events = Pin<Box<dyn Stream<Item = Numbered> + Send>>;

/// Where a question stands.
struct Context {
    question: Question,
    conversation: ConversationId,
    /// Whether it begins with this question.
    begins: bool,
    /// The question's message, where it is asked again.
    again: Option<String>,
    /// What it is answered from.
    within: Within,
    /// What this takes the place of, if of anything.
    replaces: Option<Replaced>,
    history: Vec<Turn>,
}

impl App {
    /// Begins to answer. What can be refused is refused here; after that, the
    /// events tell everything.
    pub async fn ask(self: &Arc<Self>, caller: &Principal, asked: &Asked) -> Result<Events, Error> {
        let began = self.clock.now();
        self.rates.count(caller)?;
        self.count_use_of_key(caller).await?;
        let mut context = self.context(caller, asked).await?;
        if let Some(key) = caller.key_use() {
            context.within.bases = vec![key.base.0.clone()];
        }
        let scope = caller.scope_in(&context.conversation);
        let place = self.place(&caller.counted_in()).await?;
        let placed = self.clock.now();
        let query = self.rewrite(place.as_ref(), &context.question, &context.history);
        let query = query.await;
        let rewritten = self.clock.now();
        let passages = self.gather(&scope, &query, &context.within, asked.most_sources);
        let passages = passages.await?;
        let timings = Timings {
            rewrite: (!context.history.is_empty()).then_some(rewritten - placed),
            retrieve: self.clock.now() - rewritten,
            ..Timings::default()
        };
        let opening = self.opening(caller, &context, asked);
        let live = self.live.open(&opening.answer_id, scope.owner());
        let events = self.told(caller, live.read(0));
        let answering = Answering {
            app: Arc::clone(self),
            scope,
            question: context.question,
            query,
            opening,
            history: context.history,
            wish: asked.wish.chars().take(OF_A_TEXT).collect(),
            passing: asked.passing,
            passages: passages.into(),
            place,
            began,
            timings,
            first_word: OnceLock::new(),
            live,
        };
        self.begin(answering).await?;
        Ok(events)
    }

    /// Lets an answer be written while its question is kept. Where that takes long,
    /// its readers do not wait for it: the answer is stopped if it fails then.
    async fn begin(self: &Arc<Self>, answering: Answering) -> Result<(), Error> {
        let begins = answering.opening.begins.is_some();
        let question = Arc::clone(self).keep_question(answering);
        let mut keeping = self.answers.spawn(question);
        let Ok(kept) = tokio::time::timeout(KEPT_WITHIN, &mut keeping).await else {
            self.answers.spawn(async move {
                if let Ok(Err(error)) = keeping.await {
                    let error: &dyn std::error::Error = &error;
                    tracing::error!(error, "a question could not be kept; its answer is stopped");
                }
            });
            return Ok(());
        };
        if kept.map_err(|_| Error::broke_off())?? {
            return Ok(());
        }
        Err(if begins {
            // The account was deleted since the token was looked at.
            Error::Token(UnverifiedToken::Invalid)
        } else {
            Error::NoSuchConversation
        })
    }

    /// Lets the answer be written, and gives its question its place in its
    /// conversation, if there is one.
    async fn keep_question(self: Arc<Self>, answering: Answering) -> Result<bool, StoreError> {
        let (scope, opening) = (answering.scope.clone(), answering.opening.clone());
        let (live, began) = (Arc::clone(&answering.live), answering.began);
        // Nothing is recorded of the answer as long as this is held.
        let _held = live.unrecorded().await;
        self.answers.spawn(answering.run());
        let opened = self.runs.open(&scope, &opening, began).await;
        if !matches!(opened, Ok(true)) {
            live.stop.cancel();
        }
        opened
    }

    /// Finds out which question is asked where.
    async fn context(&self, caller: &Principal, asked: &Asked) -> Result<Context, Error> {
        if let Some(message) = &asked.replaces {
            let within = asked.conversation_id.as_deref();
            return self
                .replaced_context(&caller.scope(), asked, message, within)
                .await;
        }
        let question = Question::new(&asked.message)?;
        let mut begun = ConversationId(self.new_id());
        if let Some(name) = &asked.conversation_id {
            let derived = derived_id(&caller.scope(), name);
            let ids = match asked.otherwise {
                Otherwise::BeginNamed => named_ids(&caller.scope(), name),
                _ => conversation_id(name).into_iter().collect(),
            };
            if let Some((conversation, history)) = self.first_of(caller, ids).await? {
                let scope = caller.scope_in(&conversation);
                if let Some(place) = asked.replaces_question
                    && let Some(message) = self
                        .conversations
                        .question_at(&scope, &conversation, place)
                        .await?
                {
                    let within = Some(conversation.0.as_str());
                    return self.replaced_context(&scope, asked, &message, within).await;
                }
                return Ok(Context {
                    question,
                    conversation,
                    begins: false,
                    again: None,
                    within: asked.within.clone(),
                    replaces: None,
                    history,
                });
            }
            match asked.otherwise {
                Otherwise::Refuse => return Err(Error::NoSuchConversation),
                Otherwise::BeginAnother => {}
                Otherwise::BeginNamed => begun = derived,
            }
        }
        Ok(Context {
            question,
            conversation: begun,
            begins: true,
            again: None,
            within: asked.within.clone(),
            replaces: None,
            history: brought(&asked.history),
        })
    }

    /// The first of these conversations that is the caller's, and its last turns.
    async fn first_of(
        &self,
        caller: &Principal,
        ids: Vec<ConversationId>,
    ) -> Result<Option<(ConversationId, Vec<Turn>)>, Error> {
        for id in ids {
            let scope = caller.scope_in(&id);
            let turns = self.conversations.last_turns(&scope, &id, None, TURNS);
            if let Some(turns) = turns.await? {
                return Ok(Some((id, turns)));
            }
        }
        Ok(None)
    }

    async fn replaced_context(
        &self,
        scope: &Scope,
        asked: &Asked,
        message: &str,
        within: Option<&str>,
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
            documents,
        } = before.ok_or(Error::NoSuchMessage)?;
        if within.is_some_and(|one| one != id.0) {
            return Err(Error::NoSuchMessage);
        }
        let edited = question_id == *message;
        // A question that is to be replaced by nothing else is asked again itself.
        let wanted = asked.message.trim();
        let again = !edited || wanted.is_empty() || wanted == question;
        let replaces = if again {
            Replaced::After(question_id.clone())
        } else {
            Replaced::From(message.to_owned())
        };
        let mut answered_from = asked.within.clone();
        if again && answered_from.filter.documents.is_empty() {
            answered_from.filter.documents = documents;
        }
        Ok(Context {
            question: Question::new(if again { &question } else { wanted })?,
            history: self.history(scope, &id, &question_id).await?,
            conversation: id,
            begins: false,
            again: again.then_some(question_id),
            within: answered_from,
            replaces: Some(replaces),
        })
    }

    async fn history(
        &self,
        scope: &Scope,
        id: &ConversationId,
        before: &str,
    ) -> Result<Vec<Turn>, Error> {
        let turns = self
            .conversations
            .last_turns(scope, id, Some(before), TURNS);
        turns.await?.ok_or(Error::NoSuchConversation)
    }

    fn opening(&self, caller: &Principal, context: &Context, asked: &Asked) -> Opening {
        let begins = context.begins.then(|| title_of(context.question.text()));
        let question_id = context.again.clone().unwrap_or_else(|| self.new_id());
        let documents = context.within.filter.documents.iter();
        Opening {
            conversation_id: context.conversation.clone(),
            begins,
            replaces: context.replaces.clone(),
            question: match context.again {
                Some(_) => None,
                None => Some(context.question.text().to_owned()),
            },
            question_id,
            documents: documents.filter(|id| is_id(&id.0)).cloned().collect(),
            answer_id: self.new_id(),
            // What passes takes no other conversation's place, nor does a visitor's.
            retention: if asked.passing || caller.network().is_some() {
                usize::MAX
            } else {
                self.retention
            },
        }
    }
}

/// The last turns of what a caller brings.
fn brought(history: &[Turn]) -> Vec<Turn> {
    let last = &history[history.len().saturating_sub(TURNS)..];
    let cut = last.iter().map(|turn| Turn {
        speaker: turn.speaker,
        content: turn.content.chars().take(OF_A_TEXT).collect(),
    });
    cut.collect()
}

/// The conversations that a name may mean: one with this id, or the one that
/// its owner calls so.
pub(super) fn named_ids(scope: &Scope, name: &str) -> Vec<ConversationId> {
    let ids = conversation_id(name).into_iter();
    ids.chain([derived_id(scope, name)]).collect()
}

/// The id of the conversation that its owner calls so.
fn derived_id(scope: &Scope, name: &str) -> ConversationId {
    let mut hasher = blake3::Hasher::new_derive_key("lectern conversation names");
    hasher.update(scope.owner().as_bytes());
    hasher.update(&[0]);
    hasher.update(name.as_bytes());
    let mut bytes = [0; 16];
    hasher.finalize_xof().fill(&mut bytes);
    ConversationId(service_kit::clock::id_of(bytes))
}

/// What may be a conversation's id.
pub(super) fn conversation_id(id: &str) -> Result<ConversationId, Error> {
    if !is_id(id) {
        return Err(Error::NoSuchConversation);
    }
    Ok(ConversationId(id.to_owned()))
}
