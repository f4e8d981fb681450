//! The events of answers as JSON in a row. This is read by other processes of
//! the service, which may be of the version before or after this one: fields
//! are added with a default, and never change their meaning.

use serde::{Deserialize, Serialize};

use crate::{
    app::ports::StoreError,
    domain::{
        answer::{Answer, AnswerEvent, AnswerKind, CODES, Citation, Evidence, TokenUsage},
        chunk::{ChunkId, Passage},
        conversation::{Answered, ConversationId, NewAnswer},
        document::DocumentId,
    },
};

#[derive(Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum KeptEvent {
    Started {
        conversation_id: String,
        question_id: String,
        message_id: String,
    },
    Retrieval {
        queries: Vec<String>,
        sources: Vec<KeptPassage>,
    },
    Delta {
        text: String,
    },
    Citation(KeptCitation),
    Usage(KeptUsage),
    Notice {
        code: String,
        message: String,
    },
    Completed(KeptAnswer),
    Failed {
        code: String,
        message: String,
    },
}

#[derive(Serialize, Deserialize)]
struct KeptPassage {
    chunk_id: String,
    document_id: String,
    external_id: String,
    title: String,
    path: String,
    heading: String,
    text: String,
    span: (usize, usize),
    page: Option<u32>,
    score: f64,
}

#[derive(Serialize, Deserialize)]
struct KeptCitation {
    number: usize,
    sentence: (usize, usize),
    span: (usize, usize),
    quote: String,
    support: f64,
    supported: bool,
}

#[derive(Serialize, Deserialize)]
struct KeptUsage {
    prompt: u64,
    completion: u64,
}

#[derive(Serialize, Deserialize)]
struct KeptAnswer {
    kind: String,
    text: String,
    sources: Vec<KeptPassage>,
    citations: Vec<KeptCitation>,
    #[serde(default)]
    unsupported: Vec<(usize, usize)>,
    model: Option<String>,
    usage: KeptUsage,
    processing_time_ms: i64,
}

/// Events as they are kept.
pub(super) fn write(events: &[AnswerEvent]) -> Result<String, StoreError> {
    let kept: Vec<KeptEvent> = events.iter().cloned().map(KeptEvent::from).collect();
    serde_json::to_string(&kept).map_err(|error| StoreError(Box::new(error)))
}

/// Events as they were kept; `None` for what no version wrote.
pub(super) fn read(text: &str) -> Option<Vec<AnswerEvent>> {
    let kept: Vec<KeptEvent> = serde_json::from_str(text).ok()?;
    kept.into_iter().map(KeptEvent::into_event).collect()
}

/// What is left of an answer whose maker has died; `None` where there was no
/// text yet.
pub(super) fn left(id: &str, conversation: &str, events: &[AnswerEvent]) -> Option<NewAnswer> {
    let (mut content, mut sources, mut citations) = (String::new(), vec![], vec![]);
    for event in events {
        match event {
            AnswerEvent::Retrieval { sources: found, .. } => sources = found.to_vec(),
            AnswerEvent::Delta(text) => content.push_str(text),
            AnswerEvent::Citation(citation) => citations.push(citation.clone()),
            _ => {}
        }
    }
    (!content.is_empty()).then(|| NewAnswer {
        id: id.to_owned(),
        conversation_id: ConversationId(conversation.to_owned()),
        content,
        answered: Answered {
            kind: AnswerKind::Generated,
            broken: Some(AnswerEvent::INTERRUPTED.to_owned()),
            model: None,
            usage: TokenUsage::default(),
            sources,
            evidence: Evidence {
                citations,
                unsupported: vec![],
            },
            feedback: None,
        },
    })
}

impl From<AnswerEvent> for KeptEvent {
    fn from(event: AnswerEvent) -> Self {
        match event {
            AnswerEvent::Started {
                conversation_id,
                question_id,
                message_id,
            } => Self::Started {
                conversation_id: conversation_id.0,
                question_id,
                message_id,
            },
            AnswerEvent::Retrieval { queries, sources } => Self::Retrieval {
                queries,
                sources: kept(&sources),
            },
            AnswerEvent::Delta(text) => Self::Delta { text },
            AnswerEvent::Citation(citation) => Self::Citation(citation.into()),
            AnswerEvent::Usage(usage) => Self::Usage(usage.into()),
            AnswerEvent::Notice { code, message } => Self::Notice {
                code: code.to_owned(),
                message,
            },
            AnswerEvent::Completed(answer) => Self::Completed(KeptAnswer {
                kind: answer.kind.as_str().to_owned(),
                text: answer.text,
                sources: kept(&answer.sources),
                citations: answer
                    .evidence
                    .citations
                    .into_iter()
                    .map(Into::into)
                    .collect(),
                unsupported: answer
                    .evidence
                    .unsupported
                    .into_iter()
                    .map(|range| (range.start, range.end))
                    .collect(),
                model: answer.model,
                usage: answer.usage.into(),
                processing_time_ms: answer.processing_time_ms,
            }),
            AnswerEvent::Failed { code, message } => Self::Failed {
                code: code.to_owned(),
                message,
            },
        }
    }
}

impl KeptEvent {
    fn into_event(self) -> Option<AnswerEvent> {
        Some(match self {
            Self::Started {
                conversation_id,
                question_id,
                message_id,
            } => AnswerEvent::Started {
                conversation_id: ConversationId(conversation_id),
                question_id,
                message_id,
            },
            Self::Retrieval { queries, sources } => AnswerEvent::Retrieval {
                queries,
                sources: sources.into_iter().map(Into::into).collect(),
            },
            Self::Delta { text } => AnswerEvent::Delta(text),
            Self::Citation(citation) => AnswerEvent::Citation(citation.into()),
            Self::Usage(usage) => AnswerEvent::Usage(usage.into()),
            Self::Notice { code, message } => AnswerEvent::Notice {
                code: known(&code),
                message,
            },
            Self::Completed(answer) => AnswerEvent::Completed(Answer {
                kind: AnswerKind::parse(&answer.kind)?,
                text: answer.text,
                sources: answer.sources.into_iter().map(Into::into).collect(),
                evidence: Evidence {
                    citations: answer.citations.into_iter().map(Into::into).collect(),
                    unsupported: answer
                        .unsupported
                        .into_iter()
                        .map(|(start, end)| start..end)
                        .collect(),
                },
                model: answer.model,
                usage: answer.usage.into(),
                processing_time_ms: answer.processing_time_ms,
            }),
            Self::Failed { code, message } => AnswerEvent::Failed {
                code: known(&code),
                message,
            },
        })
    }
}

/// A code that another version wrote may be unknown here.
fn known(code: &str) -> &'static str {
    CODES
        .iter()
        .find(|known| **known == code)
        .unwrap_or(&"other")
}

fn kept(passages: &[Passage]) -> Vec<KeptPassage> {
    passages.iter().cloned().map(Into::into).collect()
}

impl From<Passage> for KeptPassage {
    fn from(passage: Passage) -> Self {
        Self {
            chunk_id: passage.chunk_id.0,
            document_id: passage.document_id.0,
            external_id: passage.external_id,
            title: passage.title,
            path: passage.path,
            heading: passage.heading,
            text: passage.text,
            span: (passage.span.start, passage.span.end),
            page: passage.page,
            score: passage.score,
        }
    }
}

impl From<KeptPassage> for Passage {
    fn from(kept: KeptPassage) -> Self {
        Self {
            chunk_id: ChunkId(kept.chunk_id),
            document_id: DocumentId(kept.document_id),
            external_id: kept.external_id,
            title: kept.title,
            path: kept.path,
            heading: kept.heading,
            text: kept.text,
            span: kept.span.0..kept.span.1,
            page: kept.page,
            ordinal: None,
            score: kept.score,
        }
    }
}

impl From<Citation> for KeptCitation {
    fn from(citation: Citation) -> Self {
        Self {
            number: citation.number,
            sentence: (citation.sentence.start, citation.sentence.end),
            span: (citation.span.start, citation.span.end),
            quote: citation.quote,
            support: citation.support,
            supported: citation.supported,
        }
    }
}

impl From<KeptCitation> for Citation {
    fn from(kept: KeptCitation) -> Self {
        Self {
            number: kept.number,
            sentence: kept.sentence.0..kept.sentence.1,
            span: kept.span.0..kept.span.1,
            quote: kept.quote,
            support: kept.support,
            supported: kept.supported,
        }
    }
}

impl From<TokenUsage> for KeptUsage {
    fn from(usage: TokenUsage) -> Self {
        Self {
            prompt: usage.prompt,
            completion: usage.completion,
        }
    }
}

impl From<KeptUsage> for TokenUsage {
    fn from(kept: KeptUsage) -> Self {
        Self {
            prompt: kept.prompt,
            completion: kept.completion,
        }
    }
}
