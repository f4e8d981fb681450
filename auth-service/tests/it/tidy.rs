//! The invariants of the house, held by reading the source.

use std::{
    fs,
    path::{Path, PathBuf},
};

use auth_service::config::VARIABLES;

struct SourceFile {
    /// Relative to the crate, with slashes.
    path: String,
    text: String,
}

impl SourceFile {
    /// The lines that are program: no comments.
    fn code(&self) -> impl Iterator<Item = &str> {
        self.text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
    }

    fn names(&self, word: &str) -> bool {
        self.code().any(|line| {
            line.match_indices(word).any(|(start, _)| {
                let is_word = |c: char| c.is_alphanumeric() || c == '_';
                let before = line[..start].chars().next_back();
                let after = line[start + word.len()..].chars().next();
                !before.is_some_and(is_word) && !after.is_some_and(is_word)
            })
        })
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files_under(folder: &str) -> Vec<SourceFile> {
    let mut folders = vec![root().join(folder)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(SourceFile {
                    path: path
                        .strip_prefix(root())
                        .unwrap()
                        .to_str()
                        .unwrap()
                        .to_owned(),
                    text: fs::read_to_string(&path).unwrap(),
                });
            }
        }
    }
    assert!(!files.is_empty(), "nothing in {folder}");
    files
}

/// Fails with the paths under `folder` that name `word` and are not `allowed`.
fn only_in(folder: &str, word: &str, allowed: &[&str]) {
    let wrong: Vec<String> = files_under(folder)
        .into_iter()
        .filter(|file| file.names(word))
        .map(|file| file.path)
        .filter(|path| !allowed.iter().any(|allowed| path.starts_with(allowed)))
        .collect();
    assert!(wrong.is_empty(), "`{word}` does not belong in {wrong:?}");
}

#[test]
fn the_core_names_no_framework() {
    for word in [
        "axum",
        "sqlx",
        "tonic",
        "jsonwebtoken",
        "argon2",
        "lettre",
        "http",
    ] {
        only_in("src/domain", word, &[]);
        only_in("src/app", word, &[]);
    }
    for word in [
        "serde",
        "serde_json",
        "tokio",
        "std::fs",
        "std::env",
        "clock",
    ] {
        only_in("src/domain", word, &[]);
    }
    only_in("src/domain", "crate::app", &[]);
    for word in [
        "crate::http",
        "crate::outbound",
        "crate::grpc",
        "crate::startup",
    ] {
        only_in("src/domain", word, &[]);
        only_in("src/app", word, &[]);
    }
}

#[test]
fn each_library_has_its_place() {
    only_in("src", "sqlx", &["src/outbound/sql/", "src/startup.rs"]);
    let jwt_files = ["src/outbound/jwt.rs", "src/outbound/oauth/id_token.rs"];
    only_in("src", "jsonwebtoken", &jwt_files);
    only_in("src", "reqwest", &["src/outbound/oauth/"]);
    // The word is part of a URL of Google's, too, and a kind of OpenAPI's.
    let oauth_files = [
        "src/outbound/oauth/",
        "src/config/social.rs",
        "src/http/documents.rs",
    ];
    only_in("src", "oauth2", &oauth_files);
    for word in ["argon2", "scrypt", "bcrypt"] {
        only_in("src", word, &["src/outbound/passwords/"]);
    }
    only_in("src", "ed25519_dalek", &["src/outbound/jwt.rs"]);
    only_in("src", "tonic", &["src/grpc/"]);
    only_in("src", "lettre", &["src/outbound/mail/smtp.rs"]);
    only_in("src", "minijinja", &["src/outbound/mail/"]);
    only_in("src", "std::env", &["src/config/"]);
    only_in("src", "clap", &["src/cli/", "src/main.rs"]);
}

#[test]
fn edges_do_not_know_one_another() {
    only_in("src/http", "crate::outbound", &[]);
    only_in("src/http", "crate::grpc", &[]);
    only_in("src/outbound", "crate::http", &[]);
    only_in("src/outbound", "crate::grpc", &[]);
    let concrete = [
        "SqlUsers",
        "SqlSigningKeys",
        "SqlRefreshTokens",
        "SqlSessions",
        "SqlApiKeys",
        "SqlAuditLog",
        "SqlAccountEvents",
        "SqlLeftovers",
        "SqlOneTimeTokens",
        "SqlLinkedAccounts",
        "PooledHasher",
        "Ed25519Signer",
        "SharedSecretSigner",
        "SqlFlows",
        "SystemClock",
    ];
    for word in concrete {
        only_in("src", word, &["src/outbound/", "src/startup.rs"]);
    }
}

#[test]
fn only_wire_types_are_serialized() {
    for file in files_under("src") {
        let is_wire = file.path.ends_with("/wire.rs") || file.path.contains("/wire/");
        assert!(is_wire || !file.names("Serialize"), "{}", file.path);
        assert!(is_wire || !file.names("Deserialize"), "{}", file.path);
    }
}

#[test]
fn files_begin_with_what_they_are_and_stay_small() {
    for folder in ["src", "tests"] {
        for file in files_under(folder) {
            assert!(
                file.text.starts_with("//! "),
                "{} begins otherwise",
                file.path
            );
            let lines = file.text.lines().count();
            assert!(lines <= 500, "{} has {lines} lines", file.path);
            let name = file.path.rsplit('/').next().unwrap();
            let vague = [
                "utils.rs",
                "common.rs",
                "helpers.rs",
                "models.rs",
                "services.rs",
            ];
            assert!(!vague.contains(&name), "{} says nothing", file.path);
        }
    }
    let main = fs::read_to_string(root().join("src/main.rs")).unwrap();
    assert!(main.lines().count() <= 40);
}

#[test]
fn handlers_are_short() {
    for file in files_under("src/http") {
        let is_compat = file.path.contains("/compat/");
        let most = if is_compat { 15 } else { 25 };
        let mut start = None;
        for (number, line) in file.text.lines().enumerate() {
            if line.starts_with("async fn") || line.starts_with("pub async fn") {
                start = Some(number);
            }
            if let (Some(first), "}") = (start, line) {
                assert!(number - first < most, "{}:{first} is long", file.path);
                start = None;
            }
        }
    }
}

/// The names of the folders in `folder`.
fn folders_in(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    entries
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect()
}

#[test]
fn every_surface_has_scenarios() {
    let own = folders_in("src/http").into_iter();
    let own = own.filter(|name| name != "compat");
    for surface in own.chain(folders_in("src/http/compat")) {
        let scenarios = root().join("tests/it/scenarios").join(&surface);
        assert!(scenarios.is_dir(), "{} is missing", scenarios.display());
    }
}

#[test]
fn a_surface_names_no_other() {
    let surfaces = folders_in("src/http/compat");
    for surface in &surfaces {
        let folder = format!("src/http/compat/{surface}");
        only_in(&folder, "http::v1", &[]);
        only_in(&folder, "super::v1", &[]);
        for other in surfaces.iter().filter(|other| *other != surface) {
            only_in(&folder, other, &[]);
        }
    }
}

/// A file of the whole project.
fn project_file(path: &str) -> String {
    fs::read_to_string(root().join("..").join(path)).unwrap()
}

#[test]
fn every_variable_stands_once_in_the_example_and_in_the_readme() {
    let example = project_file(".env.example");
    let listed: Vec<&str> = example
        .lines()
        .filter_map(|line| line.strip_prefix("# ")?.split_once('='))
        .filter(|(name, _)| {
            let is_named = |c: u8| c.is_ascii_uppercase() || c.is_ascii_digit() || c == b'_';
            name.bytes().all(is_named)
        })
        .map(|(name, _)| name)
        .collect();
    let readme = project_file("README.md");
    for variable in VARIABLES.iter() {
        let line = format!("# {}={}", variable.name, variable.default);
        let times = listed.iter().filter(|name| **name == variable.name).count();
        assert_eq!(times, 1, "{} in .env.example", variable.name);
        assert!(example.lines().any(|other| other == line), "not `{line}`");
        let named = format!("`{}`", variable.name);
        assert!(readme.contains(&named), "the README lacks {named}");
    }
    let mut others = project_file("api-service/src/config.rs");
    for section in fs::read_dir(root().join("../api-service/src/config")).unwrap() {
        others += &fs::read_to_string(section.unwrap().path()).unwrap();
    }
    for name in listed {
        let ours = VARIABLES.iter().any(|variable| variable.name == name);
        let theirs = others.contains(&format!("\"{name}\""));
        assert!(ours || theirs, "no service reads {name} of .env.example");
    }
}

#[test]
fn the_example_sets_nothing() {
    let example = project_file(".env.example");
    let set = example
        .lines()
        .find(|line| !line.is_empty() && !line.starts_with('#'));
    assert_eq!(set, None);
}
