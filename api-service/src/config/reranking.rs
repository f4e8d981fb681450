//! How passages are ranked, and what an answer is given of them.

use std::time::Duration;

use secrecy::SecretString;
use service_kit::environment::{Environment, InvalidVariable, Variable};

/// The variables.
pub(super) const VARIABLES: &[Variable] = &[
    Variable::plain(
        "RERANK_PROVIDER",
        "",
        "`cohere`, `jina` or `tei`; default: what RERANK_URL tells.",
    ),
    Variable::plain(
        "RERANK_URL",
        "",
        "Where a reranker is, such as http://tei:8080; default: the provider's own address.",
    ),
    Variable::secret(
        "RERANK_API_KEY",
        "The key there; default, for Cohere: COHERE_API_KEY.",
    ),
    Variable::plain(
        "RERANK_MODEL",
        "",
        "The model's name there; default: the provider's multilingual one.",
    ),
    Variable::plain(
        "RERANK_TIMEOUT_MS",
        "800",
        "Milliseconds that it may take; the search's own order holds where it takes longer.",
    ),
    Variable::plain(
        "WHOLE_CONTEXT_TOKENS",
        "4000",
        "Knowledge bases of up to so many tokens are given to the language model as a whole; 0 \
         for never.",
    ),
];

/// A reranker.
#[derive(Debug)]
pub struct RerankConfig {
    /// `cohere`, `jina` or `tei`.
    pub provider: &'static str,
    /// Its address, without a slash at the end.
    pub url: String,
    /// Its key, if it wants one.
    pub api_key: Option<SecretString>,
    /// The model's name there.
    pub model: String,
    /// How long it may take.
    pub timeout: Duration,
}

/// The providers, with their addresses, models, and whether they want a key.
const PROVIDERS: &[(&str, &str, &str, bool)] = &[
    ("cohere", "https://api.cohere.com", "rerank-v3.5", true),
    (
        "jina",
        "https://api.jina.ai",
        "jina-reranker-v2-base-multilingual",
        true,
    ),
    ("tei", "", "", false),
];

/// Reads which reranker is asked, if any.
pub(super) fn read(environment: &Environment) -> Result<Option<RerankConfig>, InvalidVariable> {
    let timeout = Duration::from_millis(environment.parsed("RERANK_TIMEOUT_MS")?);
    let (named, url) = (
        environment.optional("RERANK_PROVIDER")?,
        environment.optional("RERANK_URL")?,
    );
    let wanted = match (&named, &url) {
        (Some(named), _) => named.as_str(),
        (None, Some(url)) if url.contains("cohere") => "cohere",
        (None, Some(url)) if url.contains("jina") => "jina",
        (None, Some(_)) => "tei",
        (None, None) => return Ok(None),
    };
    let known = PROVIDERS.iter().find(|(name, ..)| *name == wanted);
    let Some((provider, default_url, default_model, wants_key)) = known else {
        let problem = "is `cohere`, `jina` or `tei`";
        return Err(InvalidVariable::new("RERANK_PROVIDER", problem));
    };
    let url = url.unwrap_or_else(|| (*default_url).to_owned());
    if !url.starts_with("http://") && !url.starts_with("https://") {
        let problem =
            "must begin with http:// or https://, and is needed for a server of one's own";
        return Err(InvalidVariable::new("RERANK_URL", problem));
    }
    let mut api_key = environment.secret("RERANK_API_KEY")?;
    if api_key.is_none() && *provider == "cohere" {
        api_key = environment.secret("COHERE_API_KEY")?;
    }
    // A server of one's own that speaks their protocol may want none.
    if api_key.is_none() && *wants_key && url == *default_url {
        return Err(InvalidVariable::new("RERANK_API_KEY", "is needed there"));
    }
    let model = environment.optional("RERANK_MODEL")?;
    Ok(Some(RerankConfig {
        provider,
        url: url.trim_end_matches('/').to_owned(),
        api_key,
        model: model.unwrap_or_else(|| (*default_model).to_owned()),
        timeout,
    }))
}
