//! Makes, rotates, publishes and retires the keys that sign tokens. All
//! replicas share them through the database; each keeps them at hand, so that a
//! token costs no read of it.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{
    App,
    client::Client,
    error::{Cause, chain},
    manage_accounts::OPERATOR,
    ports::{KeptKey, KeyRing, PrivateKey, SigningKeys, StoreError},
};
use crate::domain::{
    Millis,
    audit::{Act, AuditEntry},
    signing_key::{LEAD, SigningKey, is_rotation_due, retired, signer},
};

/// How often each replica looks at the keys: well within the time for which a
/// key is published before it signs.
const PAUSE: Duration = Duration::from_mins(1);

/// What the vault seals private keys for.
const PURPOSE: &str = "signing key";

/// Whom the audit log names where nobody asked for a new key.
const SCHEDULE: &str = "schedule";

/// What it takes to look after keys.
#[derive(Clone)]
pub struct KeyKeeping {
    /// Where all replicas find them.
    pub store: Arc<dyn SigningKeys>,
    /// What signs with them here.
    pub ring: Arc<dyn KeyRing>,
    /// After how many milliseconds another key signs; never where there is
    /// nothing.
    pub rotate_after: Option<Millis>,
}

/// Why the keys can't be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// They were encrypted with another secret.
    #[error(
        "AUTH_SECRET is not the secret that the signing keys in the database were encrypted with: \
         set AUTH_SECRET (or DATA_DIR/auth-secret) to the earlier one; without it, delete all rows \
         of signing_keys, which makes new keys and signs everybody out"
    )]
    WrongSecret,
    /// A shared secret signs.
    #[error("there are no signing keys while JWT_SECRET is set; change JWT_SECRET instead")]
    NoKeys,
    /// The database does not give or take them.
    #[error("the signing keys can't be read or written")]
    Store(#[from] StoreError),
    /// A key is none.
    #[error("a signing key can't be used")]
    Broken(#[source] Cause),
}

/// One of the keys, and what it is for at present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedKey {
    /// Its name.
    pub kid: String,
    /// What it is for.
    pub state: KeyState,
    /// From when on it signs or signed.
    pub signs_from: Millis,
}

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// Published, to sign later.
    Next,
    /// It signs.
    Signing,
    /// Published, for the tokens that it signed.
    Verifying,
}

impl App {
    /// Brings the keys up to date every minute until `stop`: another replica or
    /// an operator may have made one.
    pub async fn keep_keys_fresh(&self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = stop.cancelled() => return,
            }
            if let Err(error) = self.refresh_keys().await {
                tracing::warn!(cause = %chain(&error), "the signing keys can't be brought up to date");
            }
        }
    }

    /// Brings this replica's keys up to date with the database; makes the first
    /// key and the next one when it is time, and removes those whose tokens
    /// have all expired. Does nothing where a shared secret signs.
    pub async fn refresh_keys(&self) -> Result<(), KeyError> {
        let Some(keeping) = &self.keys else {
            return Ok(());
        };
        let mut keys = self.opened_keys(keeping).await?;
        let now = self.clock.now();
        let interval = keeping.rotate_after;
        let is_due = interval.is_some_and(|interval| is_rotation_due(&keys, now, interval));
        if keys.is_empty() {
            self.add_key(keeping, 1, now, None).await?;
            keys = self.opened_keys(keeping).await?;
        } else if is_due {
            self.add_next_key(keeping, &keys, SCHEDULE).await?;
            keys = self.opened_keys(keeping).await?;
        }
        let gone = retired(&keys, now);
        if let Some(last) = keys[..gone].last() {
            keeping.store.remove_up_to(last.generation).await?;
        }
        let kept = &keys[gone..];
        keeping.ring.install(kept).map_err(KeyError::Broken)
    }

    /// Publishes another key, which signs in ten minutes, unless one is waiting
    /// to sign already. An operator asks for it.
    pub async fn rotate_keys(&self) -> Result<Vec<ListedKey>, KeyError> {
        let keeping = self.keys.as_ref().ok_or(KeyError::NoKeys)?;
        let keys = self.opened_keys(keeping).await?;
        let waits = |key: &SigningKey| key.signs_from > self.clock.now();
        if !keys.last().is_some_and(waits) {
            self.add_next_key(keeping, &keys, OPERATOR).await?;
        }
        self.refresh_keys().await?;
        self.list_keys().await
    }

    /// The keys that are published, in order.
    pub async fn list_keys(&self) -> Result<Vec<ListedKey>, KeyError> {
        let keeping = self.keys.as_ref().ok_or(KeyError::NoKeys)?;
        let keys = self.opened_keys(keeping).await?;
        let signing = signer(&keys, self.clock.now()).unwrap_or_default();
        let listed = keys.into_iter().enumerate().map(|(place, key)| ListedKey {
            kid: key.kid,
            state: match place.cmp(&signing) {
                std::cmp::Ordering::Less => KeyState::Verifying,
                std::cmp::Ordering::Equal => KeyState::Signing,
                std::cmp::Ordering::Greater => KeyState::Next,
            },
            signs_from: key.signs_from,
        });
        Ok(listed.collect())
    }

    async fn add_next_key(
        &self,
        keeping: &KeyKeeping,
        keys: &[SigningKey],
        actor: &str,
    ) -> Result<(), KeyError> {
        let generation = keys.last().map_or(1, |newest| newest.generation + 1);
        let nobody = Client::default();
        let entry = self.entry(Act::SigningKeyRotated, Some(actor), None, &nobody);
        let signs_from = self.clock.now() + LEAD;
        self.add_key(keeping, generation, signs_from, Some(entry))
            .await
    }

    /// Adds a key, unless another replica was quicker.
    async fn add_key(
        &self,
        keeping: &KeyKeeping,
        generation: i64,
        signs_from: Millis,
        entry: Option<AuditEntry>,
    ) -> Result<(), KeyError> {
        let mut seed = [0; 32];
        self.randomness.fill(&mut seed);
        let kid = keeping.ring.thumbprint(&seed);
        let key = KeptKey {
            private_key: PrivateKey::Sealed(self.sealed(&seed)),
            generation,
            created_at: self.clock.now(),
            signs_from: signs_from / 1000 * 1000,
            longest_token: self.longest_token(),
            kid,
        };
        let entry = entry.map(|entry| entry.with_detail(&key.kid));
        if keeping.store.add(&key, entry.as_ref()).await? {
            tracing::info!(kid = key.kid, signs_from, "made a signing key");
        }
        Ok(())
    }

    /// The keys of the database, in order. Those in clear are sealed, and the
    /// one that signs learns how long a token of this replica can hold.
    async fn opened_keys(&self, keeping: &KeyKeeping) -> Result<Vec<SigningKey>, KeyError> {
        let (now, longest) = (self.clock.now(), self.longest_token());
        let mut keys = Vec::new();
        for kept in keeping.store.all().await? {
            let seed = match &kept.private_key {
                PrivateKey::Sealed(text) => self.vault.open(PURPOSE, text),
                PrivateKey::Clear(seed) => {
                    keeping.store.seal(&kept.kid, &self.sealed(seed)).await?;
                    Ok(seed.clone())
                }
            };
            let seed = seed.ok().and_then(|seed| seed.try_into().ok());
            keys.push(SigningKey {
                seed: seed.ok_or(KeyError::WrongSecret)?,
                kid: kept.kid,
                generation: kept.generation,
                created_at: kept.created_at,
                signs_from: kept.signs_from,
                longest_token: kept.longest_token,
            });
        }
        let signing = signer(&keys, now).unwrap_or_default();
        for key in keys.iter_mut().skip(signing) {
            if key.longest_token < longest {
                keeping.store.lengthen(&key.kid, longest).await?;
                key.longest_token = longest;
            }
        }
        Ok(keys)
    }

    fn sealed(&self, seed: &[u8]) -> String {
        self.vault.seal(PURPOSE, seed, self.randomness.as_ref())
    }

    fn longest_token(&self) -> Millis {
        self.policy.token_lifetime.seconds() * 1000
    }
}
