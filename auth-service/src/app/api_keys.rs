//! Makes, lists, changes, deletes and checks API keys.

use proto::api_key::{KeyScope, KeyScopes, SECRET_LENGTH, is_api_key};
use proto::claims::Role;
use service_kit::clock::{is_id, new_id};

use super::{
    App,
    client::Client,
    error::Error,
    sessions::Current,
    vault::{digest, random_letters},
};
use crate::domain::{
    Millis,
    api_key::{
        ApiKey, DEFAULT_PREFIX, DEFAULT_RATE, KeyRule, MAX_KEYS, START_LENGTH, is_modest,
        parse_end, parse_metadata, parse_name, parse_prefix, parse_rate,
    },
    audit::Act,
    session::Session,
    throttling::Rate,
    user::User,
};

/// How often a change is tried again that another one came before.
const TRIES: usize = 8;

/// For how many milliseconds a token holds that was got with a key: what is done
/// with it is not counted against the key's rate, so it must be got again soon.
const TOKEN_LIFETIME: Millis = 15 * 60 * 1000;

/// What a caller wants of a new key.
#[derive(Debug, Clone, Default)]
pub struct NewApiKey {
    /// What its owner calls it.
    pub name: Option<String>,
    /// What it begins with; [`DEFAULT_PREFIX`] where nothing is said.
    pub prefix: Option<String>,
    /// What else is the same for new and for changed keys.
    pub terms: KeyTerms,
}

/// What may be said of a new key and changed of an old one. Nothing leaves it
/// as it is, or as is usual.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyTerms {
    /// The words of its scopes.
    pub scopes: Option<Vec<String>>,
    /// For how many seconds from now it holds; for ever where that is nothing.
    pub expires_in: Option<Option<i64>>,
    /// How many requests it is good for in how many milliseconds; no limit
    /// where that is nothing.
    pub rate: Option<Option<(i64, Millis)>>,
    /// The text of a JSON object.
    pub metadata: Option<Option<String>>,
}

/// What a caller wants changed of a key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyChange {
    /// What its owner calls it.
    pub name: Option<Option<String>>,
    /// Whether it can be used.
    pub enabled: Option<bool>,
    /// What else.
    pub terms: KeyTerms,
}

/// A key that was just made.
#[derive(Debug, Clone)]
pub struct MadeApiKey {
    /// The key.
    pub key: ApiKey,
    /// What proves it. Only its hash is stored: it can't be told again.
    pub secret: String,
}

/// A key that holds, as a request showed it.
#[derive(Debug, Clone)]
pub struct HeldApiKey {
    /// The key.
    pub key: ApiKey,
    /// For whom it acts.
    pub owner: User,
    /// What it may be used for now.
    pub scopes: KeyScopes,
    /// For how many more requests it is good just now; nothing for no limit.
    pub uses_left: Option<u32>,
}

impl App {
    /// Makes a key that acts for `owner`.
    pub async fn make_api_key(
        &self,
        owner: &User,
        new: NewApiKey,
        client: &Client,
    ) -> Result<MadeApiKey, Error> {
        let now = self.clock.now();
        let prefix = match new.prefix {
            Some(prefix) => parse_prefix(&prefix)?,
            None => DEFAULT_PREFIX.to_owned(),
        };
        let letters = random_letters(self.randomness.as_ref(), SECRET_LENGTH);
        let secret = format!("{prefix}{letters}");
        let mut key = ApiKey {
            id: new_id(self.clock.as_ref(), self.randomness.as_ref()),
            user_id: owner.id.clone(),
            session_id: new_id(self.clock.as_ref(), self.randomness.as_ref()),
            revision: 0,
            name: new.name.as_deref().map(parse_name).transpose()?,
            prefix,
            start: secret.chars().take(START_LENGTH).collect(),
            scopes: KeyScopes::of_everybody(),
            enabled: true,
            rate: Some(DEFAULT_RATE),
            request_count: 0,
            last_used_at: None,
            expires_at: None,
            metadata: None,
            created_at: now,
            updated_at: now,
        };
        apply(&mut key, new.terms, owner, now)?;
        if self.api_keys.of_user(&owner.id).await?.len() >= MAX_KEYS {
            return Err(Error::TooManyApiKeys);
        }
        let entry = self.entry(Act::ApiKeyMade, Some(&owner.id), Some(&owner.id), client);
        let entry = entry.with_detail(&key.id);
        self.api_keys.add(&key, &digest(&secret), &entry).await?;
        Ok(MadeApiKey { key, secret })
    }

    /// The keys of an account, the newest first.
    pub async fn list_api_keys(&self, user_id: &str) -> Result<Vec<ApiKey>, Error> {
        Ok(self.api_keys.of_user(user_id).await?)
    }

    /// The key of this account with this id.
    pub async fn api_key(&self, user_id: &str, id: &str) -> Result<ApiKey, Error> {
        if !is_id(id) {
            return Err(Error::UnknownApiKey);
        }
        let found = self.api_keys.by_id(user_id, id).await?;
        found.ok_or(Error::UnknownApiKey)
    }

    /// Changes a key of `owner`. Where it loses a right, what was got with it
    /// is void.
    pub async fn change_api_key(
        &self,
        owner: &User,
        id: &str,
        change: KeyChange,
        client: &Client,
    ) -> Result<ApiKey, Error> {
        if change == KeyChange::default() {
            return Err(Error::NothingToChange);
        }
        let name = change.name.as_ref().map(Option::as_deref);
        let name = name.map(|name| name.map(parse_name).transpose());
        let name = name.transpose()?;
        let entry = self.entry(Act::ApiKeyChanged, Some(&owner.id), Some(&owner.id), client);
        let entry = entry.with_detail(id);
        for _ in 0..TRIES {
            let before = self.api_key(&owner.id, id).await?;
            let mut key = before.clone();
            let now = self.clock.now();
            key.updated_at = now;
            key.name = name.clone().unwrap_or(key.name);
            key.enabled = change.enabled.unwrap_or(key.enabled);
            apply(&mut key, change.terms.clone(), owner, now)?;
            let revoked = key.differs_in_rights(&before);
            if revoked {
                key.session_id = new_id(self.clock.as_ref(), self.randomness.as_ref());
            }
            let revoked = revoked.then_some(before.session_id.as_str());
            if self.api_keys.replace(&key, revoked, &entry).await? {
                key.revision += 1;
                return Ok(key);
            }
        }
        Err(Error::Busy)
    }

    /// Deletes a key. What was got with it is void.
    pub async fn delete_api_key(
        &self,
        user_id: &str,
        id: &str,
        client: &Client,
    ) -> Result<(), Error> {
        let entry = self.entry(Act::ApiKeyDeleted, Some(user_id), Some(user_id), client);
        let entry = entry.with_detail(id);
        if is_id(id) && self.api_keys.delete(user_id, id, &entry).await? {
            Ok(())
        } else {
            Err(Error::UnknownApiKey)
        }
    }

    /// The key that `secret` proves, if it holds now. This use of it counts, and
    /// so do `owed` others that were let through before.
    pub async fn verify_api_key(&self, secret: &str, owed: u32) -> Result<HeldApiKey, Error> {
        if !is_api_key(secret) {
            return Err(Error::InvalidApiKey);
        }
        let found = self.api_keys.by_hash(&digest(secret)).await?;
        let (mut key, owner) = found.ok_or(Error::InvalidApiKey)?;
        let now = self.clock.now();
        if !owner.is_enabled() {
            return Err(Error::InvalidApiKey);
        }
        if !key.enabled {
            return Err(Error::DisabledApiKey);
        }
        if key.is_expired(now) {
            return Err(Error::ExpiredApiKey);
        }
        let uses_left = self.uses_left(&key, owed).await;
        let uses = match &uses_left {
            Ok(_) => i64::from(owed) + 1,
            Err(Error::ApiKeyOverused(_)) => owed.into(),
            Err(_) => 0,
        };
        if uses > 0 {
            self.api_keys.count(&key.id, uses, now).await?;
        }
        let uses_left = uses_left?;
        key.request_count += uses;
        key.last_used_at = Some(now);
        Ok(HeldApiKey {
            scopes: key.scopes_for(&owner),
            key,
            owner,
            uses_left,
        })
    }

    /// The key as a session of its owner, for surfaces that know nothing else.
    /// It is none of those that are stored: what it gives ends with the key.
    pub fn session_of_key(&self, held: &HeldApiKey) -> Current {
        let now = self.clock.now();
        let end = held.key.expires_at;
        let end = end.unwrap_or_else(|| now + self.policy.token_lifetime.seconds() * 1000);
        Current {
            user: held.owner.clone(),
            session: Session {
                id: held.key.session_id.clone(),
                user_id: held.owner.id.clone(),
                remember: true,
                created_at: now,
                refreshed_at: now,
                expires_at: end,
                ends_at: end,
                ip: None,
                user_agent: None,
            },
        }
    }

    /// The session whose access tokens a key may be exchanged for. A token tells
    /// nothing of scopes, so it must not allow more than the key does.
    pub fn tokens_of_key(&self, held: &HeldApiKey) -> Result<Current, Error> {
        let allows = |wanted: KeyScopes| wanted.iter().all(|scope| held.scopes.has(scope));
        if !allows(KeyScopes::of_everybody()) {
            return Err(Error::NarrowApiKey);
        }
        let mut current = self.session_of_key(held);
        let soon = self.clock.now() + TOKEN_LIFETIME;
        current.session.expires_at = current.session.expires_at.min(soon);
        if !allows(KeyScopes::all()) {
            current.user.role = Role::User;
        }
        Ok(current)
    }

    /// Counts a use of the key against its rate, and `owed` others with it.
    async fn uses_left(&self, key: &ApiKey, owed: u32) -> Result<Option<u32>, Error> {
        let Some(rate) = key.rate else {
            return Ok(None);
        };
        let name = format!("api-key {}", key.id);
        let allowance = self.count_owing(&name, rate, owed).await?;
        match allowance.retry_after {
            Some(seconds) => Err(Error::ApiKeyOverused(seconds)),
            None => Ok(Some(allowance.remaining)),
        }
    }
}

/// Puts terms on a key, as far as its owner may.
fn apply(key: &mut ApiKey, terms: KeyTerms, owner: &User, now: Millis) -> Result<(), Error> {
    if let Some(words) = terms.scopes {
        key.scopes = scopes(&words, owner.role)?;
    }
    if let Some(seconds) = terms.expires_in {
        key.expires_at = seconds.map(|seconds| parse_end(seconds, now)).transpose()?;
    }
    if let Some(rate) = terms.rate {
        key.rate = granted(rate, owner.role)?;
    }
    if let Some(metadata) = terms.metadata {
        key.metadata = metadata.map(parse_metadata).transpose()?;
    }
    Ok(())
}

fn scopes(words: &[String], role: Role) -> Result<KeyScopes, Error> {
    let known = |word: &String| KeyScope::from_word(word).ok_or(KeyRule::Scope);
    let scopes: KeyScopes = words.iter().map(known).collect::<Result<_, _>>()?;
    if scopes == KeyScopes::default() {
        return Err(KeyRule::Scope.into());
    }
    let refused = scopes.iter().find(|scope| !scope.is_open_to(role));
    match refused {
        Some(scope) => Err(Error::ForbiddenScope(scope.as_str())),
        None => Ok(scopes),
    }
}

/// The rate that somebody of this role asked for, if they may grant it.
fn granted(rate: Option<(i64, Millis)>, role: Role) -> Result<Option<Rate>, KeyRule> {
    let rate = rate.map(|(max, window)| parse_rate(max, window));
    let rate = rate.transpose()?;
    if role == Role::Admin || rate.is_some_and(is_modest) {
        Ok(rate)
    } else {
        Err(KeyRule::Rate)
    }
}
