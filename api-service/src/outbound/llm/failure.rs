//! Why a model did not answer, and what follows from that.

use std::time::Duration;

/// Why a model did not answer, or broke off.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It can't be reached, or the connection broke.
    #[error("it can't be reached")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It refused, before its answer or in the middle of it.
    #[error("it answered {status}: {words}")]
    Refused {
        /// Its status; 0 where an error in the stream tells none.
        status: u16,
        /// The beginning of what it said.
        words: String,
        /// How long it asks to be left alone, where it does.
        after: Option<Duration>,
    },
    /// Its stream is not what the protocol says.
    #[error("its stream has {0}")]
    Malformed(&'static str),
    /// Its stream ended before the answer did.
    #[error("its stream was cut off")]
    Cut,
    /// Its answer has no words.
    #[error("it said nothing")]
    Silent,
    /// Its first token did not come in time.
    #[error("its first word took too long")]
    Slow,
    /// It failed a moment ago, and is left alone.
    #[error("it is left alone for a while, since it failed")]
    LeftAlone,
}

/// Too many requests, or too early: it is the provider's state, not the request.
const PASSING: [u16; 4] = [408, 409, 425, 429];

/// The request itself is wrong, such as one that is too long.
const OF_THE_REQUEST: [u16; 3] = [400, 413, 422];

impl Failure {
    /// Whether the same request may go well at the same model a moment later.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Cut => true,
            Self::Refused { status, .. } => *status >= 500 || PASSING.contains(status),
            Self::Malformed(_) | Self::Silent | Self::Slow | Self::LeftAlone => false,
        }
    }

    /// Whether it tells of the model, and not of this one request.
    pub(super) fn is_of_the_model(&self) -> bool {
        match self {
            Self::Refused { status, .. } => !OF_THE_REQUEST.contains(status),
            Self::Silent | Self::LeftAlone => false,
            Self::Unreachable(_) | Self::Malformed(_) | Self::Cut | Self::Slow => true,
        }
    }

    /// How long the provider asks to be left alone, where it does.
    pub(super) const fn after(&self) -> Option<Duration> {
        match self {
            Self::Refused { after, .. } => *after,
            _ => None,
        }
    }
}
