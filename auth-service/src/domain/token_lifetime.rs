//! How long an access token holds.

use std::str::FromStr;

use proto::claims::LONGEST_LIFETIME;

/// Whole seconds, written as `900`, `15m`, `12h` or `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenLifetime(i64);

/// A text is no lifetime between one second and a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidLifetime;

impl TokenLifetime {
    /// The lifetime in seconds.
    pub const fn seconds(self) -> i64 {
        self.0
    }
}

impl FromStr for TokenLifetime {
    type Err = InvalidLifetime;

    fn from_str(text: &str) -> Result<Self, InvalidLifetime> {
        let text = text.trim();
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let factor = match &text[digits.len()..] {
            "" | "s" => 1,
            "m" => 60,
            "h" => 60 * 60,
            "d" => 24 * 60 * 60,
            _ => return Err(InvalidLifetime),
        };
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidLifetime);
        }
        let number: i64 = digits.parse().map_err(|_| InvalidLifetime)?;
        match number.checked_mul(factor) {
            Some(seconds @ 1..=LONGEST_LIFETIME) => Ok(Self(seconds)),
            _ => Err(InvalidLifetime),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_it() {
        for (text, seconds) in [
            ("900", 900),
            ("900s", 900),
            ("15m", 900),
            ("12h", 43_200),
            (" 7d ", 604_800),
        ] {
            assert_eq!(text.parse().map(TokenLifetime::seconds), Ok(seconds));
        }
    }

    #[test]
    fn what_is_no_lifetime() {
        for text in [
            "",
            "0",
            "-5",
            "+5",
            "d",
            "7w",
            "7 d",
            "366d",
            "9223372036854775807d",
            "٧d",
        ] {
            assert_eq!(
                text.parse::<TokenLifetime>(),
                Err(InvalidLifetime),
                "{text}"
            );
        }
    }
}
