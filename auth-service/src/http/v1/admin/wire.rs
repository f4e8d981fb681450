//! The JSON and the query strings of what administrators do. A parameter that
//! is empty counts as not given.

use std::collections::BTreeMap;

use chrono::DateTime;
use proto::claims::Role;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    app::{
        change_request::ChangeRequest,
        error::Error,
        manage_accounts::{DEFAULT_PAGE, Page},
        ports::{AccountFilter, AuditFilter},
        sign_up::SignUp,
    },
    domain::{
        Millis,
        account_change::Edit,
        audit::{Act, AuditEntry},
        session::Session,
        user::User,
    },
    http::{
        moment::rfc_3339,
        v1::wire::{UserBody, edit},
    },
};

/// The query of `GET /v1/admin/users`.
#[derive(Deserialize, JsonSchema)]
pub struct AccountsQuery {
    search: Option<String>,
    role: Option<String>,
    disabled: Option<String>,
    limit: Option<String>,
    after: Option<String>,
}

impl TryFrom<AccountsQuery> for AccountFilter {
    type Error = Error;

    fn try_from(query: AccountsQuery) -> Result<Self, Error> {
        let boolean = |text: &str| text.parse().ok();
        Ok(Self {
            search: given(query.search),
            role: read("role", query.role, Role::from_word)?,
            disabled: read("disabled", query.disabled, boolean)?,
            after: given(query.after),
            limit: limit(query.limit)?,
        })
    }
}

/// The query of `GET /v1/admin/audit-log`.
#[derive(Deserialize, JsonSchema)]
pub struct AuditLogQuery {
    target: Option<String>,
    actor: Option<String>,
    act: Option<String>,
    since: Option<String>,
    until: Option<String>,
    limit: Option<String>,
    after: Option<String>,
}

impl TryFrom<AuditLogQuery> for AuditFilter {
    type Error = Error;

    fn try_from(query: AuditLogQuery) -> Result<Self, Error> {
        Ok(Self {
            target: given(query.target),
            actor: given(query.actor),
            act: read("act", query.act, Act::from_word)?,
            since: read("since", query.since, moment)?,
            until: read("until", query.until, moment)?,
            after: given(query.after),
            limit: limit(query.limit)?,
        })
    }
}

fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn read<T>(
    name: &'static str,
    text: Option<String>,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, Error> {
    let text = given(text);
    let value = text.map(|text| read(&text).ok_or(Error::InvalidFilter(name)));
    value.transpose()
}

fn limit(text: Option<String>) -> Result<i64, Error> {
    let limit = read("limit", text, |text| text.parse().ok())?;
    Ok(limit.unwrap_or(DEFAULT_PAGE))
}

fn moment(text: &str) -> Option<Millis> {
    let moment = DateTime::parse_from_rfc3339(text).ok()?;
    Some(moment.timestamp_millis())
}

/// The body of `POST /v1/admin/users`.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "NewAccountByAdministrator")]
pub struct NewAccountBody {
    email: String,
    password: String,
    name: String,
    username: Option<String>,
    image: Option<String>,
    #[serde(default)]
    profile: BTreeMap<String, String>,
    /// What the account may do.
    #[serde(default = "least")]
    #[schemars(with = "RoleWord")]
    pub role: Role,
    /// Whether the administrator vouches for the address.
    #[serde(default)]
    pub email_verified: bool,
}

/// What an account may do.
#[derive(JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Role")]
#[expect(dead_code, reason = "tells the document what `Role` is on the wire")]
enum RoleWord {
    User,
    Admin,
}

const fn least() -> Role {
    Role::User
}

impl From<NewAccountBody> for SignUp {
    fn from(body: NewAccountBody) -> Self {
        Self {
            email: body.email,
            password: body.password,
            name: body.name,
            username: body.username,
            image: body.image,
            profile: body.profile.into_iter().collect(),
            ..Self::default()
        }
    }
}

/// The body of `PATCH /v1/admin/users/{id}`; what is not in it stays.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "AccountChange")]
pub struct ChangeBody {
    email: Option<String>,
    email_verified: Option<bool>,
    #[serde(default, deserialize_with = "edit")]
    #[schemars(with = "Option<String>")]
    username: Edit<String>,
    name: Option<String>,
    #[serde(default, deserialize_with = "edit")]
    #[schemars(with = "Option<String>")]
    image: Edit<String>,
    #[serde(default)]
    profile: BTreeMap<String, Option<String>>,
    #[schemars(with = "Option<RoleWord>")]
    role: Option<Role>,
    disabled: Option<bool>,
}

impl From<ChangeBody> for ChangeRequest {
    fn from(body: ChangeBody) -> Self {
        Self {
            email: body.email,
            email_verified: body.email_verified,
            username: body.username,
            name: body.name,
            image: body.image,
            profile: body.profile.into_iter().collect(),
            role: body.role,
            enabled: body.disabled.map(|disabled| !disabled),
        }
    }
}

/// An account, as administrators see it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Account")]
pub struct AccountBody {
    #[serde(flatten)]
    user: UserBody,
    disabled_at: Option<String>,
}

impl From<User> for AccountBody {
    fn from(user: User) -> Self {
        Self {
            disabled_at: user.disabled_at.map(rfc_3339),
            user: user.into(),
        }
    }
}

/// A page of accounts.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AccountPage")]
pub struct AccountsBody {
    users: Vec<AccountBody>,
    next: Option<String>,
}

impl From<Page<User>> for AccountsBody {
    fn from(page: Page<User>) -> Self {
        Self {
            users: page.items.into_iter().map(AccountBody::from).collect(),
            next: page.next,
        }
    }
}

/// The live sessions of an account.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AccountSessions")]
pub struct SessionsBody {
    sessions: Vec<AccountSessionBody>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AccountSession")]
struct AccountSessionBody {
    id: String,
    created_at: String,
    refreshed_at: String,
    expires_at: String,
    ip: Option<String>,
    user_agent: Option<String>,
}

impl From<Vec<Session>> for SessionsBody {
    fn from(sessions: Vec<Session>) -> Self {
        let sessions = sessions.into_iter().map(|session| AccountSessionBody {
            id: session.id,
            created_at: rfc_3339(session.created_at),
            refreshed_at: rfc_3339(session.refreshed_at),
            expires_at: rfc_3339(session.expires_at),
            ip: session.ip,
            user_agent: session.user_agent,
        });
        Self {
            sessions: sessions.collect(),
        }
    }
}

/// How many sessions ended.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EndedAccountSessions")]
pub struct EndedBody {
    ended: u64,
}

impl From<u64> for EndedBody {
    fn from(ended: u64) -> Self {
        Self { ended }
    }
}

/// A page of the audit log.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AuditLogPage")]
pub struct AuditLogBody {
    entries: Vec<EntryBody>,
    next: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AuditLogEntry")]
struct EntryBody {
    id: String,
    at: String,
    act: &'static str,
    actor: Option<String>,
    target: Option<String>,
    ip: Option<String>,
    detail: Option<String>,
}

impl From<Page<AuditEntry>> for AuditLogBody {
    fn from(page: Page<AuditEntry>) -> Self {
        let entries = page.items.into_iter().map(|entry| EntryBody {
            id: entry.id,
            at: rfc_3339(entry.at),
            act: entry.act.as_str(),
            actor: entry.actor,
            target: entry.target,
            ip: entry.ip,
            detail: entry.detail,
        });
        Self {
            entries: entries.collect(),
            next: page.next,
        }
    }
}
