//! What happens to accounts, and which tokens hold no longer because of it.

use std::collections::HashMap;

use proto::claims::LONGEST_LIFETIME;
use service_kit::clock::Millis;

use super::principal::UserId;

/// What happened to an account, in the order of all events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountEvent {
    /// Its place in the order.
    pub number: i64,
    /// When it happened.
    pub at: Millis,
    /// Whose account it was.
    pub user: UserId,
    /// What happened.
    pub happening: Happening,
}

/// What happened to an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// The tokens of one session are void.
    SessionRevoked {
        /// The `sid` of those tokens.
        session: String,
        /// When the last of them has expired.
        until: Millis,
    },
    /// The tokens that were issued up to then are void.
    TokensRevoked,
    /// The account can't be used.
    Disabled,
    /// The account can be used again, with new tokens.
    Enabled,
    /// The account is gone, and so must be all that belonged to it.
    Deleted,
    /// Something that this version knows nothing of: nothing follows.
    Unknown,
}

/// Whether an account can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It can.
    Active,
    /// It can't until it is enabled.
    Disabled,
    /// It never can again.
    Deleted,
}

impl Standing {
    /// The word that stands for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Deleted => "deleted",
        }
    }

    /// What a stored word stands for, if anything.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "active" => Some(Self::Active),
            "disabled" => Some(Self::Disabled),
            "deleted" => Some(Self::Deleted),
            _ => None,
        }
    }
}

/// Which tokens of an account are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// All, unless the account can be used.
    pub standing: Standing,
    /// Those that were issued up to this moment.
    pub up_to: Millis,
}

impl Default for Refusal {
    /// None.
    fn default() -> Self {
        Self {
            standing: Standing::Active,
            up_to: 0,
        }
    }
}

impl Refusal {
    /// What is refused after `happening` at `at`.
    #[must_use]
    pub fn after(mut self, happening: &Happening, at: Millis) -> Self {
        let standing = match happening {
            Happening::SessionRevoked { .. } | Happening::Unknown => return self,
            Happening::TokensRevoked => self.standing,
            Happening::Disabled => Standing::Disabled,
            Happening::Enabled => Standing::Active,
            Happening::Deleted => Standing::Deleted,
        };
        if self.standing != Standing::Deleted {
            self.standing = standing;
        }
        self.up_to = self.up_to.max(at);
        self
    }

    /// Whether no token can live any more that this refuses.
    const fn is_over(&self, now: Millis) -> bool {
        !matches!(self.standing, Standing::Disabled) && self.up_to <= last_refusable(now)
    }
}

/// The tokens issued up to this moment have expired by `now`.
pub const fn last_refusable(now: Millis) -> Millis {
    now - LONGEST_LIFETIME * 1000 - CLOCKS_DIFFER
}

/// By how much the clocks of two services may differ.
const CLOCKS_DIFFER: Millis = 60_000;

/// Which tokens are refused although they are well signed and have not expired.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Refusals {
    /// The sessions whose tokens are, and until when that matters.
    pub sessions: HashMap<String, Millis>,
    /// The accounts of which some or all are.
    pub accounts: HashMap<String, Refusal>,
}

impl Refusals {
    /// Takes note of an event. Twice is as good as once.
    pub fn apply(&mut self, event: &AccountEvent) {
        match &event.happening {
            Happening::SessionRevoked { session, until } => {
                self.sessions.insert(session.clone(), *until);
            }
            Happening::Unknown => {}
            happening => {
                let known = self.accounts.entry(event.user.0.clone()).or_default();
                *known = known.after(happening, event.at);
            }
        }
    }

    /// Whether a token of `user` and `session` is refused that was issued at
    /// `issued_at`, in seconds.
    pub fn refuse(&self, user: &str, session: &str, issued_at: i64) -> bool {
        if self.sessions.contains_key(session) {
            return true;
        }
        self.accounts.get(user).is_some_and(|refusal| {
            // A token tells the second in which it was issued, and no more.
            let issued_at = issued_at.saturating_mul(1000);
            refusal.standing != Standing::Active || issued_at <= refusal.up_to
        })
    }

    /// Forgets what no longer matters.
    pub fn forget_expired(&mut self, now: Millis) {
        self.sessions
            .retain(|_, until| *until > now - CLOCKS_DIFFER);
        self.accounts.retain(|_, refusal| !refusal.is_over(now));
    }

    /// Forgets who is disabled: it will be told anew.
    pub fn enable_all(&mut self) {
        for refusal in self.accounts.values_mut() {
            if refusal.standing == Standing::Disabled {
                refusal.standing = Standing::Active;
            }
        }
    }
}
