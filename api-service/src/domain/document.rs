//! Documents, and what is taken in of them.

use service_kit::clock::Millis;

use super::{job::Job, knowledge_base::KnowledgeBaseId, tags::Tags};

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
    /// The source of a program.
    Code,
    /// Rows of values, parted by commas or semicolons.
    Csv,
    /// Rows of values, parted by tabs.
    Tsv,
    /// JSON.
    Json,
    /// A JSON value a line.
    JsonLines,
    /// A Jupyter notebook.
    Notebook,
    /// An e-mail message.
    Email,
    /// Rich Text Format.
    Rtf,
    /// Portable Document Format.
    Pdf,
    /// A document of Word.
    Docx,
    /// A presentation of PowerPoint.
    Pptx,
    /// A workbook of Excel.
    Xlsx,
    /// An OpenDocument text.
    Odt,
    /// An e-book.
    Epub,
}

/// A format's names: first the registered one, then others that are met.
type Names = (MediaType, &'static [&'static str], &'static [&'static str]);

/// Each format with its media types and the endings of its files.
const FORMATS: &[Names] = &[
    (
        MediaType::Markdown,
        &["text/markdown", "text/x-markdown"],
        &["md", "markdown"],
    ),
    (MediaType::Mdx, &["text/mdx"], &["mdx"]),
    (
        MediaType::Html,
        &["text/html", "application/xhtml+xml"],
        &["html", "htm", "xhtml"],
    ),
    (MediaType::Plain, &["text/plain"], &["txt", "text", "log"]),
    (
        MediaType::Code,
        &[
            "text/x-source-code",
            "text/javascript",
            "text/x-python",
            "text/css",
            "text/xml",
            "application/xml",
        ],
        &[
            "c", "cc", "cpp", "cs", "css", "dart", "ex", "go", "h", "hpp", "hs", "java", "js",
            "jsx", "kt", "lua", "php", "pl", "proto", "ps1", "py", "r", "rb", "rs", "scala", "sh",
            "sql", "swift", "toml", "ts", "tsx", "vue", "xml", "yaml", "yml", "zig",
        ],
    ),
    (MediaType::Csv, &["text/csv"], &["csv"]),
    (
        MediaType::Tsv,
        &["text/tab-separated-values"],
        &["tsv", "tab"],
    ),
    (MediaType::Json, &["application/json"], &["json"]),
    (
        MediaType::JsonLines,
        &["application/jsonl", "application/x-ndjson"],
        &["jsonl", "ndjson"],
    ),
    (
        MediaType::Notebook,
        &["application/x-ipynb+json"],
        &["ipynb"],
    ),
    (MediaType::Email, &["message/rfc822"], &["eml"]),
    (MediaType::Rtf, &["application/rtf", "text/rtf"], &["rtf"]),
    (MediaType::Pdf, &["application/pdf"], &["pdf"]),
    (
        MediaType::Docx,
        &["application/vnd.openxmlformats-officedocument.wordprocessingml.document"],
        &["docx"],
    ),
    (
        MediaType::Pptx,
        &["application/vnd.openxmlformats-officedocument.presentationml.presentation"],
        &["pptx"],
    ),
    (
        MediaType::Xlsx,
        &["application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"],
        &["xlsx"],
    ),
    (
        MediaType::Odt,
        &["application/vnd.oasis.opendocument.text"],
        &["odt"],
    ),
    (MediaType::Epub, &["application/epub+zip"], &["epub"]),
];

impl MediaType {
    /// Its name in the registry of media types, or the usual one.
    pub fn as_str(self) -> &'static str {
        let row = FORMATS.iter().find(|(format, _, _)| *format == self);
        row.map_or("text/plain", |(_, names, _)| names[0])
    }

    /// The format that a media type names; parameters do not matter.
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.split(';').next().unwrap_or_default().trim();
        let name = name.to_ascii_lowercase();
        let row = FORMATS
            .iter()
            .find(|(_, names, _)| names.contains(&name.as_str()));
        row.map(|(format, _, _)| *format)
    }

    /// The format that a file's name ends in.
    pub fn from_path(path: &str) -> Option<Self> {
        let (_, ending) = path.rsplit_once('.')?;
        let ending = ending.to_ascii_lowercase();
        let row = FORMATS
            .iter()
            .find(|(_, _, endings)| endings.contains(&ending.as_str()));
        row.map(|(format, _, _)| *format)
    }

    /// Whether places in its text are places in the bytes that were sent, where
    /// these are UTF-8.
    pub const fn is_read_in_place(self) -> bool {
        matches!(
            self,
            Self::Markdown | Self::Mdx | Self::Html | Self::Plain | Self::Code
        )
    }

    /// Whether its files are text, which a person can read as they are.
    pub const fn is_text(self) -> bool {
        !matches!(
            self,
            Self::Pdf | Self::Docx | Self::Pptx | Self::Xlsx | Self::Odt | Self::Epub
        )
    }
}

/// How a document came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Over the API.
    Upload,
    /// By `ingest DIR`, which also takes it away when the file is gone.
    Directory,
    /// By a sync of a source, which also takes it away when the page is gone.
    Source,
}

impl Origin {
    /// The word that stands for it in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::Directory => "directory",
            Self::Source => "source",
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
    /// What it is sorted by.
    pub tags: Tags,
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
    /// The tags that come with it; what its content says comes to them.
    pub tags: Tags,
    /// How it came in.
    pub origin: Origin,
    /// Its format.
    pub media_type: MediaType,
    /// The hash of its content.
    pub content_hash: String,
    /// Its content, as it was sent.
    pub content: Vec<u8>,
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
