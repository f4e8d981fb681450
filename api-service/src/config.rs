//! Every variable that this service reads, here and nowhere else, checked
//! before a port is bound.

mod accounts;
mod answers;
mod conversations;
mod documents;
mod embedding;
mod fetching;
mod interactions;
mod llm;
mod reranking;
mod surfaces;
mod visitors;

use std::{
    net::SocketAddr, path::PathBuf, sync::LazyLock, thread::available_parallelism, time::Duration,
};

use proto::claims::{DEFAULT_AUDIENCE, DEFAULT_ISSUER};
use secrecy::{ExposeSecret, SecretString};
use service_kit::{
    browser_origins::AllowedOrigins,
    database::{DatabaseUrl, WAIT},
    environment::{Environment, InvalidVariable, Variable},
    signing_secret,
    telemetry::LogFormat,
};

use crate::domain::{
    analytics::InteractionLog, index::Fusion, quota::Quota, token_budget::TokenBudget,
};
pub use accounts::AccountsConfig;
pub use conversations::ConversationsConfig;
pub use embedding::{EmbeddingConfig, RemoteEmbeddingConfig};
pub use fetching::FetchingConfig;
pub use llm::{LlmConfig, LlmModel};
pub use reranking::RerankConfig;
pub use surfaces::SurfacesConfig;
pub use visitors::VisitorsConfig;

/// The variables.
pub static VARIABLES: LazyLock<Vec<Variable>> = LazyLock::new(|| {
    [
        SERVICE_VARIABLES,
        accounts::VARIABLES,
        embedding::VARIABLES,
        answers::VARIABLES,
        conversations::VARIABLES,
        documents::VARIABLES,
        interactions::VARIABLES,
        llm::VARIABLES,
        reranking::VARIABLES,
        surfaces::VARIABLES,
        visitors::VARIABLES,
    ]
    .concat()
});

const SERVICE_VARIABLES: &[Variable] = &[
    Variable::plain(
        "DATA_DIR",
        "./data",
        "The folder that everything is written to.",
    ),
    Variable::plain(
        "API_HTTP_ADDR",
        "127.0.0.1:8000",
        "The address that api-service listens on.",
    ),
    Variable::plain(
        "AUTH_URL",
        "http://127.0.0.1:3001",
        "Where auth-service's HTTP side is.",
    ),
    Variable::plain("JWT_ISSUER", DEFAULT_ISSUER, "The `iss` of tokens."),
    Variable::plain("JWT_AUDIENCE", DEFAULT_AUDIENCE, "The `aud` of tokens."),
    signing_secret::JWT_SECRET,
    signing_secret::SECRET_KEY,
    signing_secret::ALGORITHM,
    Variable::secret(
        "API_DATABASE_URL",
        "api-service's database; goes before DATABASE_URL.",
    ),
    Variable::secret(
        "DATABASE_URL",
        "`sqlite:FILE` or `postgres://…`; default: SQLite in DATA_DIR.",
    ),
    WAIT,
    Variable::plain(
        "QDRANT_URL",
        "",
        "A Qdrant server's gRPC address; default: the index in this process.",
    ),
    Variable::secret("QDRANT_API_KEY", "The key of that server."),
    Variable::plain(
        "EMBEDDING_THREADS",
        "",
        "Threads that embed; default: the machine's cores.",
    ),
    Variable::plain(
        "RETRIEVAL_FUSION",
        "dbsf",
        "How dense and BM25 hits are fused: `dbsf` or `rrf`.",
    ),
    Variable::secret(
        "LINK_SECRET",
        "Signs links to documents: 32 bytes or more, the same in all replicas; default: one that \
         is made and kept in DATA_DIR/link-secret.",
    ),
    Variable::plain(
        "MAX_UPLOAD_BYTES",
        "26214400",
        "The largest body of a request, in bytes.",
    ),
    fetching::ALLOWED_NETWORKS,
    fetching::DELAY,
    Variable::plain(
        "MAX_DOCUMENTS_PER_USER",
        "10000",
        "The most documents in all knowledge bases of one user; 0 for no limit.",
    ),
    Variable::plain(
        "MAX_BYTES_PER_USER",
        "1073741824",
        "The most bytes that these documents have together; 0 for no limit.",
    ),
    Variable::plain(
        "ALLOWED_ORIGINS",
        "",
        "Origins of browsers' pages, as a JSON list or with commas.",
    ),
    Variable::plain(
        "LOG_LEVEL",
        "info",
        "`error`, `warn`, `info`, `debug`, or a filter.",
    ),
    Variable::plain("LOG_FORMAT", "text", "`text` or `json`."),
];

/// The configuration.
#[derive(Debug)]
pub struct Config {
    /// The folder that everything is written to.
    pub data_dir: PathBuf,
    /// The address to listen on.
    pub http_addr: SocketAddr,
    /// Where auth-service's HTTP side is, without a slash at the end.
    pub auth_url: String,
    /// Where browsers reach that.
    pub auth_public_url: String,
    /// auth-service's gRPC side.
    pub accounts: AccountsConfig,
    /// The `iss` of tokens.
    pub issuer: String,
    /// The `aud` of tokens.
    pub audience: String,
    /// What signs tokens, if keys don't.
    pub shared_secret: Option<SecretString>,
    /// The database.
    pub database: DatabaseUrl,
    /// For how long a start waits for it.
    pub database_wait: Duration,
    /// The Qdrant server, if one is used.
    pub qdrant: Option<QdrantConfig>,
    /// The embedding model.
    pub embedding: EmbeddingConfig,
    /// The folder of the model in this process.
    pub models_dir: PathBuf,
    /// Threads that embed.
    pub embedding_threads: usize,
    /// From which nearness of the best passage and sentence on a question is
    /// answered with extracts.
    pub refuse_below: f32,
    /// How dense and BM25 hits are fused.
    pub fusion: Fusion,
    /// The reranker, if one is used.
    pub rerank: Option<RerankConfig>,
    /// How many tokens knowledge bases may have for all of them to be given to
    /// the language model.
    pub whole_context: usize,
    /// What signs links to documents; its file in the data folder where there
    /// is none.
    pub link_secret: Option<SecretString>,
    /// The largest body of a request, in bytes.
    pub max_upload_bytes: usize,
    /// How sources are fetched.
    pub fetching: FetchingConfig,
    /// The most that a user may keep.
    pub quota: Quota,
    /// The most tokens that a user may use of language models in a day.
    pub token_budget: TokenBudget,
    /// How long conversations are kept, and answers waited for.
    pub conversations: ConversationsConfig,
    /// How interactions are logged.
    pub interactions: InteractionLog,
    /// The language model, if one is configured.
    pub llm: Option<LlmConfig>,
    /// Who may ask without having signed in, and how often anybody may.
    pub visitors: VisitorsConfig,
    /// How surfaces differ from one place to another.
    pub surfaces: SurfacesConfig,
    /// Origins of browsers' pages that may call.
    pub allowed_origins: AllowedOrigins,
    /// What is logged.
    pub log_level: String,
    /// How it is logged.
    pub log_format: LogFormat,
}

/// A Qdrant server.
#[derive(Debug)]
pub struct QdrantConfig {
    /// Its gRPC address.
    pub url: String,
    /// Its key, if it wants one.
    pub api_key: Option<SecretString>,
}

impl Config {
    /// Reads the process's environment.
    pub fn from_process() -> Result<Self, InvalidVariable> {
        Self::from_environment(&Environment::from_os(std::env::vars_os(), &VARIABLES))
    }

    /// Reads an environment.
    pub fn from_environment(environment: &Environment) -> Result<Self, InvalidVariable> {
        let data_dir = PathBuf::from(environment.text("DATA_DIR")?);
        let database = environment.database(
            &["API_DATABASE_URL", "DATABASE_URL"],
            &data_dir.join("api.db"),
        )?;
        let qdrant = match environment.optional("QDRANT_URL")? {
            Some(url) if !url.starts_with("http") => {
                return Err(InvalidVariable::new("QDRANT_URL", "must begin with http"));
            }
            Some(url) => {
                let api_key = environment.secret("QDRANT_API_KEY")?;
                Some(QdrantConfig { url, api_key })
            }
            None => None,
        };
        let models_dir = match environment.optional("MODELS_DIR")? {
            Some(folder) => folder.into(),
            None => data_dir.join("models"),
        };
        Ok(Self {
            models_dir,
            data_dir,
            http_addr: environment.parsed("API_HTTP_ADDR")?,
            auth_url: http_url(environment, "AUTH_URL")?,
            auth_public_url: documents::auth_url(environment)?,
            accounts: accounts::read(environment)?,
            issuer: environment.text("JWT_ISSUER")?,
            audience: environment.text("JWT_AUDIENCE")?,
            shared_secret: signing_secret::read(environment)?,
            database,
            database_wait: Duration::from_secs(environment.parsed::<u16>(WAIT.name)?.into()),
            qdrant,
            embedding: embedding::read(environment)?,
            embedding_threads: embedding_threads(environment)?,
            refuse_below: answers::refuse_below(environment)?,
            fusion: fusion(environment)?,
            rerank: reranking::read(environment)?,
            whole_context: environment.parsed("WHOLE_CONTEXT_TOKENS")?,
            link_secret: link_secret(environment)?,
            max_upload_bytes: environment.parsed("MAX_UPLOAD_BYTES")?,
            quota: Quota {
                documents: environment.parsed("MAX_DOCUMENTS_PER_USER")?,
                bytes: environment.parsed("MAX_BYTES_PER_USER")?,
            },
            fetching: fetching::read(environment)?,
            token_budget: TokenBudget(environment.parsed("TOKENS_PER_USER_PER_DAY")?),
            conversations: conversations::read(environment)?,
            interactions: interactions::read(environment)?,
            llm: llm::read(environment)?,
            visitors: visitors::read(environment)?,
            surfaces: surfaces::read(environment)?,
            allowed_origins: AllowedOrigins::read(environment, "ALLOWED_ORIGINS")?,
            log_level: environment.text("LOG_LEVEL")?,
            log_format: environment.parsed("LOG_FORMAT")?,
        })
    }
}

fn http_url(environment: &Environment, name: &str) -> Result<String, InvalidVariable> {
    let url = environment.text(name)?;
    if !url.starts_with("http://") && !url.starts_with("https://") {
        let problem = "must begin with http:// or https://";
        return Err(InvalidVariable::new(name, problem));
    }
    Ok(url.trim_end_matches('/').to_owned())
}

fn link_secret(environment: &Environment) -> Result<Option<SecretString>, InvalidVariable> {
    let secret = environment.secret("LINK_SECRET")?;
    let is_short = |secret: &SecretString| secret.expose_secret().len() < 32;
    if secret.as_ref().is_some_and(is_short) {
        let problem = "must have at least 32 bytes; make one with `openssl rand -hex 32`";
        return Err(InvalidVariable::new("LINK_SECRET", problem));
    }
    Ok(secret)
}

fn embedding_threads(environment: &Environment) -> Result<usize, InvalidVariable> {
    match environment.optional("EMBEDDING_THREADS")? {
        Some(_) => environment.parsed("EMBEDDING_THREADS"),
        None => Ok(available_parallelism().map_or(1, std::num::NonZero::get)),
    }
}

fn fusion(environment: &Environment) -> Result<Fusion, InvalidVariable> {
    match environment.text("RETRIEVAL_FUSION")?.as_str() {
        "dbsf" => Ok(Fusion::Dbsf),
        // Qdrant's own default for k.
        "rrf" => Ok(Fusion::Rrf(2)),
        _ => Err(InvalidVariable::new(
            "RETRIEVAL_FUSION",
            "is `dbsf` or `rrf`",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(values: &[(&str, &str)]) -> Result<Config, InvalidVariable> {
        let owned = values
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::from_environment(&Environment::new(owned.collect::<Vec<_>>(), &VARIABLES))
    }

    #[test]
    fn nothing_set_is_the_embedded_default() {
        let config = config(&[]).unwrap();
        assert!(config.qdrant.is_none() && config.llm.is_none());
        assert_eq!(format!("{:?}", config.database), "sqlite");
    }

    #[test]
    fn keys_choose_the_provider_and_are_never_shown() {
        let set = [
            ("OPENROUTER_API_KEY", "sk-or-hunter2"),
            ("DATABASE_URL", "postgres://u:hunter2@h/d"),
        ];
        let config = config(&set).unwrap();
        let shown = format!("{config:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
        let llm = config.llm.unwrap();
        assert_eq!(llm.models[0].base_url, "https://openrouter.ai/api/v1");
        assert_eq!(llm.models[0].model, "google/gemini-flash-1.5");
    }

    #[test]
    fn the_embedding_model_is_the_local_one_where_nothing_says_otherwise() {
        let remote = |values: &[(&str, &str)]| {
            let remote = config(values).unwrap().embedding.remote;
            remote.map(|remote| (remote.provider, remote.model, remote.batch))
        };
        assert_eq!(remote(&[]), None);
        assert_eq!(remote(&[("OPENAI_API_KEY", "sk-hunter2")]), None);
        let cohere = Some(("cohere", "embed-v4.0".to_owned(), 96));
        assert_eq!(remote(&[("COHERE_API_KEY", "hunter2")]), cohere);
        let both = [
            ("COHERE_API_KEY", "hunter2"),
            ("EMBEDDING_PROVIDER", "local"),
        ];
        assert_eq!(remote(&both), None);
        let server = [
            ("EMBEDDING_PROVIDER", "openai-compatible"),
            ("EMBEDDING_BASE_URL", "http://tei:8080/v1/"),
            ("EMBEDDING_MODEL", "BAAI/bge-m3"),
        ];
        let tei = Some(("openai-compatible", "BAAI/bge-m3".to_owned(), 32));
        assert_eq!(remote(&server), tei);
        for (provider, lacks) in [
            ("gemini", "GEMINI_API_KEY"),
            ("openai-compatible", "EMBEDDING_BASE_URL"),
        ] {
            let error = config(&[("EMBEDDING_PROVIDER", provider)]).unwrap_err();
            assert!(error.to_string().contains(lacks), "{error}");
        }
    }

    #[test]
    fn a_reranker_is_told_by_its_address() {
        let rerank = |values: &[(&str, &str)]| {
            let rerank = config(values).unwrap().rerank;
            rerank.map(|rerank| (rerank.provider, rerank.url, rerank.model))
        };
        assert_eq!(rerank(&[]), None);
        let tei = ("tei", "http://tei:8080".to_owned(), String::new());
        assert_eq!(rerank(&[("RERANK_URL", "http://tei:8080/")]), Some(tei));
        let cohere = [("RERANK_PROVIDER", "cohere"), ("COHERE_API_KEY", "hunter2")];
        let url = "https://api.cohere.com".to_owned();
        let expected = Some(("cohere", url, "rerank-v3.5".to_owned()));
        assert_eq!(rerank(&cohere), expected);
        let jina = rerank(&[("RERANK_URL", "https://jina.example/v1/rerank")]);
        assert_eq!(jina.unwrap().0, "jina");
    }

    #[test]
    fn what_can_not_be_meant_is_refused_by_name() {
        for (name, value) in [
            ("REFUSE_BELOW", "1.5"),
            ("REFUSE_BELOW", "NaN"),
            ("INTERACTION_LOG", "some"),
            ("INTERACTION_RETENTION_DAYS", "36501"),
            ("LLM_PRICES", "gpt-4o=1"),
            ("API_HTTP_ADDR", "localhost"),
            ("DATABASE_URL", "mysql://x"),
            ("RETRIEVAL_FUSION", "sum"),
            ("RERANK_PROVIDER", "bm25"),
            ("RERANK_PROVIDER", "tei"),
            ("RERANK_PROVIDER", "jina"),
            ("RERANK_URL", "tei:8080"),
            ("WHOLE_CONTEXT_TOKENS", "all"),
            ("AUTH_URL", "auth:3001"),
            ("ALLOWED_ORIGINS", "[1]"),
            ("LLM_BASE_URL", "http://localhost:11434/v1"),
            ("LLM_PROVIDER", "claude"),
            ("LLM_MODEL", "gpt-4o"),
            ("LLM_FALLBACK_MODELS", "gpt-4o"),
            ("OLLAMA_URL", "http://localhost:11434"),
            ("EMBEDDING_PROVIDER", "word2vec"),
            ("EMBEDDING_DIMENSIONS", "many"),
            ("COHERE_API_KEY", "your-cohere-key"),
            ("OPENAI_API_KEY", "your-key-here"),
            ("JWT_SECRET", "thirty-one-bytes-are-not-enough"),
            ("ALGORITHM", "RS256"),
            ("FETCH_ALLOWED_NETWORKS", "10.0.0.0/8,localhost"),
            ("SOURCE_DELAY", "soon"),
            ("RATE_LIMIT_REQUESTS_PER_MINUTE", "none"),
            ("ANONYMOUS_CHAT", "maybe"),
            ("ANONYMOUS_RETENTION_DAYS", "4000"),
            ("TRUSTED_PROXIES", "the proxy"),
            ("API_PUBLIC_URL", "docs.example.com"),
            ("SOURCES_FOOTER", "perhaps"),
            ("LINK_SECRET", "thirty-one-bytes-are-not-enough"),
        ] {
            let error = config(&[(name, value)]).unwrap_err();
            assert!(!error.to_string().contains(value), "{error}");
        }
    }
}
