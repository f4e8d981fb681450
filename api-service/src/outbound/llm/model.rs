//! One model at one provider.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use reqwest::{Client, Response};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use service_kit::clock::Clock;

use super::{
    Dialect, Failure, ModelSettings,
    clients::Clients,
    reply::{Reply, Token},
};
use crate::{app::ports::Prompt, outbound::retry_after::retry_after};

/// How much of a provider's words about an error is logged, in characters.
pub(super) const LOGGED: usize = 300;

/// The most of these words that is read, in bytes.
const READ: usize = 16 * 1024;

/// The model.
pub(super) struct Model {
    pub(super) settings: ModelSettings,
    clients: Arc<Clients>,
    clock: Arc<dyn Clock>,
    first_token_timeout: Duration,
    max_output: Option<u32>,
    /// Whether it takes `stream_options`, which older servers refuse.
    takes_options: AtomicBool,
}

impl Model {
    /// The model that is spoken to over `clients`.
    pub(super) fn new(
        settings: ModelSettings,
        clients: Arc<Clients>,
        clock: Arc<dyn Clock>,
        first_token_timeout: Duration,
        max_output: Option<u32>,
    ) -> Self {
        Self {
            settings,
            clients,
            clock,
            first_token_timeout,
            max_output,
            takes_options: AtomicBool::new(true),
        }
    }

    /// Begins an answer: when this returns, its first text is there.
    pub(super) async fn begin(&self, prompt: &Prompt) -> Result<Reply, Failure> {
        let begun = tokio::time::timeout(self.first_token_timeout, async {
            let client = self.clients.take().await.map_err(unreachable)?;
            let response = self.send(&client, prompt).await?;
            let mut reply = Reply::new(response, client);
            let is_life = |token: &Token| matches!(token, Token::Text(_) | Token::Thought);
            reply.wait_for(is_life).await?;
            Ok(reply)
        });
        let mut reply = begun.await.map_err(|_| Failure::Slow)??;
        // A model may think for as long as an answer may take.
        let is_text = |token: &Token| matches!(token, Token::Text(_));
        reply.wait_for(is_text).await?;
        Ok(reply)
    }

    async fn send(&self, client: &Client, prompt: &Prompt) -> Result<Response, Failure> {
        loop {
            let with_options = self.takes_options.load(Ordering::Relaxed);
            match self.send_once(client, prompt, with_options).await {
                Err(Failure::Refused { words, .. })
                    if with_options && words.contains("stream_options") =>
                {
                    self.takes_options.store(false, Ordering::Relaxed);
                }
                other => return other,
            }
        }
    }

    async fn send_once(
        &self,
        client: &Client,
        prompt: &Prompt,
        with_options: bool,
    ) -> Result<Response, Failure> {
        let url = format!("{}/chat/completions", self.settings.base_url);
        let call = client.post(url).json(&self.body(prompt, with_options));
        let call = match &self.settings.api_key {
            Some(key) => call.bearer_auth(key.expose_secret()),
            None => call,
        };
        let response = call.send().await.map_err(unreachable)?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status().as_u16();
        let after = retry_after(response.headers(), self.clock.now());
        Err(Failure::Refused {
            status,
            words: words_of(response).await,
            after,
        })
    }

    fn body(&self, prompt: &Prompt, with_options: bool) -> Value {
        let system = json!({"role": "system", "content": prompt.system});
        let turns = prompt.turns.iter();
        let turns =
            turns.map(|turn| json!({"role": turn.speaker.as_str(), "content": turn.content}));
        let messages: Vec<Value> = std::iter::once(system).chain(turns).collect();
        let model = &self.settings.model;
        let mut body = json!({"model": model, "messages": messages, "stream": true});
        if with_options {
            body["stream_options"] = json!({"include_usage": true});
        }
        if let Some(most) = self.max_output {
            let name = match self.settings.dialect {
                Dialect::OpenAi => "max_completion_tokens",
                Dialect::Compatible => "max_tokens",
            };
            body[name] = most.into();
        }
        body
    }
}

/// The beginning of what a provider says of an error.
async fn words_of(mut response: Response) -> String {
    let mut read = vec![];
    while let Ok(Some(bytes)) = response.chunk().await {
        read.extend_from_slice(&bytes);
        if read.len() >= READ {
            break;
        }
    }
    let words = String::from_utf8_lossy(&read);
    words.chars().take(LOGGED).collect()
}

/// Addresses may hold secrets, and are left out.
fn unreachable(error: reqwest::Error) -> Failure {
    Failure::Unreachable(Box::new(error.without_url()))
}
