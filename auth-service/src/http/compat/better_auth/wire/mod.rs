//! The JSON of this surface: what bodies are read into, and what is answered. A
//! concern with shapes of its own has a file here.

use std::{borrow::Cow, collections::BTreeMap};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::{
    app::App,
    domain::{session::Session, user::User},
    http::moment::rfc_3339,
};

pub mod accounts;
pub mod api_keys;
pub mod mail_flows;
pub mod sessions;
pub mod social;

/// What every error says.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BetterAuthFault")]
pub struct ErrorBody {
    pub(super) message: Cow<'static, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<Cow<'static, str>>,
}

/// An account, as its owner sees it. A field of the profile that is not set is
/// `null`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "BetterAuthUser")]
pub struct UserBody {
    id: String,
    name: String,
    email: String,
    email_verified: bool,
    image: Option<String>,
    created_at: String,
    updated_at: String,
    role: &'static str,
    #[serde(flatten)]
    profile: BTreeMap<String, Option<String>>,
}

impl UserBody {
    /// What `user` is on the wire, with the fields that profiles have here.
    pub fn new(app: &App, user: &User) -> Self {
        let fields = app.policy.profile_fields.names();
        let profile = fields.map(|name| {
            let text = user.profile.get(name).map(str::to_owned);
            (name.to_owned(), text)
        });
        Self {
            id: user.id.clone(),
            name: user.name.as_str().to_owned(),
            email: user.email.as_str().to_owned(),
            email_verified: user.email_verified,
            image: user.image.clone(),
            created_at: rfc_3339(user.created_at),
            updated_at: rfc_3339(user.updated_at),
            role: user.role.as_str(),
            profile: profile.collect(),
        }
    }

    /// The fields, for an access token to carry.
    pub fn into_claims(self) -> BTreeMap<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(fields)) => fields.into_iter().collect(),
            _ => BTreeMap::new(),
        }
    }
}

/// A session, as its owner sees it. What is not known of its client is an empty
/// text, as in Better Auth; an API key in its place has no client.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "BetterAuthSession")]
pub struct SessionBody {
    id: String,
    user_id: String,
    token: String,
    created_at: String,
    updated_at: String,
    expires_at: String,
    ip_address: Option<String>,
    user_agent: Option<String>,
}

impl SessionBody {
    /// A session that an API key stands for (golden 21).
    pub fn of_key(session: Session, key: String) -> Self {
        Self {
            ip_address: None,
            user_agent: None,
            ..Self::new(session, key)
        }
    }

    /// What `session` is on the wire, under `token`: its own, or a handle.
    pub fn new(session: Session, token: String) -> Self {
        Self {
            id: session.id,
            user_id: session.user_id,
            token,
            created_at: rfc_3339(session.created_at),
            updated_at: rfc_3339(session.refreshed_at),
            expires_at: rfc_3339(session.expires_at),
            ip_address: Some(session.ip.unwrap_or_default()),
            user_agent: Some(session.user_agent.unwrap_or_default()),
        }
    }
}

/// The answer of what has nothing to tell but that it was done.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BetterAuthStatus")]
pub struct StatusBody {
    status: bool,
}

/// It was done.
pub const DONE: StatusBody = StatusBody { status: true };
