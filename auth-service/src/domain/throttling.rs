//! How often something may be tried.

use std::num::NonZeroU32;

use super::Millis;

const SECOND: Millis = 1000;
const MINUTE: Millis = 60 * SECOND;

/// How many failures in a row an account has without a wait. At least five,
/// since people mistype (NIST SP 800-63B, 5.2.2, allows up to a hundred).
const FREE_FAILURES: i64 = 4;

const FIRST_WAIT: Millis = 30 * SECOND;
const LONGEST_WAIT: Millis = 15 * MINUTE;

/// How long failures are remembered after the last of them.
pub const FAILURES_REMEMBERED: Millis = 24 * 60 * MINUTE;

/// For how long an address from which someone signed in counts as theirs.
pub const ADDRESS_REMEMBERED: Millis = 30 * 24 * 60 * MINUTE;

/// So often, all at once or spread: what was used comes back evenly over the
/// time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How often.
    pub times: NonZeroU32,
    /// In how many milliseconds.
    pub within: Millis,
}

impl Rate {
    /// So often in a minute.
    pub const fn per_minute(times: NonZeroU32) -> Self {
        Self {
            times,
            within: MINUTE,
        }
    }
}

/// What is limited together: the routes of a class share one limit, whatever
/// surface they belong to, so that a second name for a route is no second try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateClass {
    /// Signing in.
    SignIn,
    /// Making an account.
    SignUp,
    /// What shows or sets a password of an account that is there.
    Password,
    /// What sends a mail to an address that the caller names.
    Mail,
    /// What exchanges one token for another.
    Token,
}

impl RateClass {
    /// The word that stands for the class.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "sign-in",
            Self::SignUp => "sign-up",
            Self::Password => "password",
            Self::Mail => "mail",
            Self::Token => "token",
        }
    }
}

/// How often one network may ask for what a class holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateRules {
    /// Requests a minute to sign in, and as many to sign up or to show a
    /// password.
    pub requests_per_minute: NonZeroU32,
}

impl RateRules {
    /// The rate of a class.
    pub const fn rate(self, class: RateClass) -> Rate {
        const THREE: NonZeroU32 = NonZeroU32::new(3).unwrap();
        const SIXTY: NonZeroU32 = NonZeroU32::new(60).unwrap();
        Rate::per_minute(match class {
            RateClass::SignIn | RateClass::SignUp | RateClass::Password => self.requests_per_minute,
            // Better Auth's own (protocol notes, 1.6).
            RateClass::Mail => THREE,
            // Many people behind one address refresh at the same time.
            RateClass::Token => SIXTY,
        })
    }
}

/// How long nobody may try again after so many failures in a row: nothing at
/// first, then half a minute, and twice as long each time up to a quarter of
/// an hour. So the owner waits, but is never shut out.
pub fn wait_after(failures: i64) -> Millis {
    match failures - FREE_FAILURES {
        ..1 => 0,
        waits => (FIRST_WAIT << (waits - 1).min(10)).min(LONGEST_WAIT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_quarter_of_an_hour() {
        let waits: Vec<Millis> = (0..=12)
            .map(|failures| wait_after(failures) / SECOND)
            .collect();
        let expected = [0, 0, 0, 0, 0, 30, 60, 120, 240, 480, 900, 900, 900];
        assert_eq!(waits, expected);
        assert_eq!(wait_after(i64::MAX), LONGEST_WAIT);
    }
}
