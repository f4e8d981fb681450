//! The invariants of the house, held by reading the source.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use api_service::config::VARIABLES;

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
                let below = path.strip_prefix(root()).unwrap().to_str().unwrap();
                files.push(SourceFile {
                    path: below.to_owned(),
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
        "qdrant_client",
        "qdrant_edge",
        "tiktoken_rs",
        "reqwest",
        "rten",
        "tokenizers",
        "jsonwebtoken",
        "crate::http",
        "crate::outbound",
        "crate::startup",
        "crate::config",
        "crate::cli",
    ] {
        for folder in ["src/domain", "src/app", "src/pipeline"] {
            only_in(folder, word, &[]);
        }
    }
    for word in [
        "serde",
        "serde_json",
        "tokio",
        "std::fs",
        "crate::app",
        "crate::pipeline",
    ] {
        only_in("src/domain", word, &[]);
    }
    only_in("src/app", "serde", &[]);
}

#[test]
fn each_library_has_its_place() {
    only_in("src", "sqlx", &["src/outbound/sql/", "src/startup"]);
    only_in("src", "qdrant_client", &["src/outbound/qdrant.rs"]);
    let edge = ["src/outbound/edge.rs", "src/outbound/bm25.rs"];
    only_in("src", "qdrant_edge", &edge);
    only_in("src", "tiktoken_rs", &["src/outbound/llm/tokens.rs"]);
    let reqwest = [
        "src/outbound/embedding/remote.rs",
        "src/outbound/llm/",
        "src/outbound/jwks.rs",
        "src/outbound/rerank.rs",
        "src/outbound/web/",
        "src/startup",
    ];
    only_in("src", "reqwest", &reqwest);
    only_in("src", "tonic", &["src/outbound/accounts.rs"]);
    only_in("src", "rten", &["src/outbound/embedding/minilm"]);
    only_in("src", "tokenizers", &["src/outbound/embedding/minilm.rs"]);
    let tokens = ["src/outbound/jwks.rs", "src/outbound/access_tokens.rs"];
    only_in("src", "jsonwebtoken", &tokens);
    only_in("src", "html5gum", &["src/pipeline/parsing/html.rs"]);
    let markdown = ["src/pipeline/parsing/markdown.rs"];
    only_in("src", "pulldown_cmark", &markdown);
    only_in("src", "ignore", &["src/outbound/directory.rs"]);
    only_in("src", "globset", &["src/pipeline/selecting.rs"]);
    only_in("src", "rmcp", &["src/http/compat/mcp/"]);
    only_in("src", "quick_xml", &["src/pipeline/"]);
    only_in("src", "clap", &["src/cli/"]);
    only_in("src", "indicatif", &["src/cli/"]);
    only_in("src", "std::env", &["src/config.rs"]);
}

#[test]
fn edges_do_not_know_one_another() {
    only_in("src/http", "crate::outbound", &["src/http/health.rs"]);
    only_in("src/outbound", "crate::http", &[]);
    for word in [
        "SqlStore",
        "EdgeIndex",
        "QdrantIndex",
        "MiniLm",
        "ModelChain",
        "SystemClock",
        "SystemRandomness",
    ] {
        only_in("src", word, &["src/outbound/", "src/startup"]);
    }
}

/// A scope comes from a principal; the operator is nobody's token.
#[test]
fn only_the_command_line_acts_as_the_operator() {
    let allowed = ["src/cli/", "src/app/evaluate.rs", "src/domain/principal.rs"];
    only_in("src", "operator", &allowed);
    let made: Vec<String> = files_under("src")
        .into_iter()
        .filter(|file| file.path != "src/domain/principal.rs")
        .filter(|file| file.code().any(|line| line.contains("Scope {")))
        .filter(|file| !file.code().all(|line| !line.contains("= Scope {")))
        .map(|file| file.path)
        .collect();
    assert!(made.is_empty(), "scopes are made in {made:?}");
}

/// The methods of stores and indexes that take no scope, and why.
const WITHOUT_SCOPE: &[(&str, &str, &[&str])] = &[
    (
        "AnswerStore",
        "the makers': they concern answers that they make themselves, or that were left behind",
        &["record", "is_listened_to", "tidy_up"],
    ),
    (
        "JobStore",
        "the worker's: they concern jobs that it claimed, for nobody who asks",
        &[
            "claim",
            "advance",
            "fail",
            "put_off",
            "release",
            "release_all",
            "known_embeddings",
            "keep_chunks",
            "publish",
        ],
    ),
    (
        "JobStore",
        "they keep the index as the rows are, and show nobody anything",
        &["garbage", "cleared"],
    ),
    (
        "EmbeddingStore",
        "they keep the index as the rows are, and show nobody anything",
        &[
            "models",
            "active_or",
            "claim_model",
            "activate",
            "forget_model",
            "live_chunks",
            "not_embedded",
            "keep_embeddings",
            "embedded_ids",
            "points",
            "language",
            "note_language",
            "outdated_base",
            "renewed",
        ],
    ),
    (
        "VectorIndex",
        "they keep the index as the rows are, and show nobody anything",
        &[
            "upsert",
            "delete_versions",
            "delete",
            "delete_base",
            "settle",
            "count",
            "ids",
        ],
    ),
    (
        "KnowledgeBaseStore",
        "what they clear away can be seen by nobody any more",
        &["garbage_bases", "cleared_base"],
    ),
    (
        "AccountStore",
        "they do what auth-service tells of accounts, for nobody who asks",
        &[
            "refusals",
            "apply",
            "begin_anew",
            "forget_expired",
            "due_erasures",
            "erase_some",
            "erased_bases",
            "passed",
        ],
    ),
    (
        "SourceStore",
        "the syncer's: they concern sources that it claimed, for nobody who asks",
        &[
            "claim_source",
            "known_pages",
            "take_page",
            "keep_page",
            "drop_page",
            "renew_source",
            "finish_source",
            "release_sources",
            "release_all_sources",
        ],
    ),
    (
        "SourceStore",
        "it tells the process alone whose folders are in use",
        &["is_there"],
    ),
    ("DocumentStore", "it tells of no row", &["is_up"]),
    (
        "DocumentStore",
        "it takes away what is too old to matter, for nobody who asks",
        &["forget_requests"],
    ),
    (
        "InteractionStore",
        "it takes away what is too old to matter, for nobody who asks",
        &["forget_interactions"],
    ),
    (
        "TokenStore",
        "it takes away what is too old to matter, for nobody who asks",
        &["forget_tokens"],
    ),
    (
        "PublishableKeyStore",
        "they tell who asks with a key, and let its pages ask, before there is a caller",
        &["publishable_key", "lists_origin", "count_use"],
    ),
    ("VectorIndex", "it tells of no point", &["is_up"]),
];

/// What keeps tenants' rows and points.
const KEEPERS: &[&str] = &["SqlStore", "EdgeIndex", "QdrantIndex"];

/// The traits that the keepers implement for the verbs.
fn kept_traits() -> BTreeSet<String> {
    let outbound = files_under("src/outbound");
    let lines = outbound.iter().flat_map(SourceFile::code);
    let implemented = lines.filter_map(|line| line.strip_prefix("impl ")?.split_once(" for "));
    let kept = implemented.filter(|(name, _)| name.chars().all(char::is_alphanumeric));
    let kept = kept.filter(|(_, keeper)| KEEPERS.contains(&keeper.trim_end_matches(" {")));
    kept.map(|(name, _)| name.to_owned()).collect()
}

/// The methods of a trait in the ports, with all that stands before their end.
fn methods_of(name: &str) -> Vec<(String, String)> {
    let mut ports = files_under("src/app/ports");
    ports.push(SourceFile {
        path: "src/app/ports.rs".to_owned(),
        text: fs::read_to_string(root().join("src/app/ports.rs")).unwrap(),
    });
    let begins = format!("pub trait {name}:");
    let file = ports.iter().find(|file| file.text.contains(&begins));
    let file = file.unwrap_or_else(|| panic!("{name} is not in the ports"));
    let code: Vec<&str> = file.code().collect();
    let code = code.join("\n");
    let (_, body) = code.split_once(&begins).unwrap();
    let (body, _) = body.split_once("\n}").unwrap();
    let methods = body.split("fn ").skip(1).map(|method| {
        let (name, _) = method.split_once('(').unwrap();
        let (signature, _) = method.split_once(';').unwrap();
        (name.to_owned(), signature.to_owned())
    });
    methods.collect()
}

/// Nothing of a tenant's is read or written but in somebody's scope.
#[test]
fn stores_and_indexes_take_a_scope() {
    let traits = kept_traits();
    let (mut excepted, mut scoped) = (BTreeSet::new(), 0);
    for name in &traits {
        for (method, signature) in methods_of(name) {
            let takes = signature.contains(": &Scope") || signature.contains(": &SearchScope");
            let exception = WITHOUT_SCOPE
                .iter()
                .find(|(of, _, methods)| of == name && methods.contains(&method.as_str()));
            assert_eq!(
                takes,
                exception.is_none(),
                "{name}::{method} must take a scope, or stand in WITHOUT_SCOPE with a reason"
            );
            scoped += usize::from(takes);
            excepted.extend(exception.map(|_| (name.clone(), method)));
        }
    }
    let listed = WITHOUT_SCOPE.iter().flat_map(|(of, _, methods)| {
        let pair = |method: &&str| (String::from(*of), String::from(*method));
        methods.iter().map(pair)
    });
    assert_eq!(
        listed.collect::<BTreeSet<_>>(),
        excepted,
        "the list names methods that are gone"
    );
    assert!(traits.len() >= 7 && scoped >= 25, "{traits:?} {scoped}");
}

/// What the keepers can do beside that is for themselves alone; and a scope
/// that is taken is looked at.
#[test]
fn stores_and_indexes_have_no_side_doors() {
    let mut keepers = files_under("src/outbound");
    keepers.retain(|file| KEEPERS.iter().any(|keeper| file.names(keeper)));
    assert!(keepers.len() >= 8);
    for file in keepers {
        for line in file.code() {
            let public = line.starts_with("    pub ") && line.contains("fn ");
            // The last two are about a whole index.
            let opens = ["fn new(", "fn open(", "fn take(", "fn remove("];
            let makes = opens.iter().any(|open| line.contains(open));
            assert!(!public || makes, "{}: {line}", file.path);
            assert!(!line.contains("_scope:"), "{}: {line}", file.path);
        }
    }
}

#[test]
fn only_wire_types_are_serialized() {
    for file in files_under("src") {
        let is_wire = file.path.ends_with("/wire.rs");
        assert!(is_wire || !file.names("Serialize"), "{}", file.path);
        let reads = is_wire || file.path.starts_with("src/outbound/");
        assert!(reads || !file.names("Deserialize"), "{}", file.path);
    }
}

#[test]
fn files_begin_with_what_they_are_and_stay_small() {
    for folder in ["src", "tests"] {
        for file in files_under(folder) {
            let begins = file.text.starts_with("//! ") || file.path == "src/lib.rs";
            assert!(begins, "{} begins otherwise", file.path);
            let lines = file.text.lines().count();
            assert!(lines <= 500, "{} has {lines} lines", file.path);
            let name = file.path.rsplit('/').next().unwrap();
            let vague = [
                "utils.rs",
                "common.rs",
                "helpers.rs",
                "manager.rs",
                "models.rs",
                "services.rs",
            ];
            assert!(!vague.contains(&name), "{} says nothing", file.path);
        }
    }
    let main = fs::read_to_string(root().join("src/main.rs")).unwrap();
    assert!(main.lines().count() <= 40);
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    assert!(
        readme.starts_with("# "),
        "README.md is the crate's documentation"
    );
}

#[test]
fn handlers_are_short() {
    for file in files_under("src/http") {
        let mut start = None;
        for (number, line) in file.text.lines().enumerate() {
            let line = line.trim_end();
            if line.starts_with("async fn") || line.starts_with("pub async fn") {
                start = Some(number);
            }
            if let (Some(first), "}") = (start, line) {
                assert!(number - first < 25, "{}:{first} is long", file.path);
                start = None;
            }
        }
    }
}

#[test]
fn every_surface_has_scenarios() {
    let ours = fs::read_dir(root().join("src/http")).unwrap();
    let others = fs::read_dir(root().join("src/http/compat")).unwrap();
    for surface in ours.chain(others).map(|entry| entry.unwrap()) {
        if surface.file_type().unwrap().is_dir() && surface.file_name() != "compat" {
            let scenarios = root().join("tests/it/scenarios").join(surface.file_name());
            assert!(scenarios.is_dir(), "{} is missing", scenarios.display());
        }
    }
}

pub(crate) fn beside_the_crates(name: &str) -> String {
    let path = root().join("..").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names of lines such as `NAME=value` or `# NAME=value`.
fn assigned(example: &str) -> Vec<&str> {
    let names = example.lines().filter_map(|line| {
        let line = line.trim_start_matches('#').trim_start();
        let (name, _) = line.split_once('=')?;
        let is_name = !name.is_empty()
            && name.chars().all(|letter| {
                letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_'
            });
        is_name.then_some(name)
    });
    names.collect()
}

#[test]
fn every_variable_is_documented_and_nothing_else_is() {
    let (example, readme) = (
        beside_the_crates(".env.example"),
        beside_the_crates("README.md"),
    );
    let assigned = assigned(&example);
    for variable in VARIABLES.iter() {
        let name = variable.name;
        assert!(assigned.contains(&name), "{name} is not in .env.example");
        assert!(readme.contains(name), "{name} is not in README.md");
    }
    let sections = fs::read_dir(root().join("../auth-service/src/config")).unwrap();
    let auth: String = sections
        .map(|section| fs::read_to_string(section.unwrap().path()).unwrap())
        .collect();
    for name in assigned {
        let ours = VARIABLES.iter().any(|variable| variable.name == name);
        let theirs = auth.contains(&format!("\"{name}\""));
        assert!(ours || theirs, "nobody reads {name} of .env.example");
    }
}
