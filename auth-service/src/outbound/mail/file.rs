//! Mails into a file, for tests and for whoever sends them otherwise: one JSON
//! line a mail, `{to, kind, subject, url, token, text}`.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use async_trait::async_trait;

use super::{Texts, wire::MailLine};
use crate::{
    app::ports::{MailError, Mailer},
    domain::mail::Mail,
};

/// Appends mails to a file that only this user reads.
pub struct FileMailer {
    path: PathBuf,
    texts: Texts,
}

impl FileMailer {
    /// Makes the file where it is missing.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        open(path)?;
        Ok(Self {
            path: path.to_owned(),
            texts: Texts::new()?,
        })
    }

    fn line(&self, mail: &Mail) -> Result<String, MailError> {
        let text = self.texts.of(mail, "txt").map_err(broken)?;
        let line = serde_json::to_string(&MailLine::new(mail, &text));
        Ok(line.map_err(broken)? + "\n")
    }
}

#[async_trait]
impl Mailer for FileMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let (line, path) = (self.line(mail)?, self.path.clone());
        let written = tokio::task::spawn_blocking(move || append(&path, &line));
        written.await.map_err(broken)?.map_err(|error| MailError {
            passing: true,
            reason: error.to_string(),
        })
    }
}

fn open(path: &Path) -> io::Result<File> {
    // Anyone who reads it can use the links in it.
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
}

/// Writes a whole line, also where other tasks and processes write.
fn append(path: &Path, line: &str) -> io::Result<()> {
    let mut file = open(path)?;
    file.lock()?;
    file.write_all(line.as_bytes())
}

fn broken(error: impl std::error::Error) -> MailError {
    MailError {
        passing: false,
        reason: error.to_string(),
    }
}
