//! The JSON of sources and their syncs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    app::sources::SourceChange,
    domain::source::{RefusedPage, Source, SourceKind, SourceSettings, SourceSync},
    http::moment::rfc_3339,
};

/// What a source's addresses name.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "SourceKind")]
enum KindWire {
    Urls,
    Sitemap,
    Git,
}

impl From<KindWire> for SourceKind {
    fn from(wire: KindWire) -> Self {
        match wire {
            KindWire::Urls => Self::Urls,
            KindWire::Sitemap => Self::Sitemap,
            KindWire::Git => Self::Git,
        }
    }
}

/// `POST /v1/sources`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewSource")]
pub(super) struct CreateBody {
    knowledge_base: Option<String>,
    kind: KindWire,
    urls: Vec<String>,
    #[serde(default)]
    include: Vec<String>,
    #[serde(default)]
    exclude: Vec<String>,
    #[serde(default)]
    every_seconds: i64,
}

impl CreateBody {
    /// The knowledge base, by name or id, and what the source is to bring.
    pub(super) fn into_parts(self) -> (Option<String>, SourceSettings) {
        let settings = SourceSettings {
            kind: self.kind.into(),
            addresses: self.urls,
            include: self.include,
            exclude: self.exclude,
            every_seconds: self.every_seconds,
        };
        (self.knowledge_base, settings)
    }
}

/// `PATCH /v1/sources/{id}`: what is missing stays.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SourceChange")]
pub(super) struct ChangeBody {
    urls: Option<Vec<String>>,
    include: Option<Vec<String>>,
    exclude: Option<Vec<String>>,
    every_seconds: Option<i64>,
}

impl From<ChangeBody> for SourceChange {
    fn from(body: ChangeBody) -> Self {
        Self {
            addresses: body.urls,
            include: body.include,
            exclude: body.exclude,
            every_seconds: body.every_seconds,
        }
    }
}

/// A source.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Source")]
pub(super) struct SourceWire {
    id: String,
    knowledge_base: BaseName,
    kind: &'static str,
    urls: Vec<String>,
    include: Vec<String>,
    exclude: Vec<String>,
    every_seconds: i64,
    /// `idle`, `syncing` or `failed`.
    state: &'static str,
    /// When the next sync is due; `null` where it is to be asked for.
    next_sync_at: Option<String>,
    last_sync: Option<SyncWire>,
    created_at: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SourceKnowledgeBase")]
struct BaseName {
    id: String,
    name: String,
}

/// A sync, over or under way.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SourceSync")]
struct SyncWire {
    started_at: String,
    /// `null` while it is under way.
    finished_at: Option<String>,
    created: usize,
    updated: usize,
    unchanged: usize,
    removed: usize,
    refused_count: usize,
    /// The first hundred of these.
    refused: Vec<RefusedWire>,
    /// Why it could not be done, if it could not.
    error_code: Option<String>,
    error_detail: Option<String>,
}

/// A page that was not taken in.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RefusedPage")]
struct RefusedWire {
    url: String,
    code: String,
    detail: String,
}

impl From<Source> for SourceWire {
    fn from(source: Source) -> Self {
        let settings = source.settings;
        Self {
            id: source.id.0,
            knowledge_base: BaseName {
                id: source.knowledge_base_id.0,
                name: source.knowledge_base,
            },
            kind: settings.kind.as_str(),
            urls: settings.addresses,
            include: settings.include,
            exclude: settings.exclude,
            every_seconds: settings.every_seconds,
            state: source.state.as_str(),
            next_sync_at: source.next_sync_at.map(rfc_3339),
            last_sync: source.last_sync.map(Into::into),
            created_at: rfc_3339(source.created_at),
        }
    }
}

impl From<SourceSync> for SyncWire {
    fn from(sync: SourceSync) -> Self {
        let report = sync.report;
        let (error_code, error_detail) = match sync.failure {
            Some(failure) => (Some(failure.code), Some(failure.detail)),
            None => (None, None),
        };
        Self {
            started_at: rfc_3339(sync.started_at),
            finished_at: sync.finished_at.map(rfc_3339),
            created: report.created,
            updated: report.updated,
            unchanged: report.unchanged,
            removed: report.removed,
            refused_count: report.refused_count,
            refused: report.refused.into_iter().map(Into::into).collect(),
            error_code,
            error_detail,
        }
    }
}

impl From<RefusedPage> for RefusedWire {
    fn from(page: RefusedPage) -> Self {
        Self {
            url: page.address,
            code: page.code,
            detail: page.detail,
        }
    }
}

/// A page of sources.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SourcePage")]
pub(super) struct SourcesWire {
    sources: Vec<SourceWire>,
    /// What to send as `after` for the next page; `null` on the last one.
    next: Option<String>,
}

impl SourcesWire {
    /// A page that was asked for with this limit.
    pub(super) fn new(sources: Vec<Source>, limit: usize) -> Self {
        let full = sources.len() == limit;
        let last = sources.last().filter(|_| full);
        Self {
            next: last.map(|last| last.id.0.clone()),
            sources: sources.into_iter().map(Into::into).collect(),
        }
    }
}
