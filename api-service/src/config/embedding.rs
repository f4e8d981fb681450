//! Which embedding model is used.

use secrecy::SecretString;
use service_kit::environment::{Environment, InvalidVariable, Variable};

/// The variables.
pub(super) const VARIABLES: &[Variable] = &[
    Variable::plain(
        "MODELS_DIR",
        "",
        "The folder of the model in this process; default: DATA_DIR/models.",
    ),
    Variable::plain(
        "EMBEDDING_PROVIDER",
        "",
        "`local`, `openai`, `openrouter`, `gemini`, `cohere`, `ollama` or `openai-compatible`; \
         default: `cohere` where COHERE_API_KEY is set, else `local`.",
    ),
    Variable::plain(
        "EMBEDDING_MODEL",
        "",
        "The model's name there; default: the provider's usual one.",
    ),
    Variable::plain(
        "EMBEDDING_BASE_URL",
        "",
        "The provider's address; default: its own.",
    ),
    Variable::secret(
        "EMBEDDING_API_KEY",
        "The provider's key; default: the one of its own variable, such as OPENAI_API_KEY.",
    ),
    Variable::plain(
        "EMBEDDING_DIMENSIONS",
        "",
        "How many values a vector is to have, where the model can be told; default: as it makes \
         them.",
    ),
    Variable::plain(
        "EMBEDDING_BATCH",
        "",
        "Texts in one request; default: what the provider takes.",
    ),
    Variable::secret("COHERE_API_KEY", "Embeddings by Cohere."),
];

/// Which embedding model is used.
#[derive(Debug)]
pub struct EmbeddingConfig {
    /// The one of a provider; `None` for the one in this process.
    pub remote: Option<RemoteEmbeddingConfig>,
    /// The keys of providers: what an index was filled by before may have to be
    /// asked until it is filled anew.
    pub keys: Vec<(&'static str, SecretString)>,
}

/// A provider's embedding model.
#[derive(Debug)]
pub struct RemoteEmbeddingConfig {
    /// The provider's word.
    pub provider: &'static str,
    /// Its address, without a slash at the end.
    pub base_url: String,
    /// Its key, if it wants one.
    pub api_key: Option<SecretString>,
    /// The model's name there.
    pub model: String,
    /// How many values a vector is to have; `None` for as many as the model makes.
    pub dimensions: Option<usize>,
    /// Texts in one request.
    pub batch: usize,
}

struct Preset {
    provider: &'static str,
    base_url: &'static str,
    model: &'static str,
    key: &'static str,
    batch: usize,
}

const PRESETS: &[Preset] = &[
    Preset {
        provider: "openai",
        base_url: "https://api.openai.com/v1",
        model: "text-embedding-3-small",
        key: "OPENAI_API_KEY",
        batch: 128,
    },
    Preset {
        provider: "openrouter",
        base_url: "https://openrouter.ai/api/v1",
        model: "openai/text-embedding-3-small",
        key: "OPENROUTER_API_KEY",
        batch: 64,
    },
    Preset {
        provider: "gemini",
        base_url: "https://generativelanguage.googleapis.com/v1beta/openai",
        model: "gemini-embedding-001",
        key: "GEMINI_API_KEY",
        batch: 100,
    },
    Preset {
        provider: "cohere",
        base_url: "https://api.cohere.com",
        model: "embed-v4.0",
        key: "COHERE_API_KEY",
        // The most that it takes.
        batch: 96,
    },
    Preset {
        provider: "ollama",
        base_url: "http://localhost:11434/v1",
        model: "nomic-embed-text",
        key: "",
        batch: 32,
    },
    Preset {
        provider: "openai-compatible",
        base_url: "",
        model: "",
        key: "",
        // What TEI takes as it is shipped.
        batch: 32,
    },
];

/// Reads which model is used.
pub(super) fn read(environment: &Environment) -> Result<EmbeddingConfig, InvalidVariable> {
    let (dimensions, batch) = (
        number(environment, "EMBEDDING_DIMENSIONS")?,
        number(environment, "EMBEDDING_BATCH")?,
    );
    let cohere = environment.secret("COHERE_API_KEY")?;
    let provider = match environment.optional("EMBEDDING_PROVIDER")? {
        Some(provider) => provider,
        None if cohere.is_some() => "cohere".to_owned(),
        None => "local".to_owned(),
    };
    let mut keys = vec![];
    for preset in PRESETS.iter().filter(|preset| !preset.key.is_empty()) {
        let key = environment.secret(preset.key)?;
        keys.extend(key.map(|key| (preset.provider, key)));
    }
    if provider == "local" {
        return Ok(EmbeddingConfig { remote: None, keys });
    }
    let Some(preset) = PRESETS.iter().find(|preset| preset.provider == provider) else {
        let problem = "is `local`, `openai`, `openrouter`, `gemini`, `cohere`, `ollama` or \
                       `openai-compatible`";
        return Err(InvalidVariable::new("EMBEDDING_PROVIDER", problem));
    };
    let remote = RemoteEmbeddingConfig {
        dimensions,
        batch: batch.unwrap_or(preset.batch),
        ..remote(environment, preset)?
    };
    Ok(EmbeddingConfig {
        remote: Some(remote),
        keys,
    })
}

fn number(environment: &Environment, variable: &str) -> Result<Option<usize>, InvalidVariable> {
    if environment.optional(variable)?.is_none() {
        return Ok(None);
    }
    match environment.parsed(variable)? {
        0 => Err(InvalidVariable::new(variable, "must be 1 or more")),
        number => Ok(Some(number)),
    }
}

fn remote(
    environment: &Environment,
    preset: &Preset,
) -> Result<RemoteEmbeddingConfig, InvalidVariable> {
    let needed = |variable: &str, default: &str| {
        let value = environment
            .optional(variable)?
            .unwrap_or(default.to_owned());
        if value.is_empty() {
            let problem = format!("is needed with EMBEDDING_PROVIDER={}", preset.provider);
            return Err(InvalidVariable::new(variable, problem));
        }
        Ok(value)
    };
    let base_url = needed("EMBEDDING_BASE_URL", preset.base_url)?;
    if !base_url.starts_with("http://") && !base_url.starts_with("https://") {
        let problem = "must begin with http:// or https://";
        return Err(InvalidVariable::new("EMBEDDING_BASE_URL", problem));
    }
    let own = environment.secret("EMBEDDING_API_KEY")?;
    let api_key = match (own, preset.key) {
        (Some(key), _) => Some(key),
        (None, "") => None,
        (None, variable) => environment.secret(variable)?,
    };
    if api_key.is_none() && !preset.key.is_empty() {
        let problem = format!("is needed with EMBEDDING_PROVIDER={}", preset.provider);
        return Err(InvalidVariable::new(preset.key, problem));
    }
    Ok(RemoteEmbeddingConfig {
        provider: preset.provider,
        base_url: base_url.trim_end_matches('/').to_owned(),
        api_key,
        model: needed("EMBEDDING_MODEL", preset.model)?,
        dimensions: None,
        batch: preset.batch,
    })
}
