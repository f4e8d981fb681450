//! Continues a session without its owner: exchanges a refresh token for an
//! access token and the next refresh token (RFC 9700, section 4.14.2).

use super::{
    App,
    client::Client,
    error::Error,
    ports::{Exchange, Which},
    sessions::{Current, Opened},
    tokens::AccessToken,
    vault::{digest, random_text},
};
use crate::domain::{Millis, audit::Act, session::Session, user::User};

/// What a successor is derived for. Since it follows from the token that is
/// used, the same one can be given again though only its hash is stored.
const PURPOSE: &str = "refresh token";

/// The letters of a refresh token: 190 random bits.
const LENGTH: usize = 32;

/// For how long after its use a refresh token gives the same successor again:
/// the answer may have been lost, or two tabs may have asked at once.
const GRACE: Millis = 10_000;

/// What a client gets that signs in or refreshes.
#[derive(Debug)]
pub struct Grant {
    /// Who is signed in.
    pub user: User,
    /// Good for requests.
    pub access: AccessToken,
    /// Good for the next grant, once.
    pub refresh_token: String,
    /// For how many seconds, unless it is used before.
    pub refresh_expires_in: i64,
}

impl App {
    /// The tokens for a session that has just begun.
    pub async fn grant(&self, opened: Opened) -> Result<Grant, Error> {
        let refresh_token = random_text(self.randomness.as_ref(), LENGTH);
        let hash = digest(&refresh_token);
        self.refresh_tokens.add(&hash, &opened.session).await?;
        self.grant_of(opened.user, &opened.session, refresh_token)
    }

    /// Exchanges a refresh token. One that was used before ends its session,
    /// since either its owner or somebody else must have stolen it.
    pub async fn refresh(&self, token: &str, client: &Client) -> Result<Grant, Error> {
        let (hash, now) = (digest(token), self.clock.now());
        let found = self.refresh_tokens.by_hash(&hash).await?;
        let found = found.filter(|found| now < found.expires_at);
        let found = found.ok_or(Error::InvalidRefreshToken)?;
        let current = self.session_by_id(&found.session_id, now).await?;
        let Current { user, mut session } = current.ok_or(Error::InvalidRefreshToken)?;
        if found.used_at.is_some_and(|used_at| now - used_at > GRACE) {
            let entry = self.entry(Act::RefreshReused, None, Some(&user.id), client);
            let family = Which::One(&session.id);
            self.sessions.end(&user.id, family, &entry).await?;
            return Err(Error::ReusedRefreshToken);
        }
        let successor = self.vault.derive(PURPOSE, token);
        if found.used_at.is_none() {
            session.expires_at = session.refreshed(now, self.policy.sessions);
            session.refreshed_at = now;
            let exchange = Exchange {
                used: &hash,
                successor: &digest(&successor),
                session: &session,
            };
            if !self.refresh_tokens.exchange(exchange).await? {
                return Err(Error::InvalidRefreshToken);
            }
        }
        self.grant_of(user, &session, successor)
    }

    fn grant_of(
        &self,
        user: User,
        session: &Session,
        refresh_token: String,
    ) -> Result<Grant, Error> {
        Ok(Grant {
            access: self.access_token(&user, session)?,
            refresh_expires_in: (session.expires_at - self.clock.now()) / 1000,
            refresh_token,
            user,
        })
    }
}
