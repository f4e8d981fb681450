//! The JSON of this surface.

use base64::{Engine, engine::general_purpose::STANDARD};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{encoding::without_footer, error::OpenAiError};
use crate::{
    app::{ask::Asked, embed::Embedded, search::Within},
    domain::{
        answer::TokenUsage,
        conversation::{Speaker, Turn},
        knowledge_base::KnowledgeBase,
    },
};

/// The model that asks all knowledge bases.
pub const ALL: &str = "lectern";

/// The body of `POST /v1/chat/completions`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "OpenAiCompletionRequest")]
pub struct CompletionBody {
    pub(super) model: String,
    messages: Vec<MessageBody>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    n: Option<u32>,
    /// Whether the question and its answer stay as a conversation of the
    /// caller's; they don't where nothing is said, as at OpenAI.
    store: Option<bool>,
    /// `{"sources_footer": "off"}` leaves the list of sources out.
    metadata: Option<Value>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "OpenAiStreamOptions")]
struct StreamOptions {
    include_usage: Option<bool>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "OpenAiMessageRequest")]
struct MessageBody {
    role: Role,
    content: Option<Content>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(rename = "OpenAiRole")]
#[serde(rename_all = "lowercase")]
enum Role {
    Developer,
    System,
    User,
    Assistant,
    Tool,
    Function,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "OpenAiContent")]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<PartBody>),
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "OpenAiPartRequest")]
struct PartBody {
    r#type: String,
    text: Option<String>,
}

impl MessageBody {
    fn text(&self) -> Result<String, OpenAiError> {
        match &self.content {
            None => Ok(String::new()),
            Some(Content::Text(text)) => Ok(text.clone()),
            Some(Content::Parts(parts)) => {
                let texts = parts.iter().map(|part| match part.r#type.as_str() {
                    "text" => Ok(part.text.as_deref().unwrap_or_default()),
                    _ => Err(OpenAiError::request(
                        Some("messages"),
                        "Only parts of the type `text` can be read; leave the others out.",
                    )),
                });
                Ok(texts.collect::<Result<Vec<_>, _>>()?.join("\n"))
            }
        }
    }
}

impl CompletionBody {
    /// Whether the answer is to come piece by piece.
    pub fn streams(&self) -> bool {
        self.stream.unwrap_or_default()
    }

    pub(super) fn includes_usage(&self) -> bool {
        let options = self.stream_options.as_ref();
        options.is_some_and(|options| options.include_usage.unwrap_or_default())
    }

    pub(super) fn wants_footer(&self) -> bool {
        let metadata = self.metadata.as_ref();
        let footer = metadata.and_then(|metadata| metadata.get("sources_footer")?.as_str());
        footer != Some("off")
    }

    /// What is asked: the last message of the user's, after those before it.
    pub fn asked(&self) -> Result<Asked, OpenAiError> {
        if self.n.is_some_and(|n| n != 1) {
            let message = "There is one answer to a question; leave `n` out.";
            return Err(OpenAiError::request(Some("n"), message));
        }
        let is_by_user = |message: &MessageBody| message.role == Role::User;
        let Some(last) = self.messages.iter().rposition(is_by_user) else {
            let message = "There is no message of the role `user`; send a question.";
            return Err(OpenAiError::request(Some("messages"), message));
        };
        let (mut history, mut wishes) = (vec![], vec![]);
        for message in &self.messages[..last] {
            let (speaker, content) = match message.role {
                Role::User => (Speaker::User, message.text()?),
                Role::Assistant => (Speaker::Assistant, without_footer(message.text()?)),
                Role::System | Role::Developer => {
                    wishes.push(message.text()?);
                    continue;
                }
                // No tool of ours was called.
                Role::Tool | Role::Function => continue,
            };
            history.push(Turn { speaker, content });
        }
        let bases = Some(&self.model).filter(|model| *model != ALL);
        Ok(Asked {
            message: self.messages[last].text()?,
            within: Within {
                bases: bases.into_iter().cloned().collect(),
                ..Within::default()
            },
            history,
            wish: wishes.join("\n\n"),
            passing: !self.store.unwrap_or_default(),
            ..Asked::default()
        })
    }
}

/// What can be the data of an event.
pub(super) trait Wire {
    /// Its JSON.
    fn json(&self) -> String;
}

impl<T: Serialize> Wire for T {
    fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// A chunk of an answer that comes piece by piece.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OpenAiChunk")]
pub(super) struct ChunkWire {
    pub(super) id: String,
    pub(super) object: &'static str,
    pub(super) created: i64,
    pub(super) model: String,
    pub(super) choices: Vec<ChunkChoiceWire>,
    /// Not there where nobody wants it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) usage: Option<ChunkUsageWire>,
}

/// What has been used, in a chunk: null before the end.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OpenAiChunkUsage")]
#[serde(untagged)]
pub(super) enum ChunkUsageWire {
    NotYet(()),
    Whole(UsageWire),
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OpenAiChunkChoice")]
pub(super) struct ChunkChoiceWire {
    pub(super) index: u8,
    pub(super) delta: DeltaWire,
    pub(super) finish_reason: Option<&'static str>,
}

#[derive(Debug, Default, Serialize, JsonSchema)]
#[schemars(rename = "OpenAiDelta")]
pub(super) struct DeltaWire {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) annotations: Vec<AnnotationWire>,
}

/// A whole answer.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OpenAiCompletion")]
pub(super) struct CompletionWire {
    pub(super) id: String,
    pub(super) object: &'static str,
    pub(super) created: i64,
    pub(super) model: String,
    pub(super) choices: [ChoiceWire; 1],
    pub(super) usage: UsageWire,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OpenAiChoice")]
pub(super) struct ChoiceWire {
    pub(super) index: u8,
    pub(super) message: AnswerWire,
    pub(super) finish_reason: &'static str,
    pub(super) logprobs: (),
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OpenAiAnswer")]
pub(super) struct AnswerWire {
    pub(super) role: &'static str,
    pub(super) content: String,
    pub(super) refusal: (),
    pub(super) annotations: Vec<AnnotationWire>,
}

/// That a sentence of the answer rests on a source.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OpenAiAnnotation")]
pub(super) struct AnnotationWire {
    r#type: &'static str,
    url_citation: UrlCitationWire,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OpenAiUrlCitation")]
struct UrlCitationWire {
    /// Where the sentence begins and ends, in characters of the content (Unicode
    /// code points).
    start_index: usize,
    end_index: usize,
    title: String,
    url: String,
}

impl AnnotationWire {
    pub(super) const fn new(start: usize, end: usize, title: String, url: String) -> Self {
        Self {
            r#type: "url_citation",
            url_citation: UrlCitationWire {
                start_index: start,
                end_index: end,
                title,
                url,
            },
        }
    }
}

/// What the language model has used; nothing where none wrote.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[schemars(rename = "OpenAiUsage")]
#[expect(clippy::struct_field_names, reason = "the names of the protocol")]
pub(super) struct UsageWire {
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

/// A model.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OpenAiModel")]
pub struct ModelWire {
    id: String,
    object: &'static str,
    /// In seconds.
    created: i64,
    owned_by: &'static str,
}

impl ModelWire {
    /// The model of a knowledge base, under this name.
    pub fn new(id: String, base: &KnowledgeBase) -> Self {
        Self {
            id,
            created: base.created_at / 1000,
            ..Self::of_all()
        }
    }

    /// The model of all knowledge bases, which was always there.
    pub fn of_all() -> Self {
        Self {
            id: ALL.to_owned(),
            object: "model",
            created: 0,
            owned_by: "lectern",
        }
    }
}

/// `GET /v1/models`
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OpenAiModels")]
pub struct ModelsWire {
    object: &'static str,
    data: Vec<ModelWire>,
}

impl From<Vec<KnowledgeBase>> for ModelsWire {
    fn from(bases: Vec<KnowledgeBase>) -> Self {
        let mut data = vec![ModelWire::of_all()];
        for base in bases {
            // Of two of one name, the name asks the one that is nearer.
            if data.iter().all(|model| model.id != base.name) {
                data.push(ModelWire::new(base.name.clone(), &base));
            }
        }
        Self {
            object: "list",
            data,
        }
    }
}

/// The body of `POST /v1/embeddings`. Whatever model it names, the one that
/// documents are embedded by answers, and says so.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "OpenAiEmbeddingsRequest")]
pub struct EmbeddingsBody {
    /// What is embedded.
    pub input: Input,
    /// How vectors are told.
    #[serde(default)]
    pub encoding_format: Encoding,
    /// How many values a vector is to have.
    pub dimensions: Option<usize>,
}

/// What is embedded.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "OpenAiInput")]
#[serde(untagged)]
pub enum Input {
    /// A text.
    One(String),
    /// Texts.
    Many(Vec<String>),
    /// Tokens, which can't be read: each model has its own.
    Tokens(Vec<Value>),
}

impl Input {
    /// The texts.
    pub fn texts(self) -> Result<Vec<String>, OpenAiError> {
        match self {
            Self::One(text) => Ok(vec![text]),
            Self::Many(texts) => Ok(texts),
            Self::Tokens(_) => Err(OpenAiError::request(
                Some("input"),
                "Send texts: token ids are another model's (LangChain sends texts with \
                 `check_embedding_ctx_length=False`).",
            )),
        }
    }
}

/// How vectors are told.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[schemars(rename = "OpenAiEncoding")]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// As numbers.
    #[default]
    Float,
    /// As Base64 of their bytes, little-endian, four a number.
    Base64,
}

/// Embeddings.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OpenAiEmbeddings")]
pub struct EmbeddingsWire {
    object: &'static str,
    data: Vec<EmbeddingWire>,
    model: String,
    usage: EmbeddingUsageWire,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OpenAiEmbedding")]
struct EmbeddingWire {
    object: &'static str,
    index: usize,
    embedding: VectorWire,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OpenAiVector")]
#[serde(untagged)]
enum VectorWire {
    Float(Vec<f32>),
    Base64(String),
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OpenAiEmbeddingUsage")]
struct EmbeddingUsageWire {
    prompt_tokens: usize,
    total_tokens: usize,
}

impl EmbeddingsWire {
    /// These embeddings in this form.
    pub fn new(embedded: Embedded, form: Encoding) -> Self {
        let vectors = embedded.vectors.into_iter().enumerate();
        let data = vectors.map(|(index, vector)| EmbeddingWire {
            object: "embedding",
            index,
            embedding: match form {
                Encoding::Float => VectorWire::Float(vector),
                Encoding::Base64 => {
                    let bytes: Vec<u8> = vector.into_iter().flat_map(f32::to_le_bytes).collect();
                    VectorWire::Base64(STANDARD.encode(bytes))
                }
            },
        });
        Self {
            object: "list",
            data: data.collect(),
            model: embedded.model,
            usage: EmbeddingUsageWire {
                prompt_tokens: embedded.tokens,
                total_tokens: embedded.tokens,
            },
        }
    }
}

/// The body of an error.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OpenAiError")]
pub struct ErrorBody {
    error: ErrorWire,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OpenAiErrorDetail")]
struct ErrorWire {
    message: String,
    r#type: &'static str,
    param: Option<String>,
    code: Option<&'static str>,
}

impl ErrorBody {
    /// An error of this type.
    pub fn new(
        message: String,
        kind: &'static str,
        param: Option<&str>,
        code: Option<&'static str>,
    ) -> Self {
        Self {
            error: ErrorWire {
                message,
                r#type: kind,
                param: param.map(str::to_owned),
                code,
            },
        }
    }
}
