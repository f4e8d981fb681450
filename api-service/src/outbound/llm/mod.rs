//! Language models behind OpenAI's chat completions protocol: OpenAI itself,
//! OpenRouter, Gemini's and Ollama's compatible endpoints, and others. A chain of
//! them stands for one: what the first can't do, the next one does.

mod breaker;
mod chain;
mod clients;
mod failure;
mod model;
mod queue;
mod reply;
mod tokens;

use std::time::Duration;

use secrecy::SecretString;

pub use chain::ModelChain;
pub use clients::NewClient;
pub use failure::Failure;

/// How a provider differs from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAI, which has another name for the limit of an answer than all others
    /// (<https://platform.openai.com/docs/api-reference/chat/create>).
    OpenAi,
    /// All others.
    Compatible,
}

/// A model at a provider.
#[derive(Debug, Clone)]
pub struct ModelSettings {
    /// The provider's word, for the log.
    pub provider: String,
    /// How it differs from others.
    pub dialect: Dialect,
    /// The base address, such as `https://api.openai.com/v1`, without a slash at
    /// the end.
    pub base_url: String,
    /// The key; a local server needs none.
    pub api_key: Option<SecretString>,
    /// The model's name there.
    pub model: String,
    /// How many tokens prompt and answer may have together.
    pub window: usize,
}

/// How long, how often and how many.
#[derive(Debug, Clone)]
pub struct ChainSettings {
    /// The models, in the order in which they are asked.
    pub models: Vec<ModelSettings>,
    /// How long the first token of a model may take.
    pub first_token_timeout: Duration,
    /// How long an answer may take in all, with the wait for its turn.
    pub timeout: Duration,
    /// Answers that are written at once.
    pub at_once: usize,
    /// Answers that may wait for their turn.
    pub waiting: usize,
    /// The most tokens of an answer; `None` for what the model does by itself.
    pub max_output: Option<u32>,
}
