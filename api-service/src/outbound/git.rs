//! Git repositories, by the program `git`. Nothing of a repository is checked
//! out or run: what is fetched goes into a bare folder, and files are read out of
//! it by the ids of their contents.

use std::{
    fs, io,
    net::IpAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use async_trait::async_trait;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command},
};
use url::Url;

use super::web::addresses::Guard;
use crate::{
    app::ports::{FetchError, Repositories, RepositoryFile},
    domain::source::SourceId,
};

/// Where programs are looked for; the environment is not handed on.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin";

/// The largest folder of a repository, in bytes.
const LARGEST_FOLDER: u64 = 1024 * 1024 * 1024;

/// The most bytes that are read of what a call writes.
const MOST_OUTPUT: usize = 64 * 1024 * 1024;

/// The most bytes that are read of what a call complains of.
const MOST_SAID: usize = 16 * 1024;

/// How often the size of a folder is looked at while it grows.
const POLL: Duration = Duration::from_millis(200);

/// How long one call of `git` may take, without a fetch.
const CALL: Duration = Duration::from_secs(30);

/// How long a fetch may take.
const FETCH: Duration = Duration::from_mins(4);

/// What holds for every call: no protocol but those that are named, no hooks, no
/// prompts, no background work, no redirects.
const SETTINGS: &[&str] = &[
    "protocol.allow=never",
    "protocol.https.allow=always",
    "protocol.file.allow=always",
    "core.hooksPath=/dev/null",
    "core.askPass=",
    "credential.helper=",
    "http.followRedirects=false",
    "http.proxy=",
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=30",
    "transfer.bundleURI=false",
    "fetch.recurseSubmodules=false",
    "gc.auto=0",
    "maintenance.auto=false",
];

/// The repositories of this machine.
pub struct GitRepositories {
    folder: PathBuf,
    guard: Guard,
}

impl GitRepositories {
    /// Keeps repositories below `folder`, and fetches what `guard` lets through.
    pub const fn new(folder: PathBuf, guard: Guard) -> Self {
        Self { folder, guard }
    }

    fn folder_of(&self, id: &SourceId) -> PathBuf {
        self.folder.join(&id.0)
    }

    /// What makes `git` connect to the addresses that were looked at.
    async fn pinned(&self, address: &str) -> Result<Vec<String>, FetchError> {
        if address.starts_with('/') {
            return Ok(vec![]);
        }
        let url = Url::parse(address).map_err(|_| FetchError::InvalidAddress)?;
        let looked_up = tokio::time::timeout(CALL, self.guard.addresses(&url)).await;
        let found = looked_up.unwrap_or(Err(FetchError::TimedOut))?;
        let written = found.iter().map(|address| match address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("[{address}]"),
        });
        let written: Vec<_> = written.collect();
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default().unwrap_or(443);
        Ok(vec![format!(
            "http.curloptResolve={host}:{port}:{}",
            written.join(",")
        )])
    }

    fn git(folder: &Path, more: &[String]) -> Command {
        let mut command = Command::new("git");
        command
            .env_clear()
            .env("PATH", PATH)
            .env("HOME", ".")
            .env("LC_ALL", "C")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_DIR", ".")
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        for setting in SETTINGS
            .iter()
            .copied()
            .chain(more.iter().map(String::as_str))
        {
            command.args(["-c", setting]);
        }
        command
    }

    async fn call(folder: &Path, arguments: &[&str]) -> Result<Vec<u8>, FetchError> {
        let child = Self::git(folder, &[])
            .args(arguments)
            .spawn()
            .map_err(|error| not_run(&error))?;
        let done = tokio::time::timeout(CALL, finished(child)).await;
        done.unwrap_or(Err(FetchError::TimedOut))
    }

    async fn fetch(&self, folder: &Path, address: &str) -> Result<(), FetchError> {
        let pinned = self.pinned(address).await?;
        let child = Self::git(folder, &pinned)
            .args(["fetch", "--quiet", "--depth=1", "--no-tags", "--force"])
            .args(["--no-recurse-submodules", "--no-write-commit-graph", "--"])
            .arg(address)
            .arg("HEAD:refs/heads/lectern")
            .spawn()
            .map_err(|error| not_run(&error))?;
        let watched = watched(child, folder.to_owned());
        let done = tokio::time::timeout(FETCH, watched).await;
        done.unwrap_or(Err(FetchError::TimedOut))
    }
}

/// Waits for a fetch to end, and kills it when its folder grows too large.
async fn watched(child: Child, folder: PathBuf) -> Result<(), FetchError> {
    let mut ended = Box::pin(finished(child));
    loop {
        tokio::select! {
            done = &mut ended => return done.map(drop),
            () = tokio::time::sleep(POLL) => {
                if size(folder.clone()).await > LARGEST_FOLDER {
                    return Err(FetchError::TooLarge);
                }
            }
        }
    }
}

/// What a call wrote, if it went well. No more than so much is kept of it, and
/// of what it complains of.
async fn finished(mut child: Child) -> Result<Vec<u8>, FetchError> {
    let (written, said) = (child.stdout.take(), child.stderr.take());
    let (written, said) = futures::join!(some_of(written, MOST_OUTPUT), some_of(said, MOST_SAID));
    if written.len() >= MOST_OUTPUT {
        return Err(FetchError::TooLarge);
    }
    if child
        .wait()
        .await
        .map_err(|error| not_run(&error))?
        .success()
    {
        return Ok(written);
    }
    tracing::warn!(said = String::from_utf8_lossy(&said).trim(), "git failed");
    Err(FetchError::GitFailed)
}

async fn some_of(pipe: Option<impl AsyncRead + Unpin>, most: usize) -> Vec<u8> {
    let mut read = vec![];
    if let Some(pipe) = pipe {
        let most = u64::try_from(most).unwrap_or(u64::MAX);
        // What was read before a pipe broke is all there is.
        let _ = pipe.take(most).read_to_end(&mut read).await;
    }
    read
}

async fn size(folder: PathBuf) -> u64 {
    let counted = tokio::task::spawn_blocking(move || size_of(&folder));
    counted.await.unwrap_or(u64::MAX)
}

/// The bytes of all files below a folder.
fn size_of(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(about) if about.is_dir() => size_of(&entry.path()),
        Ok(about) => about.len(),
        Err(_) => 0,
    });
    sizes.sum()
}

fn not_run(error: &io::Error) -> FetchError {
    if error.kind() == io::ErrorKind::NotFound {
        FetchError::NoGit
    } else {
        tracing::warn!(error = error as &dyn std::error::Error, "git can't be run");
        FetchError::GitFailed
    }
}

#[async_trait]
impl Repositories for GitRepositories {
    async fn update(
        &self,
        id: &SourceId,
        address: &str,
    ) -> Result<Vec<RepositoryFile>, FetchError> {
        let folder = self.folder_of(id);
        // What earlier fetches left behind is not needed: half is for the next.
        if size(folder.clone()).await > LARGEST_FOLDER / 2 {
            self.forget(id).await;
        }
        tokio::fs::create_dir_all(&folder)
            .await
            .map_err(|error| not_kept(&error))?;
        if !folder.join("HEAD").exists() {
            Self::call(&folder, &["init", "--quiet", "--bare", "--template="]).await?;
        }
        if let Err(error) = self.fetch(&folder, address).await {
            // It may be broken: the next one begins anew.
            self.forget(id).await;
            return Err(error);
        }
        let arguments = [
            "ls-tree",
            "-r",
            "-l",
            "-z",
            "--full-tree",
            "refs/heads/lectern",
        ];
        Ok(files(&Self::call(&folder, &arguments).await?))
    }

    async fn read(&self, id: &SourceId, file: &RepositoryFile) -> Result<Vec<u8>, FetchError> {
        let arguments = ["cat-file", "blob", &file.blob];
        Self::call(&self.folder_of(id), &arguments).await
    }

    async fn kept(&self) -> Vec<SourceId> {
        let folder = self.folder.clone();
        let listed = tokio::task::spawn_blocking(move || {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
            names.map(SourceId).collect()
        });
        listed.await.unwrap_or_default()
    }

    async fn forget(&self, id: &SourceId) {
        let removed = tokio::fs::remove_dir_all(self.folder_of(id)).await;
        if let Err(error) = removed
            && error.kind() != io::ErrorKind::NotFound
        {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "the folder of a source can't be removed");
        }
    }
}

fn not_kept(error: &io::Error) -> FetchError {
    let error: &dyn std::error::Error = error;
    tracing::error!(error, "the folder of a source can't be made in DATA_DIR");
    FetchError::GitFailed
}

/// The files of `git ls-tree -r -l -z`: mode, type, id and size, a tab, and the
/// path. Links and submodules are no files.
fn files(listed: &[u8]) -> Vec<RepositoryFile> {
    let entries = listed.split(|byte| *byte == 0);
    entries
        .filter_map(|entry| {
            let (about, path) = std::str::from_utf8(entry).ok()?.split_once('\t')?;
            let mut fields = about.split_ascii_whitespace();
            let (mode, kind) = (fields.next()?, fields.next()?);
            let (blob, bytes) = (fields.next()?, fields.next()?);
            let is_file = kind == "blob" && mode.starts_with("100");
            is_file.then_some(())?;
            Some(RepositoryFile {
                path: path.to_owned(),
                blob: blob.to_owned(),
                bytes: bytes.parse().ok()?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_from_links_and_submodules() {
        let listed = "100644 blob aaa      12\tdocs/a b.md\x00100755 blob bbb       3\trun.sh\0\
                      120000 blob ccc       9\tlink\x00160000 commit ddd       -\tsub\0";
        let file = |path: &str, blob: &str, bytes| RepositoryFile {
            path: path.to_owned(),
            blob: blob.to_owned(),
            bytes,
        };
        assert_eq!(
            files(listed.as_bytes()),
            [file("docs/a b.md", "aaa", 12), file("run.sh", "bbb", 3)]
        );
        assert_eq!(files(b""), []);
    }
}
