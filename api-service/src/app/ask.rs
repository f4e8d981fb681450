//! Asking: retrieve → rank → prompt → generate → cite → remember.

use std::sync::Arc;

use futures::StreamExt;
use service_kit::clock::{Millis, is_id};
use tokio::sync::mpsc;

use super::{
    App,
    error::Error,
    ports::{GenerationError, Generator, UnverifiedToken},
    search::Wanted,
};
use crate::{
    domain::{
        answer::{Answer, AnswerEvent, AnswerKind},
        chunk::Passage,
        conversation::{ConversationId, NewMessage, Speaker, Turn, title_of},
        index::Mode,
        principal::{Principal, Scope},
        question::Question,
    },
    pipeline::{
        citing::CitationFilter,
        extracting::{candidates, pick},
        prompt::prompt,
    },
};

/// How many passages an answer may cite.
const SOURCES: usize = 6;

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

/// An answer that is being made.
struct Answering {
    app: Arc<App>,
    scope: Scope,
    question: Question,
    conversation_id: ConversationId,
    message_id: String,
    history: Vec<Turn>,
    passages: Vec<Passage>,
    began: Millis,
    reader: mpsc::Sender<AnswerEvent>,
}

/// The reader has gone: nobody wants the rest.
struct Gone;

impl App {
    /// Begins to answer. What can be refused is refused here; after that, the
    /// events tell everything.
    pub async fn ask(self: &Arc<Self>, caller: &Principal, asked: &Asked) -> Result<Events, Error> {
        let began = self.clock.now();
        let scope = caller.scope();
        let question = Question::new(&asked.message)?;
        let history = self
            .history(&scope, asked.conversation_id.as_deref())
            .await?;
        let wanted = Wanted {
            base: asked.knowledge_base.as_deref(),
            limit: SOURCES,
            mode: Mode::Hybrid(self.fusion),
        };
        let passages = self.retrieve(&scope, &question, wanted).await?;
        let conversation_id = match &asked.conversation_id {
            Some(id) => ConversationId(id.clone()),
            None => self.begin_conversation(&scope, &question).await?,
        };
        let message = NewMessage {
            id: self.new_id(),
            speaker: Speaker::User,
            content: question.text().to_owned(),
            complete: true,
            sources: vec![],
        };
        self.keep(&scope, &conversation_id, message).await?;
        let (reader, events) = mpsc::channel(WAITING_EVENTS);
        let message_id = self.new_id();
        let answering = Answering {
            app: Arc::clone(self),
            scope,
            question,
            conversation_id,
            message_id,
            history,
            passages,
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

    async fn keep(
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

/// What became of the text of an answer.
struct Written {
    kind: AnswerKind,
    text: String,
    cited: Vec<usize>,
    /// Why it ends before its end, if it does.
    broken: Option<&'static str>,
}

/// Why an answer ends whose reader has gone.
const STOPPED: &str = "stopped";

impl Written {
    const fn stopped() -> Self {
        Self {
            kind: AnswerKind::Generated,
            text: String::new(),
            cited: vec![],
            broken: Some(STOPPED),
        }
    }
}

impl Answering {
    async fn run(self) {
        let written = match self.write().await {
            Ok(written) => written,
            Err(Gone) => return,
        };
        // The reader went before there was a word of the answer.
        if written.broken == Some(STOPPED) && written.text.is_empty() {
            return;
        }
        let message = NewMessage {
            id: self.message_id.clone(),
            speaker: Speaker::Assistant,
            content: written.text.clone(),
            complete: written.broken.is_none(),
            sources: self.passages.clone(),
        };
        let kept = self.app.keep(&self.scope, &self.conversation_id, message);
        if let Err(error) = kept.await {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, "an answer could not be kept in its conversation");
        }
        let event = match written.broken {
            Some(code) => AnswerEvent::Failed {
                code,
                message: "The answer broke off; ask again.".to_owned(),
            },
            None => AnswerEvent::Done(Answer {
                kind: written.kind,
                text: written.text,
                sources: self.passages.clone(),
                cited: written.cited,
                processing_time_ms: self.app.clock.now() - self.began,
            }),
        };
        // A reader that has gone by now misses nothing that was not kept.
        let _ = self.reader.send(event).await;
    }

    async fn write(&self) -> Result<Written, Gone> {
        self.tell(AnswerEvent::Started {
            conversation_id: self.conversation_id.clone(),
            message_id: self.message_id.clone(),
        })
        .await?;
        self.tell(AnswerEvent::Sources(self.passages.clone()))
            .await?;
        if let Some(generator) = self.app.generator.clone()
            && !self.passages.is_empty()
        {
            match self.generate(generator.as_ref()).await {
                Ok(written) => return Ok(written),
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(error, "the language model failed; the answer is extractive");
                }
            }
        }
        self.extract().await
    }

    async fn tell(&self, event: AnswerEvent) -> Result<(), Gone> {
        self.reader.send(event).await.map_err(|_| Gone)
    }

    /// Lets the model write. An error means that it did not begin.
    async fn generate(&self, generator: &dyn Generator) -> Result<Written, GenerationError> {
        let prompt = prompt(self.question.text(), &self.passages, self.history.clone());
        let mut pieces = tokio::select! {
            begun = generator.generate(prompt) => begun?,
            () = self.reader.closed() => return Ok(Written::stopped()),
        };
        let mut filter = CitationFilter::new(self.passages.len());
        let (mut text, mut broken) = (String::new(), None);
        loop {
            let next = tokio::select! {
                next = pieces.next() => next,
                () = self.reader.closed() => {
                    broken = Some(STOPPED);
                    break;
                }
            };
            match next {
                Some(Ok(piece)) => self.show(&mut text, filter.push(&piece)).await,
                Some(Err(error)) if text.is_empty() => return Err(error),
                Some(Err(error)) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(error, "the language model broke off");
                    broken = Some("model_broke_off");
                    break;
                }
                None => break,
            }
        }
        let (rest, cited) = filter.finish();
        self.show(&mut text, rest).await;
        if broken.is_none() && text.trim().is_empty() {
            return Err(GenerationError("the model said nothing".into()));
        }
        Ok(Written {
            kind: AnswerKind::Generated,
            text,
            cited,
            broken,
        })
    }

    /// A reader that goes is noticed when the next piece is waited for.
    async fn show(&self, text: &mut String, mut piece: String) {
        if text.is_empty() {
            piece = piece.trim_start().to_owned();
        }
        if !piece.is_empty() {
            text.push_str(&piece);
            let _ = self.tell(AnswerEvent::Delta(piece)).await;
        }
    }

    /// Answers with the sources' own sentences.
    async fn extract(&self) -> Result<Written, Gone> {
        let candidates = candidates(&self.passages);
        let mut texts = vec![self.question.text().to_owned()];
        texts.extend(candidates.iter().map(|candidate| candidate.text.clone()));
        let vectors = match self.app.space().dense.embed_question(texts).await {
            Ok(vectors) => vectors,
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, "sentences could not be embedded");
                let text = String::new();
                let (kind, cited) = (AnswerKind::Extractive, vec![]);
                return Ok(Written {
                    kind,
                    text,
                    cited,
                    broken: Some("internal"),
                });
            }
        };
        let nearness: Vec<f32> = match vectors.split_first() {
            Some((asked, said)) => said.iter().map(|vector| dot(asked, vector)).collect(),
            None => vec![],
        };
        let picked = pick(self.question.text(), &candidates, &nearness);
        let kind = if picked.is_empty() {
            AnswerKind::NothingFound
        } else {
            AnswerKind::Extractive
        };
        let mut cited: Vec<usize> = picked
            .iter()
            .map(|candidate| candidate.passage + 1)
            .collect();
        cited.dedup();
        let mut lines = vec![introduction(kind).to_owned()];
        lines.extend(
            picked
                .iter()
                .map(|said| format!("- {} [{}]", said.text, said.passage + 1)),
        );
        let text = lines.join("\n");
        let mut told = String::new();
        for piece in text.split_inclusive('\n') {
            if self
                .tell(AnswerEvent::Delta(piece.to_owned()))
                .await
                .is_err()
            {
                let (text, broken) = (told, Some(STOPPED));
                return Ok(Written {
                    kind,
                    text,
                    cited,
                    broken,
                });
            }
            told.push_str(piece);
        }
        Ok(Written {
            kind,
            text,
            cited,
            broken: None,
        })
    }
}

const fn introduction(kind: AnswerKind) -> &'static str {
    match kind {
        AnswerKind::NothingFound => {
            "The documents say nothing that answers this. The sources are the nearest passages."
        }
        _ => "Extracts from the documents, word for word:\n",
    }
}

/// The cosine of two vectors of length one.
fn dot(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}
