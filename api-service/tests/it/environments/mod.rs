//! The environment files of the other backends' documents, as they stand there:
//! refused while a placeholder is left in, and with real values they start both
//! services with the providers and settings that they mean.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use api_service::config;
use auth_service::config as auth_config;
use service_kit::environment::Environment;

use crate::support::{
    TestHome, embedder::models_folder, embedding_provider::EmbeddingProvider,
    qdrant_server::QdrantServer,
};

type Values = BTreeMap<String, String>;

/// A document's file, and what is put in the place of its placeholders.
struct Document {
    file: &'static str,
    real: &'static [(&'static str, &'static str)],
}

const SECRET: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
const KEY: &str = "a-key-of-the-operator";

const TEXTBOOK: Document = Document {
    file: include_str!("textbook.env"),
    real: &[
        ("COHERE_API_KEY", KEY),
        ("OPENROUTER_API_KEY", KEY),
        ("QDRANT_API_KEY", KEY),
        ("JWT_SECRET", SECRET),
        ("BETTER_AUTH_SECRET", SECRET),
    ],
};

const AU_GURU: Document = Document {
    file: include_str!("au_guru.env"),
    real: &[("GEMINI_API_KEY", KEY), ("SECRET_KEY", SECRET)],
};

const MULTI_USER: Document = Document {
    file: include_str!("multi_user.env"),
    real: &[("SECRET_KEY", SECRET)],
};

const TWO_SERVICE: Document = Document {
    file: include_str!("two_service.env"),
    real: &[
        ("QDRANT_API_KEY", KEY),
        ("OPENAI_API_KEY", KEY),
        ("BETTER_AUTH_SECRET", SECRET),
        ("JWT_SECRET", SECRET),
    ],
};

const AGENT: Document = Document {
    file: include_str!("agent.env"),
    real: &[
        ("OPENAI_API_KEY", KEY),
        ("GEMINI_API_KEY", KEY),
        ("QDRANT_URL", "https://cluster.example"),
        ("QDRANT_API_KEY", KEY),
        (
            "DATABASE_URL",
            "postgresql://ada:pass@db.example:5432/lectern",
        ),
    ],
};

impl Document {
    /// The file's values, as they stand there.
    fn verbatim(&self) -> Values {
        let lines = self.file.lines().filter(|line| !line.starts_with('#'));
        let pairs = lines.filter_map(|line| line.split_once('='));
        pairs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    fn filled(&self) -> Values {
        let mut values = self.verbatim();
        for (name, real) in self.real {
            let value = values.get_mut(*name);
            let value = value.unwrap_or_else(|| panic!("{name} is not there"));
            (*real).clone_into(value);
        }
        values
    }

    /// The file with everything filled in but this one.
    fn but(&self, left: &str) -> Values {
        let mut values = self.filled();
        values.insert(left.to_owned(), self.verbatim()[left].clone());
        values
    }
}

fn api(values: &Values) -> Result<config::Config, String> {
    let environment = Environment::new(values.clone(), &config::VARIABLES);
    config::Config::from_environment(&environment).map_err(|error| error.to_string())
}

fn auth(values: &Values) -> Result<auth_config::Config, String> {
    auth_config::Config::from_values(values.clone()).map_err(|error| error.to_string())
}

/// The provider and the model of answers, and what embeds.
fn providers(config: &config::Config) -> (String, String, String) {
    let model = &config.llm.as_ref().unwrap().models[0];
    let remote = config.embedding.remote.as_ref();
    let embeds = remote.map_or_else(|| "local".to_owned(), |remote| remote.provider.to_owned());
    (model.provider.to_owned(), model.model.clone(), embeds)
}

fn words(provider: &str, model: &str, embeds: &str) -> (String, String, String) {
    (provider.to_owned(), model.to_owned(), embeds.to_owned())
}

#[test]
fn placeholders_that_are_left_in_are_refused_with_what_makes_real_ones() {
    for document in [TEXTBOOK, AU_GURU, MULTI_USER, TWO_SERVICE, AGENT] {
        for (name, _) in document.real {
            let values = document.but(name);
            let refused = api(&values).err().or_else(|| auth(&values).err());
            let refused = refused.unwrap_or_else(|| panic!("{name} is taken as it stands there"));
            assert!(
                refused.starts_with(&format!("{name}: ")),
                "{name}: {refused}"
            );
            if name.ends_with("SECRET") || name.ends_with("KEY") {
                assert!(refused.contains("openssl rand -hex 32"), "{refused}");
            }
            assert!(!refused.contains(&document.verbatim()[*name]), "{refused}");
        }
    }
}

#[test]
fn providers_are_those_that_the_documents_mean() {
    let config = api(&TEXTBOOK.filled()).unwrap();
    let cohere = words("openrouter", "google/gemini-flash-1.5", "cohere");
    assert_eq!(providers(&config), cohere);
    let qdrant = config.qdrant.as_ref().unwrap();
    assert_eq!(qdrant.url, "https://your-qdrant-cluster.qdrant.io");
    let users = config.visitors.rates.users.map(std::num::NonZeroU32::get);
    assert_eq!(users, Some(10));
    assert!(config.shared_secret.is_some());

    let config = api(&AU_GURU.filled()).unwrap();
    assert_eq!(providers(&config).0, "gemini");
    assert_eq!(providers(&config).2, "local");
    assert_eq!(format!("{:?}", config.database), "sqlite");
    let origins = format!("{:?}", config.allowed_origins);
    assert!(origins.contains("\"http://localhost:3000\""), "{origins}");

    let with_model = |mut values: Values| {
        values.insert("LLM_MODEL".to_owned(), "llama3.2".to_owned());
        values.insert("EMBEDDING_PROVIDER".to_owned(), "ollama".to_owned());
        values.insert("EMBEDDING_MODEL".to_owned(), "nomic-embed-text".to_owned());
        values
    };
    let config = api(&with_model(MULTI_USER.filled())).unwrap();
    assert_eq!(providers(&config), words("ollama", "llama3.2", "ollama"));
    assert_eq!(format!("{:?}", config.database), "postgres");

    for document in [TWO_SERVICE, AGENT] {
        let config = api(&document.filled()).unwrap();
        let (provider, _, embeds) = providers(&config);
        assert_eq!((provider.as_str(), embeds.as_str()), ("openai", "local"));
        assert!(config.qdrant.is_some());
    }
    let config = api(&AGENT.filled()).unwrap();
    assert_eq!(config.llm.unwrap().timeout, Duration::from_secs(30));
    assert_eq!(config.log_level.to_lowercase(), "info");
}

#[test]
fn auth_service_reads_the_same_files() {
    let config = auth(&AU_GURU.filled()).unwrap();
    let shown = format!("{config:?}");
    assert!(!shown.contains(SECRET), "{shown}");
    for document in [TEXTBOOK, MULTI_USER, TWO_SERVICE, AGENT] {
        auth(&document.filled()).unwrap();
    }
}

/// A process that is killed when its test ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts api-service with these values alone, and waits until it is ready.
fn start(values: &Values, folder: &Path) -> Running {
    let child = Command::new(env!("CARGO_BIN_EXE_api-service"))
        .env_clear()
        .envs(values)
        .env("DATA_DIR", folder)
        .env("API_HTTP_ADDR", "127.0.0.1:0")
        .env("AUTH_URL", "http://127.0.0.1:1")
        .env("AUTH_GRPC_URL", "http://127.0.0.1:1")
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut running = Running(child);
    let log = BufReader::new(running.0.stderr.take().unwrap());
    let mut told = String::new();
    let ready = log.lines().any(|line| {
        let line = line.unwrap();
        told += &line;
        line.contains("api-service is ready")
    });
    assert!(ready, "it ended before it was ready: {told}");
    assert!(!told.contains(SECRET) && !told.contains(KEY), "{told}");
    running
}

fn folder_with_model() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(models_folder(), folder.path().join("models")).unwrap();
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_start_the_service() {
    let qdrant = QdrantServer::start().await;
    let cohere = EmbeddingProvider::start().await;
    for document in [TEXTBOOK, AU_GURU, MULTI_USER, TWO_SERVICE, AGENT] {
        let mut values = document.filled();
        let postgres = TestHome::postgres().await;
        // The servers of the documents are not here: others of their kind are.
        let elsewhere = [
            ("QDRANT_URL", qdrant.url()),
            ("DATABASE_URL", postgres.server_url()),
        ];
        for (name, url) in elsewhere {
            let there = values
                .get_mut(name)
                .filter(|url| !url.starts_with("sqlite"));
            if let Some(there) = there {
                *there = url;
            }
        }
        if values.contains_key("COHERE_API_KEY") {
            values.insert("EMBEDDING_BASE_URL".to_owned(), cohere.url(""));
        }
        if values.contains_key("OLLAMA_URL") {
            values.insert("LLM_MODEL".to_owned(), "llama3.2".to_owned());
        }
        let folder = folder_with_model();
        let _running = tokio::task::block_in_place(|| start(&values, folder.path()));
        let database = values.get("DATABASE_URL");
        if database.is_some_and(|url| url.starts_with("sqlite")) {
            assert!(folder.path().join("au_guru.db").exists());
        }
    }
}
