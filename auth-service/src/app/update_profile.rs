//! Changes what an account tells about its owner.

use super::{App, change_request::ChangeRequest, client::Client, error::Error};
use crate::domain::{account_change::Edit, audit::Act, user::User};

/// The most bytes of a picture's URL.
const MAX_IMAGE: usize = 2000;

/// What the owner of an account wants to change, as they typed it. What is not
/// named stays, also where somebody else changes it at the same time.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ProfileChanges {
    /// How they want to be called.
    pub name: Option<String>,
    /// What they want to sign in with beside the address.
    pub username: Edit<String>,
    /// The URL of a picture of them.
    pub image: Edit<String>,
    /// Fields of the profile, by name; nothing unsets one.
    pub profile: Vec<(String, Option<String>)>,
}

impl App {
    /// Changes the profile of `user`, and gives the account as it is then.
    pub async fn update_profile(
        &self,
        user: &User,
        changes: ProfileChanges,
        client: &Client,
    ) -> Result<User, Error> {
        if changes == ProfileChanges::default() {
            return Err(Error::NothingToChange);
        }
        let change = self.read_change(ChangeRequest {
            name: changes.name,
            username: changes.username,
            image: changes.image,
            profile: changes.profile,
            ..ChangeRequest::default()
        })?;
        let entry = self.entry(Act::ProfileChanged, Some(&user.id), Some(&user.id), client);
        let (id, now) = (&user.id, entry.at);
        let account = self.users.change(id, &change, now, &[entry]).await?;
        account.ok_or(Error::InvalidToken)
    }
}

/// The URL of a picture, if it is short and can be stored.
pub(super) fn picture(url: String) -> Result<String, Error> {
    if url.len() > MAX_IMAGE || url.chars().any(char::is_control) {
        return Err(Error::InvalidField("image".to_owned()));
    }
    Ok(url)
}
