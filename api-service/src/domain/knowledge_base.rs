//! Knowledge bases: what documents belong to, and what decides who sees them.

use service_kit::clock::Millis;

use super::{
    language::Language,
    principal::{Scope, UserId},
};

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
    /// Its owner, and those it is shared with.
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

/// What a knowledge base is shared for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShareRole {
    /// To read it.
    Reader,
    /// To put documents in and delete them, too.
    Editor,
}

impl ShareRole {
    /// The word that stands for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Editor => "editor",
        }
    }

    /// What a stored word stands for, if anything.
    pub fn from_word(word: &str) -> Option<Self> {
        let all = [Self::Reader, Self::Editor];
        all.into_iter().find(|role| role.as_str() == word)
    }
}

/// That a knowledge base is shared with somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// With whom.
    pub user: UserId,
    /// What for.
    pub role: ShareRole,
    /// Since when.
    pub created_at: Millis,
}

/// What somebody may do with a knowledge base; each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// To read it.
    Reader,
    /// To put documents in and delete them.
    Editor,
    /// To rename, show, share and delete it.
    Manager,
}

impl Access {
    /// The word that stands for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Editor => "editor",
            Self::Manager => "manager",
        }
    }
}

impl From<ShareRole> for Access {
    fn from(role: ShareRole) -> Self {
        match role {
            ShareRole::Reader => Self::Reader,
            ShareRole::Editor => Self::Editor,
        }
    }
}

/// A named set of documents that are seen by the same people, as one of them
/// sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnowledgeBase {
    /// Its id.
    pub id: KnowledgeBaseId,
    /// Its name, unique among its owner's, or among all that have no owner.
    pub name: String,
    /// Who sees it.
    pub visibility: Visibility,
    /// The user that it belongs to; empty where administrators manage it, as
    /// they do all public ones.
    pub owner: String,
    /// What it is shared for with the one who looks, if it is.
    pub share: Option<ShareRole>,
    /// The language of its documents, by which words are brought to one form;
    /// `None` while it is neither given nor told by a document.
    pub language: Option<Language>,
    /// When it was made.
    pub created_at: Millis,
}

impl KnowledgeBase {
    /// What may be done with it in `scope`, if it may be seen at all.
    pub fn access(&self, scope: &Scope) -> Option<Access> {
        let manages = match self.visibility {
            Visibility::Public => scope.manages_public(),
            Visibility::Members => scope.manages_public() || self.is_own(scope),
            Visibility::Private => self.is_own(scope),
        };
        if manages {
            return Some(Access::Manager);
        }
        let shared = self.share.map(Access::from);
        match self.visibility {
            Visibility::Public => Some(Access::Reader),
            Visibility::Members if scope.is_member() => shared.max(Some(Access::Reader)),
            Visibility::Members => None,
            Visibility::Private => shared,
        }
    }

    /// Whether it belongs to the one whose scope this is.
    pub fn is_own(&self, scope: &Scope) -> bool {
        scope.is_member() && self.owner == scope.owner()
    }

    /// Whether documents may be put into it and deleted from it in `scope`.
    pub fn writable(&self, scope: &Scope) -> bool {
        self.access(scope) >= Some(Access::Editor)
    }

    /// Whether it may be renamed, shown, shared and deleted in `scope`.
    pub fn manageable(&self, scope: &Scope) -> bool {
        self.access(scope) >= Some(Access::Manager)
    }
}

/// The name of the private knowledge base that a user's uploads go to when
/// none is named.
pub const PERSONAL: &str = "personal";

/// The longest name of a knowledge base, in characters.
pub const MAX_NAME: usize = 100;

/// The most knowledge bases that somebody may own.
pub const MAX_OWNED: usize = 100;

/// The most users that a knowledge base may be shared with.
pub const MAX_SHARES: usize = 1_000;

/// The longest id of a user, in characters.
pub const MAX_USER_ID: usize = 200;

/// Whether `text` can be the id of a user: other issuers than auth-service have
/// ids of another shape than ours.
pub fn is_user_id(text: &str) -> bool {
    let length = text.chars().count();
    (1..=MAX_USER_ID).contains(&length) && !text.chars().any(|c| c.is_control() || c == ' ')
}

/// Whether `name` can name a knowledge base.
pub fn is_name(name: &str) -> bool {
    let length = name.chars().count();
    (1..=MAX_NAME).contains(&length) && name.trim() == name && !name.chars().any(char::is_control)
}
