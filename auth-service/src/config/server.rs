//! Where the service listens, where it keeps its things, and what it logs.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use service_kit::{
    browser_origins::AllowedOrigins,
    client_address::TrustedProxies,
    database::{DatabaseUrl, WAIT},
    environment::{Environment, InvalidVariable, Variable},
    telemetry::LogFormat,
};
use url::Url;

/// The fewest characters of a secret that this service or another one makes.
const MIN_SECRET: usize = 32;

/// The variables of this section.
pub const VARIABLES: &[Variable] = &[
    Variable::plain(
        "DATA_DIR",
        "./data",
        "The folder for all that auth-service writes.",
    ),
    Variable::plain("AUTH_HTTP_ADDR", "127.0.0.1:3001", "Where HTTP is served."),
    Variable::plain(
        "AUTH_GRPC_ADDR",
        "127.0.0.1:3002",
        "Where gRPC is served, for other services only.",
    ),
    Variable::secret(
        "AUTH_DATABASE_URL",
        "sqlite:FILE or postgres://…; SQLite at DATA_DIR/auth.db where neither this nor \
         DATABASE_URL is set.",
    ),
    Variable::secret(
        "DATABASE_URL",
        "The same, for both services; AUTH_DATABASE_URL goes before it.",
    ),
    WAIT,
    Variable::secret(
        "SERVICE_TOKEN",
        "What api-service shows on gRPC, 32 characters or more; made at first boot in \
         DATA_DIR/service-token where it is not set.",
    ),
    Variable::secret(
        "AUTH_SECRET",
        "What cookies are signed and keys are encrypted with, 32 characters or more; made at \
         first boot in DATA_DIR/auth-secret where neither this nor BETTER_AUTH_SECRET is set.",
    ),
    Variable::secret(
        "BETTER_AUTH_SECRET",
        "The same under Better Auth's name; AUTH_SECRET goes before it.",
    ),
    Variable::plain(
        "AUTH_PUBLIC_URL",
        "",
        "The URL under which browsers reach auth-service, for links in mails and for sign-in \
         with Google and GitHub; BETTER_AUTH_URL, then http://localhost:3001, where it is not \
         set. With https, cookies are for https alone.",
    ),
    Variable::plain(
        "BETTER_AUTH_URL",
        "",
        "The same under Better Auth's name; AUTH_PUBLIC_URL goes before it.",
    ),
    Variable::plain(
        "ALLOWED_ORIGINS",
        "",
        "The origins whose pages may call us from a browser, separated by commas or as a JSON \
         list; `*` for all. None where it is not set.",
    ),
    Variable::plain(
        "TRUSTED_PROXIES",
        "",
        "The addresses and networks of the proxies before auth-service, separated by commas, such \
         as 10.0.0.0/8,::1: whose X-Forwarded-For is believed. None where it is not set.",
    ),
    Variable::plain(
        "LOG_LEVEL",
        "info",
        "error, warn, info, debug or trace, or a tracing filter.",
    ),
    Variable::plain("LOG_FORMAT", "text", "text or json."),
];

/// Where the service listens, where it keeps its things, and what it logs.
#[derive(Debug)]
pub struct ServerConfig {
    /// The folder for all that is written.
    pub data_dir: PathBuf,
    /// Where HTTP is served.
    pub http_addr: SocketAddr,
    /// Where gRPC is served.
    pub grpc_addr: SocketAddr,
    /// Where the rows are.
    pub database: DatabaseUrl,
    /// For how long a start waits for them.
    pub database_wait: Duration,
    /// What other services show; made in `data_dir` where there is none.
    pub service_token: Option<SecretString>,
    /// What signs cookies and encrypts keys; made in `data_dir` where there is
    /// none.
    pub secret: Option<SecretString>,
    /// Under which URL browsers reach the service.
    pub public_url: Url,
    /// Who may call from a browser.
    pub allowed_origins: AllowedOrigins,
    /// Whose word is taken for a client's address.
    pub trusted_proxies: TrustedProxies,
    /// What is logged.
    pub log_level: String,
    /// How it is logged.
    pub log_format: LogFormat,
}

impl ServerConfig {
    pub(super) fn read(environment: &Environment) -> Result<Self, InvalidVariable> {
        let data_dir = PathBuf::from(environment.text("DATA_DIR")?);
        Ok(Self {
            http_addr: environment.parsed("AUTH_HTTP_ADDR")?,
            grpc_addr: environment.parsed("AUTH_GRPC_ADDR")?,
            database: environment.database(
                &["AUTH_DATABASE_URL", "DATABASE_URL"],
                &data_dir.join("auth.db"),
            )?,
            database_wait: Duration::from_secs(environment.parsed::<u16>(WAIT.name)?.into()),
            service_token: long_secret(environment, "SERVICE_TOKEN")?,
            secret: match long_secret(environment, "AUTH_SECRET")? {
                Some(secret) => Some(secret),
                None => long_secret(environment, "BETTER_AUTH_SECRET")?,
            },
            public_url: public_url(environment)?,
            allowed_origins: AllowedOrigins::read(environment, "ALLOWED_ORIGINS")?,
            trusted_proxies: trusted_proxies(environment)?,
            log_level: environment.text("LOG_LEVEL")?,
            log_format: environment.parsed("LOG_FORMAT")?,
            data_dir,
        })
    }
}

fn trusted_proxies(environment: &Environment) -> Result<TrustedProxies, InvalidVariable> {
    let text = environment.text("TRUSTED_PROXIES")?;
    let problem = "must hold addresses and networks, such as 10.0.0.0/8,::1";
    let proxies = text.parse();
    proxies.map_err(|_| InvalidVariable::new("TRUSTED_PROXIES", problem))
}

fn public_url(environment: &Environment) -> Result<Url, InvalidVariable> {
    let name = match environment.optional("AUTH_PUBLIC_URL")? {
        Some(_) => "AUTH_PUBLIC_URL",
        None => "BETTER_AUTH_URL",
    };
    let text = environment.optional(name)?;
    let text = text.as_deref().unwrap_or("http://localhost:3001");
    let url = Url::parse(text).ok();
    url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or_else(|| InvalidVariable::new(name, "must look like https://auth.example.com"))
}

fn long_secret(
    environment: &Environment,
    name: &str,
) -> Result<Option<SecretString>, InvalidVariable> {
    let secret = environment.secret(name)?;
    match &secret {
        Some(text) if !is_long_secret(text.expose_secret()) => Err(InvalidVariable::new(
            name,
            "must have at least 32 visible ASCII characters; make one with `openssl rand -hex 32`",
        )),
        _ => Ok(secret),
    }
}

/// Whether a secret is long enough and can stand in a header.
pub fn is_long_secret(text: &str) -> bool {
    text.len() >= MIN_SECRET && text.bytes().all(|byte| byte.is_ascii_graphic())
}
