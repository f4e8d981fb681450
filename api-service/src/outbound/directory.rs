//! The files of a directory that can be taken in.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use ignore::WalkBuilder;

use crate::{
    app::ingest_directory::SourceFile, domain::document::MediaType, pipeline::selecting::Selection,
};

/// What a walk found.
#[derive(Debug, Default)]
pub struct Found {
    /// Paths below the directory, in order, that can be taken in.
    pub paths: Vec<String>,
    /// How many files have a format that is not understood.
    pub others: usize,
}

/// The wanted files below `directory`. Hidden files, and those that a
/// `.gitignore` names, are left out; links are not followed.
pub fn walk(directory: &Path, selection: &Selection) -> io::Result<Found> {
    fs::read_dir(directory)?;
    let mut found = Found::default();
    for entry in WalkBuilder::new(directory).require_git(false).build() {
        let entry = entry.map_err(io::Error::other)?;
        if !entry.file_type().is_some_and(|kind| kind.is_file()) {
            continue;
        }
        let Some(path) = below(directory, entry.path()) else {
            continue;
        };
        if !selection.wants(&path) {
            continue;
        }
        if MediaType::from_path(&path).is_some() {
            found.paths.push(path);
        } else {
            found.others += 1;
        }
    }
    found.paths.sort();
    Ok(found)
}

fn below(directory: &Path, path: &Path) -> Option<String> {
    let parts = path.strip_prefix(directory).ok()?.components();
    let parts: Option<Vec<&str>> = parts.map(|part| part.as_os_str().to_str()).collect();
    Some(parts?.join("/"))
}

/// Reads the files of a walk one by one. One that can't be read is told to
/// `unreadable` and left out.
pub fn read(
    directory: PathBuf,
    paths: Vec<String>,
    mut unreadable: impl FnMut(&str, io::Error) + Send,
) -> impl Iterator<Item = SourceFile> + Send {
    paths
        .into_iter()
        .filter_map(move |path| match fs::read(directory.join(&path)) {
            Ok(content) => Some(SourceFile { path, content }),
            Err(error) => {
                unreadable(&path, error);
                None
            }
        })
}
