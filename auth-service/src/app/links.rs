//! Takes back what the link of a mail carried.

use super::{App, error::Error, vault::digest};
use crate::domain::{
    one_time_token::{OneTimeToken, Purpose},
    user::User,
};

/// A link that holds, and whose account it is about.
pub(super) struct Held {
    hash: String,
    pub(super) token: OneTimeToken,
    pub(super) user: User,
}

impl App {
    /// The link with this token, if it was made for one of `purposes` and was
    /// not used. It can still be used.
    pub(super) async fn held(&self, token: &str, purposes: &[Purpose]) -> Result<Held, Error> {
        let hash = digest(token);
        let found = self.one_time_tokens.find(&hash).await?;
        let token = found.filter(|token| purposes.contains(&token.purpose));
        let token = token.ok_or(Error::InvalidLink)?;
        if !token.is_live(self.clock.now()) {
            return Err(Error::ExpiredLink);
        }
        let owner = self
            .users
            .by_id(token.user_id.as_deref().unwrap_or_default());
        let user = owner.await?.filter(User::is_enabled);
        let user = user.ok_or(Error::InvalidLink)?;
        Ok(Held { hash, token, user })
    }

    /// Uses a link. Of several who do so at once all but one fail.
    pub(super) async fn use_up(&self, held: &Held) -> Result<(), Error> {
        let taken = self.one_time_tokens.take(&held.hash).await?;
        taken.map(drop).ok_or(Error::InvalidLink)
    }
}
