//! Language models.

use std::{pin::Pin, time::Duration};

use async_trait::async_trait;
use futures::Stream;

use crate::domain::{answer::TokenUsage, conversation::Turn, principal::Scope};

/// Why a language model does not answer.
#[derive(Debug, thiserror::Error)]
pub enum GenerationError {
    /// As many answers are made and waited for as may be.
    #[error("too many answers are being made")]
    Busy(Duration),
    /// It took longer than it may.
    #[error("the language model took too long")]
    TooSlow,
    /// It failed, and so did those that were to stand in for it.
    #[error("the language model failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A prompt for a language model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// What the model is to do, and the sources.
    pub system: String,
    /// The conversation so far, and the question as its last turn.
    pub turns: Vec<Turn>,
}

/// What comes from a language model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// The next piece of text; never empty.
    Text(String),
    /// What it has used in all; where it tells that, at the end.
    Usage(TokenUsage),
    /// The answer ends before its end, since it is as long as it may be.
    Limit,
}

/// An answer of a language model, as it comes.
pub struct Generation {
    /// The model's name, as its provider knows it.
    pub model: String,
    /// Its pieces. Dropping them stops the model.
    pub pieces: Pin<Box<dyn Stream<Item = Result<Piece, GenerationError>> + Send>>,
}

/// A language model, with those that stand in for it.
pub trait Generator: Send + Sync {
    /// A place among those that are written for, or wait for that. The time that
    /// an answer may take begins here.
    fn admit(&self, caller: &Scope) -> Result<Box<dyn Place>, GenerationError>;
    /// How many tokens a text has, at least about.
    fn count_tokens(&self, text: &str) -> usize;
    /// How many tokens prompt and answer may have together.
    fn window(&self) -> usize;
}

/// A caller's place at a language model. Dropping it, and what it began, gives
/// the place to the next one.
#[async_trait]
pub trait Place: Send + Sync {
    /// Begins an answer, when it is this caller's turn. An error means that
    /// neither the model nor a substitute has begun; once there was a piece,
    /// no other model takes over.
    async fn generate(&self, prompt: Prompt) -> Result<Generation, GenerationError>;
}
