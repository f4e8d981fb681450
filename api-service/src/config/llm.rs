//! Which language models write answers, and within which bounds.

use std::{str::FromStr, time::Duration};

use secrecy::SecretString;
use service_kit::environment::{Environment, InvalidVariable, Variable};

/// The variables.
pub(super) const VARIABLES: &[Variable] = &[
    Variable::plain(
        "LLM_PROVIDER",
        "",
        "`openai`, `openrouter`, `gemini`, `ollama`, `openai-compatible` or `none`; default: \
         what LLM_BASE_URL, a provider's key or OLLAMA_URL stands for, in this order.",
    ),
    Variable::plain(
        "LLM_MODEL",
        "",
        "The model's name there; default: the provider's small one.",
    ),
    Variable::plain(
        "LLM_FALLBACK_MODELS",
        "",
        "Models that stand in for it, in order, with commas: `MODEL`, or `PROVIDER:MODEL` at \
         another provider.",
    ),
    Variable::plain(
        "LLM_BASE_URL",
        "",
        "The address of an OpenAI-compatible endpoint, such as http://localhost:8080/v1; \
         default: the provider's own.",
    ),
    Variable::secret(
        "LLM_API_KEY",
        "The key there; default: the one of the provider's own variable.",
    ),
    Variable::secret("OPENAI_API_KEY", "Answers by OpenAI."),
    Variable::secret("OPENROUTER_API_KEY", "Answers by OpenRouter."),
    Variable::plain(
        "OPENROUTER_MODEL",
        "google/gemini-flash-1.5",
        "The model there.",
    ),
    Variable::secret("GEMINI_API_KEY", "Answers by Gemini."),
    Variable::plain(
        "OLLAMA_URL",
        "",
        "Answers by Ollama, and where it is; default: http://localhost:11434 with \
         LLM_PROVIDER=ollama.",
    ),
    Variable::plain(
        "AGENT_TIMEOUT",
        "30",
        "Seconds that a generated answer may take, with the wait for its turn.",
    ),
    Variable::plain(
        "LLM_CONNECT_TIMEOUT_MS",
        "5000",
        "Milliseconds that a connection to a language model may take.",
    ),
    Variable::plain(
        "LLM_FIRST_TOKEN_TIMEOUT_MS",
        "",
        "Milliseconds that its first token may take, before the next model is asked; default: \
         half of AGENT_TIMEOUT.",
    ),
    Variable::plain(
        "LLM_CONCURRENCY",
        "16",
        "Answers that are generated at once.",
    ),
    Variable::plain(
        "LLM_QUEUE",
        "64",
        "Answers that may wait for that; the next one is turned away with 503.",
    ),
    Variable::plain(
        "LLM_CONTEXT_TOKENS",
        "",
        "Tokens that a model takes, prompt and answer together; default: what is known of the \
         model, else 8192.",
    ),
    Variable::plain(
        "LLM_MAX_OUTPUT_TOKENS",
        "",
        "The most tokens of an answer; default: the provider's.",
    ),
    Variable::plain(
        "TOKENS_PER_USER_PER_DAY",
        "0",
        "The most tokens, of prompts and answers, that a user may use in a day of UTC; 0 for no \
         limit.",
    ),
];

/// The language models.
#[derive(Debug)]
pub struct LlmConfig {
    /// The models in the order in which they are asked; at least one.
    pub models: Vec<LlmModel>,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long a model's first token may take.
    pub first_token_timeout: Duration,
    /// How long an answer may take in all.
    pub timeout: Duration,
    /// Answers that are generated at once.
    pub at_once: usize,
    /// Answers that may wait.
    pub waiting: usize,
    /// The most tokens of an answer; `None` for the provider's.
    pub max_output: Option<u32>,
}

/// A language model at a provider.
#[derive(Debug)]
pub struct LlmModel {
    /// The provider's word.
    pub provider: &'static str,
    /// The base address of its endpoint, without a slash at the end.
    pub base_url: String,
    /// Its key; a local server needs none.
    pub api_key: Option<SecretString>,
    /// The model's name there.
    pub model: String,
    /// How many tokens prompt and answer may have together.
    pub window: usize,
}

struct Preset {
    provider: &'static str,
    base_url: &'static str,
    model: &'static str,
    /// The variable of its key; empty where none is needed.
    key: &'static str,
}

const COMPATIBLE: &str = "openai-compatible";
const OPENROUTER: &str = "openrouter";
const OLLAMA: &str = "ollama";

/// In the order in which their keys choose one.
const PRESETS: &[Preset] = &[
    Preset {
        provider: COMPATIBLE,
        base_url: "",
        model: "",
        key: "",
    },
    Preset {
        provider: "openai",
        base_url: "https://api.openai.com/v1",
        model: "gpt-4o-mini",
        key: "OPENAI_API_KEY",
    },
    Preset {
        provider: OPENROUTER,
        base_url: "https://openrouter.ai/api/v1",
        model: "",
        key: "OPENROUTER_API_KEY",
    },
    Preset {
        provider: "gemini",
        base_url: "https://generativelanguage.googleapis.com/v1beta/openai",
        model: "gemini-2.5-flash",
        key: "GEMINI_API_KEY",
    },
    Preset {
        provider: OLLAMA,
        base_url: "http://localhost:11434",
        model: "",
        key: "",
    },
];

/// What is known of windows, by the beginnings of models' names without their
/// vendor's; the first that fits.
const WINDOWS: &[(&str, usize)] = &[
    ("gpt-4.1", 1_047_576),
    ("gpt-5", 400_000),
    ("gpt-4o", 128_000),
    ("gpt-4-turbo", 128_000),
    ("gpt-oss", 131_072),
    ("gpt-3.5-turbo", 16_385),
    ("o1", 128_000),
    ("o3", 200_000),
    ("o4", 200_000),
    ("gemini-", 1_000_000),
    ("claude-", 200_000),
];

/// What any model of today can read.
const WINDOW: usize = 8_192;

/// What Ollama reads of a prompt, whatever the model could
/// (<https://docs.ollama.com/faq>, "context window size").
const OLLAMA_WINDOW: usize = 4_096;

/// Reads which models write answers, if any.
pub(super) fn read(environment: &Environment) -> Result<Option<LlmConfig>, InvalidVariable> {
    let Some(preset) = provider(environment)? else {
        return Ok(None);
    };
    let mut models = vec![first(environment, preset)?];
    let fallbacks = environment.text("LLM_FALLBACK_MODELS")?;
    let names = fallbacks.split(',').map(str::trim);
    for name in names.filter(|name| !name.is_empty()) {
        models.push(fallback(environment, preset, name)?);
    }
    if let Some(window) = number(environment, "LLM_CONTEXT_TOKENS")? {
        for model in &mut models {
            model.window = window;
        }
    }
    let timeout = Duration::from_secs(at_least_one(environment, "AGENT_TIMEOUT")?);
    let first_token = number(environment, "LLM_FIRST_TOKEN_TIMEOUT_MS")?;
    let first_token_timeout = first_token.map_or(timeout / 2, Duration::from_millis);
    if first_token_timeout > timeout {
        let problem = "must not be more than AGENT_TIMEOUT, which is in seconds";
        return Err(InvalidVariable::new("LLM_FIRST_TOKEN_TIMEOUT_MS", problem));
    }
    let connect = at_least_one(environment, "LLM_CONNECT_TIMEOUT_MS")?;
    Ok(Some(LlmConfig {
        models,
        connect_timeout: Duration::from_millis(connect),
        first_token_timeout,
        timeout,
        at_once: at_least_one(environment, "LLM_CONCURRENCY")?,
        waiting: environment.parsed("LLM_QUEUE")?,
        max_output: number(environment, "LLM_MAX_OUTPUT_TOKENS")?,
    }))
}

/// The provider that is named, or that what is set stands for.
fn provider(environment: &Environment) -> Result<Option<&'static Preset>, InvalidVariable> {
    if let Some(name) = environment.optional("LLM_PROVIDER")? {
        if name == "none" {
            return Ok(None);
        }
        let problem =
            "is `openai`, `openrouter`, `gemini`, `ollama`, `openai-compatible` or `none`";
        return match preset(&name) {
            Some(preset) => Ok(Some(preset)),
            None => Err(InvalidVariable::new("LLM_PROVIDER", problem)),
        };
    }
    for preset in PRESETS {
        let is_there = match preset.provider {
            COMPATIBLE => environment.optional("LLM_BASE_URL")?.is_some(),
            OLLAMA => environment.optional("OLLAMA_URL")?.is_some(),
            _ => environment.secret(preset.key)?.is_some(),
        };
        if is_there {
            return Ok(Some(preset));
        }
    }
    let key = environment.secret("LLM_API_KEY")?.is_some();
    for (name, is_set) in [
        ("LLM_MODEL", environment.optional("LLM_MODEL")?.is_some()),
        ("LLM_API_KEY", key),
        (
            "LLM_FALLBACK_MODELS",
            environment.optional("LLM_FALLBACK_MODELS")?.is_some(),
        ),
    ] {
        if is_set {
            let problem = "is set, but nothing says of which provider; set LLM_PROVIDER";
            return Err(InvalidVariable::new(name, problem));
        }
    }
    Ok(None)
}

fn preset(provider: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.provider == provider)
}

fn first(environment: &Environment, preset: &'static Preset) -> Result<LlmModel, InvalidVariable> {
    let model = match environment.optional("LLM_MODEL")? {
        Some(model) => model,
        None if preset.provider == OPENROUTER => environment.text("OPENROUTER_MODEL")?,
        None if preset.model.is_empty() => {
            let problem = format!("is needed with the provider {}", preset.provider);
            return Err(InvalidVariable::new("LLM_MODEL", problem));
        }
        None => preset.model.to_owned(),
    };
    let own_key = environment.secret("LLM_API_KEY")?;
    let base_url = match environment.optional("LLM_BASE_URL")? {
        Some(base_url) => address("LLM_BASE_URL", &base_url)?,
        None => own_address(environment, preset)?,
    };
    let api_key = match own_key {
        Some(key) => Some(key),
        None => own_key_of(environment, preset)?,
    };
    Ok(known(preset, base_url, api_key, model))
}

/// A model that stands in. A name may have colons, as Ollama's do: only what is
/// a provider's word before the first one is that.
fn fallback(
    environment: &Environment,
    first_preset: &'static Preset,
    name: &str,
) -> Result<LlmModel, InvalidVariable> {
    let named = name.split_once(':');
    let named = named.and_then(|(provider, model)| Some((preset(provider)?, model)));
    let (preset, model) = named.unwrap_or((first_preset, name));
    if preset.provider == first_preset.provider {
        let model = model.to_owned();
        return Ok(LlmModel {
            window: window(preset, &model),
            model,
            ..first(environment, preset)?
        });
    }
    if preset.provider == COMPATIBLE {
        let problem = "names an openai-compatible model beside another provider; make that \
                       LLM_PROVIDER, and this one a fallback";
        return Err(InvalidVariable::new("LLM_FALLBACK_MODELS", problem));
    }
    let base_url = own_address(environment, preset)?;
    let api_key = own_key_of(environment, preset)?;
    Ok(known(preset, base_url, api_key, model.to_owned()))
}

fn known(
    preset: &'static Preset,
    base_url: String,
    api_key: Option<SecretString>,
    model: String,
) -> LlmModel {
    LlmModel {
        provider: preset.provider,
        base_url,
        api_key,
        window: window(preset, &model),
        model,
    }
}

fn own_address(environment: &Environment, preset: &Preset) -> Result<String, InvalidVariable> {
    match preset.provider {
        COMPATIBLE => Err(InvalidVariable::new(
            "LLM_BASE_URL",
            "is needed with the provider openai-compatible",
        )),
        OLLAMA => {
            let url = environment.optional("OLLAMA_URL")?;
            let url = address("OLLAMA_URL", url.as_deref().unwrap_or(preset.base_url))?;
            // Its own protocol is at the root, OpenAI's below.
            Ok(if url.ends_with("/v1") {
                url
            } else {
                url + "/v1"
            })
        }
        _ => Ok(preset.base_url.to_owned()),
    }
}

fn own_key_of(
    environment: &Environment,
    preset: &Preset,
) -> Result<Option<SecretString>, InvalidVariable> {
    if preset.key.is_empty() {
        return Ok(None);
    }
    let key = environment.secret(preset.key)?;
    if key.is_none() {
        let problem = format!("is needed with the provider {}", preset.provider);
        return Err(InvalidVariable::new(preset.key, problem));
    }
    Ok(key)
}

fn address(variable: &str, url: &str) -> Result<String, InvalidVariable> {
    if !url.starts_with("http://") && !url.starts_with("https://") {
        let problem = "must begin with http:// or https://";
        return Err(InvalidVariable::new(variable, problem));
    }
    Ok(url.trim_end_matches('/').to_owned())
}

fn window(preset: &Preset, model: &str) -> usize {
    if preset.provider == OLLAMA {
        return OLLAMA_WINDOW;
    }
    let name = model.rsplit('/').next().unwrap_or(model);
    let known = WINDOWS.iter().find(|(begin, _)| name.starts_with(begin));
    known.map_or(WINDOW, |(_, window)| *window)
}

fn number<T: FromStr + Default + PartialEq>(
    environment: &Environment,
    variable: &str,
) -> Result<Option<T>, InvalidVariable> {
    match environment.optional(variable)? {
        None => Ok(None),
        Some(_) => at_least_one(environment, variable).map(Some),
    }
}

fn at_least_one<T: FromStr + Default + PartialEq>(
    environment: &Environment,
    variable: &str,
) -> Result<T, InvalidVariable> {
    let number: T = environment.parsed(variable)?;
    if number == T::default() {
        return Err(InvalidVariable::new(variable, "must be 1 or more"));
    }
    Ok(number)
}
