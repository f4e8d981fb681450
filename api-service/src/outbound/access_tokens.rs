//! What an access token must say, whatever signed it, and the verifier for
//! tokens that are signed with a shared secret.

use std::sync::Arc;

use async_trait::async_trait;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};
use proto::claims::{Claims, is_access_token};
use secrecy::{ExposeSecret, SecretString};
use service_kit::clock::Clock;

use crate::{
    app::{
        follow_accounts::RefusedTokens,
        ports::{TokenVerifier, UnverifiedToken},
    },
    domain::principal::{Principal, Shown, UserId},
};

/// Clocks may differ by this much, in seconds.
const LEEWAY: i64 = 5;

/// The most bytes that are looked at, as in auth-service.
const LARGEST_TOKEN: usize = 8 * 1024;

/// What a token must say. The algorithm is ours to choose, never the token's.
pub(super) struct TokenRules {
    /// The only algorithm that is taken.
    pub(super) algorithm: Algorithm,
    /// The `iss` that a token must name.
    pub(super) issuer: String,
    /// The `aud` that a token must name.
    pub(super) audience: String,
    /// The time.
    pub(super) clock: Arc<dyn Clock>,
    /// What auth-service told since tokens were signed.
    pub(super) refused: Arc<RefusedTokens>,
}

impl TokenRules {
    /// The header of a token that may hold.
    pub(super) fn header(&self, token: &str) -> Result<Header, UnverifiedToken> {
        if token.len() > LARGEST_TOKEN {
            return Err(UnverifiedToken::Invalid);
        }
        let header = decode_header(token).map_err(|_| UnverifiedToken::Invalid)?;
        let is_ours = header.alg == self.algorithm && is_access_token(header.typ.as_deref());
        // RFC 7515, section 4.1.11: what is critical and not understood is
        // refused, and we understand no extension.
        if !is_ours || header.crit.is_some() {
            return Err(UnverifiedToken::Invalid);
        }
        Ok(header)
    }

    /// Who the bearer is of a token that `key` signed.
    pub(super) fn bearer(
        &self,
        token: &str,
        key: &DecodingKey,
    ) -> Result<Principal, UnverifiedToken> {
        let mut validation = Validation::new(self.algorithm);
        // The library knows only the machine's clock: times are checked below.
        validation.validate_exp = false;
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[&self.audience]);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        let claims = decode::<Claims>(token, key, &validation)
            .map_err(|_| UnverifiedToken::Invalid)?
            .claims;
        self.check(&claims)?;
        let role = claims.role();
        let shown = Shown {
            session: claims.sid,
            issued_at: claims.iat,
        };
        Ok(Principal::user(UserId(claims.sub), role, shown))
    }

    fn check(&self, claims: &Claims) -> Result<(), UnverifiedToken> {
        let now = self.clock.now() / 1000;
        let is_ours = claims.iss == self.issuer && claims.aud == self.audience;
        let is_whole = !claims.sub.is_empty() && !claims.sid.is_empty();
        if !is_ours || !is_whole || claims.nbf > now + LEEWAY {
            return Err(UnverifiedToken::Invalid);
        }
        if claims.exp <= now - LEEWAY {
            return Err(UnverifiedToken::Expired);
        }
        if self.refused.refuse(&claims.sub, &claims.sid, claims.iat) {
            return Err(UnverifiedToken::Invalid);
        }
        Ok(())
    }
}

/// Verifies tokens with the secret that both services share.
pub struct SharedSecretVerifier {
    rules: TokenRules,
    key: DecodingKey,
}

impl SharedSecretVerifier {
    /// A verifier of tokens that `secret` signed with HS256, in the name of
    /// `issuer` and for `audience`.
    pub fn new(
        secret: &SecretString,
        issuer: &str,
        audience: &str,
        clock: Arc<dyn Clock>,
        refused: Arc<RefusedTokens>,
    ) -> Self {
        let rules = TokenRules {
            algorithm: Algorithm::HS256,
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            clock,
            refused,
        };
        let key = DecodingKey::from_secret(secret.expose_secret().as_bytes());
        Self { rules, key }
    }
}

#[async_trait]
impl TokenVerifier for SharedSecretVerifier {
    async fn verify(&self, token: &str) -> Result<Principal, UnverifiedToken> {
        self.rules.header(token)?;
        self.rules.bearer(token, &self.key)
    }
}
