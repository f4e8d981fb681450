//! A language model behind OpenAI's chat completions protocol: OpenAI itself,
//! OpenRouter, Gemini's and Ollama's compatible endpoints, and others.

use std::time::Duration;

use async_openai::{Client, config::OpenAIConfig, error::OpenAIError};
use async_trait::async_trait;
use futures::{Stream, StreamExt};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    app::ports::{Generation, GenerationError, Generator, Piece, Prompt},
    domain::principal::Scope,
};

/// Which model, and where.
#[derive(Debug, Clone)]
pub struct LlmSettings {
    /// The base address, such as `https://api.openai.com/v1`.
    pub base_url: String,
    /// The key; a local server needs none.
    pub api_key: Option<SecretString>,
    /// The model's name there.
    pub model: String,
    /// How long an answer may take in all.
    pub timeout: Duration,
}

/// What any model of today can read.
const WINDOW: usize = 8_192;

/// The client.
pub struct OpenAiCompatible {
    client: Client<OpenAIConfig>,
    model: String,
    timeout: Duration,
}

/// A chunk of a streamed completion, read as loosely as providers write it.
#[derive(Debug, Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Delta,
}

#[derive(Debug, Default, Deserialize)]
struct Delta {
    #[serde(default)]
    content: Option<String>,
}

impl OpenAiCompatible {
    /// A client that speaks over `http`.
    pub fn new(settings: LlmSettings, http: reqwest::Client) -> Self {
        let key = settings
            .api_key
            .as_ref()
            .map_or("", |key| key.expose_secret());
        let config = OpenAIConfig::new()
            .with_api_base(settings.base_url)
            .with_api_key(key.to_owned());
        let client = Client::build(http, config);
        Self {
            client,
            model: settings.model,
            timeout: settings.timeout,
        }
    }
}

#[async_trait]
impl Generator for OpenAiCompatible {
    async fn generate(&self, prompt: Prompt, _: &Scope) -> Result<Generation, GenerationError> {
        let system = json!({"role": "system", "content": prompt.system});
        let turns = prompt.turns.into_iter();
        let turns =
            turns.map(|turn| json!({"role": turn.speaker.as_str(), "content": turn.content}));
        let messages: Vec<Value> = std::iter::once(system).chain(turns).collect();
        let request = json!({"model": self.model, "messages": messages, "stream": true});
        let deadline = tokio::time::Instant::now() + self.timeout;
        let chat = self.client.chat();
        let begun = chat.create_stream_byot::<_, Chunk>(request);
        let chunks = tokio::time::timeout_at(deadline, begun)
            .await
            .map_err(|_| GenerationError::TooSlow)?
            .map_err(failed)?;
        Ok(Generation {
            model: self.model.clone(),
            pieces: Box::pin(pieces(chunks, deadline)),
        })
    }

    fn count_tokens(&self, text: &str) -> usize {
        text.len().div_ceil(4)
    }

    fn window(&self) -> usize {
        WINDOW
    }
}

/// The text of the chunks, until the stream ends, fails or is too slow.
fn pieces(
    chunks: impl Stream<Item = Result<Chunk, OpenAIError>> + Send + Unpin + 'static,
    deadline: tokio::time::Instant,
) -> impl Stream<Item = Result<Piece, GenerationError>> + Send {
    futures::stream::unfold(Some(chunks), move |open| async move {
        let mut chunks = open?;
        loop {
            return match tokio::time::timeout_at(deadline, chunks.next()).await {
                Err(_) => Some((Err(GenerationError::TooSlow), None)),
                Ok(None) => None,
                Ok(Some(Err(error))) => Some((Err(failed(error)), None)),
                Ok(Some(Ok(chunk))) => match text_of(chunk) {
                    Some(text) => Some((Ok(Piece::Text(text)), Some(chunks))),
                    None => continue,
                },
            };
        }
    })
}

fn text_of(chunk: Chunk) -> Option<String> {
    chunk
        .choices
        .into_iter()
        .next()?
        .delta
        .content
        .filter(|text| !text.is_empty())
}

fn failed(error: OpenAIError) -> GenerationError {
    GenerationError::Failed(Box::new(error))
}
