//! The shapes of questions and answers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::wire::{FilterBody, SourceWire, SpanWire, numbered, rounded};
use crate::{
    app::{
        ask::{Answered, Asked, Otherwise},
        budget::Usage,
    },
    domain::answer::{AnswerEvent, Citation, TokenUsage},
    http::moment::rfc_3339,
};

/// `POST /v1/chat`, `POST /v1/chat/stream`, and the query of `GET /v1/chat`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Question")]
pub(in crate::http::v1) struct ChatBody {
    /// May be left out where `replaces` names what is asked again.
    #[serde(default)]
    message: String,
    conversation_id: Option<String>,
    knowledge_base: Option<String>,
    #[serde(default)]
    knowledge_bases: Vec<String>,
    #[serde(default)]
    filter: FilterBody,
    /// An answer to give anew, or a question to put this one in the place of.
    replaces: Option<String>,
}

impl From<ChatBody> for Asked {
    fn from(body: ChatBody) -> Self {
        let ChatBody {
            message,
            conversation_id,
            knowledge_base,
            replaces,
            knowledge_bases,
            filter,
        } = body;
        Self {
            message,
            conversation_id,
            otherwise: Otherwise::Refuse,
            within: filter.within(knowledge_base, knowledge_bases),
            replaces,
            ..Self::default()
        }
    }
}

/// That a sentence of the answer rests on a source.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Citation")]
pub(in crate::http::v1) struct CitationWire {
    /// The number of the source.
    number: usize,
    /// The sentence, in bytes of the answer's text.
    sentence: SpanWire,
    /// Where the source says it, in bytes of its document's content.
    span: SpanWire,
    /// What stands there.
    quote: String,
    /// How far it supports the sentence, from 0 to 1.
    support: f64,
    /// Whether that is enough to rely on.
    supported: bool,
}

impl From<Citation> for CitationWire {
    fn from(citation: Citation) -> Self {
        Self {
            number: citation.number,
            sentence: citation.sentence.into(),
            span: citation.span.into(),
            quote: citation.quote,
            support: rounded(citation.support),
            supported: citation.supported,
        }
    }
}

pub(in crate::http::v1) fn wires<T: Into<W>, W>(values: Vec<T>) -> Vec<W> {
    values.into_iter().map(Into::into).collect()
}

/// What a language model has used, in tokens.
#[derive(Debug, Serialize, JsonSchema)]
#[expect(clippy::struct_field_names, reason = "the names of OpenAI's protocol")]
#[schemars(rename = "TokenUsage")]
pub(in crate::http::v1) struct UsageWire {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
}

impl From<TokenUsage> for UsageWire {
    fn from(usage: TokenUsage) -> Self {
        Self {
            prompt_tokens: usage.prompt,
            completion_tokens: usage.completion,
            total_tokens: usage.total(),
        }
    }
}

/// What the caller has used of language models today.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Usage")]
pub(in crate::http::v1) struct TodayWire {
    usage: UsageWire,
    /// Answers that a model was asked for.
    answers: u64,
    /// What answers that are under way will use, as far as that can be told.
    reserved_tokens: u64,
    /// The most tokens in a day, if there is a limit.
    limit_tokens: Option<u64>,
    /// What is left of it.
    remaining_tokens: Option<u64>,
    /// When the day ends.
    resets_at: String,
}

impl From<Usage> for TodayWire {
    fn from(usage: Usage) -> Self {
        Self {
            usage: usage.spent.used.into(),
            answers: usage.spent.answers,
            reserved_tokens: usage.spent.reserved,
            limit_tokens: usage.limit,
            remaining_tokens: usage.left,
            resets_at: rfc_3339(usage.day.end()),
        }
    }
}

/// A whole answer.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Answer")]
pub(in crate::http::v1) struct AnswerWire {
    response: String,
    /// `generated`, `extractive` or `nothing_found`.
    kind: &'static str,
    sources: Vec<SourceWire>,
    citations: Vec<CitationWire>,
    /// The sentences that no source supports, in bytes of the text.
    unsupported: Vec<SpanWire>,
    /// The language model, where one wrote it.
    model: Option<String>,
    usage: UsageWire,
    conversation_id: String,
    message_id: String,
    processing_time_ms: i64,
}

impl From<Answered> for AnswerWire {
    fn from(answered: Answered) -> Self {
        let answer = answered.answer;
        let cited = answer.cited();
        let mut sources = numbered(answer.sources.to_vec());
        for source in &mut sources {
            source.cited = source.number.map(|number| cited.contains(&number));
        }
        Self {
            response: answer.text,
            kind: answer.kind.as_str(),
            sources,
            citations: wires(answer.evidence.citations),
            unsupported: wires(answer.evidence.unsupported),
            model: answer.model,
            usage: answer.usage.into(),
            conversation_id: answered.conversation_id.0,
            message_id: answered.message_id,
            processing_time_ms: answer.processing_time_ms,
        }
    }
}

/// An event of the native stream: the name and the data of a server-sent event.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "AnswerEvent")]
pub(in crate::http::v1) enum EventWire {
    /// `started`
    Started {
        /// The conversation.
        conversation_id: String,
        /// The question's id.
        question_id: String,
        /// The answer's id.
        message_id: String,
    },
    /// `retrieval`
    Retrieval {
        /// What was searched for.
        queries: Vec<String>,
        /// What the answer may cite.
        sources: Vec<SourceWire>,
    },
    /// `delta`
    Delta {
        /// The next piece of the answer.
        text: String,
    },
    /// `citation`
    Citation(CitationWire),
    /// `usage`
    Usage(UsageWire),
    /// `notice`
    Notice {
        /// A stable code.
        code: &'static str,
        /// What happened.
        detail: String,
    },
    /// `completed`
    Completed {
        /// The whole text.
        response: String,
        /// How it was made.
        kind: &'static str,
        /// The numbers that it cites.
        cited: Vec<usize>,
        /// What its sentences rest on.
        citations: Vec<CitationWire>,
        /// The sentences that no source supports, in bytes of the text.
        unsupported: Vec<SpanWire>,
        /// The language model, where one wrote it.
        model: Option<String>,
        /// What that has used.
        usage: UsageWire,
        /// The time it took.
        processing_time_ms: i64,
    },
    /// `failed`
    Failed {
        /// A stable code.
        code: &'static str,
        /// What to do.
        detail: String,
    },
}

impl EventWire {
    /// The event's name.
    pub(in crate::http::v1) const fn name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::Retrieval { .. } => "retrieval",
            Self::Delta { .. } => "delta",
            Self::Citation(_) => "citation",
            Self::Usage(_) => "usage",
            Self::Notice { .. } => "notice",
            Self::Completed { .. } => "completed",
            Self::Failed { .. } => "failed",
        }
    }
}

impl From<AnswerEvent> for EventWire {
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
                sources: numbered(sources.to_vec()),
            },
            AnswerEvent::Delta(text) => Self::Delta { text },
            AnswerEvent::Citation(citation) => Self::Citation(citation.into()),
            AnswerEvent::Usage(usage) => Self::Usage(usage.into()),
            AnswerEvent::Notice { code, message } => Self::Notice {
                code,
                detail: message,
            },
            AnswerEvent::Completed(answer) => Self::Completed {
                cited: answer.cited(),
                response: answer.text,
                kind: answer.kind.as_str(),
                citations: wires(answer.evidence.citations),
                unsupported: wires(answer.evidence.unsupported),
                model: answer.model,
                usage: answer.usage.into(),
                processing_time_ms: answer.processing_time_ms,
            },
            AnswerEvent::Failed { code, message } => Self::Failed {
                code,
                detail: message,
            },
        }
    }
}
