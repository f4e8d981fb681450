//! Tells what a token is good for (RFC 7662), and ends what it is good for
//! (RFC 7009).

use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;

use super::{App, client::Client, error::Error, ports::Which, sessions::Current, vault::digest};
use crate::domain::{Millis, audit::Act};

/// A token that names a session which goes on.
#[derive(Debug)]
pub struct KnownToken {
    /// What it is.
    pub kind: TokenKind,
    /// The session, and its owner.
    pub current: Current,
    /// When it was issued, as far as that is known.
    pub issued_at: Millis,
    /// When it ends, unless the session ends before.
    pub expires_at: Millis,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenKind {
    /// An access token.
    Access {
        /// Its own id.
        jti: String,
    },
    /// What a browser's cookie holds.
    Session,
    /// A refresh token.
    Refresh {
        /// Whether it was exchanged already.
        used: bool,
    },
}

impl App {
    /// Whether `presented` is what other services show.
    pub fn is_service_token(&self, presented: &str) -> bool {
        let expected = self.service_token.expose_secret().as_bytes();
        presented.as_bytes().ct_eq(expected).into()
    }

    /// What `token` is, if it holds now.
    pub async fn introspect(&self, token: &str) -> Result<Option<KnownToken>, Error> {
        let known = self.known_token(token).await?;
        Ok(known.filter(|known| known.kind != TokenKind::Refresh { used: true }))
    }

    /// Ends the session that `token` names, if there is one. A refresh token
    /// will do though it was used: another tab may have been quicker.
    pub async fn revoke(&self, token: &str, client: &Client) -> Result<(), Error> {
        if let Some(known) = self.known_token(token).await? {
            let Current { user, session } = &known.current;
            let which = Which::One(&session.id);
            self.end_sessions(&user.id, which, Act::SignedOut, client)
                .await?;
        }
        Ok(())
    }

    async fn known_token(&self, token: &str) -> Result<Option<KnownToken>, Error> {
        // Only a JWT has dots.
        if token.contains('.') {
            return self.known_access_token(token).await;
        }
        if let Some(current) = self.session(token).await? {
            return Ok(Some(KnownToken {
                kind: TokenKind::Session,
                issued_at: current.session.created_at,
                expires_at: current.session.expires_at,
                current,
            }));
        }
        let (found, now) = (
            self.refresh_tokens.by_hash(&digest(token)).await?,
            self.clock.now(),
        );
        let Some(found) = found.filter(|found| now < found.expires_at) else {
            return Ok(None);
        };
        let current = self.session_by_id(&found.session_id, now).await?;
        Ok(current.map(|current| KnownToken {
            kind: TokenKind::Refresh {
                used: found.used_at.is_some(),
            },
            issued_at: current.session.refreshed_at,
            expires_at: current.session.expires_at,
            current,
        }))
    }

    async fn known_access_token(&self, token: &str) -> Result<Option<KnownToken>, Error> {
        let Ok(claims) = self.claims_of(token) else {
            return Ok(None);
        };
        match self.holder_of(&claims).await {
            Ok(current) => Ok(Some(KnownToken {
                kind: TokenKind::Access { jti: claims.jti },
                issued_at: claims.iat * 1000,
                expires_at: claims.exp * 1000,
                current,
            })),
            Err(Error::InvalidToken) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
