//! An account's row, wherever a query meets one.

use std::collections::BTreeMap;

use proto::claims::Role;
use sqlx::FromRow;

use super::BadRow;
use crate::{
    app::ports::Credentials,
    domain::{
        email::Email,
        profile::Profile,
        user::{DisplayName, User, Username},
    },
};

/// The columns that a [`UserRow`] is read from, of a table called `u`.
pub(super) const COLUMNS: &str = "u.id AS user_id, u.email, u.username, u.name, \
     u.password_hash, u.role, u.email_verified, u.image, u.profile, \
     u.created_at AS user_created_at, u.updated_at AS user_updated_at, u.disabled_at";

#[derive(FromRow)]
pub(super) struct UserRow {
    user_id: String,
    email: String,
    username: Option<String>,
    name: String,
    password_hash: Option<String>,
    role: String,
    email_verified: i64,
    image: Option<String>,
    profile: String,
    user_created_at: i64,
    user_updated_at: i64,
    disabled_at: Option<i64>,
}

impl UserRow {
    pub(super) fn into_credentials(self) -> Result<Credentials, BadRow> {
        let bad = |column| BadRow {
            table: "users",
            id: self.user_id.clone(),
            column,
        };
        let username = self.username.as_deref().map(Username::parse).transpose();
        let user = User {
            email: Email::parse(&self.email).map_err(|_| bad("email"))?,
            username: username.map_err(|_| bad("username"))?,
            name: DisplayName::parse(&self.name).map_err(|_| bad("name"))?,
            role: Role::from_word(&self.role).ok_or_else(|| bad("role"))?,
            email_verified: self.email_verified == 1,
            profile: read_profile(&self.profile).ok_or_else(|| bad("profile"))?,
            image: self.image,
            created_at: self.user_created_at,
            updated_at: self.user_updated_at,
            disabled_at: self.disabled_at,
            id: self.user_id,
        };
        Ok(Credentials {
            user,
            password_hash: self.password_hash,
        })
    }
}

/// A profile as it is stored: a JSON object of texts.
pub(super) fn profile_text(profile: &Profile) -> String {
    let fields: BTreeMap<&str, &str> = profile.iter().collect();
    // A map of texts is always JSON.
    serde_json::to_string(&fields).unwrap_or_default()
}

fn read_profile(text: &str) -> Option<Profile> {
    let fields: BTreeMap<String, String> = serde_json::from_str(text).ok()?;
    let mut profile = Profile::default();
    for (name, text) in &fields {
        profile.set(name, Some(text)).ok()?;
    }
    Some(profile)
}
