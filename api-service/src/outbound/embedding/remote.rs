//! Embeddings from a provider over HTTP: OpenAI's protocol, which Ollama, TEI,
//! OpenRouter and Gemini speak too, and Cohere's.
//!
//! A provider that asks to wait is left alone until then by all callers of this
//! process: a document's job comes back later, where it was.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use service_kit::clock::{Clock, Millis};

use crate::{
    app::ports::{DenseEmbedder, EmbeddingError},
    domain::embedding_model::ModelOrigin,
    outbound::{retry_after::retry_after, token_estimate},
};

/// How a provider is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `POST /embeddings` of OpenAI.
    OpenAi,
    /// `POST /v2/embed` of Cohere, which embeds questions in another way than
    /// passages (<https://docs.cohere.com/reference/embed>).
    Cohere,
}

/// Which model, and where.
#[derive(Debug, Clone)]
pub struct RemoteSettings {
    /// How it is spoken to.
    pub dialect: Dialect,
    /// The provider's name, a part of the fingerprint.
    pub provider: String,
    /// The base address, such as `https://api.openai.com/v1`, without a slash at
    /// the end.
    pub base_url: String,
    /// The key; a local server needs none.
    pub api_key: Option<SecretString>,
    /// The model's name there.
    pub model: String,
    /// How many values a vector is to have; `None` for as many as the model makes.
    pub dimensions: Option<usize>,
    /// Texts in one request.
    pub batch: usize,
    /// Requests at once.
    pub at_once: usize,
}

/// How long a request may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How much of a provider's words about an error is logged.
const LOGGED: usize = 300;

/// The model behind a provider.
pub struct RemoteEmbedder {
    settings: RemoteSettings,
    client: Client,
    clock: Arc<dyn Clock>,
    dimensions: usize,
    fingerprint: String,
    /// Until when the provider is left alone.
    busy_until: AtomicI64,
}

/// What the provider answered instead of embeddings.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// It can't be reached, or broke off.
    #[error("the embedding provider can't be reached")]
    Unreachable(#[source] reqwest::Error),
    /// It refused.
    #[error("the embedding provider answered {status}: {words}")]
    Refused {
        /// Its status.
        status: StatusCode,
        /// The beginning of what it said.
        words: String,
    },
    /// It answered with something else than asked for.
    #[error("the embedding provider's answer has {0}")]
    Malformed(String),
}

impl ProviderError {
    /// Whether it is of no use to ask again with the same settings.
    pub fn is_for_good(&self) -> bool {
        match self {
            Self::Unreachable(_) => false,
            Self::Refused { status, .. } => {
                status.is_client_error()
                    && ![
                        StatusCode::REQUEST_TIMEOUT,
                        StatusCode::TOO_EARLY,
                        StatusCode::TOO_MANY_REQUESTS,
                    ]
                    .contains(status)
            }
            Self::Malformed(_) => true,
        }
    }
}

/// What a text is embedded for.
#[derive(Debug, Clone, Copy)]
enum Purpose {
    Passage,
    Question,
}

#[derive(Deserialize)]
struct OpenAiAnswer {
    data: Vec<OpenAiEmbedding>,
}

#[derive(Deserialize)]
struct OpenAiEmbedding {
    index: usize,
    embedding: Vec<f32>,
}

#[derive(Deserialize)]
struct CohereAnswer {
    embeddings: CohereEmbeddings,
}

#[derive(Deserialize)]
struct CohereEmbeddings {
    float: Vec<Vec<f32>>,
}

impl RemoteEmbedder {
    /// The model, whose vectors have `known` values; where that is not known, or
    /// to see that what is known still holds, a text is embedded. A provider
    /// that refuses is an error in any case, one that can't be reached only
    /// where nothing is known.
    pub async fn connect(
        settings: RemoteSettings,
        client: Client,
        clock: Arc<dyn Clock>,
        known: Option<usize>,
    ) -> Result<Self, EmbeddingError> {
        let mut this = Self {
            fingerprint: String::new(),
            dimensions: settings.dimensions.unwrap_or_default(),
            settings,
            client,
            clock,
            busy_until: AtomicI64::new(0),
        };
        let probe = this
            .request(Purpose::Question, &["Lectern".to_owned()])
            .await;
        let wanted = this.settings.dimensions.or(known);
        this.dimensions = match (probe, wanted) {
            (Ok(vectors), None) => vectors.first().map_or(0, Vec::len),
            (Ok(vectors), Some(wanted)) => match vectors.first().map_or(0, Vec::len) {
                made if made == wanted => wanted,
                made if this.settings.dimensions.is_none() => made,
                made => return Err(malformed(format!("{made} values, not {wanted}"))),
            },
            (Err(EmbeddingError::Failed(error)), _) if for_good(error.as_ref()) => {
                return Err(EmbeddingError::Failed(error));
            }
            (Err(error), Some(wanted)) => {
                let cause: &dyn std::error::Error = &error;
                tracing::warn!(cause, "the embedding provider is not there yet");
                wanted
            }
            (Err(error), None) => return Err(error),
        };
        this.fingerprint = fingerprint(&this.settings, this.dimensions);
        Ok(this)
    }

    async fn embed(
        &self,
        purpose: Purpose,
        texts: Vec<String>,
    ) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        let batches = texts
            .chunks(self.settings.batch.max(1))
            .map(<[String]>::to_vec);
        let each: Vec<_> = batches
            .map(|batch| async move { self.request(purpose, &batch).await })
            .collect();
        let done: Vec<Vec<Vec<f32>>> = stream::iter(each)
            .buffered(self.settings.at_once.max(1))
            .try_collect()
            .await?;
        let vectors: Vec<Vec<f32>> = done.into_iter().flatten().collect();
        if let Some(other) = vectors
            .iter()
            .find(|vector| vector.len() != self.dimensions)
        {
            let (made, wanted) = (other.len(), self.dimensions);
            return Err(malformed(format!("vectors of {made} values, not {wanted}")));
        }
        Ok(vectors)
    }

    async fn request(
        &self,
        purpose: Purpose,
        texts: &[String],
    ) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        let wait = self.busy_until.load(Ordering::Relaxed) - self.clock.now();
        if let Ok(wait @ 1..) = u64::try_from(wait) {
            return Err(EmbeddingError::Busy(Some(Duration::from_millis(wait))));
        }
        let answer = self
            .call(purpose, texts)
            .send()
            .await
            .map_err(unreachable)?;
        let answer = self.accepted(answer).await?;
        let body = answer.bytes().await.map_err(unreachable)?;
        let vectors = match self.settings.dialect {
            Dialect::OpenAi => open_ai_vectors(&body),
            Dialect::Cohere => serde_json::from_slice(&body)
                .map(|answer: CohereAnswer| answer.embeddings.float)
                .map_err(|error| malformed(error.to_string())),
        }?;
        let finite = vectors.iter().flatten().all(|value| value.is_finite());
        if vectors.len() != texts.len() || !finite {
            let (made, wanted) = (vectors.len(), texts.len());
            return Err(malformed(format!("{made} vectors for {wanted} texts")));
        }
        Ok(vectors)
    }

    fn call(&self, purpose: Purpose, texts: &[String]) -> RequestBuilder {
        let settings = &self.settings;
        let (path, mut body) = match settings.dialect {
            Dialect::OpenAi => (
                "embeddings",
                json!({ "model": settings.model, "input": texts, "encoding_format": "float" }),
            ),
            Dialect::Cohere => {
                let input_type = match purpose {
                    Purpose::Passage => "search_document",
                    Purpose::Question => "search_query",
                };
                let body = json!({
                    "model": settings.model,
                    "texts": texts,
                    "input_type": input_type,
                    "embedding_types": ["float"],
                    "truncate": "END",
                });
                ("v2/embed", body)
            }
        };
        if let Some(dimensions) = settings.dimensions {
            let name = match settings.dialect {
                Dialect::OpenAi => "dimensions",
                Dialect::Cohere => "output_dimension",
            };
            body[name] = Value::from(dimensions);
        }
        let call = self.client.post(format!("{}/{path}", settings.base_url));
        let call = call.timeout(TIMEOUT).json(&body);
        match &settings.api_key {
            Some(key) => call.bearer_auth(key.expose_secret()),
            None => call,
        }
    }

    /// The answer, if it is one; a wish to wait is remembered.
    async fn accepted(&self, answer: Response) -> Result<Response, EmbeddingError> {
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let asks_to_wait = [
            StatusCode::TOO_MANY_REQUESTS,
            StatusCode::SERVICE_UNAVAILABLE,
        ];
        if asks_to_wait.contains(&status) {
            let after = retry_after(answer.headers(), self.clock.now());
            if let Some(after) = after {
                let wait = Millis::try_from(after.as_millis()).unwrap_or(Millis::MAX);
                let until = self.clock.now().saturating_add(wait);
                self.busy_until.fetch_max(until, Ordering::Relaxed);
            }
            return Err(EmbeddingError::Busy(after));
        }
        let words = answer.text().await.unwrap_or_default();
        let words = words.chars().take(LOGGED).collect();
        let refused = ProviderError::Refused { status, words };
        Err(EmbeddingError::Failed(Box::new(refused)))
    }
}

fn for_good(error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    let error = error.downcast_ref::<ProviderError>();
    error.is_some_and(ProviderError::is_for_good)
}

/// OpenAI's order is that of `index`, not that of the list.
fn open_ai_vectors(body: &[u8]) -> Result<Vec<Vec<f32>>, EmbeddingError> {
    let answer: OpenAiAnswer =
        serde_json::from_slice(body).map_err(|error| malformed(error.to_string()))?;
    let mut data = answer.data;
    data.sort_by_key(|one| one.index);
    Ok(data.into_iter().map(|one| one.embedding).collect())
}

/// What vectors depend on, in letters that a collection's name may have.
fn fingerprint(settings: &RemoteSettings, dimensions: usize) -> String {
    let name = format!("{}-{}-{dimensions}", settings.provider, settings.model);
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || c == '.' {
            c
        } else {
            '-'
        }
    };
    name.to_lowercase().chars().map(plain).collect()
}

fn unreachable(error: reqwest::Error) -> EmbeddingError {
    EmbeddingError::Failed(Box::new(ProviderError::Unreachable(error.without_url())))
}

fn malformed(what: String) -> EmbeddingError {
    EmbeddingError::Failed(Box::new(ProviderError::Malformed(what)))
}

#[async_trait]
impl DenseEmbedder for RemoteEmbedder {
    fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    fn origin(&self) -> ModelOrigin {
        ModelOrigin {
            provider: self.settings.provider.clone(),
            base_url: self.settings.base_url.clone(),
            model: self.settings.model.clone(),
        }
    }

    fn dimensions(&self) -> usize {
        self.dimensions
    }

    fn max_tokens(&self) -> usize {
        token_estimate::MAX_TOKENS
    }

    fn count_tokens(&self, text: &str) -> usize {
        token_estimate::tokens(text)
    }

    async fn embed_passages(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        self.embed(Purpose::Passage, texts).await
    }

    async fn embed_question(&self, text: String) -> Result<Vec<f32>, EmbeddingError> {
        let vectors = self.embed(Purpose::Question, vec![text]).await?;
        Ok(vectors.into_iter().next().unwrap_or_default())
    }

    async fn embed_sentences(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        self.embed(Purpose::Question, texts).await
    }
}
