//! Accounts.

use proto::claims::Role;

use super::{Millis, email::Email};

/// The most code points that a display name may have.
pub const MAX_NAME_LENGTH: usize = 200;

/// How a person wants to be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisplayName(String);

/// A text is empty, too long, or holds control characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidName;

impl DisplayName {
    /// Reads a name as a person typed it.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let name = text.trim();
        let length = name.chars().count();
        if (1..=MAX_NAME_LENGTH).contains(&length) && !name.chars().any(char::is_control) {
            Ok(Self(name.to_owned()))
        } else {
            Err(InvalidName)
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An account. Nothing in it could sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// UUIDv7, the `sub` of the account's tokens.
    pub id: String,
    /// Where mail reaches the person; no two accounts share it.
    pub email: Email,
    /// How the person wants to be called.
    pub name: DisplayName,
    /// What the account may do.
    pub role: Role,
    /// When it was made.
    pub created_at: Millis,
    /// Since when it can't be used, if so.
    pub disabled_at: Option<Millis>,
}

impl User {
    /// Whether the account can be used.
    pub const fn is_enabled(&self) -> bool {
        self.disabled_at.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_any_script_but_not_empty_nor_endless() {
        assert_eq!(
            DisplayName::parse(" Grüße 李 ").unwrap().as_str(),
            "Grüße 李"
        );
        assert!(DisplayName::parse(&"é".repeat(200)).is_ok());
        for wrong in ["", "  ", "a\u{0}b", "a\nb", &"é".repeat(201)] {
            assert_eq!(DisplayName::parse(wrong), Err(InvalidName), "{wrong:?}");
        }
    }
}
