//! Id tokens (OpenID Connect Core, section 3.1.3.7), checked with the keys that
//! their provider publishes.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode, decode_header,
    jwk::{AlgorithmParameters, JwkSet},
};
use serde_json::Value;
use service_kit::clock::{Clock, Millis};
use tokio::sync::Mutex;
use url::Url;

use super::{Http, Unusable};

/// Unknown keys are asked for no more often than this: anyone can make up the
/// name of a key.
const REFRESH_PAUSE: Millis = 60_000;

/// While no key is known at all, the provider is asked again after this long.
const FIRST_PAUSE: Millis = 1_000;

/// After this long the keys are asked for anew, so that one that was withdrawn
/// is not believed for ever.
const KEYS_AGE: Millis = 60 * 60 * 1000;

/// Seconds by which clocks may differ.
const LEEWAY: i64 = 60;

/// Seconds after which a token is too old, whatever it says of its end.
const MAX_AGE: i64 = 60 * 60;

/// The most bytes of a token that are looked at.
const LARGEST_TOKEN: usize = 16 * 1024;

/// Letters of a modulus in base64url: 2,048 to 8,192 bits.
const MODULUS_LETTERS: std::ops::RangeInclusive<usize> = 342..=1366;

/// Who may present a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presenter {
    /// We ourselves: it came from the token endpoint.
    Us,
    /// Any client of the same project: it came from an app on a telephone,
    /// whose own id is the `azp`.
    App,
}

/// Checks the id tokens of one provider.
pub(super) struct IdTokens {
    jwks_url: Url,
    issuers: Vec<String>,
    client_id: String,
    http: Http,
    clock: Arc<dyn Clock>,
    keys: RwLock<Keys>,
    /// When the keys were last asked for.
    asked: Mutex<Option<Millis>>,
}

#[derive(Default)]
struct Keys {
    known: HashMap<String, DecodingKey>,
    fetched_at: Millis,
}

impl IdTokens {
    pub(super) fn new(
        jwks_url: Url,
        issuers: Vec<String>,
        client_id: String,
        http: Http,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            jwks_url,
            issuers,
            client_id,
            http,
            clock,
            keys: RwLock::default(),
            asked: Mutex::new(None),
        }
    }

    pub(super) fn is_issuer(&self, issuer: &str) -> bool {
        self.issuers.iter().any(|own| own == issuer)
    }

    /// What a token says, if it holds now and was made for us.
    pub(super) async fn claims(
        &self,
        token: &str,
        presenter: Presenter,
        nonce: Option<&str>,
    ) -> Result<Value, Unusable> {
        if token.len() > LARGEST_TOKEN {
            return Err(Unusable::IdToken("it is too long"));
        }
        let header = decode_header(token).map_err(|_| Unusable::IdToken("it is no JWT"))?;
        // The algorithm is ours to choose, never the token's (RFC 8725, 3.1).
        if header.alg != Algorithm::RS256 || header.crit.is_some() {
            return Err(Unusable::IdToken("it is not signed with RS256"));
        }
        let kid = header.kid.ok_or(Unusable::IdToken("it names no key"))?;
        let key = self.key(&kid).await?;
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_issuer(&self.issuers);
        validation.set_audience(&[&self.client_id]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
        // The library would ask the machine for the time; we have a Clock.
        validation.validate_exp = false;
        let claims = decode::<Value>(token, &key, &validation)
            .map_err(|_| Unusable::IdToken("its signature, issuer or audience is another"))?
            .claims;
        self.check(&claims, presenter, nonce)?;
        Ok(claims)
    }

    fn check(
        &self,
        claims: &Value,
        presenter: Presenter,
        nonce: Option<&str>,
    ) -> Result<(), Unusable> {
        let now = self.clock.now() / 1000;
        let seconds = |name: &str| {
            claims[name]
                .as_i64()
                .ok_or(Unusable::IdToken("it lacks a time"))
        };
        let (issued_at, expires_at) = (seconds("iat")?, seconds("exp")?);
        if expires_at.saturating_add(LEEWAY) <= now
            || issued_at.saturating_add(MAX_AGE + LEEWAY) <= now
        {
            return Err(Unusable::IdToken("it is over"));
        }
        if issued_at.saturating_sub(LEEWAY) > now {
            return Err(Unusable::IdToken("it is not yet"));
        }
        let several = claims["aud"].as_array().is_some_and(|all| all.len() > 1);
        let azp = claims["azp"].as_str();
        let ours = azp == Some(self.client_id.as_str());
        let unnamed = azp.is_none() && !several;
        if !(ours || unnamed || (presenter == Presenter::App && !several)) {
            return Err(Unusable::IdToken("it was made for another client"));
        }
        if nonce.is_some_and(|nonce| claims["nonce"].as_str() != Some(nonce)) {
            return Err(Unusable::IdToken("its nonce is another"));
        }
        Ok(())
    }

    async fn key(&self, kid: &str) -> Result<DecodingKey, Unusable> {
        if let Some(key) = self.fresh(kid) {
            return Ok(key);
        }
        let mut asked = self.asked.lock().await;
        // Another request may have brought it while this one waited.
        if let Some(key) = self.fresh(kid) {
            return Ok(key);
        }
        let now = self.clock.now();
        let pause = if self.knows_none() {
            FIRST_PAUSE
        } else {
            REFRESH_PAUSE
        };
        if asked.is_none_or(|last| now - last >= pause) {
            *asked = Some(now);
            self.fetch(now).await;
        }
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let key = keys.known.get(kid).cloned();
        key.ok_or(Unusable::IdToken("nobody publishes its key"))
    }

    /// The key of this name, unless it is to be asked for anew.
    fn fresh(&self, kid: &str) -> Option<DecodingKey> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = self.clock.now() - keys.fetched_at < KEYS_AGE;
        keys.known.get(kid).filter(|_| is_fresh).cloned()
    }

    fn knows_none(&self) -> bool {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.known.is_empty()
    }

    /// Fetches the keys; what is known already stays where that fails.
    async fn fetch(&self, now: Millis) {
        let answer = self.http.json(&self.jwks_url, None).await;
        let read = answer.and_then(|set| usable_keys(set).ok_or(Unusable::Unreadable));
        match read {
            Ok(known) => {
                let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
                *keys = Keys {
                    known,
                    fetched_at: now,
                };
            }
            Err(error) => {
                let cause: &dyn std::error::Error = &error;
                tracing::warn!(cause, url = %self.jwks_url, "a provider's keys can't be fetched");
            }
        }
    }
}

/// The RSA keys of a set that sign, by key id; nothing where there is none.
fn usable_keys(set: Value) -> Option<HashMap<String, DecodingKey>> {
    let set: JwkSet = serde_json::from_value(set).ok()?;
    let keys = set.keys.iter().filter_map(|jwk| {
        let AlgorithmParameters::RSA(rsa) = &jwk.algorithm else {
            return None;
        };
        if !MODULUS_LETTERS.contains(&rsa.n.len()) {
            return None;
        }
        let key = DecodingKey::from_jwk(jwk).ok()?;
        Some((jwk.common.key_id.clone()?, key))
    });
    let keys: HashMap<_, _> = keys.collect();
    (!keys.is_empty()).then_some(keys)
}
