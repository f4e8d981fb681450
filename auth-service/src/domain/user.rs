//! Accounts.

use proto::claims::Role;

use super::{Millis, email::Email, profile::Profile};

/// The most code points that a display name may have.
pub const MAX_NAME_LENGTH: usize = 200;

/// How a person wants to be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisplayName(String);

/// A text is empty, too long, or holds control characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidName;

/// A name to sign in with, beside the e-mail address: 3 to 64 letters, digits,
/// `.`, `_` and `-`, lower-case. It holds no `@`, so that it is never taken for
/// an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Username(String);

/// A text is no user name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidUsername;

impl Username {
    /// Reads a user name as a person typed it.
    pub fn parse(text: &str) -> Result<Self, InvalidUsername> {
        let name = text.trim().to_lowercase();
        let plain = name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
        if plain && (3..=64).contains(&name.len()) {
            Ok(Self(name))
        } else {
            Err(InvalidUsername)
        }
    }

    /// The user name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

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
    /// What the person may sign in with instead; no two accounts share it.
    pub username: Option<Username>,
    /// How the person wants to be called.
    pub name: DisplayName,
    /// What the account may do.
    pub role: Role,
    /// Whether the address was shown to belong to the person.
    pub email_verified: bool,
    /// The URL of a picture of the person.
    pub image: Option<String>,
    /// What else the person tells.
    pub profile: Profile,
    /// When it was made.
    pub created_at: Millis,
    /// When anything in it changed.
    pub updated_at: Millis,
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
    fn user_names_are_never_taken_for_addresses() {
        assert_eq!(Username::parse(" Ada.L-1 ").unwrap().as_str(), "ada.l-1");
        for wrong in ["ab", "a@b.c", "a b c", "ädä", &"a".repeat(65)] {
            assert_eq!(Username::parse(wrong), Err(InvalidUsername), "{wrong:?}");
        }
    }

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
