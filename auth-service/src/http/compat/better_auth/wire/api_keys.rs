//! Bodies about API keys.

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::{
    super::{
        body::{Fields, FromFields},
        error::BetterAuthError,
    },
    rfc_3339,
};
use crate::{
    app::{
        App,
        api_keys::{KeyChange, KeyTerms, MadeApiKey, NewApiKey},
    },
    domain::api_key::{ApiKey, DEFAULT_RATE},
};

/// What only the code of a server that embeds Better Auth may set. Here
/// administrators set it on the canonical surface.
const SERVER_ONLY: [&str; 7] = [
    "refillAmount",
    "refillInterval",
    "rateLimitMax",
    "rateLimitTimeWindow",
    "rateLimitEnabled",
    "permissions",
    "remaining",
];

/// The body of `POST /api-key/create`.
pub struct NewKeyBody(pub NewApiKey);

impl FromFields for NewKeyBody {
    fn read(fields: &mut Fields, _: &App) -> Result<Self, BetterAuthError> {
        Ok(Self(NewApiKey {
            name: fields.optional_text("name"),
            prefix: fields.optional_text("prefix"),
            terms: terms(fields)?,
        }))
    }
}

/// The body of `POST /api-key/update`. What it lacks stays as it is.
pub struct ChangedKeyBody {
    /// Of which key.
    pub id: String,
    /// What is to change.
    pub change: KeyChange,
}

impl FromFields for ChangedKeyBody {
    fn read(fields: &mut Fields, _: &App) -> Result<Self, BetterAuthError> {
        let id = fields.text("keyId");
        let change = KeyChange {
            name: fields.optional_text("name").map(Some),
            enabled: fields.flag("enabled"),
            terms: terms(fields)?,
        };
        if change == KeyChange::default() {
            let (code, message) = ("NO_VALUES_TO_UPDATE", "No values to update.");
            let refusal = BetterAuthError::new(StatusCode::BAD_REQUEST, code, message);
            return Err(refusal);
        }
        Ok(Self { id, change })
    }
}

fn terms(fields: &mut Fields) -> Result<KeyTerms, BetterAuthError> {
    if SERVER_ONLY.iter().any(|name| fields.has(name)) {
        let message = "The property you're trying to set can only be set from the server auth \
                       instance only.";
        return Err(BetterAuthError::new(
            StatusCode::BAD_REQUEST,
            "SERVER_ONLY_PROPERTY",
            message,
        ));
    }
    let metadata = fields.json("metadata").map(|value| match value {
        Value::Null => Ok(None),
        Value::Object(_) => Ok(Some(value.to_string())),
        _ => {
            let message = "metadata must be an object or undefined";
            let status = StatusCode::BAD_REQUEST;
            Err(BetterAuthError::new(
                status,
                "INVALID_METADATA_TYPE",
                message,
            ))
        }
    });
    Ok(KeyTerms {
        expires_in: fields.nullable_integer("expiresIn"),
        metadata: metadata.transpose()?,
        ..KeyTerms::default()
    })
}

/// The body of `POST /api-key/delete`.
pub struct KeyIdBody(pub String);

impl FromFields for KeyIdBody {
    fn read(fields: &mut Fields, _: &App) -> Result<Self, BetterAuthError> {
        Ok(Self(fields.text("keyId")))
    }
}

/// A key, as its owner sees it. Refills are always `null`: they are not done
/// here.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "BetterAuthApiKey")]
pub struct KeyBody {
    id: String,
    config_id: &'static str,
    reference_id: String,
    name: Option<String>,
    start: String,
    prefix: String,
    refill_interval: (),
    refill_amount: (),
    last_refill_at: (),
    enabled: bool,
    rate_limit_enabled: bool,
    rate_limit_time_window: i64,
    rate_limit_max: u32,
    request_count: i64,
    remaining: (),
    last_request: Option<String>,
    expires_at: Option<String>,
    created_at: String,
    updated_at: String,
    permissions: (),
    metadata: Option<Value>,
}

impl From<ApiKey> for KeyBody {
    fn from(key: ApiKey) -> Self {
        let rate = key.rate.unwrap_or(DEFAULT_RATE);
        let metadata = key.metadata.as_deref();
        Self {
            id: key.id,
            config_id: "default",
            reference_id: key.user_id,
            name: key.name,
            start: key.start,
            prefix: key.prefix,
            refill_interval: (),
            refill_amount: (),
            last_refill_at: (),
            enabled: key.enabled,
            rate_limit_enabled: key.rate.is_some(),
            rate_limit_time_window: rate.within,
            rate_limit_max: rate.times.get(),
            request_count: key.request_count,
            remaining: (),
            last_request: key.last_used_at.map(rfc_3339),
            expires_at: key.expires_at.map(rfc_3339),
            created_at: rfc_3339(key.created_at),
            updated_at: rfc_3339(key.updated_at),
            permissions: (),
            metadata: metadata.and_then(|text| serde_json::from_str(text).ok()),
        }
    }
}

/// A key that was just made, with what proves it: shown this once.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BetterAuthMadeApiKey")]
pub struct MadeKeyBody {
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
#[serde(rename_all = "camelCase")]
#[schemars(rename = "BetterAuthApiKeys")]
pub struct KeysBody {
    total: usize,
    api_keys: Vec<KeyBody>,
}

impl From<Vec<ApiKey>> for KeysBody {
    fn from(keys: Vec<ApiKey>) -> Self {
        Self {
            total: keys.len(),
            api_keys: keys.into_iter().map(KeyBody::from).collect(),
        }
    }
}
