//! A reranker over HTTP: Cohere's and Jina's APIs, and Hugging Face's Text
//! Embeddings Inference.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Client, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::ports::{RerankError, Reranker};

/// How a reranker is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RerankDialect {
    /// `POST /v2/rerank` (<https://docs.cohere.com/reference/rerank>).
    Cohere,
    /// `POST /v1/rerank` (<https://api.jina.ai/redoc>), which vLLM speaks too.
    Jina,
    /// `POST /rerank` (<https://huggingface.github.io/text-embeddings-inference>).
    Tei,
}

/// Which reranker, and where.
#[derive(Debug, Clone)]
pub struct RerankSettings {
    /// How it is spoken to.
    pub dialect: RerankDialect,
    /// Its address, without a slash at the end: what its paths begin with, or the
    /// whole of it, which ends in `/rerank`.
    pub url: String,
    /// The key, if it wants one.
    pub api_key: Option<SecretString>,
    /// The model's name there; TEI has one.
    pub model: String,
    /// How long an answer may take, all in all.
    pub timeout: Duration,
}

/// More than that an answer does not have, in bytes.
const LARGEST_ANSWER: usize = 256 * 1024;

/// The reranker.
pub struct HttpReranker {
    settings: RerankSettings,
    client: Client,
}

/// Why there is no order.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the reranker can't be reached, or not in time")]
    Unreachable(#[source] reqwest::Error),
    #[error("the reranker answered {0}")]
    Refused(StatusCode),
    #[error("the reranker's answer is too large")]
    TooLarge,
    #[error("the reranker's answer can't be read")]
    Malformed(#[source] serde_json::Error),
}

/// An answer of Cohere or Jina.
#[derive(Deserialize)]
struct Results {
    results: Vec<Scored>,
}

#[derive(Deserialize)]
struct Scored {
    index: usize,
    /// `null` is what serializers make of what is no number.
    #[serde(alias = "relevance_score")]
    score: Option<f64>,
}

impl HttpReranker {
    /// A reranker that is asked through `client`.
    pub const fn new(settings: RerankSettings, client: Client) -> Self {
        Self { settings, client }
    }

    fn address(&self) -> String {
        let url = &self.settings.url;
        if url.ends_with("/rerank") {
            return url.clone();
        }
        let path = match self.settings.dialect {
            RerankDialect::Cohere => "v2/rerank",
            RerankDialect::Jina => "v1/rerank",
            RerankDialect::Tei => "rerank",
        };
        format!("{url}/{path}")
    }

    fn body(&self, question: &str, texts: &[String]) -> Value {
        let model = &self.settings.model;
        match self.settings.dialect {
            RerankDialect::Tei => json!({
                "query": question,
                "texts": texts,
                "raw_scores": false,
                "truncate": true,
            }),
            RerankDialect::Cohere | RerankDialect::Jina => json!({
                "model": model,
                "query": question,
                "documents": texts,
                "top_n": texts.len(),
            }),
        }
    }

    async fn answer(&self, question: &str, texts: &[String]) -> Result<Vec<u8>, Failure> {
        let request = self
            .client
            .post(self.address())
            .timeout(self.settings.timeout)
            .json(&self.body(question, texts));
        let request = match &self.settings.api_key {
            Some(key) => request.bearer_auth(key.expose_secret()),
            None => request,
        };
        let mut answer = request.send().await.map_err(Failure::Unreachable)?;
        if !answer.status().is_success() {
            return Err(Failure::Refused(answer.status()));
        }
        let mut bytes = vec![];
        while let Some(piece) = answer.chunk().await.map_err(Failure::Unreachable)? {
            bytes.extend_from_slice(&piece);
            if bytes.len() > LARGEST_ANSWER {
                return Err(Failure::TooLarge);
            }
        }
        Ok(bytes)
    }

    fn read(&self, bytes: &[u8]) -> Result<Vec<Scored>, serde_json::Error> {
        match self.settings.dialect {
            RerankDialect::Tei => serde_json::from_slice(bytes),
            RerankDialect::Cohere | RerankDialect::Jina => {
                serde_json::from_slice(bytes).map(|answer: Results| answer.results)
            }
        }
    }
}

#[async_trait]
impl Reranker for HttpReranker {
    async fn scores(
        &self,
        question: &str,
        texts: &[String],
    ) -> Result<Vec<(usize, f64)>, RerankError> {
        let bytes = self.answer(question, texts).await.map_err(failed)?;
        let scored = self.read(&bytes).map_err(Failure::Malformed);
        let scored = scored.map_err(failed)?.into_iter();
        let pairs = scored.filter_map(|scored| Some((scored.index, scored.score?)));
        Ok(pairs.collect())
    }
}

fn failed(failure: Failure) -> RerankError {
    RerankError(Box::new(failure))
}
