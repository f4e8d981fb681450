//! The child: reads documents from its standard input, which is a socket, and
//! answers there, until that is closed.

use std::{
    fs,
    io::{self, Read, Write},
    os::{fd::AsFd, unix::net::UnixStream},
    panic,
};

use rlimit::{Resource, setrlimit};

use super::wire::Reply;
use crate::{
    domain::document::MediaType,
    pipeline::parsing::{ParseError, read},
};

/// The command that makes a child of this program.
pub const COMMAND: &str = "parse-worker";

/// How much memory a child may take beyond what it begins with, in bytes.
const MEMORY: u64 = 384 * 1024 * 1024;

/// How much of a core's time a child may use in its life, in seconds.
const CORE_SECONDS: u64 = 60;

/// A longer document is none, in bytes.
const LONGEST: u64 = 1024 * 1024 * 1024;

/// The size of a page of memory, in bytes.
const PAGE: u64 = 4_096;

/// Works until the parent closes the socket.
pub fn run() -> io::Result<()> {
    limit()?;
    // A parser's panic is an answer, and nothing to print.
    panic::set_hook(Box::new(|_| {}));
    let mut stream = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    while let Some(name) = part(&mut stream)? {
        let content = part(&mut stream)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let format = MediaType::from_name(&String::from_utf8_lossy(&name));
        let read = panic::catch_unwind(|| match format {
            Some(format) => read(format, content),
            None => Err(ParseError::Unsupported),
        });
        let reply = Reply::from(read.unwrap_or(Err(ParseError::Unreadable)));
        let reply = serde_json::to_vec(&reply)?;
        stream.write_all(&(reply.len() as u64).to_le_bytes())?;
        stream.write_all(&reply)?;
    }
    Ok(())
}

/// What is beyond these limits ends this process; no file gets a byte.
fn limit() -> io::Result<()> {
    let begin = fs::read_to_string("/proc/self/statm")?;
    let pages = begin.split(' ').next().and_then(|pages| pages.parse().ok());
    let begin = pages.unwrap_or(0_u64) * PAGE;
    setrlimit(Resource::AS, begin + MEMORY, begin + MEMORY)?;
    setrlimit(Resource::CPU, CORE_SECONDS, CORE_SECONDS)?;
    setrlimit(Resource::FSIZE, 0, 0)?;
    setrlimit(Resource::CORE, 0, 0)?;
    setrlimit(Resource::NOFILE, 8, 8)
}

/// A part of a question; `None` where there are no more.
fn part(stream: &mut UnixStream) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 8];
    match stream.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        done => done?,
    }
    let length = u64::from_le_bytes(length).min(LONGEST);
    let mut bytes = vec![];
    stream.take(length).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}
