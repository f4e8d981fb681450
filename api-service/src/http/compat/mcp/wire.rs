//! The JSON of this surface that is not the protocol's own: what its tools take
//! and give, and what says where tokens are had.

use proto::api_key::KeyScope;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    app::ask::Answered,
    domain::{
        answer::{AnswerKind, Citation},
        chunk::Passage,
        document::Document,
    },
};

/// JSON-RPC's code of a request that is refused.
const REFUSED: i32 = -32_600;

/// Its code of what is no JSON.
const UNPARSED: i32 = -32_700;

/// What `search` takes.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "McpSearchArguments")]
pub(super) struct SearchArguments {
    /// What is looked for.
    pub(super) query: String,
}

/// What `fetch` takes.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "McpFetchArguments")]
pub(super) struct FetchArguments {
    /// The document, as `search` names it.
    pub(super) id: String,
}

/// What `ask` takes.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "McpAskArguments")]
pub(super) struct AskArguments {
    /// The question.
    pub(super) question: String,
    /// The conversation that it goes on with.
    pub(super) conversation_id: Option<String>,
}

/// What `search` gives, as `ChatGPT`'s connectors want it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "McpFound")]
pub(super) struct FoundWire {
    results: Vec<ResultWire>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "McpResult")]
struct ResultWire {
    id: String,
    title: String,
    url: String,
}

impl FoundWire {
    /// The documents of these passages, each once.
    pub(super) fn new(passages: &[Passage], origin: &str) -> Self {
        let mut results: Vec<ResultWire> = vec![];
        for passage in passages {
            let id = &passage.document_id.0;
            if !results.iter().any(|result| result.id == *id) {
                results.push(ResultWire {
                    id: id.clone(),
                    title: title(&passage.title, &passage.path),
                    url: url(origin, id, &passage.path),
                });
            }
        }
        Self { results }
    }
}

/// What `fetch` gives, as `ChatGPT`'s connectors want it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "McpDocument")]
pub(super) struct DocumentWire {
    id: String,
    title: String,
    text: String,
    url: String,
    metadata: MetadataWire,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "McpMetadata")]
struct MetadataWire {
    path: String,
    knowledge_base: String,
}

impl DocumentWire {
    /// A document with its text.
    pub(super) fn new(document: Document, text: String, origin: &str) -> Self {
        Self {
            title: title(&document.title, &document.path),
            url: url(origin, &document.id.0, &document.path),
            id: document.id.0,
            text,
            metadata: MetadataWire {
                path: document.path,
                knowledge_base: document.knowledge_base,
            },
        }
    }
}

/// What `ask` gives.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "McpAnswer")]
pub(super) struct AnswerWire {
    answer: String,
    kind: &'static str,
    citations: Vec<CitationWire>,
    conversation_id: String,
}

/// What a marker such as `[1]` in an answer stands for.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "McpCitation")]
struct CitationWire {
    number: usize,
    id: String,
    title: String,
    url: String,
    quote: String,
}

impl AnswerWire {
    /// A whole answer.
    pub(super) fn new(answered: Answered, origin: &str) -> Self {
        let answer = answered.answer;
        let citations = answer.evidence.citations.iter();
        let cited = |citation: &Citation| {
            let source = answer.sources.get(citation.number.checked_sub(1)?)?;
            Some(CitationWire {
                number: citation.number,
                id: source.document_id.0.clone(),
                title: title(&source.title, &source.path),
                url: url(origin, &source.document_id.0, &source.path),
                quote: citation.quote.clone(),
            })
        };
        Self {
            citations: citations.filter_map(cited).collect(),
            answer: answer.text,
            kind: AnswerKind::as_str(answer.kind),
            conversation_id: answered.conversation_id.0,
        }
    }
}

/// What a document is called.
pub(super) fn title(title: &str, path: &str) -> String {
    let names = [title, path];
    let name = names.into_iter().find(|name| !name.is_empty());
    name.unwrap_or("Untitled").to_owned()
}

/// Where a document is to be seen: at its own address, or here, for who has
/// signed in.
fn url(origin: &str, id: &str, path: &str) -> String {
    if path.starts_with("https://") || path.starts_with("http://") {
        return path.to_owned();
    }
    format!("{origin}/v1/documents/{id}/content")
}

/// Where tokens for a resource are had (RFC 9728, section 2).
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "McpResource")]
pub(super) struct ResourceWire {
    resource: String,
    resource_name: &'static str,
    authorization_servers: [String; 1],
    scopes_supported: [&'static str; 3],
    bearer_methods_supported: [&'static str; 1],
}

impl ResourceWire {
    /// Of this resource, whose tokens `issuer` makes.
    pub(super) fn new(resource: String, issuer: String) -> Self {
        let scopes = [KeyScope::Search, KeyScope::DocumentsRead, KeyScope::Chat];
        Self {
            resource,
            resource_name: "Lectern",
            authorization_servers: [issuer],
            scopes_supported: scopes.map(KeyScope::as_str),
            bearer_methods_supported: ["header"],
        }
    }
}

/// A refusal, as JSON-RPC tells errors.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "McpError")]
pub(super) struct ErrorBody {
    jsonrpc: &'static str,
    id: Value,
    error: ErrorWire,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "McpErrorDetail")]
struct ErrorWire {
    code: i32,
    message: String,
    data: ErrorCodeWire,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "McpErrorCode")]
struct ErrorCodeWire {
    code: &'static str,
}

impl ErrorBody {
    /// A refusal of what is no JSON.
    pub(super) const fn unparsed(code: &'static str, message: String) -> Self {
        let mut body = Self::new(code, message);
        body.error.code = UNPARSED;
        body
    }

    /// A refusal with a stable code, and what to do.
    pub(super) const fn new(code: &'static str, message: String) -> Self {
        Self {
            jsonrpc: "2.0",
            id: Value::Null,
            error: ErrorWire {
                code: REFUSED,
                message,
                data: ErrorCodeWire { code },
            },
        }
    }
}
