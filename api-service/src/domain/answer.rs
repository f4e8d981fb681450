//! Answers, as they come into being: every surface is an encoder of these
//! events.

use std::{ops::Range, sync::Arc};

use super::{chunk::Passage, conversation::ConversationId};

/// How an answer was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerKind {
    /// A language model wrote it from the sources.
    Generated,
    /// It consists of the sources' own sentences.
    Extractive,
    /// The sources say nothing about the question.
    NothingFound,
}

impl AnswerKind {
    /// The word that stands for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Generated => "generated",
            Self::Extractive => "extractive",
            Self::NothingFound => "nothing_found",
        }
    }

    /// The kind that a word stands for.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Generated, Self::Extractive, Self::NothingFound]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}

/// What a language model was given and gave, in its own tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenUsage {
    /// Tokens of the prompt.
    pub prompt: u64,
    /// Tokens of the answer.
    pub completion: u64,
}

impl TokenUsage {
    /// Both together.
    pub const fn total(self) -> u64 {
        self.prompt.saturating_add(self.completion)
    }
}

/// That a sentence of an answer rests on a source.
#[derive(Debug, Clone, PartialEq)]
pub struct Citation {
    /// The number of the source, from 1, as its marker names it.
    pub number: usize,
    /// Where the sentence stands in the answer's text, in bytes.
    pub sentence: Range<usize>,
    /// Where the source says it: in bytes of the document's content, within the
    /// source's own span.
    pub span: Range<usize>,
    /// What stands there.
    pub quote: String,
    /// How far the source supports the sentence, from 0 to 1.
    pub support: f64,
    /// Whether that is enough to rely on.
    pub supported: bool,
}

/// What the sentences of an answer rest on.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evidence {
    /// What they cite, in the order of the text.
    pub citations: Vec<Citation>,
    /// The sentences that claim something and that no source supports, in bytes
    /// of the answer's text: they cite nothing, or nothing that says it.
    pub unsupported: Vec<Range<usize>>,
}

/// What happens while a question is answered, in this order: one `Started`,
/// one `Retrieval`, any number of `Delta`s with `Citation`s, `Usage`s and
/// `Notice`s between them, and one `Completed` or `Failed`. They are numbered
/// from 1 within their answer.
#[derive(Debug, Clone, PartialEq)]
pub enum AnswerEvent {
    /// The question was taken.
    Started {
        /// The conversation it belongs to.
        conversation_id: ConversationId,
        /// The id that the question has as a message.
        question_id: String,
        /// The id that the answer will have.
        message_id: String,
    },
    /// What was looked for, and found.
    Retrieval {
        /// What was searched for: the question, or what it means in its
        /// conversation.
        queries: Vec<String>,
        /// What the answer may cite: the first is `[1]`.
        sources: Arc<[Passage]>,
    },
    /// The next piece of the answer.
    Delta(String),
    /// A sentence that came rests on a source.
    Citation(Citation),
    /// What the language model has used so far.
    Usage(TokenUsage),
    /// Something the reader should know, such as that the language model is
    /// down and the answer consists of extracts.
    Notice {
        /// A stable code.
        code: &'static str,
        /// What happened, and what it means for the answer.
        message: String,
    },
    /// The answer is whole.
    Completed(Answer),
    /// The answer ends here, unfinished. What came so far is kept.
    Failed {
        /// A stable code.
        code: &'static str,
        /// What the caller can do.
        message: String,
    },
}

/// An event with its number.
#[derive(Debug, Clone, PartialEq)]
pub struct Numbered {
    /// Its number within the answer, from 1.
    pub number: usize,
    /// The event.
    pub event: AnswerEvent,
}

/// The codes of `Notice` and `Failed`.
pub const CODES: &[&str] = &[
    "answer_shortened",
    "answer_too_long",
    AnswerEvent::INTERRUPTED,
    "internal",
    "invalid_api_key",
    "invalid_token",
    "model_broke_off",
    "model_unavailable",
    "stopped",
    "token_budget_low",
];

impl AnswerEvent {
    /// The code of an answer whose maker has died.
    pub const INTERRUPTED: &'static str = "interrupted";

    /// How an answer ends whose maker has died.
    pub fn interrupted() -> Self {
        Self::Failed {
            code: Self::INTERRUPTED,
            message: "The answer was interrupted; ask again.".to_owned(),
        }
    }

    /// Whether nothing comes after it.
    pub const fn is_last(&self) -> bool {
        matches!(self, Self::Completed(_) | Self::Failed { .. })
    }
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// How it was made.
    pub kind: AnswerKind,
    /// Its text, with markers `[n]` that each name a source.
    pub text: String,
    /// What it may cite: the first is `[1]`.
    pub sources: Arc<[Passage]>,
    /// What its sentences rest on.
    pub evidence: Evidence,
    /// The language model that wrote it, if one did.
    pub model: Option<String>,
    /// What that has used.
    pub usage: TokenUsage,
    /// The time from question to end, in milliseconds.
    pub processing_time_ms: i64,
}

impl Answer {
    /// The numbers of the sources that it cites, in order, each once.
    pub fn cited(&self) -> Vec<usize> {
        let mut cited = vec![];
        for citation in &self.evidence.citations {
            if !cited.contains(&citation.number) {
                cited.push(citation.number);
            }
        }
        cited
    }
}
