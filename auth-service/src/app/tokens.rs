//! Issues access tokens, and tells whose a token is.

use std::{collections::BTreeMap, sync::Arc};

use proto::claims::Claims;
use serde_json::Value;
use service_kit::clock::{is_id, new_id};

use super::{App, error::Error};
use crate::domain::{session::Session, signing_key::PublicKey, user::User};

/// Seconds by which the clocks of two replicas may differ.
pub(super) const LEEWAY: i64 = 5;

/// The most bytes of JSON that a surface may add to a token: with them it still
/// fits into the 8 KiB that proxies take for a header.
const MOST_EXTRA: usize = 3 * 1024;

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
        self.access_token_with(user, session, BTreeMap::new())
    }

    /// The same with what else a surface's clients look for in a token. Fields
    /// that would hide a claim of ours, or for which there is no room, are left
    /// out.
    pub fn access_token_with(
        &self,
        user: &User,
        session: &Session,
        mut more: BTreeMap<String, Value>,
    ) -> Result<AccessToken, Error> {
        let mut room = MOST_EXTRA;
        more.retain(|name, value| {
            let needed = name.len() + value.to_string().len();
            let taken = Claims::NAMES.contains(&name.as_str()) || needed > room;
            room -= if taken { 0 } else { needed };
            !taken
        });
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
            sid: session.id.clone(),
            roles: vec![user.role],
            email: user.email.as_str().to_owned(),
            name: user.name.as_str().to_owned(),
            more,
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
        if claims.nbf.saturating_sub(LEEWAY) > now || !is_id(&claims.sub) || !is_id(&claims.sid) {
            return Err(Error::InvalidToken);
        }
        Ok(claims)
    }

    /// The keys with which anybody can check our tokens.
    pub fn public_keys(&self) -> Vec<PublicKey> {
        self.signer.public_keys()
    }

    /// The same as the JSON of a key set.
    pub fn key_set(&self) -> Arc<str> {
        self.signer.key_set()
    }
}
