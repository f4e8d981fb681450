//! Reads what somebody wants to change about an account, as they typed it.

use proto::claims::Role;

use super::{App, error::Error, update_profile::picture};
use crate::domain::{
    account_change::{AccountChange, Edit},
    email::Email,
    user::{DisplayName, Username},
};

/// What somebody wants to change; what is not named stays as it is.
#[derive(Debug, Default)]
pub struct ChangeRequest {
    /// Another address.
    pub email: Option<String>,
    /// Whether the address is the person's.
    pub email_verified: Option<bool>,
    /// Another user name.
    pub username: Edit<String>,
    /// Another display name.
    pub name: Option<String>,
    /// The URL of another picture.
    pub image: Edit<String>,
    /// Texts for fields of the profile, by the field's name; none to unset it.
    pub profile: Vec<(String, Option<String>)>,
    /// Another role.
    pub role: Option<Role>,
    /// Whether the account can be used.
    pub enabled: Option<bool>,
}

impl App {
    /// The change that is asked for, if every part of it keeps the rules.
    pub fn read_change(&self, request: ChangeRequest) -> Result<AccountChange, Error> {
        let mut change = AccountChange {
            email: request.email.as_deref().map(Email::parse).transpose()?,
            email_verified: request.email_verified,
            username: request.username.try_map(|name| Username::parse(&name))?,
            name: request
                .name
                .as_deref()
                .map(DisplayName::parse)
                .transpose()?,
            image: request.image.try_map(picture)?,
            role: request.role,
            enabled: request.enabled,
            ..AccountChange::default()
        };
        for (name, text) in request.profile {
            if !self.policy.profile_fields.has(&name) {
                return Err(Error::UnknownField(name));
            }
            change.profile.set(&name, text.as_deref())?;
            if text.is_none() {
                change.profile_cleared.push(name);
            }
        }
        Ok(change)
    }
}
