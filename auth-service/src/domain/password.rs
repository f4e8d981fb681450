//! Passwords: what makes one good enough, and one spelling for each.

use std::{collections::HashSet, fmt, sync::LazyLock};

use secrecy::{ExposeSecret, SecretString};
use unicode_normalization::UnicodeNormalization;

/// The least that `PASSWORD_MIN_LENGTH` may ask for. NIST SP 800-63B, 5.1.1.2,
/// asks for eight, which is the default: less is for those who must.
pub const LEAST_MIN_LENGTH: usize = 4;

/// The most code points that a password may have: beyond it, hashing is work
/// for an attacker's benefit.
pub const MAX_LENGTH: usize = 128;

/// The most code points of a presented password that are looked at. Nobody has
/// one that is longer.
const MAX_PRESENTED: usize = 1024;

/// What a new password must meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordRules {
    /// The fewest code points.
    pub min_length: usize,
    /// Whether the most common ones are refused.
    pub blocklist: bool,
}

/// What argon2id costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashCost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl HashCost {
    /// OWASP Password Storage Cheat Sheet, argon2id: 19 MiB, two passes, one
    /// lane.
    pub const DEFAULT: Self = Self {
        memory_kib: 19_456,
        passes: 2,
        lanes: 1,
    };

    /// Whether it is at least one of the five that OWASP holds for equal.
    pub fn is_enough(self) -> bool {
        let least = [
            (47_104, 1),
            (19_456, 2),
            (12_288, 3),
            (9_216, 4),
            (7_168, 5),
        ];
        least
            .iter()
            .any(|(memory, passes)| self.memory_kib >= *memory && self.passes >= *passes)
    }
}

/// Why a new password is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeakPassword {
    /// Fewer code points than the rules ask for.
    TooShort,
    /// More than [`MAX_LENGTH`] code points.
    TooLong,
    /// Among the first that anybody guesses.
    TooCommon,
}

/// A password in the one spelling that is hashed: NFKC, so that the same keys
/// on two systems give the same bytes.
#[derive(Clone)]
pub struct Password {
    normal: SecretString,
    /// As it was typed, where that differs.
    typed: Option<SecretString>,
}

impl Password {
    /// A password that someone wants to have from now on.
    pub fn chosen(text: &str, rules: PasswordRules) -> Result<Self, WeakPassword> {
        let password = Self::presented(text);
        let length = password.expose().chars().count();
        if length < rules.min_length {
            return Err(WeakPassword::TooShort);
        }
        if length > MAX_LENGTH {
            return Err(WeakPassword::TooLong);
        }
        if rules.blocklist && is_common(password.expose()) {
            return Err(WeakPassword::TooCommon);
        }
        Ok(password)
    }

    /// A password that someone claims to have: no rule holds for it, as the
    /// rules of the day when it was chosen may have been others.
    pub fn presented(text: &str) -> Self {
        let typed: String = text.chars().take(MAX_PRESENTED).collect();
        let normal: String = typed.nfkc().take(MAX_PRESENTED).collect();
        Self {
            typed: (typed != normal).then(|| SecretString::from(typed)),
            normal: SecretString::from(normal),
        }
    }

    /// The text, for the one who hashes it.
    pub fn expose(&self) -> &str {
        self.normal.expose_secret()
    }

    /// The text, and as it was typed where that differs, for the one who
    /// compares it with a hash from elsewhere.
    pub fn spellings(&self) -> impl Iterator<Item = &str> {
        let typed = self.typed.as_ref().map(ExposeSecret::expose_secret);
        std::iter::once(self.expose()).chain(typed)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password(…)")
    }
}

/// The most common passwords, lower-case: Django's list, see
/// `common_passwords/README.md`.
static COMMON: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("common_passwords/list.txt").lines().collect());

fn is_common(password: &str) -> bool {
    COMMON.contains(password.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: PasswordRules = PasswordRules {
        min_length: 8,
        blocklist: true,
    };

    fn verdict(text: &str) -> Result<(), WeakPassword> {
        Password::chosen(text, RULES).map(drop)
    }

    #[test]
    fn length_counts_code_points_not_bytes() {
        assert_eq!(verdict("pässwör"), Err(WeakPassword::TooShort));
        assert_eq!(verdict("pässwörz"), Ok(()));
        assert_eq!(verdict(&"ü".repeat(128)), Ok(()));
        assert_eq!(verdict(&"ü".repeat(129)), Err(WeakPassword::TooLong));
    }

    #[test]
    fn the_first_guesses_are_refused_in_any_case() {
        assert_eq!(verdict("password123"), Err(WeakPassword::TooCommon));
        assert_eq!(verdict("PassWord123"), Err(WeakPassword::TooCommon));
        // In full-width letters, too.
        assert_eq!(
            verdict("ｐａｓｓｗｏｒｄ１２３"),
            Err(WeakPassword::TooCommon)
        );
        let off = PasswordRules {
            blocklist: false,
            ..RULES
        };
        assert!(Password::chosen("password123", off).is_ok());
    }

    #[test]
    fn what_grows_when_it_is_spelled_anew_is_measured_then() {
        // One code point that NFKC spells with eighteen.
        let phrase = "\u{fdfa}";
        assert_eq!(verdict(phrase), Ok(()));
        assert_eq!(verdict(&phrase.repeat(8)), Err(WeakPassword::TooLong));
        let presented = Password::presented(&phrase.repeat(20_000));
        assert_eq!(presented.expose().chars().count(), MAX_PRESENTED);
    }

    #[test]
    fn a_cost_is_enough_from_any_of_owasps_on() {
        let cost = |memory_kib, passes| HashCost {
            memory_kib,
            passes,
            lanes: 1,
        };
        assert!(HashCost::DEFAULT.is_enough());
        assert!(cost(7_168, 5).is_enough() && cost(65_536, 1).is_enough());
        assert!(!cost(19_455, 2).is_enough() && !cost(46_000, 1).is_enough());
    }

    #[test]
    fn two_keyboards_give_one_password() {
        let (composed, decomposed) = ("caf\u{e9} au lait", "cafe\u{301} au lait");
        assert_eq!(
            Password::presented(composed).expose(),
            Password::presented(decomposed).expose()
        );
    }

    #[test]
    fn a_password_is_not_printed() {
        assert_eq!(
            format!("{:?}", Password::presented("hunter2")),
            "Password(…)"
        );
    }
}
