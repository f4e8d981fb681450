//! Changes what an account tells about its owner.

use super::{App, client::Client, error::Error};
use crate::domain::{
    audit::Act,
    user::{DisplayName, User},
};

/// The most bytes of a picture's URL.
const MAX_IMAGE: usize = 2000;

/// What the owner of an account wants to change, as they typed it. What is
/// `None` stays.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ProfileChanges {
    /// How they want to be called.
    pub name: Option<String>,
    /// The URL of a picture of them, or that there is none.
    pub image: Option<Option<String>>,
    /// Fields of the profile, by name; nothing unsets one. Unknown names are
    /// left out.
    pub profile: Vec<(String, Option<String>)>,
}

impl App {
    /// Changes the profile of `user`, and gives the account as it is then.
    pub async fn update_profile(
        &self,
        mut user: User,
        changes: ProfileChanges,
        client: &Client,
    ) -> Result<User, Error> {
        let fields = &self.policy.profile_fields;
        let mut profile = changes.profile;
        profile.retain(|(name, _)| fields.has(name));
        if changes.name.is_none() && changes.image.is_none() && profile.is_empty() {
            return Err(Error::NothingToChange);
        }
        if let Some(name) = &changes.name {
            user.name = DisplayName::parse(name)?;
        }
        if let Some(image) = changes.image {
            user.image = image.map(picture).transpose()?;
        }
        for (name, text) in &profile {
            user.profile.set(name, text.as_deref())?;
        }
        let entry = self.entry(Act::ProfileChanged, Some(&user.id), Some(&user.id), client);
        user.updated_at = entry.at;
        if !self.users.update(&user, &entry).await? {
            return Err(Error::InvalidToken);
        }
        Ok(user)
    }
}

/// The URL of a picture, if it is short and can be stored.
pub(super) fn picture(url: String) -> Result<String, Error> {
    if url.len() > MAX_IMAGE || url.chars().any(char::is_control) {
        return Err(Error::InvalidField("image".to_owned()));
    }
    Ok(url)
}
