//! The surfaces that other backends' clients speak, through the whole router: a
//! folder of scenarios each, on both databases.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::support::{TestHome, scenario};

mod failures;
mod key_scopes;
mod mcp;
mod service_keys;
mod visitors;

/// The scenario files of every surface but our own.
fn scenarios() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let surfaces = fs::read_dir(root.join("src/http/compat")).unwrap();
    let surfaces = surfaces
        .map(Result::unwrap)
        .filter(|entry| entry.path().is_dir());
    let mut files = vec![];
    for surface in surfaces {
        let folder = root.join("tests/it/scenarios").join(surface.file_name());
        let found = fs::read_dir(&folder).unwrap_or_else(|_| panic!("no {}", folder.display()));
        files.extend(found.map(|entry| entry.unwrap().path()));
    }
    files.sort();
    files
}

#[tokio::test]
async fn scenarios_on_sqlite() {
    for file in scenarios() {
        scenario::run(&file, TestHome::sqlite()).await;
    }
}

#[tokio::test]
async fn scenarios_on_postgres() {
    for file in scenarios() {
        scenario::run(&file, TestHome::postgres().await).await;
    }
}
