//! Publishable keys: who manages a knowledge base makes them for pages of
//! others, and what such a page asks is answered from that knowledge base alone.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
};

use proto::error_kind::ErrorKind;
use service_kit::clock::{Clock, Millis};

use super::{
    App,
    error::Error,
    ports::{PublishableKeyChange, PublishableKeyStore, Refused},
};
use crate::domain::{
    knowledge_base::is_name,
    principal::Principal,
    publishable_key::{
        MAX_ORIGINS, PREFIX, PublishableKey, PublishableKeyId, is_publishable_key, origin, patterns,
    },
    token_budget::Day,
};

/// For how long what a store said of a key or an origin is kept: as long as
/// another process may go on with a key that was disabled.
const KEPT: Millis = 10_000;

/// How much is kept of that.
const MANY: usize = 1_000;

/// The most questions a minute that a key may allow a visitor.
const MOST_A_MINUTE: u32 = 1_000;

/// The most questions a day that a key may allow.
const MOST_A_DAY: u32 = 1_000_000;

/// How many questions a minute a visitor may ask where nothing is said.
const DEFAULT_A_MINUTE: NonZeroU32 = NonZeroU32::new(10).unwrap();

/// How many questions may be asked in a day where nothing is said.
const DEFAULT_A_DAY: NonZeroU32 = NonZeroU32::new(1_000).unwrap();

/// What is wrong with a publishable key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PublishableKeyError {
    /// There is no such key.
    #[error("The publishable key does not hold; put one of this service into the page.")]
    Invalid,
    /// It is disabled.
    #[error("The publishable key is disabled; who made it can enable it.")]
    Disabled,
    /// No origin tells whose page it is.
    #[error("A publishable key is for browser pages, which send their Origin.")]
    NoOrigin,
    /// The page is none that it lists.
    #[error("This page's origin is not one of the publishable key's; add it to the key.")]
    Origin,
    /// It is not good for this route.
    #[error("A publishable key is for chats in a page, and not for this.")]
    Elsewhere,
    /// As many questions were asked with it as may be in a day, which ends in so
    /// many seconds.
    #[error("No more questions can be asked on this page today; ask again after midnight (UTC).")]
    Spent(u64),
    /// There is none with this id among those that the caller manages.
    #[error("There is no publishable key with this id among those that you manage.")]
    Missing,
    /// A key can't be like this.
    #[error("{0}")]
    Terms(&'static str),
}

impl PublishableKeyError {
    /// The kind, from which a surface's status follows.
    pub const fn kind(self) -> ErrorKind {
        match self {
            Self::Invalid | Self::Disabled => ErrorKind::Unauthenticated,
            Self::NoOrigin | Self::Origin | Self::Elsewhere => ErrorKind::Forbidden,
            Self::Spent(_) => ErrorKind::RateLimited,
            Self::Missing => ErrorKind::NotFound,
            Self::Terms(_) => ErrorKind::Invalid,
        }
    }

    /// A stable word for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Invalid => "invalid_publishable_key",
            Self::Disabled => "disabled_publishable_key",
            Self::NoOrigin => "origin_missing",
            Self::Origin => "origin_not_listed",
            Self::Elsewhere => "publishable_key_not_allowed",
            Self::Spent(_) => "publishable_key_spent",
            Self::Missing => "publishable_key_not_found",
            Self::Terms(_) => "invalid_publishable_key_terms",
        }
    }

    /// In how many seconds it passes by itself.
    pub const fn retry_after(self) -> Option<u64> {
        match self {
            Self::Spent(seconds) => Some(seconds),
            _ => None,
        }
    }
}

/// Where a request with a key comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskedFrom<'a> {
    /// Nobody said.
    Nowhere,
    /// A page of our own, which shows itself inside of the key's pages alone.
    OwnPage,
    /// A page of this origin.
    Origin(&'a str),
}

/// What a store said, for a while.
struct Kept<T>(Mutex<HashMap<String, (Millis, T)>>);

impl<T: Clone> Kept<T> {
    fn new() -> Self {
        Self(Mutex::default())
    }

    fn get(&self, name: &str, now: Millis) -> Option<T> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (until, told) = kept.get(name)?;
        (now < *until).then(|| told.clone())
    }

    fn put(&self, name: &str, told: T, now: Millis) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MANY {
            kept.clear();
        }
        kept.insert(name.to_owned(), (now + KEPT, told));
    }

    fn clear(&self) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clear();
    }
}

/// Knows publishable keys.
pub struct PublishableKeys {
    store: Arc<dyn PublishableKeyStore>,
    clock: Arc<dyn Clock>,
    keys: Kept<Option<PublishableKey>>,
    origins: Kept<bool>,
}

impl PublishableKeys {
    /// Those of a store.
    pub fn new(store: Arc<dyn PublishableKeyStore>, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            clock,
            keys: Kept::new(),
            origins: Kept::new(),
        }
    }

    /// The key that a page shows, where it holds.
    pub async fn held(&self, key: &str) -> Result<PublishableKey, Error> {
        if !is_publishable_key(key) {
            return Err(PublishableKeyError::Invalid.into());
        }
        let now = self.clock.now();
        let known = if let Some(known) = self.keys.get(key, now) {
            known
        } else {
            let found = self.store.publishable_key(key).await?;
            self.keys.put(key, found.clone(), now);
            found
        };
        match known {
            None => Err(PublishableKeyError::Invalid.into()),
            Some(key) if !key.enabled => Err(PublishableKeyError::Disabled.into()),
            Some(key) => Ok(key),
        }
    }

    /// The same, where the page that shows it may.
    pub async fn verify(&self, key: &str, from: AskedFrom<'_>) -> Result<PublishableKey, Error> {
        let key = self.held(key).await?;
        match from {
            AskedFrom::Nowhere => Err(PublishableKeyError::NoOrigin.into()),
            AskedFrom::Origin(origin) if !key.lists(origin) => {
                Err(PublishableKeyError::Origin.into())
            }
            AskedFrom::Origin(_) | AskedFrom::OwnPage => Ok(key),
        }
    }

    /// Whether some enabled key lists this origin.
    pub async fn lists(&self, origin: &str) -> Result<bool, Error> {
        let patterns = patterns(origin);
        if patterns.is_empty() {
            return Ok(false);
        }
        let now = self.clock.now();
        if let Some(listed) = self.origins.get(origin, now) {
            return Ok(listed);
        }
        let listed = self.store.lists_origin(&patterns).await?;
        self.origins.put(origin, listed, now);
        Ok(listed)
    }

    fn forget(&self) {
        self.keys.clear();
        self.origins.clear();
    }
}

impl App {
    /// Makes a publishable key for a knowledge base that the caller manages, by
    /// its name or id.
    pub async fn make_publishable_key(
        &self,
        caller: &Principal,
        base: &str,
        terms: PublishableKeyChange,
    ) -> Result<PublishableKey, Error> {
        let terms = checked(terms)?;
        let scope = caller.scope();
        let (Some(name), Some(origins)) = (terms.name, terms.origins) else {
            return Err(PublishableKeyError::Terms("A key has a `name` and `origins`.").into());
        };
        let key = PublishableKey {
            id: PublishableKeyId(self.new_id()),
            key: self.new_key(),
            name,
            base: self.readable_base(&scope, base).await?.id,
            origins,
            per_minute: terms.per_minute.unwrap_or(DEFAULT_A_MINUTE),
            per_day: terms.per_day.unwrap_or(DEFAULT_A_DAY),
            enabled: terms.enabled.unwrap_or(true),
            created_at: self.clock.now(),
        };
        self.publishable.store.publish(&scope, &key).await?;
        self.publishable.forget();
        Ok(key)
    }

    /// The publishable keys of the knowledge bases that the caller manages.
    pub async fn publishable_keys(&self, caller: &Principal) -> Result<Vec<PublishableKey>, Error> {
        Ok(self.publishable.store.published(&caller.scope()).await?)
    }

    /// One of them.
    pub async fn publishable_key(
        &self,
        caller: &Principal,
        id: &str,
    ) -> Result<PublishableKey, Error> {
        let keys = self.publishable_keys(caller).await?;
        let mut named = keys.into_iter().filter(|key| key.id.0 == id);
        Ok(named.next().ok_or(PublishableKeyError::Missing)?)
    }

    /// Changes one of them.
    pub async fn change_publishable_key(
        &self,
        caller: &Principal,
        id: &str,
        change: PublishableKeyChange,
    ) -> Result<PublishableKey, Error> {
        let (change, id) = (checked(change)?, PublishableKeyId(id.to_owned()));
        let store = &self.publishable.store;
        let changed = store.change_published(&caller.scope(), &id, &change).await;
        self.publishable.forget();
        changed.map_err(missing)
    }

    /// Deletes one of them.
    pub async fn delete_publishable_key(&self, caller: &Principal, id: &str) -> Result<(), Error> {
        let id = PublishableKeyId(id.to_owned());
        let store = &self.publishable.store;
        let deleted = store.unpublish(&caller.scope(), &id).await;
        self.publishable.forget();
        deleted.map_err(missing)
    }

    /// Counts a question of who asks with a key.
    pub(super) async fn count_use_of_key(&self, caller: &Principal) -> Result<(), Error> {
        let Some(key) = caller.key_use() else {
            return Ok(());
        };
        let now = self.clock.now();
        let day = Day::of(now);
        if self.publishable.store.count_use(&key.id, day).await? {
            return Ok(());
        }
        let left = u64::try_from(day.end() - now).unwrap_or_default();
        Err(PublishableKeyError::Spent(left.div_ceil(1_000)).into())
    }

    fn new_key(&self) -> String {
        let mut bytes = [0; 16];
        self.randomness.fill(&mut bytes);
        let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
        PREFIX.to_owned() + &digits.collect::<String>()
    }
}

fn missing(refused: Refused) -> Error {
    match refused {
        Refused::Missing => PublishableKeyError::Missing.into(),
        refused => refused.into(),
    }
}

/// The terms with their origins as browsers write them.
fn checked(terms: PublishableKeyChange) -> Result<PublishableKeyChange, PublishableKeyError> {
    let wrong = |problem| Err(PublishableKeyError::Terms(problem));
    if terms.name.as_deref().is_some_and(|name| !is_name(name)) {
        return wrong("`name` has 1 to 100 characters, and no space before or after.");
    }
    let beyond = |times: Option<NonZeroU32>, most| times.is_some_and(|times| times.get() > most);
    if beyond(terms.per_minute, MOST_A_MINUTE) {
        return wrong("`questions_per_minute` must be between 1 and 1000.");
    }
    if beyond(terms.per_day, MOST_A_DAY) {
        return wrong("`questions_per_day` must be between 1 and 1000000.");
    }
    let origins = match &terms.origins {
        None => None,
        Some(listed) if !(1..=MAX_ORIGINS).contains(&listed.len()) => {
            return wrong("A key lists 1 to 20 origins.");
        }
        Some(listed) => {
            let read = listed.iter().map(|listed| origin(listed));
            let Some(origins) = read.collect::<Option<Vec<_>>>() else {
                return wrong(
                    "An origin looks like `https://docs.example.com`, or `https://*.example.com` \
                     for all below.",
                );
            };
            Some(origins)
        }
    };
    Ok(PublishableKeyChange { origins, ..terms })
}
