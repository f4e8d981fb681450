//! What auth-service knows of readers. It is asked seldom and never waited for
//! long: answers are given without it, too.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use service_kit::clock::{Clock, Millis};

use super::ports::{ProfileLookup, ProfileUnavailable};
use crate::domain::{
    principal::{Scope, UserId},
    profile::Profile,
};

/// How long an answer waits for a profile.
const PATIENCE: Duration = Duration::from_millis(300);

/// For how long a profile is kept.
const KEPT: Millis = 300_000;

/// For how long auth-service is not asked again that did not answer.
const SILENCE: Millis = 10_000;

/// Profiles that are known at a time.
const MOST: usize = 10_000;

/// The profiles of readers.
pub struct Profiles {
    lookup: Option<Arc<dyn ProfileLookup>>,
    clock: Arc<dyn Clock>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// Each with the moment at which it was asked for.
    profiles: HashMap<UserId, (Profile, Millis)>,
    silent_until: Millis,
}

impl Profiles {
    /// Asks `lookup`; without one nobody has a profile.
    pub fn new(lookup: Option<Arc<dyn ProfileLookup>>, clock: Arc<dyn Clock>) -> Self {
        Self {
            lookup,
            clock,
            known: Mutex::default(),
        }
    }

    /// The profile of the scope's owner; empty where it is not known in time.
    pub(super) async fn of(&self, scope: &Scope) -> Profile {
        let Some(lookup) = self.lookup.as_ref().filter(|_| scope.is_member()) else {
            return Profile::default();
        };
        let (user, now) = (UserId(scope.owner().to_owned()), self.clock.now());
        if let Some(kept) = self.kept(&user, now) {
            return kept;
        }
        let asked = tokio::time::timeout(PATIENCE, lookup.profile(&user)).await;
        let asked = asked.unwrap_or_else(|late| Err(ProfileUnavailable(Box::new(late))));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match asked {
            Ok(profile) => {
                if known.profiles.len() >= MOST {
                    known.profiles.clear();
                }
                known.profiles.insert(user, (profile.clone(), now));
                profile
            }
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "an answer is given without its reader's profile");
                known.silent_until = now + SILENCE;
                Profile::default()
            }
        }
    }

    /// What is known without asking; an old profile where asking is no use.
    fn kept(&self, user: &UserId, now: Millis) -> Option<Profile> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let silent = now < known.silent_until;
        let kept = known.profiles.get(user);
        let kept = kept.filter(|(_, asked_at)| silent || now - asked_at < KEPT);
        let kept = kept.map(|(profile, _)| profile.clone());
        kept.or_else(|| silent.then(Profile::default))
    }
}
