//! Slows down who guesses the password of one account, from however many
//! addresses. An attempt counts as a failure before it is checked, so that
//! many at once are no way around the count; a success takes it back.
//!
//! Counts are kept by what is typed as login, so that a login without an
//! account answers as one with an account does.

use super::{
    App,
    client::{Client, network},
    error::Error,
    ports::{Count, Credentials},
    throttling::TRIES,
    vault::digest,
};
use crate::domain::{
    Millis,
    audit::Act,
    password::Password,
    throttling::{ADDRESS_REMEMBERED, FAILURES_REMEMBERED, wait_after},
    user::{User, Username},
};

/// An attempt that counts as a failure so far.
struct Attempt {
    key: String,
    before: Option<Count>,
    counted: Count,
}

/// What came of an attempt.
enum Reserved {
    Counted(Attempt),
    /// Too many failed: nobody may try for so long.
    Wait(Millis),
}

impl App {
    /// The account that `login` names, if it can be used and `password` is its
    /// password. After too many failures it is refused without a look, for a
    /// while that grows.
    pub(super) async fn proven(
        &self,
        login: &str,
        account: Option<Credentials>,
        password: &Password,
        client: &Client,
    ) -> Result<Option<Credentials>, Error> {
        if self.policy.rates.is_none() {
            return self.checked(account, password).await;
        }
        let owner = account.as_ref().map(|known| known.user.id.clone());
        let attempt = self.attempt(login, owner.as_deref(), client).await?;
        let checked = self.checked(account, password).await;
        match &checked {
            Ok(None) => {}
            Ok(Some(_)) => self.counts.forget(&[attempt.key]).await?,
            // It was no guess: nobody looked at it.
            Err(_) => {
                let counted = Some(attempt.counted);
                self.counts
                    .swap(&attempt.key, counted, attempt.before)
                    .await?;
            }
        }
        checked
    }

    /// Forgets the failures of an account whose owner has shown in another way
    /// who they are, from where `client` is.
    pub async fn forget_failures(&self, user: &User, client: &Client) -> Result<(), Error> {
        let username = user.username.as_ref().map(Username::as_str);
        let logins = [Some(user.email.as_str()), username];
        let keys = logins.into_iter().flatten().flat_map(|login| {
            let key = key_of(login);
            [key_there(&key, client), key]
        });
        Ok(self.counts.forget(&keys.collect::<Vec<_>>()).await?)
    }

    /// Counts an attempt. Where nobody may try, the owner may still, from where
    /// they signed in before: others can't shut them out.
    async fn attempt(
        &self,
        login: &str,
        owner: Option<&str>,
        client: &Client,
    ) -> Result<Attempt, Error> {
        let key = key_of(login);
        let there = key_there(&key, client);
        let mut reserved = self.reserve(key).await?;
        if matches!(reserved, Reserved::Wait(_)) && self.is_known(owner, client).await? {
            reserved = self.reserve(there).await?;
        }
        match reserved {
            Reserved::Counted(attempt) => Ok(attempt),
            Reserved::Wait(wait) => {
                tracing::warn!(user_id = owner, "too many wrong passwords of one account");
                let seconds = u64::try_from(wait).unwrap_or_default().div_ceil(1000);
                Err(Error::TooManyRequests(seconds.max(1)))
            }
        }
    }

    async fn reserve(&self, key: String) -> Result<Reserved, Error> {
        for _ in 0..TRIES {
            let now = self.clock.now();
            let before = self.counts.read(&key).await?;
            let failed = before.filter(|count| count.expires_at > now);
            if let Some(count) = failed.filter(|count| count.until > now) {
                return Ok(Reserved::Wait(count.until - now));
            }
            let times = failed.map_or(0, |count| count.times) + 1;
            let counted = Count {
                times,
                until: now + wait_after(times),
                expires_at: now + FAILURES_REMEMBERED,
            };
            if self.counts.swap(&key, before, Some(counted)).await? {
                return Ok(Reserved::Counted(Attempt {
                    key,
                    before,
                    counted,
                }));
            }
        }
        Ok(Reserved::Wait(1))
    }

    /// Whether the owner of the account signed in lately from where `client`
    /// is. Where there is no account the log is read as well: nobody is to tell
    /// by the time.
    async fn is_known(&self, owner: Option<&str>, client: &Client) -> Result<bool, Error> {
        let Some(ip) = &client.ip else {
            return Ok(false);
        };
        let owner = owner.unwrap_or_default();
        let since = self.clock.now() - ADDRESS_REMEMBERED;
        let seen = self.audit.addresses(Act::SignedIn, owner, since).await?;
        Ok(seen.iter().any(|address| network(address) == network(ip)))
    }
}

/// What the failures of a login are counted by. It is spelled as accounts are
/// looked up: trimmed and lower-case.
fn key_of(login: &str) -> String {
    format!("login {}", digest(&login.trim().to_lowercase()))
}

fn key_there(key: &str, client: &Client) -> String {
    format!("{key} {}", client.network())
}
