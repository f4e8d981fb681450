//! Tells from an API key who asks. auth-service knows; what it answered is kept
//! for a while, so that neither every request nor a short break waits for it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use proto::api_key::{KeyScope, is_api_key};
use service_kit::clock::{Clock, Millis};

use super::{
    error::Error,
    follow_accounts::RefusedTokens,
    ports::{ApiKeyLookup, UnverifiedKey, VerifiedKey},
};
use crate::domain::principal::Principal;

/// For how long auth-service's word on a key that holds is kept, unless an
/// event ends it before.
const KEPT: Millis = 30_000;

/// For how long its word on a key that does not hold is kept.
const REFUSAL_KEPT: Millis = 5_000;

/// For how long it is not asked about a key again that it said nothing about.
const SILENCE: Millis = 1_000;

/// Keys that are known at a time.
const MOST_KEYS: usize = 10_000;

/// Refuses a caller whose API key was not made for this.
pub fn permit(caller: &Principal, scope: KeyScope) -> Result<(), Error> {
    let permitted = caller.has_scope(scope).then_some(());
    permitted.ok_or(Error::MissingScope(scope))
}

/// Verifies API keys.
pub struct ApiKeys {
    lookup: Arc<dyn ApiKeyLookup>,
    clock: Arc<dyn Clock>,
    refused: Arc<RefusedTokens>,
    known: KnownKeys,
}

impl ApiKeys {
    /// Asks `lookup`, and keeps what it says until `refused` tells otherwise.
    pub fn new(
        lookup: Arc<dyn ApiKeyLookup>,
        clock: Arc<dyn Clock>,
        refused: Arc<RefusedTokens>,
    ) -> Self {
        Self {
            lookup,
            clock,
            refused,
            known: KnownKeys::default(),
        }
    }

    /// For whom `key` acts. This use of it counts.
    pub async fn verify(&self, key: &str) -> Result<Principal, UnverifiedKey> {
        if !is_api_key(key) {
            return Err(UnverifiedKey::Invalid);
        }
        let now = self.clock.now();
        let Some(known) = self.known.get(key, now) else {
            return Ok(self.lookup.verify_api_key(key, 0).await?.principal(now));
        };
        // Others who show the same key wait here: it is asked for once.
        let mut known = known.lock().await;
        if let Some(said) = known.use_kept(self.clock.now(), &self.refused) {
            return said;
        }
        let asked_at = self.clock.now();
        let answer = self.lookup.verify_api_key(key, known.owed).await;
        let said = answer.as_ref().map(|key| key.principal(asked_at));
        let said = said.map_err(|refusal| *refusal);
        match answer {
            Err(UnverifiedKey::Unavailable) => known.silent_until = self.clock.now() + SILENCE,
            answer => *known = KnownKey::new(answer, asked_at),
        }
        said
    }
}

/// What is known of one key.
#[derive(Debug, Default)]
struct KnownKey {
    /// What auth-service said, and when it was asked.
    answer: Option<(Result<VerifiedKey, UnverifiedKey>, Millis)>,
    /// For how many requests the key was taken since.
    owed: u32,
    /// Until when it is no use to ask again.
    silent_until: Millis,
}

impl KnownKey {
    const fn new(answer: Result<VerifiedKey, UnverifiedKey>, asked_at: Millis) -> Self {
        Self {
            answer: Some((answer, asked_at)),
            owed: 0,
            silent_until: 0,
        }
    }

    /// What is to be said without asking, if that is known.
    fn use_kept(
        &mut self,
        now: Millis,
        refused: &RefusedTokens,
    ) -> Option<Result<Principal, UnverifiedKey>> {
        match &self.answer {
            Some((Ok(key), asked_at)) if self.holds(now) && !is_void(key, *asked_at, refused) => {
                self.owed += 1;
                Some(Ok(key.principal(*asked_at)))
            }
            Some((Err(refusal), asked_at)) if self.holds(now) => {
                Some(Err(refusal.after(now - asked_at)))
            }
            _ if now < self.silent_until => Some(Err(UnverifiedKey::Unavailable)),
            _ => None,
        }
    }

    /// Whether what was said may still be gone by.
    fn holds(&self, now: Millis) -> bool {
        match &self.answer {
            Some((Ok(key), asked_at)) => {
                let has_ended = key.expires_at.is_some_and(|end| end <= now);
                let is_used_up = key.uses_left.is_some_and(|left| left <= self.owed);
                now - asked_at < KEPT && !has_ended && !is_used_up
            }
            Some((Err(refusal), asked_at)) => {
                let passes_in = refusal.retry_after();
                let passes_in = passes_in.map_or(REFUSAL_KEPT, |seconds| i64::from(seconds) * 1000);
                now - asked_at < passes_in.min(REFUSAL_KEPT)
            }
            None => false,
        }
    }
}

/// Whether something happened to the key or its owner since auth-service was
/// asked: a token that it had issued then would be void.
fn is_void(key: &VerifiedKey, asked_at: Millis, refused: &RefusedTokens) -> bool {
    refused.refuse_caller(&key.principal(asked_at))
}

/// What is known of keys, by their hashes. Keys themselves are not kept.
#[derive(Default)]
struct KnownKeys(Mutex<HashMap<blake3::Hash, Arc<tokio::sync::Mutex<KnownKey>>>>);

impl KnownKeys {
    /// The place for what is known of `key`; `None` where there is no room.
    fn get(&self, key: &str, now: Millis) -> Option<Arc<tokio::sync::Mutex<KnownKey>>> {
        let hash = blake3::hash(key.as_bytes());
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.get(&hash) {
            return Some(Arc::clone(known));
        }
        if all.len() >= MOST_KEYS {
            // Keys that are made up make room for others. What is owed for one
            // that was not used for a while is forgotten with it.
            all.retain(|_, known| {
                let known = known.try_lock();
                known.map_or(true, |known| {
                    matches!(known.answer, Some((Ok(_), _))) && known.holds(now)
                })
            });
        }
        (all.len() < MOST_KEYS).then(|| Arc::clone(all.entry(hash).or_default()))
    }
}

#[cfg(test)]
mod tests {
    use proto::{api_key::KeyScopes, claims::Role};

    use super::*;
    use crate::domain::principal::UserId;

    const NOON: Millis = 1_793_534_400_123;

    fn verified() -> VerifiedKey {
        VerifiedKey {
            user: UserId("ada".to_owned()),
            session: "session".to_owned(),
            role: Role::User,
            scopes: KeyScopes::of_everybody(),
            expires_at: Some(NOON + 20_000),
            uses_left: Some(2),
        }
    }

    #[test]
    fn an_answer_is_kept_as_long_as_it_may_be() {
        let refused = RefusedTokens::default();
        let mut known = KnownKey::new(Ok(verified()), NOON);
        assert!(known.use_kept(NOON + 19_999, &refused).is_some());
        assert!(known.use_kept(NOON + 20_000, &refused).is_none());
        assert!(known.use_kept(NOON, &refused).is_some());
        assert!(known.use_kept(NOON, &refused).is_none(), "it is used up");
        assert_eq!(known.owed, 2);
        let endless = VerifiedKey {
            expires_at: None,
            uses_left: None,
            ..verified()
        };
        let known = KnownKey::new(Ok(endless), NOON);
        assert!(known.holds(NOON + 29_999) && !known.holds(NOON + 30_000));
    }

    #[test]
    fn a_refusal_is_kept_for_moments_and_says_how_long_to_wait() {
        let refused = RefusedTokens::default();
        let mut known = KnownKey::new(Err(UnverifiedKey::Overused(4)), NOON);
        let mut said = |now| known.use_kept(now, &refused).map(Result::unwrap_err);
        assert_eq!(said(NOON), Some(UnverifiedKey::Overused(4)));
        assert_eq!(said(NOON + 2_500), Some(UnverifiedKey::Overused(2)));
        assert_eq!(said(NOON + 4_000), None);
        let known = KnownKey::new(Err(UnverifiedKey::Invalid), NOON);
        assert!(known.holds(NOON + 4_999) && !known.holds(NOON + 5_000));
    }

    #[test]
    fn keys_that_are_made_up_do_not_drive_out_one_that_is_used() {
        let known = KnownKeys::default();
        let place = |key: &str| known.get(key, NOON).unwrap();
        *place("used").try_lock().unwrap() = KnownKey::new(Ok(verified()), NOON);
        for number in 0..2 * MOST_KEYS {
            let refusal = KnownKey::new(Err(UnverifiedKey::Invalid), NOON);
            *place(&number.to_string()).try_lock().unwrap() = refusal;
        }
        assert!(place("used").try_lock().unwrap().answer.is_some());
        assert!(known.0.lock().unwrap().len() <= MOST_KEYS);
        for number in 0..MOST_KEYS {
            let Some(place) = known.get(&format!("held {number}"), NOON) else {
                break;
            };
            *place.try_lock().unwrap() = KnownKey::new(Ok(verified()), NOON);
        }
        assert!(known.get("one more", NOON).is_none(), "there is no room");
        assert!(known.get("one more", NOON + KEPT).is_some());
    }
}
