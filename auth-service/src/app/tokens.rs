//! Issues access tokens, and tells whose a token is.

use proto::claims::Claims;
use service_kit::clock::{is_id, new_id};

use super::{App, error::Error};
use crate::domain::{signing_key::PublicKey, user::User};

/// Seconds by which the clocks of two replicas may differ.
const LEEWAY: i64 = 5;

/// Someone who has just proved who they are.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// Their account.
    pub user: User,
    /// What proves it from now on.
    pub access_token: String,
    /// For how many seconds.
    pub expires_in: i64,
}

impl App {
    /// Signs a token for `user`.
    pub(super) fn issue(&self, user: User) -> Result<SignedIn, Error> {
        let now = self.clock.now() / 1000;
        let expires_in = self.policy.token_lifetime.seconds();
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
        };
        let access_token = self.signer.sign(&claims).map_err(Error::Internal)?;
        Ok(SignedIn {
            user,
            access_token,
            expires_in,
        })
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
