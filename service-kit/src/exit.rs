//! How a program ends that can't do what it was asked: with one line on standard
//! error, and a code of `sysexits.h` that tells a supervisor whether it helps to
//! start it again.

use std::{
    error::Error,
    io::{self, Write},
    iter::successors,
    process::ExitCode,
};

use sqlx::migrate::MigrateError;

use crate::{
    database::{self, OpenError},
    environment::InvalidVariable,
    serve::BindError,
};

/// What is stored is not for this version: `EX_DATAERR`.
pub const DATA: u8 = 65;
/// What is needed can't be reached, or another process has it: `EX_UNAVAILABLE`.
pub const UNAVAILABLE: u8 = 69;
/// A file or a folder can't be made or written: `EX_CANTCREAT`.
pub const NOT_WRITABLE: u8 = 73;
/// A disk is full, or failed: `EX_IOERR`.
pub const INPUT_OUTPUT: u8 = 74;
/// A variable is wrong or missing: `EX_CONFIG`.
pub const CONFIGURATION: u8 = 78;

/// Something that is needed can't be reached, or another process has it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Unavailable {
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl Unavailable {
    /// Says what is not there, and what to do.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            source: None,
        }
    }

    /// The same, with what caused it.
    pub fn because(
        message: impl Into<String>,
        cause: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            message: message.into(),
            source: Some(cause.into()),
        }
    }
}

/// Writes `program`'s last line, and gives its exit code.
pub fn fail(program: &str, error: &(dyn Error + 'static)) -> ExitCode {
    let (line, code) = (one_line(error), code(error));
    // SQLite says of a full disk that reading or writing failed.
    let hint = if code == INPUT_OUTPUT {
        "; is the disk full?"
    } else {
        ""
    };
    // Without a standard error there is nobody to tell.
    let _ = writeln!(io::stderr(), "{program}: {line}{hint}");
    ExitCode::from(code)
}

/// An error on one line, with what caused it as far as that says more.
pub fn one_line(error: &(dyn Error + 'static)) -> String {
    let mut parts: Vec<String> = vec![];
    for cause in chain(error).map(ToString::to_string) {
        if !parts.iter().any(|part| part.contains(&cause)) {
            parts.push(cause);
        }
    }
    parts.join(": ").replace('\n', " ")
}

/// The code of the outermost cause that is known, and 1 where none is.
pub fn code(error: &(dyn Error + 'static)) -> u8 {
    chain(error).find_map(known).unwrap_or(1)
}

fn chain<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> + 'a {
    successors(Some(error), |&error| error.source())
}

fn known(error: &(dyn Error + 'static)) -> Option<u8> {
    if error.is::<InvalidVariable>() {
        return Some(CONFIGURATION);
    }
    if error.is::<BindError>() || error.is::<Unavailable>() {
        return Some(UNAVAILABLE);
    }
    if let Some(error) = error.downcast_ref::<OpenError>() {
        return match error {
            OpenError::Unreachable { .. } => Some(UNAVAILABLE),
            OpenError::Newer(_)
            | OpenError::Migrate(MigrateError::VersionMismatch(_) | MigrateError::Dirty(_)) => {
                Some(DATA)
            }
            OpenError::Connect { source, .. } => {
                Some(database::storage_failure(source).map_or(UNAVAILABLE, of_storage))
            }
            _ => None,
        };
    }
    if let Some(kind) = database::storage_failure(error) {
        return Some(of_storage(kind));
    }
    of_storage_kind(error.downcast_ref::<io::Error>()?.kind())
}

fn of_storage(kind: io::ErrorKind) -> u8 {
    of_storage_kind(kind).unwrap_or(INPUT_OUTPUT)
}

fn of_storage_kind(kind: io::ErrorKind) -> Option<u8> {
    use io::ErrorKind::{
        AlreadyExists, IsADirectory, NotADirectory, PermissionDenied, QuotaExceeded,
        ReadOnlyFilesystem, StorageFull,
    };
    match kind {
        // The first three: there is a file where a folder is to be, or the other way.
        AlreadyExists | NotADirectory | IsADirectory | PermissionDenied | ReadOnlyFilesystem => {
            Some(NOT_WRITABLE)
        }
        StorageFull | QuotaExceeded => Some(INPUT_OUTPUT),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_nothing_twice() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let error = Unavailable::because("the index: no storage space", full);
        assert_eq!(one_line(&error), "the index: no storage space");
        let error = Unavailable::because("one\ntwo", io::Error::other("three"));
        assert_eq!(one_line(&error), "one two: three");
    }

    #[test]
    fn the_outermost_cause_that_is_known_tells_the_code() {
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        assert_eq!(code(&full()), INPUT_OUTPUT);
        let (file, source) = ("api.db".into(), full());
        assert_eq!(code(&OpenError::File { file, source }), INPUT_OUTPUT);
        assert_eq!(code(&Unavailable::because("…", full())), UNAVAILABLE);
        assert_eq!(code(&OpenError::Newer(7)), DATA);
        let changed = OpenError::Migrate(MigrateError::VersionMismatch(7));
        assert_eq!(code(&changed), DATA);
        assert_eq!(code(&InvalidVariable::new("X", "is wrong")), CONFIGURATION);
        assert_eq!(code(&io::Error::other("…")), 1);
    }
}
