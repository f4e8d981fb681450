//! The JSON about the account of whoever asks.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    app::{
        change_password::ChangePassword, delete_account::DeleteAccount,
        update_profile::ProfileChanges,
    },
    domain::account_change::Edit,
    http::v1::wire::edit,
};

/// The body of `PATCH /v1/me`; what is not in it stays.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "ProfileChange")]
pub struct ChangeBody {
    name: Option<String>,
    #[serde(default, deserialize_with = "edit")]
    #[schemars(with = "Option<String>")]
    username: Edit<String>,
    #[serde(default, deserialize_with = "edit")]
    #[schemars(with = "Option<String>")]
    image: Edit<String>,
    #[serde(default)]
    profile: BTreeMap<String, Option<String>>,
}

impl From<ChangeBody> for ProfileChanges {
    fn from(body: ChangeBody) -> Self {
        Self {
            name: body.name,
            username: body.username,
            image: body.image,
            profile: body.profile.into_iter().collect(),
        }
    }
}

/// The body of `POST /v1/me/password`.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "PasswordChange")]
pub struct PasswordBody {
    current_password: String,
    new_password: String,
    /// Whether everyone is signed out; whoever asks gets a new session.
    #[serde(default = "everyone")]
    end_sessions: bool,
}

const fn everyone() -> bool {
    true
}

impl From<PasswordBody> for ChangePassword {
    fn from(body: PasswordBody) -> Self {
        Self {
            current: body.current_password,
            new: body.new_password,
            end_sessions: body.end_sessions,
        }
    }
}

/// The body of `DELETE /v1/me`.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "AccountDeletion")]
pub struct DeletionBody {
    password: String,
}

impl From<DeletionBody> for DeleteAccount {
    fn from(body: DeletionBody) -> Self {
        Self {
            password: Some(body.password),
            ..Self::default()
        }
    }
}
