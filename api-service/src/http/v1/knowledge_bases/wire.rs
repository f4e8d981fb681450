//! The JSON of knowledge bases and their shares.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    app::ports::BaseChange,
    domain::{
        knowledge_base::{KnowledgeBase, Share, ShareRole, Visibility},
        language::Language,
        principal::Scope,
    },
    http::moment::rfc_3339,
};

/// Who sees a knowledge base.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Visibility")]
pub(super) enum VisibilityWire {
    Public,
    Members,
    #[default]
    Private,
}

impl From<VisibilityWire> for Visibility {
    fn from(wire: VisibilityWire) -> Self {
        match wire {
            VisibilityWire::Public => Self::Public,
            VisibilityWire::Members => Self::Members,
            VisibilityWire::Private => Self::Private,
        }
    }
}

/// A language, by its code.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct LanguageWire(Language);

impl TryFrom<String> for LanguageWire {
    type Error = &'static str;

    fn try_from(code: String) -> Result<Self, Self::Error> {
        let known = Language::from_code(&code);
        known
            .map(Self)
            .ok_or("a language is a code of ISO 639-1, such as `de`")
    }
}

impl From<LanguageWire> for Language {
    fn from(wire: LanguageWire) -> Self {
        wire.0
    }
}

/// `POST /v1/knowledge-bases`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewKnowledgeBase")]
pub(super) struct CreateBody {
    pub(super) name: String,
    #[serde(default)]
    pub(super) visibility: VisibilityWire,
    #[schemars(with = "Option<String>")]
    pub(super) language: Option<LanguageWire>,
}

/// `PATCH /v1/knowledge-bases/{id}`: what is missing stays.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "KnowledgeBaseChange")]
pub(super) struct ChangeBody {
    name: Option<String>,
    visibility: Option<VisibilityWire>,
    #[schemars(with = "Option<String>")]
    language: Option<LanguageWire>,
}

impl From<ChangeBody> for BaseChange {
    fn from(body: ChangeBody) -> Self {
        Self {
            name: body.name,
            visibility: body.visibility.map(Into::into),
            language: body.language.map(Into::into),
        }
    }
}

/// What a knowledge base is shared for.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "ShareRole")]
pub(super) enum RoleWire {
    Reader,
    Editor,
}

impl From<RoleWire> for ShareRole {
    fn from(wire: RoleWire) -> Self {
        match wire {
            RoleWire::Reader => Self::Reader,
            RoleWire::Editor => Self::Editor,
        }
    }
}

/// `PUT /v1/knowledge-bases/{id}/shares/{user_id}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewShare")]
pub(super) struct ShareBody {
    pub(super) role: RoleWire,
}

/// A knowledge base, as the caller sees it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "KnowledgeBase")]
pub(super) struct KnowledgeBaseWire {
    id: String,
    name: String,
    visibility: &'static str,
    /// `null` where administrators manage it.
    owner_id: Option<String>,
    /// What the caller may do: `reader`, `editor` or `manager`; `null` where
    /// the caller's own change took it from their sight.
    access: Option<&'static str>,
    /// A code of ISO 639-1; `null` while no document has told it.
    language: Option<&'static str>,
    created_at: String,
}

impl KnowledgeBaseWire {
    /// The knowledge base as it is in `scope`.
    pub(super) fn new(base: &KnowledgeBase, scope: &Scope) -> Self {
        Self {
            id: base.id.0.clone(),
            name: base.name.clone(),
            visibility: base.visibility.as_str(),
            owner_id: Some(base.owner.clone()).filter(|owner| !owner.is_empty()),
            access: base
                .access(scope)
                .map(crate::domain::knowledge_base::Access::as_str),
            language: base.language.map(Language::code),
            created_at: rfc_3339(base.created_at),
        }
    }
}

/// All knowledge bases that a caller may read.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "KnowledgeBases")]
pub(super) struct KnowledgeBasesWire {
    knowledge_bases: Vec<KnowledgeBaseWire>,
}

impl KnowledgeBasesWire {
    /// The knowledge bases as they are in `scope`.
    pub(super) fn new(bases: &[KnowledgeBase], scope: &Scope) -> Self {
        let bases = bases.iter().map(|base| KnowledgeBaseWire::new(base, scope));
        Self {
            knowledge_bases: bases.collect(),
        }
    }
}

/// A share.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Share")]
pub(super) struct ShareWire {
    user_id: String,
    role: &'static str,
    created_at: String,
}

impl From<Share> for ShareWire {
    fn from(share: Share) -> Self {
        Self {
            user_id: share.user.0,
            role: share.role.as_str(),
            created_at: rfc_3339(share.created_at),
        }
    }
}

/// All shares of a knowledge base.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Shares")]
pub(super) struct SharesWire {
    shares: Vec<ShareWire>,
}

impl From<Vec<Share>> for SharesWire {
    fn from(shares: Vec<Share>) -> Self {
        Self {
            shares: shares.into_iter().map(Into::into).collect(),
        }
    }
}
