//! Which language model writes answers.

use std::time::Duration;

use secrecy::SecretString;
use service_kit::environment::{Environment, InvalidVariable};

/// A language model.
#[derive(Debug)]
pub struct LlmConfig {
    /// The base address of the endpoint.
    pub base_url: String,
    /// Its key; a local server needs none.
    pub api_key: Option<SecretString>,
    /// The model's name there.
    pub model: String,
    /// How long an answer may take.
    pub timeout: Duration,
}

/// The providers that need no more than a key, with their endpoints and models.
const PROVIDERS: &[(&str, &str, &str)] = &[
    ("OPENAI_API_KEY", "https://api.openai.com/v1", "gpt-4o-mini"),
    ("OPENROUTER_API_KEY", "https://openrouter.ai/api/v1", ""),
    (
        "GEMINI_API_KEY",
        "https://generativelanguage.googleapis.com/v1beta/openai",
        "gemini-2.5-flash",
    ),
];

/// Reads which model writes answers, if any.
pub(super) fn read(environment: &Environment) -> Result<Option<LlmConfig>, InvalidVariable> {
    let timeout = Duration::from_secs(environment.parsed("AGENT_TIMEOUT")?);
    let model = environment.optional("LLM_MODEL")?;
    if let Some(base_url) = environment.optional("LLM_BASE_URL")? {
        let Some(model) = model else {
            return Err(InvalidVariable::new(
                "LLM_MODEL",
                "is needed with LLM_BASE_URL",
            ));
        };
        let base_url = base_url.trim_end_matches('/').to_owned();
        let api_key = environment.secret("LLM_API_KEY")?;
        return Ok(Some(LlmConfig {
            base_url,
            api_key,
            model,
            timeout,
        }));
    }
    for (variable, base_url, default) in PROVIDERS {
        if let Some(key) = environment.secret(variable)? {
            let model = match (&model, *default) {
                (Some(model), _) => model.clone(),
                (None, "") => environment.text("OPENROUTER_MODEL")?,
                (None, default) => default.to_owned(),
            };
            let (base_url, api_key) = ((*base_url).to_owned(), Some(key));
            return Ok(Some(LlmConfig {
                base_url,
                api_key,
                model,
                timeout,
            }));
        }
    }
    Ok(None)
}
