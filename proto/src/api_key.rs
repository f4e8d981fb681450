//! API keys: what one looks like, and what it may be used for.

use std::{collections::BTreeSet, fmt};

use crate::claims::Role;

/// The random letters of a key, which come after its prefix.
pub const SECRET_LENGTH: usize = 64;

/// The most characters that a key's prefix has.
pub const MAX_PREFIX_LENGTH: usize = 32;

/// The header that may carry a key in the place of `Authorization: Bearer`.
pub const HEADER: &str = "x-api-key";

/// Whether `text` looks like a key. No access token does: it has dots.
pub fn is_api_key(text: &str) -> bool {
    let of_the_alphabet = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (SECRET_LENGTH..=MAX_PREFIX_LENGTH + SECRET_LENGTH).contains(&text.len())
        && text.bytes().all(of_the_alphabet)
}

/// One thing that a key may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyScope {
    /// Asks questions and reads the conversations that come of it.
    Chat,
    /// Searches without an answer.
    Search,
    /// Reads documents, their jobs, and which knowledge bases there are.
    DocumentsRead,
    /// Adds and deletes documents.
    DocumentsWrite,
    /// Beside [`Self::DocumentsWrite`], changes public knowledge. For
    /// administrators alone.
    KnowledgeAdmin,
    /// Saves conversations of a user that the request names. For
    /// administrators alone, as it speaks for others.
    ConversationsInternalSave,
}

impl KeyScope {
    /// Every scope there is.
    pub const ALL: [Self; 6] = [
        Self::Chat,
        Self::Search,
        Self::DocumentsRead,
        Self::DocumentsWrite,
        Self::KnowledgeAdmin,
        Self::ConversationsInternalSave,
    ];

    /// The word that stands for the scope wherever it is stored or shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Search => "search",
            Self::DocumentsRead => "documents:read",
            Self::DocumentsWrite => "documents:write",
            Self::KnowledgeAdmin => "knowledge:admin",
            Self::ConversationsInternalSave => "conversations:internal-save",
        }
    }

    /// The scope that a word stands for, if it is one.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == word)
    }

    /// Whether somebody of this role may have it.
    pub const fn is_open_to(self, role: Role) -> bool {
        match self {
            Self::Chat | Self::Search | Self::DocumentsRead | Self::DocumentsWrite => true,
            Self::KnowledgeAdmin | Self::ConversationsInternalSave => matches!(role, Role::Admin),
        }
    }
}

/// All that a key may be used for. Its text has the words with spaces between
/// them (RFC 6749, section 3.3).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyScopes(BTreeSet<KeyScope>);

impl KeyScopes {
    /// What everybody may do: ask, search, and keep documents of their own.
    pub fn of_everybody() -> Self {
        Self::all().within(Role::User)
    }

    /// Every scope there is.
    pub fn all() -> Self {
        KeyScope::ALL.into_iter().collect()
    }

    /// The scopes of a text. A word that is not known, such as one of a newer
    /// version, allows nothing.
    pub fn from_text(text: &str) -> Self {
        let words = text.split(' ');
        words.filter_map(KeyScope::from_word).collect()
    }

    /// Those of them that somebody of this role may have.
    #[must_use]
    pub fn within(&self, role: Role) -> Self {
        self.iter().filter(|scope| scope.is_open_to(role)).collect()
    }

    /// Whether this one is among them.
    pub fn has(&self, scope: KeyScope) -> bool {
        self.0.contains(&scope)
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = KeyScope> {
        self.0.iter().copied()
    }
}

impl FromIterator<KeyScope> for KeyScopes {
    fn from_iter<I: IntoIterator<Item = KeyScope>>(scopes: I) -> Self {
        Self(scopes.into_iter().collect())
    }
}

impl fmt::Display for KeyScopes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = self.iter().map(KeyScope::as_str).collect();
        formatter.write_str(&words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_texts_and_back_again() {
        assert_eq!(
            KeyScopes::from_text(&KeyScopes::all().to_string()),
            KeyScopes::all()
        );
        assert_eq!(KeyScopes::from_text(""), KeyScopes::default());
        assert_eq!(
            KeyScopes::of_everybody().to_string(),
            "chat search documents:read documents:write"
        );
        let newer = KeyScopes::from_text("chat everything:admin  chat");
        assert_eq!(newer.to_string(), "chat");
        assert_eq!(KeyScopes::all().within(Role::Admin), KeyScopes::all());
    }

    #[test]
    fn keys_are_told_from_tokens_by_their_looks() {
        let letters = "a".repeat(SECRET_LENGTH);
        assert!(is_api_key(&letters));
        assert!(is_api_key(&format!("{}{letters}", "p".repeat(32))));
        assert!(!is_api_key(&format!("{}{letters}", "p".repeat(33))));
        for wrong in [
            "",
            "short",
            &letters[1..],
            &format!("a.{letters}"),
            &"é".repeat(40),
        ] {
            assert!(!is_api_key(wrong), "{wrong}");
        }
    }
}
