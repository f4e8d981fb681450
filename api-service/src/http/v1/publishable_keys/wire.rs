//! The JSON of publishable keys.

use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    app::ports::PublishableKeyChange, domain::publishable_key::PublishableKey,
    http::moment::rfc_3339,
};

/// `POST /v1/publishable-keys`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewPublishableKey")]
pub(super) struct CreateBody {
    name: String,
    /// By name or id.
    pub(super) knowledge_base: String,
    /// The origins whose pages may use it; `https://*.example.com` is all below.
    origins: Vec<String>,
    /// Of each visitor; 10 where nothing is said.
    questions_per_minute: Option<NonZeroU32>,
    /// Of all visitors; 1000 where nothing is said.
    questions_per_day: Option<NonZeroU32>,
}

impl From<CreateBody> for PublishableKeyChange {
    fn from(body: CreateBody) -> Self {
        Self {
            name: Some(body.name),
            origins: Some(body.origins),
            per_minute: body.questions_per_minute,
            per_day: body.questions_per_day,
            enabled: None,
        }
    }
}

/// `PATCH /v1/publishable-keys/{id}`: what is missing stays.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PublishableKeyChange")]
pub(super) struct ChangeBody {
    name: Option<String>,
    origins: Option<Vec<String>>,
    questions_per_minute: Option<NonZeroU32>,
    questions_per_day: Option<NonZeroU32>,
    enabled: Option<bool>,
}

impl From<ChangeBody> for PublishableKeyChange {
    fn from(body: ChangeBody) -> Self {
        Self {
            name: body.name,
            origins: body.origins,
            per_minute: body.questions_per_minute,
            per_day: body.questions_per_day,
            enabled: body.enabled,
        }
    }
}

/// A publishable key, which is not secret.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PublishableKey")]
pub(super) struct PublishableKeyWire {
    id: String,
    /// What pages send.
    key: String,
    name: String,
    /// The id of the knowledge base that all answers are from.
    knowledge_base_id: String,
    origins: Vec<String>,
    questions_per_minute: NonZeroU32,
    questions_per_day: NonZeroU32,
    enabled: bool,
    created_at: String,
}

impl From<PublishableKey> for PublishableKeyWire {
    fn from(key: PublishableKey) -> Self {
        Self {
            id: key.id.0,
            key: key.key,
            name: key.name,
            knowledge_base_id: key.base.0,
            origins: key.origins,
            questions_per_minute: key.per_minute,
            questions_per_day: key.per_day,
            enabled: key.enabled,
            created_at: rfc_3339(key.created_at),
        }
    }
}

/// All keys that the caller manages, oldest first.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PublishableKeys")]
pub(super) struct PublishableKeysWire {
    publishable_keys: Vec<PublishableKeyWire>,
}

impl From<Vec<PublishableKey>> for PublishableKeysWire {
    fn from(keys: Vec<PublishableKey>) -> Self {
        Self {
            publishable_keys: keys.into_iter().map(Into::into).collect(),
        }
    }
}
