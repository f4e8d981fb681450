//! Tells whose an access token is.

use super::{App, error::Error};
use crate::domain::user::User;

impl App {
    /// The account that `token` belongs to, as it is now.
    pub async fn owner_of(&self, token: &str) -> Result<User, Error> {
        let claims = self.claims_of(token)?;
        let user = self.users.by_id(&claims.sub).await?;
        user.filter(User::is_enabled).ok_or(Error::InvalidToken)
    }
}
