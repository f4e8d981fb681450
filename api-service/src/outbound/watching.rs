//! Tells when files of a directory change, by looking at their sizes and times
//! again and again: that also works where the system tells of no changes, as on
//! network drives and folders that are shared with a container.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use tokio_util::sync::CancellationToken;

use super::directory::walk;
use crate::pipeline::selecting::Selection;

/// How often it is looked.
const POLL: Duration = Duration::from_secs(1);

/// Files with their sizes and times, in order.
type Seen = Vec<(String, Option<(u64, SystemTime)>)>;

/// A directory that is watched.
pub struct Watching<'a> {
    directory: PathBuf,
    selection: &'a Selection,
    seen: Seen,
}

impl<'a> Watching<'a> {
    /// Watches the wanted files below a directory, from now on.
    pub fn begin(directory: &Path, selection: &'a Selection) -> io::Result<Self> {
        Ok(Self {
            directory: directory.to_owned(),
            selection,
            seen: look(directory, selection)?,
        })
    }

    /// Waits until something changed and came to rest; `false` at a stop. A
    /// directory that can't be read just now is as it was.
    pub async fn changed(&mut self, stop: &CancellationToken) -> bool {
        let mut before = self.seen.clone();
        loop {
            tokio::select! {
                () = tokio::time::sleep(POLL) => {}
                () = stop.cancelled() => return false,
            }
            let Ok(now) = look(&self.directory, self.selection) else {
                continue;
            };
            // Two looks in a row that are alike: nobody is writing any more.
            if now == before && now != self.seen {
                self.seen = now;
                return true;
            }
            before = now;
        }
    }
}

fn look(directory: &Path, selection: &Selection) -> io::Result<Seen> {
    let paths = walk(directory, selection)?.paths.into_iter();
    let seen = paths.map(|path| {
        let about = fs::metadata(directory.join(&path)).ok();
        let stamp = about.and_then(|about| Some((about.len(), about.modified().ok()?)));
        (path, stamp)
    });
    Ok(seen.collect())
}
