//! Issues access tokens, and tells whose a token is.

use proto::claims::Claims;
use service_kit::clock::{is_id, new_id};

use super::{App, error::Error};
use crate::domain::{session::Session, signing_key::PublicKey, user::User};

/// Seconds by which the clocks of two replicas may differ.
pub(super) const LEEWAY: i64 = 5;

/// A token that other services check by themselves.
#[derive(Debug, Clone)]
pub struct AccessToken {
    /// The JWT.
    pub token: String,
    /// For how many seconds it holds.
    pub expires_in: i64,
}

impl App {
    /// Signs a token for the owner of a session. It ends with the session
    /// at the latest.
    pub fn access_token(&self, user: &User, session: &Session) -> Result<AccessToken, Error> {
        let now = self.clock.now() / 1000;
        let until_its_end = session.expires_at / 1000 - now;
        let expires_in = self.policy.token_lifetime.seconds().min(until_its_end);
        let claims = Claims {
            iss: self.policy.issuer.clone(),
            aud: self.policy.audience.clone(),
            sub: user.id.clone(),
            iat: now,
            nbf: now,
            exp: now + expires_in,
            jti: new_id(self.clock.as_ref(), self.randomness.as_ref()),
            email: user.email.as_str().to_owned(),
            name: user.name.as_str().to_owned(),
            role: user.role,
            sid: Some(session.id.clone()),
        };
        let token = self.signer.sign(&claims).map_err(Error::Internal)?;
        Ok(AccessToken { token, expires_in })
    }

    /// What `token` says, if it holds now.
    pub(super) fn claims_of(&self, token: &str) -> Result<Claims, Error> {
        let claims = self.signer.read(token).map_err(|_| Error::InvalidToken)?;
        let now = self.clock.now() / 1000;
        if claims.exp.saturating_add(LEEWAY) <= now {
            return Err(Error::ExpiredToken);
        }
        if claims.nbf.saturating_sub(LEEWAY) > now || !is_id(&claims.sub) {
            return Err(Error::InvalidToken);
        }
        Ok(claims)
    }

    /// The keys with which anybody can check our tokens.
    pub fn public_keys(&self) -> Vec<PublicKey> {
        self.signer.public_keys()
    }
}
