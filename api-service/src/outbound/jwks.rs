//! Verifies tokens with auth-service's published keys, which are fetched once,
//! kept on disk, and fetched again when a token names a key that is not known.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, RwLock},
    time::Duration,
};

use async_trait::async_trait;
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, JwkSet},
};
use service_kit::clock::{Clock, Millis};
use tokio::sync::Mutex;

use crate::{
    app::{
        follow_accounts::RefusedTokens,
        ports::{TokenVerifier, UnverifiedToken},
    },
    domain::principal::Principal,
    outbound::access_tokens::TokenRules,
};

/// Unknown keys are asked for no more often than this, in milliseconds: anyone
/// can make up the name of a key.
const REFRESH_PAUSE: Millis = 30_000;

/// While no key is known at all, auth-service is asked again after this long.
const FIRST_PAUSE: Millis = 1_000;

/// 32 bytes in base64url without padding (RFC 8037, section 2).
const PUBLIC_KEY_LETTERS: usize = 43;

/// A key set is never larger.
const LARGEST_SET: usize = 64 * 1024;

/// Where the keys are and what a token must say.
#[derive(Debug, Clone)]
pub struct JwksSettings {
    /// The address of the key set.
    pub url: String,
    /// The `iss` that a token must name.
    pub issuer: String,
    /// The `aud` that a token must name.
    pub audience: String,
    /// Where the last key set is kept, for a start while auth-service is down.
    pub cache: Option<PathBuf>,
}

/// The verifier.
pub struct JwksVerifier {
    settings: JwksSettings,
    rules: TokenRules,
    client: reqwest::Client,
    keys: RwLock<HashMap<String, DecodingKey>>,
    /// When the keys were last asked for.
    asked: Mutex<Option<Millis>>,
}

impl JwksVerifier {
    /// A verifier with the keys that were kept, if any. `client` needs a
    /// timeout.
    pub fn new(
        settings: JwksSettings,
        client: reqwest::Client,
        clock: Arc<dyn Clock>,
        refused: Arc<RefusedTokens>,
    ) -> Self {
        let kept = settings
            .cache
            .as_ref()
            .and_then(|path| std::fs::read(path).ok());
        let keys = kept.and_then(|bytes| parse(&bytes)).unwrap_or_default();
        let rules = TokenRules {
            algorithm: Algorithm::EdDSA,
            issuer: settings.issuer.clone(),
            audience: settings.audience.clone(),
            clock,
            refused,
        };
        Self {
            settings,
            rules,
            client,
            keys: RwLock::new(keys),
            asked: Mutex::new(None),
        }
    }

    /// Fetches the keys; what is known already stays where that fails.
    pub async fn refresh(&self) {
        let mut asked = self.asked.lock().await;
        self.fetch().await;
        *asked = Some(self.rules.clock.now());
    }

    /// Whether auth-service answers.
    pub async fn is_up(&self) -> bool {
        let asked = self
            .client
            .get(&self.settings.url)
            .timeout(Duration::from_secs(2))
            .send();
        asked.await.is_ok_and(|answer| answer.status().is_success())
    }

    async fn key(&self, kid: &str) -> Result<DecodingKey, UnverifiedToken> {
        if let Some(key) = self.known(kid) {
            return Ok(key);
        }
        let mut asked = self.asked.lock().await;
        // Another request may have brought it while this one waited.
        if let Some(key) = self.known(kid) {
            return Ok(key);
        }
        let now = self.rules.clock.now();
        let pause = if self.knows_none() {
            FIRST_PAUSE
        } else {
            REFRESH_PAUSE
        };
        if asked.is_none_or(|last| now - last >= pause) {
            self.fetch().await;
            *asked = Some(now);
        }
        self.known(kid).ok_or(if self.knows_none() {
            UnverifiedToken::NoKeys
        } else {
            UnverifiedToken::Invalid
        })
    }

    fn knows_none(&self) -> bool {
        self.keys.read().map_or(true, |keys| keys.is_empty())
    }

    fn known(&self, kid: &str) -> Option<DecodingKey> {
        self.keys.read().ok()?.get(kid).cloned()
    }

    async fn fetch(&self) {
        match self.fetched().await {
            Ok(bytes) => match parse(&bytes) {
                Some(keys) if !keys.is_empty() => {
                    self.keep(&bytes);
                    if let Ok(mut known) = self.keys.write() {
                        *known = keys;
                    }
                }
                _ => tracing::warn!("auth-service's key set can't be read"),
            },
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "auth-service's keys can't be fetched");
            }
        }
    }

    async fn fetched(&self) -> Result<Vec<u8>, reqwest::Error> {
        let mut answer = self
            .client
            .get(&self.settings.url)
            .send()
            .await?
            .error_for_status()?;
        let mut bytes = vec![];
        while let Some(piece) = answer.chunk().await? {
            bytes.extend_from_slice(&piece);
            if bytes.len() > LARGEST_SET {
                return Ok(vec![]);
            }
        }
        Ok(bytes)
    }

    fn keep(&self, bytes: &[u8]) {
        let Some(path) = &self.settings.cache else {
            return;
        };
        let draft = path.with_extension("new");
        let kept = std::fs::write(&draft, bytes).and_then(|()| std::fs::rename(&draft, path));
        if let Err(error) = kept {
            tracing::warn!(%error, "the key set can't be kept on disk");
        }
    }
}

/// The Ed25519 keys of a set, by key id. Keys of other kinds are not ours.
fn parse(bytes: &[u8]) -> Option<HashMap<String, DecodingKey>> {
    let set: JwkSet = serde_json::from_slice(bytes).ok()?;
    let keys = set.keys.iter().filter_map(|jwk| {
        let AlgorithmParameters::OctetKeyPair(pair) = &jwk.algorithm else {
            return None;
        };
        // The library panics at the first use of a key of another length.
        if pair.curve != EllipticCurve::Ed25519 || pair.x.len() != PUBLIC_KEY_LETTERS {
            return None;
        }
        let key = DecodingKey::from_jwk(jwk).ok()?;
        Some((jwk.common.key_id.clone()?, key))
    });
    Some(keys.collect())
}

#[async_trait]
impl TokenVerifier for JwksVerifier {
    async fn verify(&self, token: &str) -> Result<Principal, UnverifiedToken> {
        let kid = self.rules.header(token)?.kid;
        let key = self.key(&kid.ok_or(UnverifiedToken::Invalid)?).await?;
        self.rules.bearer(token, &key)
    }
}
