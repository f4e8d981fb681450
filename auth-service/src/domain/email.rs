//! E-mail addresses.

use std::fmt;

/// The most bytes that an address may have (RFC 5321, section 4.5.3.1, less the
/// angle brackets).
pub const MAX_EMAIL_BYTES: usize = 254;

const MAX_LOCAL_BYTES: usize = 64;
const MAX_LABEL_BYTES: usize = 63;

/// An address in the one spelling under which it is stored: trimmed and
/// lower-case.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

/// A text is no address that mail could be sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidEmail;

impl Email {
    /// Reads an address as a person typed it.
    pub fn parse(text: &str) -> Result<Self, InvalidEmail> {
        let address = text.trim().to_lowercase();
        let (local, domain) = address.rsplit_once('@').ok_or(InvalidEmail)?;
        let fits = address.len() <= MAX_EMAIL_BYTES && local.len() <= MAX_LOCAL_BYTES;
        if fits && is_local_part(local) && is_domain(domain) {
            Ok(Self(address))
        } else {
            Err(InvalidEmail)
        }
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Addresses name people: what prints one does so on purpose, by
/// [`Email::as_str`].
impl fmt::Debug for Email {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Email(…)")
    }
}

/// Dots between atoms, and no quoted strings: nobody has such an address.
fn is_local_part(local: &str) -> bool {
    local.split('.').all(|atom| {
        !atom.is_empty()
            && atom
                .chars()
                .all(|c| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c))
    })
}

/// Two labels at least: `localhost` reaches nobody by mail.
fn is_domain(domain: &str) -> bool {
    domain.contains('.')
        && domain.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= MAX_LABEL_BYTES
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_has_one_spelling() {
        let typed = Email::parse("  Ada.Lovelace+books@Example.COM ").unwrap();
        assert_eq!(typed.as_str(), "ada.lovelace+books@example.com");
        assert!(Email::parse("jürgen@bücher.example").is_ok());
    }

    #[test]
    fn what_no_mail_reaches_is_no_address() {
        let long_local = format!("{}@example.com", "a".repeat(65));
        let long = format!("a@{}.com", "b.".repeat(130));
        let wrong = [
            "",
            "ada",
            "ada@",
            "@example.com",
            "ada@localhost",
            "a@b@example.com",
            "ada lovelace@example.com",
            "ada@example..com",
            ".ada@example.com",
            "ada@-example.com",
            "ada@example.com\u{0}",
            "ada@exam\nple.com",
            long_local.as_str(),
            long.as_str(),
        ];
        for text in wrong {
            assert_eq!(Email::parse(text), Err(InvalidEmail), "{text:?}");
        }
    }
}
