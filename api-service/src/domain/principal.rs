//! Who asks, and what they may see because of it.

use proto::{
    api_key::{KeyScope, KeyScopes},
    claims::Role,
};

use super::{
    conversation::ConversationId, document::DocumentId, knowledge_base::KnowledgeBaseId,
    publishable_key::KeyUse,
};

/// A user's id: the `sub` of a verified token.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UserId(pub String);

/// What somebody showed, as far as it can be void before it expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The session whose end is its end: the `sid` of a token; empty for none.
    pub session: String,
    /// When it was issued or, of an API key, last asked about; in seconds.
    pub issued_at: i64,
}

/// A caller whose credentials were verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    identity: Identity,
    /// The publishable key that they ask with, if they do.
    key_use: Option<KeyUse>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Identity {
    User {
        id: UserId,
        role: Role,
        /// What an API key that stands for them may be used for; nothing where
        /// they ask themselves.
        scopes: Option<KeyScopes>,
        shown: Shown,
    },
    Operator,
    /// Somebody who has not signed in, by the network that they ask from.
    Visitor {
        network: String,
    },
}

/// What begins a visitor's owner: their network comes after it or, in one of
/// their conversations, its id. No user's id has a colon.
pub const VISITOR: &str = "visitor:";

/// What begins the owner of what visitors ask with a publishable key: the key's
/// id comes after it. No network begins like this.
pub const KEY_VISITOR: &str = "visitor:key:";

impl Principal {
    /// The user of a verified token.
    pub const fn user(id: UserId, role: Role, shown: Shown) -> Self {
        Self {
            identity: Identity::User {
                id,
                role,
                scopes: None,
                shown,
            },
            key_use: None,
        }
    }

    /// The owner of a verified API key, as far as `scopes` go.
    pub const fn key(id: UserId, role: Role, scopes: KeyScopes, shown: Shown) -> Self {
        Self {
            identity: Identity::User {
                id,
                role,
                scopes: Some(scopes),
                shown,
            },
            key_use: None,
        }
    }

    /// Whoever runs this process on the machine, for the command line alone:
    /// they could read the database's file anyway. They see public knowledge.
    pub const fn operator() -> Self {
        Self {
            identity: Identity::Operator,
            key_use: None,
        }
    }

    /// Somebody who has not signed in. They see public knowledge, and those
    /// conversations whose ids they know.
    pub const fn visitor(network: String) -> Self {
        Self {
            identity: Identity::Visitor { network },
            key_use: None,
        }
    }

    /// The same, who asks with a publishable key. A visitor then sees the key's
    /// knowledge base and nothing else, and those conversations of the key's
    /// whose ids they know; a user is answered from that base alone.
    #[must_use]
    pub fn asking_with(self, key: KeyUse) -> Self {
        Self {
            key_use: Some(key),
            ..self
        }
    }

    /// The publishable key that they ask with, if they do.
    pub const fn key_use(&self) -> Option<&KeyUse> {
        self.key_use.as_ref()
    }

    /// The user whom a service names with its key, as far as that may speak for
    /// others: they ask questions, and nothing else.
    pub fn speaking_for(&self, user: UserId) -> Option<Self> {
        let shown = self.shown().filter(|_| self.speaks_for_others())?;
        let scopes = [KeyScope::Chat].into_iter().collect();
        Some(Self::key(user, Role::User, scopes, shown.clone()))
    }

    /// Whether they are a service whose key speaks for others.
    pub fn speaks_for_others(&self) -> bool {
        self.is_key() && self.has_scope(KeyScope::ConversationsInternalSave)
    }

    /// The user's id; others have none.
    pub const fn user_id(&self) -> Option<&UserId> {
        match &self.identity {
            Identity::User { id, .. } => Some(id),
            Identity::Operator | Identity::Visitor { .. } => None,
        }
    }

    /// The network of a visitor.
    pub fn network(&self) -> Option<&str> {
        match &self.identity {
            Identity::Visitor { network } => Some(network),
            Identity::User { .. } | Identity::Operator => None,
        }
    }

    /// What they showed; others show nothing.
    pub const fn shown(&self) -> Option<&Shown> {
        match &self.identity {
            Identity::User { shown, .. } => Some(shown),
            Identity::Operator | Identity::Visitor { .. } => None,
        }
    }

    /// Whether that was an API key.
    pub const fn is_key(&self) -> bool {
        matches!(
            self.identity,
            Identity::User {
                scopes: Some(_),
                ..
            }
        )
    }

    /// Whether what they showed is good for this: an API key has its scopes, an
    /// access token is good for all that its owner may do.
    pub fn has_scope(&self, scope: KeyScope) -> bool {
        match &self.identity {
            Identity::User {
                scopes: Some(scopes),
                ..
            } => scopes.has(scope),
            Identity::User { scopes: None, .. } | Identity::Operator | Identity::Visitor { .. } => {
                true
            }
        }
    }

    /// Whether they may change public knowledge.
    pub fn manages_public_knowledge(&self) -> bool {
        let by_role = match self.identity {
            Identity::User { role, .. } => role == Role::Admin,
            Identity::Operator => true,
            Identity::Visitor { .. } => false,
        };
        by_role && self.has_scope(KeyScope::KnowledgeAdmin)
    }

    /// What they may see.
    pub fn scope(&self) -> Scope {
        Scope {
            owner: match &self.identity {
                Identity::User { id, .. } => id.0.clone(),
                Identity::Operator => String::new(),
                Identity::Visitor { network } => match &self.key_use {
                    Some(key) => format!("{KEY_VISITOR}{}", key.id.0),
                    None => format!("{VISITOR}{network}"),
                },
            },
            is_member: self.user_id().is_some(),
            manages_public: self.manages_public_knowledge(),
        }
    }

    /// Where what they use is counted: a visitor's use with that of their network.
    pub fn counted_in(&self) -> Scope {
        let mut scope = self.scope();
        if let Some(network) = self.network() {
            scope.owner = format!("{VISITOR}{network}");
        }
        scope
    }

    /// What they may see where a conversation is looked at: a visitor who names
    /// one owns it, since its id can't be guessed.
    pub fn scope_in(&self, conversation: &ConversationId) -> Scope {
        let mut scope = self.scope();
        if matches!(self.identity, Identity::Visitor { .. }) && self.key_use.is_none() {
            scope.owner = format!("{VISITOR}{}", conversation.0);
        }
        scope
    }
}

/// What a caller may see and change. Stores take one for every read, and only
/// a [`Principal`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    owner: String,
    is_member: bool,
    manages_public: bool,
}

impl Scope {
    /// The owner whose private things are in it; empty for nobody, which no
    /// private row's owner is.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Whether knowledge for members is in it.
    pub const fn is_member(&self) -> bool {
        self.is_member
    }

    /// Whether public knowledge may be changed in it.
    pub const fn manages_public(&self) -> bool {
        self.manages_public
    }

    /// The same scope for the vector index, where `bases` are the knowledge
    /// bases that a store found to be in it.
    pub fn within(self, bases: Vec<KnowledgeBaseId>) -> SearchScope {
        SearchScope {
            bases,
            documents: None,
        }
    }
}

/// What a caller may be shown from the vector index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchScope {
    bases: Vec<KnowledgeBaseId>,
    documents: Option<Vec<DocumentId>>,
}

impl SearchScope {
    /// The knowledge bases in it. None means: nothing may be shown.
    pub fn bases(&self) -> &[KnowledgeBaseId] {
        &self.bases
    }

    /// The same scope with nothing in it but these documents.
    #[must_use]
    pub fn only(self, documents: Vec<DocumentId>) -> Self {
        Self {
            documents: Some(documents),
            ..self
        }
    }

    /// The only documents in it, if not all of its knowledge bases are. None of
    /// them means: nothing may be shown.
    pub fn documents(&self) -> Option<&[DocumentId]> {
        self.documents.as_deref()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.bases.is_empty() || self.documents().is_some_and(<[_]>::is_empty)
    }
}
