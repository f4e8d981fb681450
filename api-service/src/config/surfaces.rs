//! How surfaces differ from one place to another.

use service_kit::environment::{Environment, InvalidVariable, Variable};

use super::http_url;

/// The variables.
pub(super) const VARIABLES: &[Variable] = &[
    Variable::plain(
        "API_PUBLIC_URL",
        "",
        "The URL under which clients reach api-service, such as https://docs.example.com/api: \
         links to documents begin with it. Without it they begin with a slash.",
    ),
    Variable::plain(
        "SOURCES_FOOTER",
        "true",
        "Whether answers on OpenAI's protocol end with a list of their sources: true or false.",
    ),
];

/// How surfaces differ from one place to another.
#[derive(Debug, Clone, Default)]
pub struct SurfacesConfig {
    /// Where clients reach this service, without a slash at the end; empty where
    /// nobody said.
    pub public_url: String,
    /// Whether an answer whose protocol shows no sources ends with a list of them.
    pub sources_footer: bool,
}

pub(super) fn read(environment: &Environment) -> Result<SurfacesConfig, InvalidVariable> {
    let public_url = match environment.optional("API_PUBLIC_URL")? {
        Some(_) => http_url(environment, "API_PUBLIC_URL")?,
        None => String::new(),
    };
    Ok(SurfacesConfig {
        public_url,
        sources_footer: environment.parsed("SOURCES_FOOTER")?,
    })
}
