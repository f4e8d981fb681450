//! The things that are told on this surface, as openai-chatkit 1.6.5 has them.
//! What has no value is left out.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use service_kit::openapi::Schemas;

use crate::{
    domain::{
        answer::{Citation, Evidence},
        chunk::Passage,
        conversation::{Conversation, Message, Speaker},
        document::{Document, MediaType},
    },
    http::moment::rfc_3339,
};

/// What a file is called whose name tells no format.
const BYTES: &str = "application/octet-stream";

/// A page of things.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ChatKitPageOf{T}")]
pub(super) struct PageWire<T> {
    data: Vec<T>,
    has_more: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
}

impl<T> PageWire<T> {
    /// A page of nothing.
    pub(super) const fn empty() -> Self {
        Self {
            data: vec![],
            has_more: false,
            after: None,
        }
    }

    /// A page of at most `size` of the things that were found, of which there is
    /// one more where there are more.
    pub(super) fn new(mut data: Vec<T>, size: usize, id: fn(&T) -> &str) -> Self {
        let has_more = data.len() > size;
        data.truncate(size);
        let last = data.last().filter(|_| has_more);
        Self {
            after: last.map(|last| id(last).to_owned()),
            has_more,
            data,
        }
    }
}

/// A conversation.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ChatKitThread")]
pub(super) struct ThreadWire {
    pub(super) id: String,
    title: String,
    created_at: String,
    status: StatusWire,
    items: PageWire<ItemWire>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ChatKitStatus")]
struct StatusWire {
    r#type: &'static str,
}

impl ThreadWire {
    /// A thread with some of its items.
    pub(super) fn new(conversation: Conversation, items: PageWire<ItemWire>) -> Self {
        Self {
            id: conversation.id.0,
            title: conversation.title,
            created_at: rfc_3339(conversation.created_at),
            status: StatusWire { r#type: "active" },
            items,
        }
    }
}

/// A message.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ChatKitItem")]
pub(super) struct ItemWire {
    pub(super) id: String,
    thread_id: String,
    created_at: String,
    #[serde(flatten)]
    said: SaidWire,
}

/// What was said.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schemars(rename = "ChatKitSaid")]
pub(super) enum SaidWire {
    UserMessage {
        content: Vec<ContentWire>,
        attachments: Vec<AttachmentWire>,
        inference_options: NoOptions,
    },
    AssistantMessage {
        content: Vec<ContentWire>,
    },
}

/// Nothing was chosen.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ChatKitNoOptions")]
pub(super) struct NoOptions {}

/// A text.
#[derive(Clone, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schemars(rename = "ChatKitContent")]
pub(super) enum ContentWire {
    InputText {
        text: String,
    },
    OutputText {
        text: String,
        annotations: Vec<AnnotationWire>,
    },
}

impl SaidWire {
    /// What somebody asked, with these files.
    pub(super) fn question(text: String, attachments: Vec<AttachmentWire>) -> Self {
        Self::UserMessage {
            content: vec![ContentWire::InputText { text }],
            attachments,
            inference_options: NoOptions {},
        }
    }

    /// An answer; without a content where there is none yet.
    pub(super) fn answer(content: Option<ContentWire>) -> Self {
        Self::AssistantMessage {
            content: content.into_iter().collect(),
        }
    }
}

impl ItemWire {
    /// An item of a thread.
    pub(super) fn new(thread: &str, id: String, at: i64, said: SaidWire) -> Self {
        Self {
            id,
            thread_id: thread.to_owned(),
            created_at: rfc_3339(at),
            said,
        }
    }

    /// A message that was kept.
    pub(super) fn kept(thread: &str, message: Message, files: &[Document]) -> Self {
        let said = match (message.speaker, message.answer) {
            (Speaker::Assistant, Some(answered)) => {
                let annotations =
                    annotations(&message.content, &answered.evidence, &answered.sources);
                SaidWire::answer(Some(ContentWire::OutputText {
                    text: message.content,
                    annotations,
                }))
            }
            _ => SaidWire::question(message.content, attachments(files, thread)),
        };
        Self::new(thread, message.id, message.created_at, said)
    }
}

/// What a place in an answer rests on.
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(rename = "ChatKitAnnotation")]
pub(super) struct AnnotationWire {
    r#type: &'static str,
    /// Where its footnote stands, in characters (Unicode code points).
    index: usize,
    source: SourceWire,
}

/// A source: a page that can be opened, or a file.
#[derive(Clone, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schemars(rename = "ChatKitSource")]
enum SourceWire {
    Url {
        url: String,
        title: String,
        description: String,
    },
    File {
        filename: String,
        title: String,
        description: String,
    },
}

/// What the sentences of a text rest on.
pub(super) fn annotations(
    text: &str,
    evidence: &Evidence,
    sources: &[Passage],
) -> Vec<AnnotationWire> {
    let citations = evidence.citations.iter();
    citations
        .filter_map(|citation| AnnotationWire::new(text, citation, sources))
        .collect()
}

impl AnnotationWire {
    /// That of a citation in a text, behind the sentence that cites.
    pub(super) fn new(text: &str, citation: &Citation, sources: &[Passage]) -> Option<Self> {
        let source = sources.get(citation.number.checked_sub(1)?)?;
        let before = text.get(..citation.sentence.end).unwrap_or(text);
        Some(Self {
            r#type: "annotation",
            index: before.chars().count(),
            source: SourceWire::new(source, citation.quote.clone()),
        })
    }
}

impl SourceWire {
    fn new(passage: &Passage, description: String) -> Self {
        let path = passage.path.clone();
        let name = path.rsplit('/').find(|part| !part.is_empty());
        let name = name.unwrap_or(&passage.title).to_owned();
        let title = match passage.title.as_str() {
            "" => name.clone(),
            title => title.to_owned(),
        };
        if path.starts_with("https://") || path.starts_with("http://") {
            return Self::Url {
                url: path,
                title,
                description,
            };
        }
        Self::File {
            filename: name,
            title,
            description,
        }
    }
}

/// A file that comes with a question.
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(rename = "ChatKitAttachment")]
pub(super) struct AttachmentWire {
    id: String,
    name: String,
    mime_type: String,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upload_descriptor: Option<UploadWire>,
}

/// Files that came with a question in a thread.
pub(super) fn attachments(files: &[Document], thread: &str) -> Vec<AttachmentWire> {
    let files = files.iter().map(AttachmentWire::from);
    let thread = Some(thread.to_owned());
    files
        .map(|file| AttachmentWire {
            thread_id: thread.clone(),
            ..file
        })
        .collect()
}

/// Where its bytes are to be sent, as a form with the part `file`.
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(rename = "ChatKitUploadDescriptor")]
struct UploadWire {
    url: String,
    method: &'static str,
    headers: NoHeaders,
}

/// None beside those that the client sends anyway.
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(rename = "ChatKitNoHeaders")]
struct NoHeaders {}

impl AttachmentWire {
    /// A file that is still to be sent to `url`.
    pub(super) fn announced(id: String, name: String, mime_type: String, url: String) -> Self {
        Self {
            id,
            name,
            mime_type,
            r#type: "file",
            thread_id: None,
            upload_descriptor: Some(UploadWire {
                url,
                method: "POST",
                headers: NoHeaders {},
            }),
        }
    }
}

impl From<&Document> for AttachmentWire {
    fn from(document: &Document) -> Self {
        let format = MediaType::from_path(&document.path);
        let names = [&document.path, &document.title, &document.external_id];
        let name = names.into_iter().find(|name| !name.is_empty());
        Self {
            id: document.external_id.clone(),
            name: name.cloned().unwrap_or_default(),
            mime_type: format.map_or(BYTES, MediaType::as_str).to_owned(),
            r#type: "file",
            thread_id: None,
            upload_descriptor: None,
        }
    }
}

/// A refusal.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ChatKitError")]
pub(super) struct ErrorBody {
    error: ErrorWire,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ChatKitErrorWords")]
struct ErrorWire {
    code: &'static str,
    message: String,
}

impl ErrorBody {
    /// A refusal with a stable code, and what to do.
    pub(super) const fn new(code: &'static str, message: String) -> Self {
        Self {
            error: ErrorWire { code, message },
        }
    }
}

/// What the document says of what is answered without a stream.
pub(super) fn shape(schemas: &mut Schemas) -> Value {
    json!({ "anyOf": [
        schemas.sent::<ThreadWire>(),
        schemas.sent::<PageWire<ThreadWire>>(),
        schemas.sent::<PageWire<ItemWire>>(),
        schemas.sent::<AttachmentWire>(),
        { "type": "object", "maxProperties": 0 },
    ] })
}
