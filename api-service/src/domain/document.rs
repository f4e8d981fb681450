//! Documents, and what is taken in of them.

use service_kit::clock::Millis;

use super::{job::Job, knowledge_base::KnowledgeBaseId};

/// A document's id (UUIDv7).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DocumentId(pub String);

/// A format that can be parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaType {
    /// `CommonMark` with tables, footnotes and front matter.
    Markdown,
    /// Markdown with JSX, as Docusaurus and Next.js have it.
    Mdx,
    /// HTML.
    Html,
    /// Text without markup.
    Plain,
}

impl MediaType {
    /// Its name in the registry of media types.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Markdown => "text/markdown",
            Self::Mdx => "text/mdx",
            Self::Html => "text/html",
            Self::Plain => "text/plain",
        }
    }

    /// The format that a media type names; parameters do not matter.
    pub fn from_name(name: &str) -> Option<Self> {
        match name
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
            .as_str()
        {
            "text/markdown" | "text/x-markdown" => Some(Self::Markdown),
            "text/mdx" => Some(Self::Mdx),
            "text/html" | "application/xhtml+xml" => Some(Self::Html),
            "text/plain" => Some(Self::Plain),
            _ => None,
        }
    }

    /// The format that a file's name ends in.
    pub fn from_path(path: &str) -> Option<Self> {
        let (_, extension) = path.rsplit_once('.')?;
        match extension.to_ascii_lowercase().as_str() {
            "md" | "markdown" => Some(Self::Markdown),
            "mdx" => Some(Self::Mdx),
            "html" | "htm" | "xhtml" => Some(Self::Html),
            "txt" | "text" => Some(Self::Plain),
            _ => None,
        }
    }
}

/// How a document came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Over the API.
    Upload,
    /// By `ingest DIR`, which also takes it away when the file is gone.
    Directory,
}

impl Origin {
    /// The word that stands for it in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::Directory => "directory",
        }
    }
}

/// A document as its readers see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its id.
    pub id: DocumentId,
    /// The knowledge base it belongs to.
    pub knowledge_base_id: KnowledgeBaseId,
    /// That knowledge base's name.
    pub knowledge_base: String,
    /// What its source calls it.
    pub external_id: String,
    /// Its title.
    pub title: String,
    /// Where it came from: a path or a file's name; may be empty.
    pub path: String,
    /// When it first came in.
    pub created_at: Millis,
    /// When its newest version came in.
    pub updated_at: Millis,
    /// Whether a version of it can be found.
    pub searchable: bool,
    /// The newest version's job.
    pub job: Job,
}

/// What is taken in as a document, or as its next version.
#[derive(Debug, Clone)]
pub struct NewDocument {
    /// The id it gets where it is not there yet.
    pub id: DocumentId,
    /// The id of the job that will parse and index it.
    pub job_id: String,
    /// The knowledge base it goes to.
    pub knowledge_base_id: KnowledgeBaseId,
    /// What its source calls it: the same name is the same document.
    pub external_id: String,
    /// Its title, until parsing finds a better one; empty for none.
    pub title: String,
    /// Where it came from.
    pub path: String,
    /// How it came in.
    pub origin: Origin,
    /// Its format.
    pub media_type: MediaType,
    /// The hash of its content.
    pub content_hash: String,
    /// Its content: valid UTF-8.
    pub content: String,
    /// The run that brought it; empty for an upload.
    pub run_id: String,
}

/// What taking a document in came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was not there.
    Created,
    /// It was there with another content.
    Updated,
    /// It was there with the same content: nothing is to be done.
    Unchanged,
}

/// The longest title, path or external id, in characters.
pub const MAX_LABEL: usize = 500;

/// Whether `text` can be a title, a path or an external id.
pub fn is_label(text: &str) -> bool {
    text.chars().count() <= MAX_LABEL && !text.chars().any(char::is_control)
}
