//! An answer as a stream of this surface: `data:` lines alone, without the names
//! of events and without an end mark.

pub(super) mod wire;

use std::sync::Arc;

use axum::response::{Response, sse::Event};
use futures::{StreamExt, stream};
use proto::error_kind::ErrorKind;

use super::{
    error::ChatKitError,
    wire::{
        AnnotationWire, ContentWire, ItemWire, PageWire, SaidWire, ThreadWire, annotations,
        attachments,
    },
};
use crate::{
    app::{ask::Events, error::Error},
    domain::{
        answer::{Answer, AnswerEvent, Citation},
        chunk::Passage,
        conversation::{Conversation, ConversationId, title_of},
        document::Document,
        job::JobState,
    },
    http::event_stream,
};
use wire::{EventWire, OptionsWire, UpdateWire};

/// What was asked, as far as the stream tells it again.
#[derive(Default)]
pub(super) struct Asked {
    /// Whether a thread begins.
    pub(super) begins: bool,
    /// The question, where it is a new one.
    pub(super) question: Option<String>,
    /// What came with it.
    pub(super) attached: Vec<Document>,
    /// When it was asked.
    pub(super) at: i64,
}

/// An answer to a question.
pub(super) fn answer(asked: Asked, events: Events) -> Response {
    let mut telling = Telling {
        asked,
        thread: String::new(),
        item: String::new(),
        text: String::new(),
        annotations: vec![],
        sources: Arc::default(),
        is_open: false,
    };
    let told = events.flat_map(move |numbered| stream::iter(telling.told(numbered.event)));
    event_stream::sent(told.map(|event| sent(&event)))
}

/// What is told where no answer begins. What a person can read and act on is
/// shown to them as an event; what their page has to put right is a status.
pub(super) fn refusal(error: Error) -> Result<Response, ChatKitError> {
    let kind = error.kind();
    let is_for_people = matches!(kind, ErrorKind::Invalid | ErrorKind::RateLimited);
    if !is_for_people && !kind.is_server_fault() {
        return Err(error.into());
    }
    error.log();
    let event = failed(error.to_string(), error.retry_after().is_some());
    Ok(event_stream::sent(stream::iter([sent(&event)])))
}

fn sent(event: &EventWire) -> Event {
    Event::default().data(serde_json::to_string(event).unwrap_or_default())
}

const fn failed(message: String, allow_retry: bool) -> EventWire {
    EventWire::Failed {
        code: "custom",
        message,
        allow_retry,
    }
}

/// How far an answer was told.
struct Telling {
    asked: Asked,
    thread: String,
    item: String,
    text: String,
    annotations: Vec<AnnotationWire>,
    sources: Arc<[Passage]>,
    /// Whether the item of the answer has begun, and is not whole.
    is_open: bool,
}

impl Telling {
    fn told(&mut self, event: AnswerEvent) -> Vec<EventWire> {
        match event {
            AnswerEvent::Started {
                conversation_id,
                question_id,
                message_id,
            } => {
                self.thread = conversation_id.0;
                self.item = message_id;
                self.beginning(question_id)
            }
            AnswerEvent::Retrieval { sources, .. } => {
                self.sources = sources;
                self.progress()
            }
            AnswerEvent::Delta(text) => self.more(text),
            AnswerEvent::Citation(citation) => self.cited(&citation),
            AnswerEvent::Usage(_) => vec![],
            AnswerEvent::Notice { message, .. } => vec![warning(message)],
            AnswerEvent::Completed(answer) => self.completed(answer),
            AnswerEvent::Failed { code, message } => self.broken(code, message),
        }
    }

    fn beginning(&mut self, question_id: String) -> Vec<EventWire> {
        let mut told = vec![];
        let Asked {
            begins,
            question,
            attached,
            at,
        } = std::mem::take(&mut self.asked);
        self.asked.at = at;
        if begins {
            let conversation = Conversation {
                id: ConversationId(self.thread.clone()),
                title: title_of(question.as_deref().unwrap_or_default()),
                created_at: at,
                updated_at: at,
            };
            let thread = ThreadWire::new(conversation, PageWire::empty());
            told.push(EventWire::Created { thread });
        }
        if let Some(question) = question {
            let said = SaidWire::question(question, attachments(&attached, &self.thread));
            let item = ItemWire::new(&self.thread, question_id, at, said);
            told.push(EventWire::Done { item });
        }
        told.push(EventWire::Options {
            stream_options: OptionsWire { allow_cancel: true },
        });
        told.extend(attached.iter().filter_map(unread));
        told
    }

    fn progress(&self) -> Vec<EventWire> {
        let text = match self.sources.len() {
            0 => return vec![],
            1 => "Reading 1 passage…".to_owned(),
            many => format!("Reading {many} passages…"),
        };
        let icon = "search";
        vec![EventWire::Progress { icon, text }]
    }

    fn more(&mut self, delta: String) -> Vec<EventWire> {
        let mut told = self.opened();
        self.text.push_str(&delta);
        told.push(self.updated(UpdateWire::TextDelta {
            content_index: 0,
            delta,
        }));
        told
    }

    fn cited(&mut self, citation: &Citation) -> Vec<EventWire> {
        let Some(annotation) = AnnotationWire::new(&self.text, citation, &self.sources) else {
            return vec![];
        };
        let mut told = self.opened();
        let annotation_index = self.annotations.len();
        self.annotations.push(annotation.clone());
        told.push(self.updated(UpdateWire::AnnotationAdded {
            content_index: 0,
            annotation_index,
            annotation,
        }));
        told
    }

    fn completed(&mut self, answer: Answer) -> Vec<EventWire> {
        let mut told = self.opened();
        self.annotations = annotations(&answer.text, &answer.evidence, &answer.sources);
        self.text = answer.text;
        told.extend(self.closed());
        told
    }

    /// What came so far is kept. Who stopped an answer knows that.
    fn broken(&mut self, code: &str, message: String) -> Vec<EventWire> {
        let mut told = vec![];
        if self.is_open {
            told.extend(self.closed());
        }
        if code != "stopped" {
            told.push(failed(message, !code.starts_with("invalid_")));
        }
        told
    }

    fn opened(&mut self) -> Vec<EventWire> {
        if std::mem::replace(&mut self.is_open, true) {
            return vec![];
        }
        let item = self.answer_with(None);
        let added = UpdateWire::PartAdded {
            content_index: 0,
            content: self.content(),
        };
        vec![EventWire::Added { item }, self.updated(added)]
    }

    fn closed(&mut self) -> [EventWire; 2] {
        self.is_open = false;
        let content = self.content();
        let done = UpdateWire::PartDone {
            content_index: 0,
            content: content.clone(),
        };
        let item = self.answer_with(Some(content));
        [self.updated(done), EventWire::Done { item }]
    }

    fn content(&self) -> ContentWire {
        ContentWire::OutputText {
            text: self.text.clone(),
            annotations: self.annotations.clone(),
        }
    }

    fn answer_with(&self, content: Option<ContentWire>) -> ItemWire {
        let said = SaidWire::answer(content);
        ItemWire::new(&self.thread, self.item.clone(), self.asked.at, said)
    }

    fn updated(&self, update: UpdateWire) -> EventWire {
        EventWire::Updated {
            item_id: self.item.clone(),
            update,
        }
    }
}

fn warning(message: String) -> EventWire {
    EventWire::Notice {
        level: "warning",
        message,
    }
}

/// What is said of a file that the answer lacks.
fn unread(document: &Document) -> Option<EventWire> {
    let what = match document.job.state {
        JobState::Ready => return None,
        JobState::Failed | JobState::Cancelled => "could not be read; the answer is without it.",
        _ => "is still being read; ask again in a while to be answered from it.",
    };
    Some(warning(format!("{} {what}", document.path)))
}
