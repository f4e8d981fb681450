//! The kinds of errors, and what each is called over HTTP and over gRPC.

use tonic::Code;

/// What went wrong, as coarsely as a protocol's status tells it. A service's
/// own error says the rest with a stable code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request can't be read: bad JSON, a missing part.
    Malformed,
    /// The request can be read, but a value in it breaks a rule.
    Invalid,
    /// No credentials, or ones that don't hold.
    Unauthenticated,
    /// The caller is known and may not do this.
    Forbidden,
    /// There is no such thing, or the caller may not know that there is.
    NotFound,
    /// The path exists, but not with this method.
    MethodNotAllowed,
    /// It collides with what is there already.
    Conflict,
    /// The body is larger than the limit.
    TooLarge,
    /// The body's content type, or a file's format, is not understood.
    UnsupportedMediaType,
    /// Too many requests: later.
    RateLimited,
    /// A part that is needed can't be reached: later.
    Unavailable,
    /// It took longer than its deadline.
    Timeout,
    /// A fault of the service's own.
    Internal,
}

impl ErrorKind {
    /// The HTTP status code.
    pub const fn http_status(self) -> u16 {
        match self {
            Self::Malformed => 400,
            Self::Invalid => 422,
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::Conflict => 409,
            Self::TooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::RateLimited => 429,
            Self::Unavailable => 503,
            Self::Timeout => 504,
            Self::Internal => 500,
        }
    }

    /// The gRPC status code.
    pub const fn grpc_code(self) -> Code {
        match self {
            Self::Malformed | Self::Invalid | Self::UnsupportedMediaType => Code::InvalidArgument,
            Self::Unauthenticated => Code::Unauthenticated,
            Self::Forbidden => Code::PermissionDenied,
            Self::NotFound => Code::NotFound,
            Self::MethodNotAllowed => Code::Unimplemented,
            Self::Conflict => Code::AlreadyExists,
            Self::TooLarge | Self::RateLimited => Code::ResourceExhausted,
            Self::Unavailable => Code::Unavailable,
            Self::Timeout => Code::DeadlineExceeded,
            Self::Internal => Code::Internal,
        }
    }

    /// Whether the fault is on the service's side, so that its cause belongs
    /// in the log and never in an answer.
    pub const fn is_server_fault(self) -> bool {
        matches!(self, Self::Unavailable | Self::Timeout | Self::Internal)
    }
}
