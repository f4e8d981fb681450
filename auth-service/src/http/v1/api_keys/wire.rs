//! The JSON of API keys on the canonical surface.

#![expect(
    clippy::option_option,
    reason = "a value, null and nothing mean three things in a change"
)]

use proto::api_key::KeyScope;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::{
    app::api_keys::{KeyChange, KeyTerms, MadeApiKey, NewApiKey},
    domain::api_key::ApiKey,
    http::moment::rfc_3339,
};

/// The body of `POST /v1/api-keys`.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "NewApiKey")]
pub(super) struct NewKeyBody {
    name: Option<String>,
    prefix: Option<String>,
    #[serde(flatten)]
    terms: TermsBody,
}

/// The body of `PATCH /v1/api-keys/{id}`. What it lacks stays as it is.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "ApiKeyChange")]
pub(super) struct ChangedKeyBody {
    #[serde(default, deserialize_with = "present")]
    name: Option<Option<String>>,
    enabled: Option<bool>,
    #[serde(flatten)]
    terms: TermsBody,
}

/// What may be said of a key at any time.
#[derive(Deserialize, JsonSchema)]
struct TermsBody {
    scopes: Option<Vec<String>>,
    /// Seconds from now; null: for ever.
    #[serde(default, deserialize_with = "present")]
    expires_in: Option<Option<i64>>,
    /// Null: no limit, for administrators alone.
    #[serde(default, deserialize_with = "present")]
    rate: Option<Option<RateBody>>,
    #[serde(default, deserialize_with = "present")]
    metadata: Option<Option<Map<String, Value>>>,
}

/// How often a key may be used: `max` requests in `window_seconds`.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ApiKeyRate")]
struct RateBody {
    max: i64,
    window_seconds: i64,
}

/// Tells a value that is null from one that is not there.
fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

impl From<NewKeyBody> for NewApiKey {
    fn from(body: NewKeyBody) -> Self {
        Self {
            name: body.name,
            prefix: body.prefix,
            terms: body.terms.into(),
        }
    }
}

impl From<ChangedKeyBody> for KeyChange {
    fn from(body: ChangedKeyBody) -> Self {
        Self {
            name: body.name,
            enabled: body.enabled,
            terms: body.terms.into(),
        }
    }
}

impl From<TermsBody> for KeyTerms {
    fn from(body: TermsBody) -> Self {
        let millis = |rate: RateBody| (rate.max, rate.window_seconds.saturating_mul(1000));
        let text = |object: Map<String, Value>| Value::Object(object).to_string();
        Self {
            scopes: body.scopes,
            expires_in: body.expires_in,
            rate: body.rate.map(|rate| rate.map(millis)),
            metadata: body.metadata.map(|metadata| metadata.map(text)),
        }
    }
}

/// A key, as its owner sees it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ApiKey")]
pub(super) struct KeyBody {
    id: String,
    name: Option<String>,
    prefix: String,
    start: String,
    scopes: Vec<&'static str>,
    enabled: bool,
    rate: Option<RateBody>,
    request_count: i64,
    last_used_at: Option<String>,
    expires_at: Option<String>,
    metadata: Option<Value>,
    created_at: String,
    updated_at: String,
}

impl From<ApiKey> for KeyBody {
    fn from(key: ApiKey) -> Self {
        let metadata = key.metadata.as_deref();
        let rate = key.rate.map(|rate| RateBody {
            max: i64::from(rate.times.get()),
            window_seconds: rate.within / 1000,
        });
        Self {
            scopes: key.scopes.iter().map(KeyScope::as_str).collect(),
            rate,
            last_used_at: key.last_used_at.map(rfc_3339),
            expires_at: key.expires_at.map(rfc_3339),
            metadata: metadata.and_then(|text| serde_json::from_str(text).ok()),
            created_at: rfc_3339(key.created_at),
            updated_at: rfc_3339(key.updated_at),
            id: key.id,
            name: key.name,
            prefix: key.prefix,
            start: key.start,
            enabled: key.enabled,
            request_count: key.request_count,
        }
    }
}

/// A key that was just made, with what proves it: shown this once.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "MadeApiKey")]
pub(super) struct MadeKeyBody {
    key: String,
    #[serde(flatten)]
    body: KeyBody,
}

impl From<MadeApiKey> for MadeKeyBody {
    fn from(made: MadeApiKey) -> Self {
        Self {
            key: made.secret,
            body: made.key.into(),
        }
    }
}

/// All keys of an account, the newest first.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ApiKeys")]
pub(super) struct KeysBody {
    api_keys: Vec<KeyBody>,
}

impl From<Vec<ApiKey>> for KeysBody {
    fn from(keys: Vec<ApiKey>) -> Self {
        Self {
            api_keys: keys.into_iter().map(KeyBody::from).collect(),
        }
    }
}
