//! Reading documents in child processes: what a parser does wrong with what a
//! stranger sent ends a child, and never the service.
//!
//! A child is this program, called with `parse-worker`. It has no environment,
//! an empty folder, nothing on its standard output, and limits on its memory,
//! its time and its files. It talks over a socket that is its standard input.

mod wire;
pub mod worker;

use std::{
    io,
    os::{fd::OwnedFd, unix::net::UnixStream as BlockingStream, unix::process::ExitStatusExt},
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    process::{Child, Command},
    sync::Semaphore,
};

use self::wire::Reply;
use crate::{
    app::ports::{DocumentReader, ReadError},
    domain::document::MediaType,
    pipeline::parsing::{ParseError, Parsed},
};

/// How long one document may take: with what is done to it after, 30 s.
const DEADLINE: Duration = Duration::from_secs(20);

/// A longer answer is none, in bytes: four times the longest text.
const LONGEST_REPLY: usize = 128 * 1024 * 1024;

/// A child reads so many documents at most.
const MOST_READ: usize = 100;

/// Two signals that a child dies of when its time is over: the one for the time
/// that it used (SIGXCPU), and the one that nothing survives (SIGKILL).
const OUT_OF_TIME: [i32; 2] = [24, 9];

/// Those of a program that can't get memory (SIGABRT), or whose stack is full
/// (SIGSEGV, SIGBUS).
const OUT_OF_MEMORY: [i32; 3] = [6, 11, 7];

/// Reads documents in child processes.
pub struct Sandbox {
    program: PathBuf,
    folder: tempfile::TempDir,
    room: Semaphore,
    idle: Mutex<Vec<Reader>>,
    deadline: Duration,
}

/// A child that waits for documents.
struct Reader {
    child: Child,
    stream: UnixStream,
    read: usize,
}

impl Sandbox {
    /// Runs `program` for up to `children` documents at once.
    pub fn new(program: PathBuf, children: usize) -> io::Result<Self> {
        Ok(Self {
            program,
            folder: tempfile::tempdir()?,
            room: Semaphore::new(children.max(1)),
            idle: Mutex::default(),
            deadline: DEADLINE,
        })
    }

    /// The same, with another deadline for a document than 20 s.
    #[must_use]
    pub const fn within(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Reader>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self) -> io::Result<Reader> {
        let (ours, theirs) = BlockingStream::pair()?;
        ours.set_nonblocking(true)?;
        let child = Command::new(&self.program)
            .arg(worker::COMMAND)
            .env_clear()
            .current_dir(self.folder.path())
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        Ok(Reader {
            child,
            stream: UnixStream::from_std(ours)?,
            read: 0,
        })
    }
}

#[async_trait]
impl DocumentReader for Sandbox {
    async fn read(&self, format: MediaType, content: Vec<u8>) -> Result<Parsed, ReadError> {
        let failed = |error: io::Error| ReadError::Failed(error.into());
        let _room = self
            .room
            .acquire()
            .await
            .map_err(|error| ReadError::Failed(error.into()))?;
        let waiting = self.idle().pop();
        let mut reader = match waiting {
            Some(reader) => reader,
            None => self.start().map_err(failed)?,
        };
        let asked = tokio::time::timeout(self.deadline, reader.ask(format, &content));
        let reply = match asked.await {
            Ok(Ok(reply)) => reply,
            Ok(Err(_)) => {
                let status = reader.child.wait().await.map_err(failed)?;
                return Err(ReadError::Document(cause(status)));
            }
            Err(_) => {
                reader.child.kill().await.map_err(failed)?;
                return Err(ReadError::Document(ParseError::TimedOut));
            }
        };
        reader.read += 1;
        // A child that a large format went through is not used again.
        if format.is_text() && reader.read < MOST_READ {
            self.idle().push(reader);
        }
        parsed(reply)
    }
}

/// What a child says is not believed where it can be checked.
fn parsed(reply: Reply) -> Result<Parsed, ReadError> {
    let parsed = Result::<Parsed, ParseError>::from(reply).map_err(ReadError::Document)?;
    if parsed.is_sound() {
        Ok(parsed)
    } else {
        Err(ReadError::Document(ParseError::Unreadable))
    }
}

/// Why a child ended without an answer.
fn cause(status: ExitStatus) -> ParseError {
    match status.signal() {
        Some(signal) if OUT_OF_TIME.contains(&signal) => ParseError::TimedOut,
        Some(signal) if OUT_OF_MEMORY.contains(&signal) => ParseError::TooComplex,
        _ => ParseError::Unreadable,
    }
}

impl Reader {
    async fn ask(&mut self, format: MediaType, content: &[u8]) -> io::Result<Reply> {
        let name = format.as_str().as_bytes();
        for part in [name, content] {
            self.stream.write_u64_le(part.len() as u64).await?;
            self.stream.write_all(part).await?;
        }
        let length = self.stream.read_u64_le().await?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > LONGEST_REPLY {
            self.child.start_kill()?;
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut reply = vec![0; length];
        self.stream.read_exact(&mut reply).await?;
        match serde_json::from_slice(&reply) {
            Ok(reply) => Ok(reply),
            Err(error) => {
                self.child.start_kill()?;
                Err(error.into())
            }
        }
    }
}
