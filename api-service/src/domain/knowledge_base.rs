//! Knowledge bases: what documents belong to, and what decides who sees them.

use service_kit::clock::Millis;

use super::principal::Scope;

/// A knowledge base's id (UUIDv7).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KnowledgeBaseId(pub String);

/// Who sees a knowledge base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// Everyone, signed in or not.
    Public,
    /// Everyone who is signed in.
    Members,
    /// Its owner.
    Private,
}

impl Visibility {
    /// The word that stands for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Members => "members",
            Self::Private => "private",
        }
    }

    /// What a stored word stands for, if anything.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "public" => Some(Self::Public),
            "members" => Some(Self::Members),
            "private" => Some(Self::Private),
            _ => None,
        }
    }
}

/// A named set of documents that are seen by the same people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnowledgeBase {
    /// Its id.
    pub id: KnowledgeBaseId,
    /// Its name, unique among its owner's, or among all that have no owner.
    pub name: String,
    /// Who sees it.
    pub visibility: Visibility,
    /// The user that a private one belongs to; empty for others.
    pub owner: String,
    /// When it was made.
    pub created_at: Millis,
}

impl KnowledgeBase {
    /// Whether documents may be put into it and deleted from it in `scope`.
    pub fn writable(&self, scope: &Scope) -> bool {
        match self.visibility {
            Visibility::Private => scope.is_member() && self.owner == scope.owner(),
            Visibility::Public | Visibility::Members => scope.manages_public(),
        }
    }
}

/// The name of the private knowledge base that a user's uploads go to when
/// none is named.
pub const PERSONAL: &str = "personal";

/// The longest name of a knowledge base, in characters.
pub const MAX_NAME: usize = 100;

/// Whether `name` can name a knowledge base.
pub fn is_name(name: &str) -> bool {
    let length = name.chars().count();
    (1..=MAX_NAME).contains(&length) && name.trim() == name && !name.chars().any(char::is_control)
}
