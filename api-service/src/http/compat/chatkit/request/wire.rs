//! The requests of this surface, as openai-chatkit 1.6.5 has them. Fields that
//! are not known here are ignored.

use schemars::JsonSchema;
use serde::Deserialize;

use serde_json::{Value, json};
use service_kit::openapi::Schemas;

use super::super::error::ChatKitError;
use crate::app::ports::Order;

/// How many things a page has where nothing is said (`DEFAULT_PAGE_SIZE`).
const PAGE: usize = 20;

/// How many things a page has at most.
const LARGEST_PAGE: usize = 99;

/// A request.
pub(in crate::http::compat::chatkit) enum RequestBody {
    /// It is answered with a stream.
    Asking(AskingBody),
    /// About threads.
    Threads(ThreadsBody),
    /// About items of a thread.
    Items(ItemsBody),
    /// About files.
    Attachments(AttachmentsBody),
}

#[derive(Deserialize, JsonSchema)]
struct Typed {
    r#type: String,
}

impl RequestBody {
    /// What the document says of it.
    pub(in crate::http::compat::chatkit) fn shape(schemas: &mut Schemas) -> Value {
        json!({ "anyOf": [
            schemas.taken::<AskingBody>(),
            schemas.taken::<ThreadsBody>(),
            schemas.taken::<ItemsBody>(),
            schemas.taken::<AttachmentsBody>(),
        ] })
    }

    /// Reads a body.
    pub(in crate::http::compat::chatkit) fn read(bytes: &[u8]) -> Result<Self, ChatKitError> {
        let Typed { r#type } = read(bytes)?;
        match r#type.as_str() {
            "threads.create" | "threads.add_user_message" | "threads.retry_after_item" => {
                read(bytes).map(Self::Asking)
            }
            "threads.get_by_id" | "threads.list" | "threads.update" | "threads.delete" => {
                read(bytes).map(Self::Threads)
            }
            "items.list" | "items.feedback" => read(bytes).map(Self::Items),
            "attachments.create" | "attachments.delete" => read(bytes).map(Self::Attachments),
            "threads.add_client_tool_output"
            | "threads.add_structured_input"
            | "threads.custom_action"
            | "threads.sync_custom_action"
            | "input.transcribe" => Err(ChatKitError::unsupported()),
            _ => Err(ChatKitError::unknown_type()),
        }
    }
}

fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, ChatKitError> {
    serde_json::from_slice(bytes).map_err(|error| ChatKitError::unreadable(&error))
}

/// What is answered with a stream.
#[derive(Deserialize, JsonSchema)]
#[serde(tag = "type", content = "params")]
#[schemars(rename = "ChatKitAsking")]
pub(in crate::http::compat::chatkit) enum AskingBody {
    #[serde(rename = "threads.create")]
    Create { input: InputBody },
    #[serde(rename = "threads.add_user_message")]
    Add { thread_id: String, input: InputBody },
    #[serde(rename = "threads.retry_after_item")]
    Retry { thread_id: String, item_id: String },
}

/// What somebody says. Which model or tool they would like is not looked at.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "ChatKitInput")]
pub(in crate::http::compat::chatkit) struct InputBody {
    content: Vec<InputContent>,
    #[serde(default)]
    pub(in crate::http::compat::chatkit) attachments: Vec<String>,
    quoted_text: Option<String>,
}

/// A piece of it: `input_text`, or an `input_tag`, which has a text too.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "ChatKitInputContent")]
struct InputContent {
    text: String,
}

impl InputBody {
    /// The message. What it quotes stands above it, as Markdown has it.
    pub(in crate::http::compat::chatkit) fn message(&self) -> String {
        let texts = self.content.iter().map(|piece| piece.text.as_str());
        let text: String = texts.collect();
        match &self.quoted_text {
            Some(quoted) if !quoted.trim().is_empty() => {
                format!("> {}\n\n{text}", quoted.trim().replace('\n', "\n> "))
            }
            _ => text,
        }
    }
}

/// Requests about threads.
#[derive(Deserialize, JsonSchema)]
#[serde(tag = "type", content = "params")]
#[schemars(rename = "ChatKitThreads")]
pub(in crate::http::compat::chatkit) enum ThreadsBody {
    #[serde(rename = "threads.get_by_id")]
    GetById { thread_id: String },
    #[serde(rename = "threads.list")]
    List(PageBody),
    #[serde(rename = "threads.update")]
    Update { thread_id: String, title: String },
    #[serde(rename = "threads.delete")]
    Delete { thread_id: String },
}

/// Requests about the items of a thread.
#[derive(Deserialize, JsonSchema)]
#[serde(tag = "type", content = "params")]
#[schemars(rename = "ChatKitItems")]
pub(in crate::http::compat::chatkit) enum ItemsBody {
    #[serde(rename = "items.list")]
    List {
        thread_id: String,
        #[serde(flatten)]
        page: PageBody,
    },
    #[serde(rename = "items.feedback")]
    Feedback {
        item_ids: Vec<String>,
        kind: FeedbackKind,
    },
}

/// Requests about files.
#[derive(Deserialize, JsonSchema)]
#[serde(tag = "type", content = "params")]
#[schemars(rename = "ChatKitAttachments")]
pub(in crate::http::compat::chatkit) enum AttachmentsBody {
    #[serde(rename = "attachments.create")]
    Create { name: String, mime_type: String },
    #[serde(rename = "attachments.delete")]
    Delete { attachment_id: String },
}

/// The query of `POST /chatkit/attachments`.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "ChatKitUpload")]
pub(in crate::http::compat::chatkit) struct UploadQuery {
    /// The attachment that was created for the file, where one was.
    pub(in crate::http::compat::chatkit) attachment_id: Option<String>,
}

/// Whether answers were of use.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "ChatKitFeedback")]
pub(in crate::http::compat::chatkit) enum FeedbackKind {
    Positive,
    Negative,
}

/// Which page is wanted.
#[derive(Default, Deserialize, JsonSchema)]
#[schemars(rename = "ChatKitPageQuery")]
pub(in crate::http::compat::chatkit) struct PageBody {
    limit: Option<u32>,
    #[serde(default)]
    order: OrderWord,
    after: Option<String>,
}

#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum OrderWord {
    Asc,
    #[default]
    Desc,
}

impl PageBody {
    /// The first page, the oldest thing first.
    pub(in crate::http::compat::chatkit) fn first() -> Self {
        Self {
            order: OrderWord::Asc,
            ..Self::default()
        }
    }

    /// How many things it has at most.
    pub(in crate::http::compat::chatkit) fn size(&self) -> usize {
        let limit = self.limit.and_then(|limit| usize::try_from(limit).ok());
        let limit = limit.filter(|limit| *limit > 0);
        limit.unwrap_or(PAGE).min(LARGEST_PAGE)
    }

    /// Which comes first.
    pub(in crate::http::compat::chatkit) fn order(&self) -> Order {
        match self.order {
            OrderWord::Asc => Order::OldestFirst,
            OrderWord::Desc => Order::NewestFirst,
        }
    }

    /// What it comes after; empty for the first one.
    pub(in crate::http::compat::chatkit) fn after(&self) -> String {
        self.after.clone().unwrap_or_default()
    }
}
