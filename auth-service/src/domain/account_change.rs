//! What is to change about an account, and what came of it.

use proto::claims::Role;

use super::{
    Millis,
    audit::Act,
    email::Email,
    profile::Profile,
    user::{DisplayName, User, Username},
};

/// What is to become of something that may be missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Edit<T> {
    /// It stays as it is.
    #[default]
    Keep,
    /// It is taken away.
    Clear,
    /// It becomes this.
    Put(T),
}

impl<T> From<Option<Option<T>>> for Edit<T> {
    /// Of something that may be missing or null.
    fn from(given: Option<Option<T>>) -> Self {
        given.map_or(Self::Keep, |value| value.map_or(Self::Clear, Self::Put))
    }
}

impl<T> Edit<T> {
    /// The same with what is put read by `read`.
    pub fn try_map<U, E>(self, read: impl FnOnce(T) -> Result<U, E>) -> Result<Edit<U>, E> {
        Ok(match self {
            Self::Keep => Edit::Keep,
            Self::Clear => Edit::Clear,
            Self::Put(value) => Edit::Put(read(value)?),
        })
    }

    fn apply(&self, to: &mut Option<T>)
    where
        T: Clone,
    {
        match self {
            Self::Keep => {}
            Self::Clear => *to = None,
            Self::Put(value) => *to = Some(value.clone()),
        }
    }
}

/// What is to change about an account; what is not named stays as it is, also
/// where somebody else changes it at the same time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountChange {
    /// Another address.
    pub email: Option<Email>,
    /// Whether the address is the person's.
    pub email_verified: Option<bool>,
    /// Another user name.
    pub username: Edit<Username>,
    /// Another display name.
    pub name: Option<DisplayName>,
    /// Another picture.
    pub image: Edit<String>,
    /// Fields of the profile that get a text.
    pub profile: Profile,
    /// Fields of the profile that lose theirs.
    pub profile_cleared: Vec<String>,
    /// Another role.
    pub role: Option<Role>,
    /// Whether the account can be used.
    pub enabled: Option<bool>,
}

impl AccountChange {
    /// `user` as it is after the change, which happens at `now`.
    #[must_use]
    pub fn applied(&self, user: &User, now: Millis) -> User {
        let mut changed = user.clone();
        if let Some(email) = &self.email {
            changed.email = email.clone();
        }
        if let Some(name) = &self.name {
            changed.name = name.clone();
        }
        self.username.apply(&mut changed.username);
        self.image.apply(&mut changed.image);
        changed.profile.merge(&self.profile, &self.profile_cleared);
        // Nobody has shown yet that another address is theirs.
        let still_verified = user.email_verified && changed.email == user.email;
        changed.email_verified = self.email_verified.unwrap_or(still_verified);
        changed.role = self.role.unwrap_or(changed.role);
        if self
            .enabled
            .is_some_and(|enabled| enabled != user.is_enabled())
        {
            changed.disabled_at = user.is_enabled().then_some(now);
        }
        if changed != *user {
            changed.updated_at = now;
        }
        changed
    }
}

/// Whether an account that was `before` and is `after` tells of `act`.
pub fn tells_of(act: Act, before: &User, after: &User) -> bool {
    match act {
        Act::RoleChanged => before.role != after.role,
        Act::AccountDisabled => before.is_enabled() && !after.is_enabled(),
        Act::AccountEnabled => !before.is_enabled() && after.is_enabled(),
        Act::EmailChanged => before.email != after.email,
        Act::EmailVerified => !before.email_verified && after.email_verified,
        Act::ProfileChanged => {
            before.name != after.name
                || before.username != after.username
                || before.image != after.image
                || before.profile != after.profile
        }
        _ => true,
    }
}
