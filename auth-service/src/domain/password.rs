//! Passwords: what makes one good enough, and one spelling for each.

use std::{collections::HashSet, fmt, sync::LazyLock};

use secrecy::{ExposeSecret, SecretString};
use unicode_normalization::UnicodeNormalization;

/// The least that `PASSWORD_MIN_LENGTH` may ask for (NIST SP 800-63B, 5.1.1.2).
pub const LEAST_MIN_LENGTH: usize = 8;

/// The most code points that a password may have: beyond it, hashing is work
/// for an attacker's benefit.
pub const MAX_LENGTH: usize = 128;

/// What a new password must meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordRules {
    /// The fewest code points.
    pub min_length: usize,
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
pub struct Password(SecretString);

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
        if COMMON.contains(password.expose().to_lowercase().as_str()) {
            return Err(WeakPassword::TooCommon);
        }
        Ok(password)
    }

    /// A password that someone claims to have: no rule holds for it, as the
    /// rules of the day when it was chosen may have been others.
    pub fn presented(text: &str) -> Self {
        Self(SecretString::from(text.nfkc().collect::<String>()))
    }

    /// The text, for the one who hashes it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password(…)")
    }
}

static COMMON: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    include_str!("common_passwords.txt")
        .lines()
        .filter(|line| !line.is_empty())
        .collect()
});

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: PasswordRules = PasswordRules { min_length: 8 };

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
