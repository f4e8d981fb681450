//! Tells whose an access token is.

use proto::claims::Claims;

use super::{App, error::Error, sessions::Current, tokens::LEEWAY};

impl App {
    /// The session that `token` was issued for, and its owner, as they are now.
    pub async fn owner_of(&self, token: &str) -> Result<Current, Error> {
        self.holder_of(&self.claims_of(token)?).await
    }

    /// The session that a token with these claims was issued for.
    pub(super) async fn holder_of(&self, claims: &Claims) -> Result<Current, Error> {
        // The token may be a moment over its end, and so may its session.
        let moment = self.clock.now() - LEEWAY * 1000;
        let current = self.session_by_id(&claims.sid, moment).await?;
        current
            .filter(|current| current.user.id == claims.sub)
            .ok_or(Error::InvalidToken)
    }
}
