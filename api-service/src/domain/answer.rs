//! Answers, as they come into being: every surface is an encoder of these
//! events.

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
}

/// What happens while a question is answered, in this order: one `Started`,
/// one `Sources`, any number of `Delta`s, and one `Done` or `Failed`.
#[derive(Debug, Clone, PartialEq)]
pub enum AnswerEvent {
    /// The question was taken.
    Started {
        /// The conversation it belongs to.
        conversation_id: ConversationId,
        /// The id that the answer will have.
        message_id: String,
    },
    /// What the answer may cite: the first is `[1]`.
    Sources(Vec<Passage>),
    /// The next piece of the answer.
    Delta(String),
    /// The answer is whole.
    Done(Answer),
    /// The answer ends here, unfinished. What came so far is kept.
    Failed {
        /// A stable code.
        code: &'static str,
        /// What the caller can do.
        message: String,
    },
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// How it was made.
    pub kind: AnswerKind,
    /// Its text, with markers `[n]` that each name a source.
    pub text: String,
    /// What it may cite: the first is `[1]`.
    pub sources: Vec<Passage>,
    /// The numbers that the text cites, in order, each once.
    pub cited: Vec<usize>,
    /// The time from question to end, in milliseconds.
    pub processing_time_ms: i64,
}
