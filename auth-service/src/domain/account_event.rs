//! What happened to accounts, for services that hold things of theirs.

use proto::claims::LONGEST_LIFETIME;

use super::Millis;

/// What happened to an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// One session ended before its time; so did its access tokens.
    SessionRevoked {
        /// The `sid` of those tokens.
        session_id: String,
        /// When the session would have ended in any case: none of its tokens
        /// lives longer.
        ends_at: Millis,
    },
    /// Every access token that was issued up to now is void.
    TokensRevoked,
    /// The account can't be used.
    Disabled,
    /// The account can be used again, with new tokens.
    Enabled,
    /// The account is gone: so must be all that belonged to it.
    Deleted,
}

/// One event, in the order of all events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountEvent {
    /// Its place in the order, from 1.
    pub number: i64,
    /// When it happened.
    pub at: Millis,
    /// Whose account it was.
    pub user_id: String,
    /// What happened.
    pub happening: Happening,
}

impl Happening {
    /// The word that stands for it wherever it is stored.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::SessionRevoked { .. } => "session_revoked",
            Self::TokensRevoked => "tokens_revoked",
            Self::Disabled => "disabled",
            Self::Enabled => "enabled",
            Self::Deleted => "deleted",
        }
    }

    /// The session that it is about, if it is about one.
    pub fn session_id(&self) -> Option<&str> {
        match self {
            Self::SessionRevoked { session_id, .. } => Some(session_id),
            _ => None,
        }
    }

    /// When the last token that it voids has expired at the latest, if it
    /// happens at `at`; nothing where it matters for ever.
    pub const fn until(&self, at: Millis) -> Option<Millis> {
        match self {
            Self::SessionRevoked { ends_at, .. } => Some(*ends_at),
            Self::TokensRevoked => Some(at + LONGEST_LIFETIME * 1000),
            Self::Disabled | Self::Enabled | Self::Deleted => None,
        }
    }

    /// What a stored word with its session and end stands for, if it stands for
    /// something.
    pub fn from_word(
        word: &str,
        session_id: Option<String>,
        until: Option<Millis>,
    ) -> Option<Self> {
        match (word, session_id) {
            ("session_revoked", Some(session_id)) => Some(Self::SessionRevoked {
                session_id,
                ends_at: until?,
            }),
            ("tokens_revoked", None) => Some(Self::TokensRevoked),
            ("disabled", None) => Some(Self::Disabled),
            ("enabled", None) => Some(Self::Enabled),
            ("deleted", None) => Some(Self::Deleted),
            _ => None,
        }
    }
}
