//! The JSON of this surface. No part has a key that its documents lack: early
//! releases of the client (5.0.0, 6.0.0, 7.0.0) refuse what they don't know.

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::AiSdkError;
use crate::{
    app::{
        ask::{Asked, Otherwise},
        search::Within,
    },
    domain::{
        answer::{Answer, TokenUsage},
        conversation::{Speaker, Turn},
    },
};

/// The body of `POST /v1/ui/chat`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "AiSdkChatRequest")]
#[serde(rename_all = "camelCase")]
pub struct ChatBody {
    id: String,
    messages: Vec<MessageBody>,
    #[serde(default)]
    trigger: Trigger,
    /// The message that is sent again, or whose answer is generated anew.
    message_id: Option<String>,
    /// What is asked; all knowledge bases where none is named. Pages send it in
    /// the transport's `body`.
    knowledge_base: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(rename = "AiSdkTrigger")]
#[serde(rename_all = "kebab-case")]
enum Trigger {
    #[default]
    SubmitMessage,
    RegenerateMessage,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "AiSdkMessageRequest")]
struct MessageBody {
    role: Role,
    #[serde(default)]
    parts: Vec<PartBody>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(rename = "AiSdkRole")]
#[serde(rename_all = "lowercase")]
enum Role {
    System,
    User,
    Assistant,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "AiSdkPartRequest")]
struct PartBody {
    r#type: String,
    text: Option<String>,
}

impl MessageBody {
    /// The texts among its parts.
    fn text(&self) -> String {
        let texts = self.parts.iter().filter(|part| part.r#type == "text");
        let texts: Vec<_> = texts.filter_map(|part| part.text.as_deref()).collect();
        texts.join("\n")
    }
}

impl ChatBody {
    /// What is asked: the last message of the user's.
    pub(super) fn asked(&self) -> Result<Asked, AiSdkError> {
        let by_user = |message: &MessageBody| message.role == Role::User;
        let refused = |words| Err(AiSdkError::request(StatusCode::UNPROCESSABLE_ENTITY, words));
        let Some(last) = self.messages.iter().rposition(by_user) else {
            return refused("There is no message of the role `user`; send a question.");
        };
        let (before, question) = (&self.messages[..last], &self.messages[last]);
        if question.parts.iter().any(|part| part.r#type == "file") {
            return refused("Files can't be read here; upload them as documents, and ask of them.");
        }
        let again = self.trigger == Trigger::RegenerateMessage || self.message_id.is_some();
        let place = before.iter().filter(|message| by_user(message)).count() + 1;
        let of_role = |role| before.iter().filter(move |message| message.role == role);
        let history = before.iter().filter_map(|message| {
            let speaker = match message.role {
                Role::User => Speaker::User,
                Role::Assistant => Speaker::Assistant,
                Role::System => return None,
            };
            let content = message.text();
            Some(Turn { speaker, content })
        });
        let wishes: Vec<_> = of_role(Role::System).map(MessageBody::text).collect();
        Ok(Asked {
            message: question.text(),
            conversation_id: Some(self.id.clone()),
            otherwise: Otherwise::BeginNamed,
            within: Within {
                bases: self.knowledge_base.iter().cloned().collect(),
                ..Within::default()
            },
            replaces_question: again.then_some(place),
            history: history.collect(),
            wish: wishes.join("\n\n"),
            ..Asked::default()
        })
    }
}

/// A part of the stream.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AiSdkPart")]
#[serde(
    tag = "type",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub(super) enum PartWire {
    Start {
        message_id: String,
        message_metadata: BegunWire,
    },
    StartStep,
    DataRetrieval {
        data: RetrievalWire,
        /// It is not kept in the message.
        transient: bool,
    },
    SourceUrl {
        source_id: String,
        url: String,
        title: String,
    },
    SourceDocument {
        source_id: String,
        media_type: &'static str,
        title: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        filename: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        provider_metadata: Option<OursWire>,
    },
    TextStart {
        id: &'static str,
    },
    TextDelta {
        id: &'static str,
        delta: String,
    },
    TextEnd {
        id: &'static str,
    },
    DataCitation {
        id: String,
        data: CitationWire,
    },
    DataNotice {
        data: NoticeWire,
    },
    FinishStep,
    Finish {
        message_metadata: EndedWire,
    },
    Error {
        error_text: String,
    },
}

impl PartWire {
    /// Its JSON.
    pub(super) fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What a message is known by from the beginning.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AiSdkBegun")]
#[serde(rename_all = "camelCase")]
pub(super) struct BegunWire {
    pub(super) conversation_id: String,
}

/// What was looked for.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AiSdkRetrieval")]
pub(super) struct RetrievalWire {
    pub(super) query: String,
    /// How many sources were found.
    pub(super) hits: usize,
}

/// What we add under our name.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AiSdkOurs")]
pub(super) struct OursWire {
    pub(super) lectern: LinkWire,
}

/// Where a document can be seen, for a short time.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AiSdkLink")]
pub(super) struct LinkWire {
    pub(super) url: String,
}

/// That a sentence of the text rests on a source.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AiSdkCitation")]
#[serde(rename_all = "camelCase")]
pub(super) struct CitationWire {
    pub(super) source_id: String,
    /// Where the sentence begins and ends in the text, as JavaScript counts
    /// (UTF-16 code units).
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) quote: String,
    pub(super) supported: bool,
}

/// Something that the reader should know.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AiSdkNotice")]
pub(super) struct NoticeWire {
    pub(super) code: &'static str,
    pub(super) message: String,
}

/// What is known of a message at its end.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AiSdkEnded")]
pub(super) struct EndedWire {
    /// `generated`, `extractive` or `nothing_found`.
    kind: &'static str,
    /// The language model, where one wrote it.
    model: Option<String>,
    usage: UsageWire,
}

/// What the language model has used.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AiSdkUsage")]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names of the SDK")]
struct UsageWire {
    input_tokens: u64,
    output_tokens: u64,
    total_tokens: u64,
}

impl From<TokenUsage> for UsageWire {
    fn from(usage: TokenUsage) -> Self {
        Self {
            input_tokens: usage.prompt,
            output_tokens: usage.completion,
            total_tokens: usage.total(),
        }
    }
}

impl From<Answer> for EndedWire {
    fn from(answer: Answer) -> Self {
        Self {
            kind: answer.kind.as_str(),
            model: answer.model,
            usage: answer.usage.into(),
        }
    }
}
