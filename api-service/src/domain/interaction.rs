//! The log of interactions: what was asked, how it was answered, how long that
//! took and what it cost.

use std::collections::{BTreeMap, BTreeSet};

use service_kit::clock::Millis;

use super::{
    answer::{AnswerKind, Evidence, TokenUsage},
    chunk::Passage,
    conversation::{ConversationId, Rating},
    document::DocumentId,
    knowledge_base::KnowledgeBaseId,
};

/// What is logged of an interaction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Logged {
    /// All of it.
    #[default]
    Full,
    /// All but what was written.
    NoText,
    /// Nothing.
    Nothing,
}

/// How long the stages of an answer took, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timings {
    /// Making the question stand alone; none where it is the first one.
    pub rewrite: Option<Millis>,
    /// Searching, ranking and gathering.
    pub retrieve: Millis,
    /// From the question to the first word; none where there was no word.
    pub first_word: Option<Millis>,
    /// From the question to the end.
    pub total: Millis,
}

/// What was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedTexts {
    /// The conversation, with which this is erased.
    pub conversation_id: ConversationId,
    /// The question.
    pub question: String,
    /// The question as it stands alone, where that is another one.
    pub rewritten: Option<String>,
}

/// What an answer rested on.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Grounds {
    /// How many sources there were.
    pub sources: usize,
    /// The best one's score; 0 where there was none.
    pub best_score: f64,
    /// How many of them are cited.
    pub cited: usize,
    /// How many sentences no source supports.
    pub unsupported: usize,
    /// The documents of the sources, and whether one of theirs is cited.
    pub documents: BTreeMap<DocumentId, bool>,
}

impl Grounds {
    /// What an answer with these sources rested on.
    pub fn of(sources: &[Passage], evidence: &Evidence) -> Self {
        let citations = evidence.citations.iter();
        let cited: BTreeSet<usize> = citations.map(|citation| citation.number).collect();
        let mut documents = BTreeMap::new();
        for (number, source) in (1..).zip(sources) {
            *documents.entry(source.document_id.clone()).or_default() |= cited.contains(&number);
        }
        Self {
            sources: sources.len(),
            best_score: sources.iter().map(|one| one.score).fold(0.0, f64::max),
            cited: cited.len(),
            unsupported: evidence.unsupported.len(),
            documents,
        }
    }
}

/// An interaction that is to be logged.
#[derive(Debug, Clone, PartialEq)]
pub struct Interaction {
    /// The id that the answer has as a message, if it became one.
    pub answer_id: String,
    /// When the question was asked.
    pub asked_at: Millis,
    /// What was asked, where that is logged.
    pub texts: Option<AskedTexts>,
    /// How the answer was made.
    pub kind: AnswerKind,
    /// Why it ended before its end: a stable code.
    pub broken: Option<&'static str>,
    /// What it rested on.
    pub grounds: Grounds,
    /// How long it took.
    pub timings: Timings,
    /// The language model that wrote it, if one did.
    pub model: Option<String>,
    /// All tokens that were used for it, also those of rewriting the question.
    pub usage: TokenUsage,
}

/// Which interactions are looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Those of questions from this moment on.
    pub from: Millis,
    /// And before this one.
    pub to: Millis,
    /// Those with a source in this knowledge base alone.
    pub knowledge_base: Option<KnowledgeBaseId>,
}

/// An interaction as it was logged.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggedAnswer {
    /// When the question was asked.
    pub asked_at: Millis,
    /// The beginning of the question as it stands alone, where it was logged and
    /// its conversation is still there.
    pub question: Option<String>,
    /// How the answer was made.
    pub kind: AnswerKind,
    /// Whether it ended before its end.
    pub broken: bool,
    /// How long it took.
    pub timings: Timings,
    /// The language model that wrote it, if one did.
    pub model: Option<String>,
    /// What was used for it.
    pub usage: TokenUsage,
    /// What its reader thought of it.
    pub rating: Option<Rating>,
}

/// How often a document was a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CitedDocument {
    /// Its id.
    pub id: DocumentId,
    /// Its title.
    pub title: String,
    /// Its path.
    pub path: String,
    /// The name of its knowledge base.
    pub knowledge_base: String,
    /// Answers that cite it.
    pub cited: usize,
    /// Answers that had it among their sources.
    pub found: usize,
}
