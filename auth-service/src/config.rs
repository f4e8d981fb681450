//! Every environment variable of auth-service, read here and nowhere else, and
//! checked before a port is bound.

use std::{net::SocketAddr, path::PathBuf};

use proto::claims::{DEFAULT_AUDIENCE, DEFAULT_ISSUER};
use secrecy::{ExposeSecret, SecretString};
use service_kit::{
    browser_origins::AllowedOrigins,
    database::DatabaseUrl,
    environment::{Environment, InvalidVariable, Variable},
    telemetry::LogFormat,
};

use crate::{
    app::Policy,
    domain::password::{LEAST_MIN_LENGTH, MAX_LENGTH, PasswordRules},
};

/// The fewest characters of a service token.
const MIN_SERVICE_TOKEN: usize = 32;

/// The most threads that may hash passwords.
const MAX_HASH_THREADS: usize = 256;

/// Every variable that auth-service reads.
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
    Variable::plain(
        "JWT_ISSUER",
        DEFAULT_ISSUER,
        "The `iss` of access tokens; the same in both services.",
    ),
    Variable::plain(
        "JWT_AUDIENCE",
        DEFAULT_AUDIENCE,
        "The `aud` of access tokens; the same in both services.",
    ),
    Variable::plain(
        "JWT_EXPIRES_IN",
        "7d",
        "How long an access token holds: 900 (seconds), 15m, 12h or 7d; at most 365d.",
    ),
    Variable::secret(
        "SERVICE_TOKEN",
        "What api-service shows on gRPC, 32 characters or more; made at first boot in \
         DATA_DIR/service-token where it is not set.",
    ),
    Variable::plain(
        "PASSWORD_MIN_LENGTH",
        "8",
        "The fewest characters of a new password: 8 to 128.",
    ),
    Variable::plain(
        "PASSWORD_HASH_THREADS",
        "",
        "How many passwords are hashed at once; as many as there are cores where it is not set.",
    ),
    Variable::plain(
        "ADMIN_EMAIL",
        "admin@example.com",
        "The address of the administrator that `auth-service admin create` makes.",
    ),
    Variable::secret(
        "ADMIN_PASSWORD",
        "That administrator's password; a random one, printed once, where it is not set.",
    ),
    Variable::plain(
        "ALLOWED_ORIGINS",
        "",
        "The origins whose pages may call us from a browser, separated by commas or as a JSON \
         list; `*` for all. None where it is not set.",
    ),
    Variable::plain(
        "LOG_LEVEL",
        "info",
        "error, warn, info, debug or trace, or a tracing filter.",
    ),
    Variable::plain("LOG_FORMAT", "text", "text or json."),
];

/// All that can be configured, checked.
#[derive(Debug)]
pub struct Config {
    /// The folder for all that is written.
    pub data_dir: PathBuf,
    /// Where HTTP is served.
    pub http_addr: SocketAddr,
    /// Where gRPC is served.
    pub grpc_addr: SocketAddr,
    /// Where the rows are.
    pub database: DatabaseUrl,
    /// What is asked of accounts and put into tokens.
    pub policy: Policy,
    /// What other services show; made in `data_dir` where there is none.
    pub service_token: Option<SecretString>,
    /// How many passwords are hashed at once.
    pub hash_threads: usize,
    /// The administrator's address.
    pub admin_email: String,
    /// The administrator's password.
    pub admin_password: Option<SecretString>,
    /// Who may call from a browser.
    pub allowed_origins: AllowedOrigins,
    /// What is logged.
    pub log_level: String,
    /// How it is logged.
    pub log_format: LogFormat,
}

impl Config {
    /// Reads the environment of this process.
    pub fn from_process() -> Result<Self, InvalidVariable> {
        Self::read(&Environment::from_os(std::env::vars_os(), VARIABLES))
    }

    /// Reads an environment that was given.
    pub fn from_values(
        values: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, InvalidVariable> {
        Self::read(&Environment::new(values, VARIABLES))
    }

    fn read(environment: &Environment) -> Result<Self, InvalidVariable> {
        let data_dir = PathBuf::from(environment.text("DATA_DIR")?);
        Ok(Self {
            http_addr: environment.parsed("AUTH_HTTP_ADDR")?,
            grpc_addr: environment.parsed("AUTH_GRPC_ADDR")?,
            database: environment.database(
                &["AUTH_DATABASE_URL", "DATABASE_URL"],
                &data_dir.join("auth.db"),
            )?,
            policy: policy(environment)?,
            service_token: service_token(environment)?,
            hash_threads: hash_threads(environment)?,
            admin_email: environment.text("ADMIN_EMAIL")?,
            admin_password: environment.secret("ADMIN_PASSWORD")?,
            allowed_origins: AllowedOrigins::read(environment, "ALLOWED_ORIGINS")?,
            log_level: environment.text("LOG_LEVEL")?,
            log_format: environment.parsed("LOG_FORMAT")?,
            data_dir,
        })
    }
}

fn policy(environment: &Environment) -> Result<Policy, InvalidVariable> {
    let min_length: usize = environment.parsed("PASSWORD_MIN_LENGTH")?;
    if !(LEAST_MIN_LENGTH..=MAX_LENGTH).contains(&min_length) {
        let problem = format!("must be between {LEAST_MIN_LENGTH} and {MAX_LENGTH}");
        return Err(InvalidVariable::new("PASSWORD_MIN_LENGTH", problem));
    }
    Ok(Policy {
        passwords: PasswordRules { min_length },
        token_lifetime: environment.parsed("JWT_EXPIRES_IN")?,
        issuer: environment.text("JWT_ISSUER")?,
        audience: environment.text("JWT_AUDIENCE")?,
    })
}

fn service_token(environment: &Environment) -> Result<Option<SecretString>, InvalidVariable> {
    let token = environment.secret("SERVICE_TOKEN")?;
    match &token {
        Some(token) if !is_service_token(token.expose_secret()) => Err(InvalidVariable::new(
            "SERVICE_TOKEN",
            "must have at least 32 visible ASCII characters; make one with `openssl rand -hex 32`",
        )),
        _ => Ok(token),
    }
}

/// Whether a token is long enough and can stand in a header.
pub fn is_service_token(token: &str) -> bool {
    token.len() >= MIN_SERVICE_TOKEN && token.bytes().all(|byte| byte.is_ascii_graphic())
}

fn hash_threads(environment: &Environment) -> Result<usize, InvalidVariable> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let Some(text) = environment.optional("PASSWORD_HASH_THREADS")? else {
        return Ok(cores);
    };
    match text.parse() {
        Ok(threads @ 1..=MAX_HASH_THREADS) => Ok(threads),
        _ => Err(InvalidVariable::new(
            "PASSWORD_HASH_THREADS",
            format!("must be between 1 and {MAX_HASH_THREADS}"),
        )),
    }
}
