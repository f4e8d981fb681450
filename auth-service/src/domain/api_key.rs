//! API keys: what lets a program act for an account.

use std::num::NonZeroU32;

use proto::api_key::{KeyScopes, MAX_PREFIX_LENGTH};

use super::{Millis, throttling::Rate, user::User};

/// The most keys that an account may have.
pub const MAX_KEYS: usize = 100;

/// The prefix of a key that is made without one.
pub const DEFAULT_PREFIX: &str = "lk_";

/// How many characters of a key are kept to know it again.
pub const START_LENGTH: usize = 6;

/// The most code points that a key's name may have.
pub const MAX_NAME_LENGTH: usize = 64;

/// The most bytes that a key's metadata may have.
pub const MAX_METADATA_BYTES: usize = 4096;

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// What is asked of a new or changed key breaks a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRule {
    /// The name is empty, over-long or holds control characters.
    Name,
    /// The prefix holds other characters, or too many.
    Prefix,
    /// It would end in less than a day.
    EndsTooSoon,
    /// It would end in more than 365 days.
    EndsTooLate,
    /// There is no scope of this name, or none at all was given.
    Scope,
    /// The metadata is too large or holds NUL.
    Metadata,
    /// The rate is no rate, or more than its owner may grant.
    Rate,
}

impl KeyRule {
    /// A stable word for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Name => "invalid_key_name",
            Self::Prefix => "invalid_key_prefix",
            Self::EndsTooSoon => "key_expiry_too_soon",
            Self::EndsTooLate => "key_expiry_too_late",
            Self::Scope => "invalid_scope",
            Self::Metadata => "invalid_metadata",
            Self::Rate => "invalid_key_rate",
        }
    }

    /// What the rule is, for people.
    pub const fn told(self) -> &'static str {
        match self {
            Self::Name => "A key's name must have 1 to 64 characters and no control characters.",
            Self::Prefix => "A key's prefix must have 1 to 32 letters, digits, `_` or `-`.",
            Self::EndsTooSoon => "A key must hold for a day at least; ask for a later end.",
            Self::EndsTooLate => {
                "A key may hold for 365 days at most; ask for an earlier end, or for none."
            }
            Self::Scope => "Name one or more of the scopes that the README lists.",
            Self::Metadata => "A key's metadata must be an object of at most 4096 bytes.",
            Self::Rate => {
                "A key's rate must allow 1 to 1,000,000 requests in 1 second to 30 days, \
                 and more than the default only if an administrator makes it."
            }
        }
    }
}

/// How often a key may be used that is made without a rate.
pub const DEFAULT_RATE: Rate = Rate {
    times: NonZeroU32::new(1000).unwrap(),
    within: 60 * 60 * 1000,
};

/// A key, without what proves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// UUIDv7.
    pub id: String,
    /// For whom it acts.
    pub user_id: String,
    /// UUIDv7, the `sid` of access tokens that are got with it: another one
    /// after every change that takes a right away.
    pub session_id: String,
    /// How often it was changed. Who changes it names the one they saw.
    pub revision: i64,
    /// What its owner calls it.
    pub name: Option<String>,
    /// What it begins with, the same for many.
    pub prefix: String,
    /// Its first characters, for its owner to know it again.
    pub start: String,
    /// What it may be used for, as far as its owner may.
    pub scopes: KeyScopes,
    /// Whether it can be used.
    pub enabled: bool,
    /// How often it may be used; nothing for no limit.
    pub rate: Option<Rate>,
    /// For how many requests it was used.
    pub request_count: i64,
    /// When it was last used.
    pub last_used_at: Option<Millis>,
    /// When it ends, if ever.
    pub expires_at: Option<Millis>,
    /// The text of a JSON object that its owner keeps with it.
    pub metadata: Option<String>,
    /// When it was made.
    pub created_at: Millis,
    /// When it was last changed.
    pub updated_at: Millis,
}

impl ApiKey {
    /// Whether its time is over at `now`.
    pub fn is_expired(&self, now: Millis) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }

    /// Whether what was true of `before` may no longer be: then nobody should
    /// go on with what they know of it.
    pub fn differs_in_rights(&self, before: &Self) -> bool {
        (self.enabled, &self.scopes, self.expires_at, self.rate)
            != (
                before.enabled,
                &before.scopes,
                before.expires_at,
                before.rate,
            )
    }

    /// What it may be used for while `owner` is who they are now.
    pub fn scopes_for(&self, owner: &User) -> KeyScopes {
        self.scopes.within(owner.role)
    }
}

/// Reads a name as a person typed it.
pub fn parse_name(text: &str) -> Result<String, KeyRule> {
    let name = text.trim();
    let fits = (1..=MAX_NAME_LENGTH).contains(&name.chars().count());
    if fits && !name.chars().any(char::is_control) {
        Ok(name.to_owned())
    } else {
        Err(KeyRule::Name)
    }
}

/// Reads a prefix.
pub fn parse_prefix(text: &str) -> Result<String, KeyRule> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if (1..=MAX_PREFIX_LENGTH).contains(&text.len()) && text.bytes().all(plain) {
        Ok(text.to_owned())
    } else {
        Err(KeyRule::Prefix)
    }
}

/// When a key ends that is to hold for so many seconds from `now`.
pub const fn parse_end(seconds: i64, now: Millis) -> Result<Millis, KeyRule> {
    if seconds < DAY_SECONDS {
        Err(KeyRule::EndsTooSoon)
    } else if seconds > 365 * DAY_SECONDS {
        Err(KeyRule::EndsTooLate)
    } else {
        Ok(now + seconds * 1000)
    }
}

/// A rate within reason: so many requests in so many milliseconds.
pub fn parse_rate(max: i64, window: Millis) -> Result<Rate, KeyRule> {
    let times = u32::try_from(max).ok().and_then(NonZeroU32::new);
    let times = times.filter(|times| times.get() <= 1_000_000);
    let within = (1000..=30 * DAY_SECONDS * 1000).contains(&window);
    let times = times.filter(|_| within).ok_or(KeyRule::Rate)?;
    Ok(Rate {
        times,
        within: window,
    })
}

/// Whether a rate allows no more than the default one, neither at once nor in
/// the long run.
pub fn is_modest(rate: Rate) -> bool {
    let (times, most) = (
        i64::from(rate.times.get()),
        i64::from(DEFAULT_RATE.times.get()),
    );
    times <= most && times * DEFAULT_RATE.within <= most * rate.within
}

/// Takes a JSON object's text as metadata.
pub fn parse_metadata(text: String) -> Result<String, KeyRule> {
    // JSON writes NUL as an escape, which PostgreSQL's TEXT takes.
    if text.len() <= MAX_METADATA_BYTES && !text.contains('\0') {
        Ok(text)
    } else {
        Err(KeyRule::Metadata)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_prefixes_are_short_and_plain() {
        assert_eq!(parse_name(" CI für Ö "), Ok("CI für Ö".to_owned()));
        assert!(parse_name(&"é".repeat(64)).is_ok());
        for wrong in ["", "  ", "a\0b", "a\nb", &"é".repeat(65)] {
            assert_eq!(parse_name(wrong), Err(KeyRule::Name), "{wrong:?}");
        }
        assert_eq!(parse_prefix("phx_"), Ok("phx_".to_owned()));
        for wrong in ["", "a.b", "a b", "ä", &"a".repeat(33)] {
            assert_eq!(parse_prefix(wrong), Err(KeyRule::Prefix), "{wrong:?}");
        }
    }

    #[test]
    fn a_key_holds_for_a_day_to_a_year() {
        assert_eq!(parse_end(DAY_SECONDS, 5), Ok(86_400_005));
        assert_eq!(parse_end(DAY_SECONDS - 1, 0), Err(KeyRule::EndsTooSoon));
        assert_eq!(parse_end(i64::MIN, 0), Err(KeyRule::EndsTooSoon));
        assert!(parse_end(365 * DAY_SECONDS, 0).is_ok());
        assert_eq!(parse_end(i64::MAX, 0), Err(KeyRule::EndsTooLate));
    }

    #[test]
    fn a_lower_rate_allows_less_at_once_and_in_the_long_run() {
        let (hour, modest) = (DEFAULT_RATE.within, |max, window| {
            is_modest(parse_rate(max, window).unwrap())
        });
        assert!(modest(1000, hour) && modest(10, hour) && modest(1, 3600));
        assert!(!modest(1001, 30 * hour) && !modest(10, 1000));
        for (max, window) in [(0, hour), (-1, hour), (10, 0), (i64::MAX, i64::MAX)] {
            assert_eq!(parse_rate(max, window), Err(KeyRule::Rate));
        }
    }
}
