//! The JSON of sessions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    app::{ports::Which, sessions::Listed},
    domain::session::Session,
    http::moment::rfc_3339,
};

/// The query of `DELETE /v1/sessions`.
#[derive(Deserialize, JsonSchema)]
pub struct KeepQuery {
    keep: Option<Keep>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Keep {
    Current,
}

impl KeepQuery {
    /// The sessions that it wants to end, asked from `current`.
    pub fn which<'a>(&self, current: &'a Session) -> Which<'a> {
        match self.keep {
            Some(Keep::Current) => Which::AllBut(&current.id),
            None => Which::All,
        }
    }
}

/// What `DELETE /v1/sessions` answers.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EndedSessions")]
pub struct EndedBody {
    ended: u64,
}

impl From<u64> for EndedBody {
    fn from(ended: u64) -> Self {
        Self { ended }
    }
}

/// What `GET /v1/sessions` answers.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Sessions")]
pub struct ListBody {
    sessions: Vec<OneBody>,
}

/// A session, as its owner sees it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Session")]
struct OneBody {
    id: String,
    current: bool,
    created_at: String,
    refreshed_at: String,
    expires_at: String,
    ip: Option<String>,
    user_agent: Option<String>,
}

impl ListBody {
    /// These sessions, as seen from `current`.
    pub fn new(current: &Session, listed: Vec<Listed>) -> Self {
        let sessions = listed.into_iter().map(|Listed { session, .. }| OneBody {
            current: session.id == current.id,
            created_at: rfc_3339(session.created_at),
            refreshed_at: rfc_3339(session.refreshed_at),
            expires_at: rfc_3339(session.expires_at),
            id: session.id,
            ip: session.ip,
            user_agent: session.user_agent,
        });
        Self {
            sessions: sessions.collect(),
        }
    }
}
