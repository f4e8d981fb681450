//! What can go wrong, for all surfaces. `Display` tells the caller what to do
//! and never the cause; the cause is the `source`, for the log.

use proto::{api_key::KeyScope, error_kind::ErrorKind};

use super::ports::{
    EmbeddingError, IndexError, ReadError, Refused, StoreError, UnverifiedKey, UnverifiedToken,
};
use super::publishable_keys::PublishableKeyError;
use crate::{domain::question::InvalidQuestion, pipeline::parsing::ParseError};

/// How soon a caller may try again what failed on our side, in seconds.
const RETRY_AFTER: u64 = 5;

/// Why a verb could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The credentials don't hold.
    #[error(transparent)]
    Token(#[from] UnverifiedToken),
    /// The API key does not hold.
    #[error(transparent)]
    Key(#[from] UnverifiedKey),
    /// The API key holds, but was not made for this.
    #[error("The API key lacks the scope {}; give it the scope, or use another key.", .0.as_str())]
    MissingScope(KeyScope),
    /// The caller may see it, but not change it.
    #[error(
        "You may read this knowledge base but not change it; its owner or an administrator can."
    )]
    ReadOnly,
    /// What is asked for is for administrators.
    #[error("This is for administrators alone; ask one of them.")]
    AdministratorsOnly,
    /// A publishable key is not there, not good for this, or can't be like this.
    #[error(transparent)]
    Publishable(#[from] PublishableKeyError),
    /// There is no such document, or it is somebody else's.
    #[error("There is no document with this id among yours.")]
    NoSuchDocument,
    /// There is no such job, or it is somebody else's.
    #[error("There is no job with this id among yours.")]
    NoSuchJob,
    /// There is no such knowledge base, or it is somebody else's.
    #[error("There is no knowledge base with this name that you may read.")]
    NoSuchKnowledgeBase,
    /// The caller's knowledge base has this name, or a public one has it.
    #[error("There is a knowledge base of this name already; choose another name.")]
    NameTaken,
    /// There are as many knowledge bases, or shares of one, as there may be.
    #[error("There are as many of these as there may be; delete some first.")]
    TooMany,
    /// Its owner would keep more than they may.
    #[error(
        "This is more than the owner of the knowledge base may keep, in documents or in bytes; \
         delete some documents first, or ask an administrator for more room."
    )]
    QuotaExceeded,
    /// It is not shared with this user.
    #[error("The knowledge base is not shared with this user.")]
    NoSuchShare,
    /// The account to share with was deleted.
    #[error("There is no user with this id; ask them for the `id` that `GET /v1/me` tells.")]
    UnknownUser,
    /// The document has no such chunk.
    #[error("There is no chunk with this id in the document.")]
    NoSuchChunk,
    /// The link was not made here, or what it showed is gone or out of sight.
    #[error("This link leads to nothing, or no longer; ask for another one.")]
    InvalidLink,
    /// The link held, and no longer does.
    #[error("This link has expired; ask for another one.")]
    ExpiredLink,
    /// A link is to hold for too long, or for no time.
    #[error("`expires_in` must be between 1 and 900 seconds.")]
    LinkLifetime,
    /// There is no such source, or it is not the caller's to change.
    #[error("There is no source with this id among those that you may change.")]
    NoSuchSource,
    /// A source can't be like this.
    #[error("{0}")]
    Source(&'static str),
    /// There is no such conversation, or it is somebody else's.
    #[error("There is no conversation with this id among yours; leave it out to begin one.")]
    NoSuchConversation,
    /// There is no such message, or it is in somebody else's conversation.
    #[error("There is no message with this id in a conversation of yours.")]
    NoSuchMessage,
    /// The question is empty or over-long.
    #[error("{}", match .0 {
        InvalidQuestion::Empty => "The message is empty; send a question.",
        InvalidQuestion::TooLong =>
            "The message is longer than 8,000 characters; ask more briefly.",
    })]
    Question(InvalidQuestion),
    /// A title, path, name or external id can't be one.
    #[error("{0}")]
    Label(&'static str),
    /// Tags can't be these.
    #[error("There are at most 20 tags, each of 1 to 50 characters and on one line.")]
    Tags,
    /// A filter can't be like this.
    #[error(
        "A filter names at most 100 documents or knowledge bases, and its path_prefix has at most \
         500 characters; leave some away."
    )]
    Filter,
    /// Texts can't be embedded like this.
    #[error("{0}")]
    Texts(&'static str),
    /// A number is out of its range.
    #[error("`limit` must be between 1 and 100.")]
    Limit,
    /// A period ends before it begins.
    #[error("`from` must be before `to`.")]
    Period,
    /// A page is asked for after something that no page gave.
    #[error("`after` must be what the page before gave as `next`.")]
    Cursor,
    /// The document's format is not understood.
    #[error(
        "This format is not understood; send text, Markdown, HTML, PDF, an Office or \
         OpenDocument file, an e-book, a message, a notebook, CSV or JSON."
    )]
    UnknownFormat,
    /// There is nothing to be found in the document.
    #[error("The document holds no text; there is nothing to be found in it.")]
    EmptyDocument,
    /// The document can't be parsed.
    #[error("{}", match .0 {
        ParseError::Mismatch =>
            "The document is not of the format that its name or type says; correct that.",
        ParseError::Encrypted =>
            "The document is encrypted; take its password away and send it again.",
        ParseError::TooComplex => "The document is too complex; send it in parts.",
        _ => "The document can't be read as what it says it is.",
    })]
    Parse(ParseError),
    /// Documents can't be read, for a cause that is not theirs.
    #[error("Documents can't be read just now; try again.")]
    Reading(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Adding up went wrong on our side.
    #[error("This could not be added up on our side; try again.")]
    Reporting(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Reading the document took too long, or went wrong on our side.
    #[error("The document can't be read in the time that a document may take.")]
    UnreadableInTime,
    /// A store failed.
    #[error("The database can't be reached just now; try again.")]
    Store(#[from] StoreError),
    /// The vector index failed.
    #[error("Search can't be reached just now; try again.")]
    Index(#[from] IndexError),
    /// This process has no index, since another one holds it.
    #[error("Another process has the index open; stop it, or ask it.")]
    IndexElsewhere,
    /// The embedding model failed.
    #[error("The embedding model failed on our side; try again.")]
    Embedding(#[from] EmbeddingError),
    /// As many answers are written and waited for as may be. There may be room in
    /// so many seconds.
    #[error("Too many answers are being written just now; try again in {0} s.")]
    AnswersBusy(u64),
    /// The caller has used what they may use of the language model in a day,
    /// which ends in so many seconds.
    #[error("You have used all the tokens that you may use today; ask again after midnight (UTC).")]
    TokensSpent(u64),
    /// The caller asks more often than they may. They may ask again in so many
    /// seconds.
    #[error("You ask too often; ask again in {0} s.")]
    TooManyQuestions(u64),
    /// An answer broke off. The code and the message are those of its last event.
    #[error("{1}")]
    AnswerFailed(&'static str, String),
    /// Embedding or indexing took longer than it may.
    #[error("It took longer than it may on our side; try again.")]
    StageTooLong,
    /// A job that is over can't be cancelled.
    #[error("The job is over; there is nothing left to cancel.")]
    JobOver,
    /// A request's key is none.
    #[error(
        "An Idempotency-Key is sent once, and has 1 to 255 visible ASCII characters; leave it \
         away if the request may be done again."
    )]
    InvalidRequestKey,
    /// A request's key stands for another request.
    #[error(
        "This Idempotency-Key came with another request in the last 24 hours; take a new key for \
         a new request."
    )]
    RequestKeyReused,
    /// The job is not one that can be tried again.
    #[error(
        "Only a job that failed or was cancelled can be tried again, and only while its \
         document has no newer version."
    )]
    NotRetryable,
}

impl Error {
    /// The kind, from which a surface's status follows.
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::Publishable(key) => key.kind(),
            Self::Token(UnverifiedToken::NoKeys)
            | Self::Key(UnverifiedKey::Unavailable)
            | Self::Store(_)
            | Self::Index(_)
            | Self::IndexElsewhere
            | Self::Reading(_)
            | Self::AnswersBusy(_)
            | Self::AnswerFailed(..)
            | Self::Embedding(EmbeddingError::Busy(_)) => ErrorKind::Unavailable,
            Self::Key(UnverifiedKey::Overused(_))
            | Self::TokensSpent(_)
            | Self::TooManyQuestions(_) => ErrorKind::RateLimited,
            Self::Token(_) | Self::Key(_) => ErrorKind::Unauthenticated,
            Self::MissingScope(_) | Self::ReadOnly | Self::AdministratorsOnly => {
                ErrorKind::Forbidden
            }
            Self::NoSuchDocument
            | Self::NoSuchJob
            | Self::NoSuchKnowledgeBase
            | Self::NoSuchConversation
            | Self::NoSuchMessage
            | Self::NoSuchSource
            | Self::NoSuchShare
            | Self::UnknownUser
            | Self::NoSuchChunk
            | Self::InvalidLink
            | Self::ExpiredLink => ErrorKind::NotFound,
            Self::NameTaken
            | Self::TooMany
            | Self::QuotaExceeded
            | Self::JobOver
            | Self::NotRetryable => ErrorKind::Conflict,
            Self::Question(_)
            | Self::Label(_)
            | Self::Source(_)
            | Self::Tags
            | Self::Filter
            | Self::Texts(_)
            | Self::Limit
            | Self::Period
            | Self::InvalidRequestKey
            | Self::RequestKeyReused
            | Self::LinkLifetime
            | Self::Cursor
            | Self::EmptyDocument
            | Self::Parse(_)
            | Self::UnreadableInTime => ErrorKind::Invalid,
            Self::UnknownFormat => ErrorKind::UnsupportedMediaType,
            Self::Embedding(EmbeddingError::Failed(_)) | Self::Reporting(_) => ErrorKind::Internal,
            Self::StageTooLong => ErrorKind::Timeout,
        }
    }

    /// That an answer has no end.
    pub fn broke_off() -> Self {
        let message = "The answer broke off; ask again.".to_owned();
        Self::AnswerFailed("answer_broke_off", message)
    }

    /// Whether what failed for a document may go well with the same document
    /// another time.
    pub const fn is_transient(&self) -> bool {
        matches!(self.kind(), ErrorKind::Unavailable)
            || matches!(self, Self::Embedding(_) | Self::StageTooLong)
    }

    /// In how many seconds a caller may try again, where that helps.
    pub const fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Key(UnverifiedKey::Overused(seconds)) => Some(*seconds as u64),
            Self::Publishable(key) => key.retry_after(),
            Self::AnswersBusy(seconds)
            | Self::TokensSpent(seconds)
            | Self::TooManyQuestions(seconds) => Some(*seconds),
            Self::AnswerFailed(..) => Some(1),
            _ if self.kind().is_server_fault() => Some(RETRY_AFTER),
            _ => None,
        }
    }

    /// Writes the cause of a fault on our side to the log: each surface does so
    /// once, where it answers.
    pub fn log(&self) {
        if self.kind().is_server_fault() && !matches!(self, Self::AnswerFailed(..)) {
            let cause = std::error::Error::source(self);
            tracing::error!(code = self.code(), cause, "a request failed");
        }
    }

    /// A stable word for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Token(token) => token.code(),
            Self::Key(key) => key.code(),
            Self::Publishable(key) => key.code(),
            Self::MissingScope(_) => "missing_scope",
            Self::ReadOnly => "read_only",
            Self::AdministratorsOnly => "administrators_only",
            Self::NoSuchDocument => "document_not_found",
            Self::NoSuchJob => "job_not_found",
            Self::NoSuchKnowledgeBase => "knowledge_base_not_found",
            Self::NoSuchConversation => "conversation_not_found",
            Self::NoSuchMessage => "message_not_found",
            Self::NoSuchSource => "source_not_found",
            Self::Source(_) => "invalid_source",
            Self::NameTaken => "knowledge_base_name_taken",
            Self::TooMany => "too_many",
            Self::QuotaExceeded => "quota_exceeded",
            Self::NoSuchShare => "share_not_found",
            Self::UnknownUser => "unknown_user",
            Self::NoSuchChunk => "chunk_not_found",
            Self::InvalidLink => "invalid_link",
            Self::ExpiredLink => "expired_link",
            Self::LinkLifetime => "invalid_lifetime",
            Self::Question(InvalidQuestion::Empty) => "empty_message",
            Self::Question(InvalidQuestion::TooLong) => "message_too_long",
            Self::Label(_) => "invalid_label",
            Self::Tags => "invalid_tags",
            Self::Filter => "invalid_filter",
            Self::Texts(_) => "invalid_input",
            Self::Limit => "invalid_limit",
            Self::Period => "invalid_period",
            Self::InvalidRequestKey => "invalid_idempotency_key",
            Self::RequestKeyReused => "idempotency_key_reused",
            Self::Cursor => "invalid_cursor",
            Self::UnknownFormat => "unsupported_format",
            Self::EmptyDocument => "empty_document",
            Self::Parse(parse) => parse.code(),
            Self::Reading(_) => "reading_unavailable",
            Self::Reporting(_) => "reporting_failed",
            Self::UnreadableInTime => ParseError::TimedOut.code(),
            Self::Store(_) => "database_unavailable",
            Self::Index(_) | Self::IndexElsewhere => "search_unavailable",
            Self::Embedding(EmbeddingError::Failed(_)) => "embedding_failed",
            Self::Embedding(EmbeddingError::Busy(_)) => "embedding_busy",
            Self::AnswersBusy(_) => "answers_busy",
            Self::TokensSpent(_) => "token_budget_spent",
            Self::TooManyQuestions(_) => "too_many_questions",
            Self::AnswerFailed(code, _) => code,
            Self::StageTooLong => "stage_too_long",
            Self::JobOver => "job_over",
            Self::NotRetryable => "job_not_retryable",
        }
    }
}

impl From<ParseError> for Error {
    fn from(error: ParseError) -> Self {
        match error {
            ParseError::Empty => Self::EmptyDocument,
            ParseError::Unsupported => Self::UnknownFormat,
            error => Self::Parse(error),
        }
    }
}

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Document(error) => error.into(),
            ReadError::Failed(cause) => Self::Reading(cause),
        }
    }
}

impl From<InvalidQuestion> for Error {
    fn from(invalid: InvalidQuestion) -> Self {
        Self::Question(invalid)
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Missing => Self::NoSuchKnowledgeBase,
            Refused::ReadOnly => Self::ReadOnly,
            Refused::NameTaken => Self::NameTaken,
            Refused::TooMany => Self::TooMany,
            Refused::QuotaExceeded => Self::QuotaExceeded,
            Refused::NoAccount => UnverifiedToken::Invalid.into(),
            Refused::Store(error) => Self::Store(error),
        }
    }
}
