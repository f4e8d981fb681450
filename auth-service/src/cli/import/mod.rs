//! `auth-service import`: accounts of another system, a JSON object a line.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Write},
    path::PathBuf,
};

use anyhow::{Context, bail};
use clap::Args;

use crate::{
    app::{
        App,
        import::{Import, Imported, Refused},
    },
    config::Config,
    startup,
};

pub mod wire;

/// How many accounts are stored in one transaction.
const BATCH: usize = 500;

/// The most bytes of a line.
const MAX_LINE: u64 = 64 * 1024;

/// What an import is told on the command line.
#[derive(Debug, Args)]
pub struct ImportCommand {
    /// A file with a JSON object a line: email, and if known name, username,
    /// `password_hash` (argon2, bcrypt, Better Auth's scrypt), `email_verified`,
    /// image, role, `created_at`, profile, id. `-` is standard input.
    file: PathBuf,
}

impl ImportCommand {
    /// Takes the accounts over, and fails if a line could not be.
    pub async fn run(self, config: &Config) -> anyhow::Result<()> {
        let name = self.file.display().to_string();
        let lines: Box<dyn BufRead> = if name == "-" {
            Box::new(BufReader::new(io::stdin()))
        } else {
            let file = File::open(&self.file).with_context(|| format!("{name} can't be read"))?;
            Box::new(BufReader::new(file))
        };
        let service = startup::assemble_here(config).await?;
        let tally = import(&service.app, lines, &mut io::stderr()).await?;
        super::print(&format!(
            "imported: {}\nalready there: {}\nbad: {}\n",
            tally.added, tally.already_there, tally.bad
        ))?;
        if tally.bad > 0 {
            bail!(
                "bad lines in {name}: {}; mend them and import it again",
                tally.bad
            );
        }
        Ok(())
    }
}

/// What became of the lines of a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Accounts that are here now.
    pub added: u64,
    /// Accounts whose address was here already: they stay as they were.
    pub already_there: u64,
    /// Lines that could not be taken over.
    pub bad: u64,
}

/// Takes over the accounts of `lines`, a part at a time, and says of each line
/// that is bad its number and why.
pub async fn import(
    app: &App,
    mut lines: impl BufRead,
    complaints: &mut dyn Write,
) -> anyhow::Result<Tally> {
    let (mut tally, mut number) = (Tally::default(), 0_u64);
    let (mut batch, mut bytes) = (Vec::new(), Vec::new());
    loop {
        let line = next_line(&mut lines, &mut bytes).context("the file can't be read")?;
        if line != Line::End {
            number += 1;
            if let Some(read) = read(&line, &bytes) {
                batch.push((number, read));
            }
        }
        if batch.len() == BATCH || (line == Line::End && !batch.is_empty()) {
            let first = batch.first().map_or(number, |(number, _)| *number);
            let stored = store(app, std::mem::take(&mut batch), &mut tally, complaints).await;
            stored.with_context(|| {
                format!("the import stopped before line {first}; what came before it is stored")
            })?;
        }
        if line == Line::End {
            return Ok(tally);
        }
    }
}

/// What is next in a file.
#[derive(PartialEq, Eq)]
enum Line {
    Whole,
    TooLong,
    End,
}

/// Reads the next line into `bytes`, of which there are never many more than a
/// line may have.
fn next_line(lines: &mut impl BufRead, bytes: &mut Vec<u8>) -> io::Result<Line> {
    bytes.clear();
    if lines.by_ref().take(MAX_LINE).read_until(b'\n', bytes)? == 0 {
        return Ok(Line::End);
    }
    if bytes.len() as u64 == MAX_LINE && !bytes.ends_with(b"\n") {
        lines.skip_until(b'\n')?;
        return Ok(Line::TooLong);
    }
    Ok(Line::Whole)
}

/// What a line tells; nothing where it is blank.
fn read(line: &Line, bytes: &[u8]) -> Option<Result<Imported, Refused>> {
    if *line == Line::TooLong {
        let reason = format!("The line has more than {MAX_LINE} bytes.");
        return Some(Err(Refused::Unreadable(reason)));
    }
    // Some editors put a mark of the byte order before the first line.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let bytes = bytes.trim_ascii();
    if bytes.is_empty() {
        return None;
    }
    let parsed = serde_json::from_slice::<wire::Line>(bytes);
    Some(match parsed {
        Ok(line) => Ok(line.into()),
        Err(error) => {
            // It counts lines too, of what is one line.
            let reason = error
                .to_string()
                .replace(" at line 1 column ", " at column ");
            Err(Refused::Unreadable(reason))
        }
    })
}

async fn store(
    app: &App,
    batch: Vec<(u64, Result<Imported, Refused>)>,
    tally: &mut Tally,
    complaints: &mut dyn Write,
) -> anyhow::Result<()> {
    let mut told = Vec::new();
    let mut unread = Vec::new();
    for (number, read) in batch {
        match read {
            Ok(one) => {
                told.push(one);
                unread.push((number, None));
            }
            Err(refused) => unread.push((number, Some(refused))),
        }
    }
    let mut outcomes = app.import(told).await?.into_iter();
    for (number, refused) in unread {
        let outcome = match refused {
            Some(refused) => Err(refused),
            None => outcomes.next().unwrap_or(Ok(Import::AlreadyThere)),
        };
        match outcome {
            Ok(Import::Added) => tally.added += 1,
            Ok(Import::AlreadyThere) => tally.already_there += 1,
            Err(refused) => {
                tally.bad += 1;
                writeln!(complaints, "line {number}: {refused}")?;
            }
        }
    }
    Ok(())
}
