//! Every environment variable of auth-service, read here and nowhere else, and
//! checked before a port is bound. A concern is a section: a file with its
//! variables and what they are read into.

use std::sync::LazyLock;

use service_kit::environment::{Environment, InvalidVariable, Variable};

pub mod accounts;
pub mod grpc;
pub mod mail;
pub mod passwords;
pub mod retention;
pub mod server;
pub mod social;
pub mod throttling;
pub mod tokens;

pub use accounts::AccountConfig;
pub use grpc::GrpcTls;
pub use mail::MailConfig;
pub use passwords::PasswordConfig;
pub use retention::RetentionConfig;
pub use server::ServerConfig;
pub use social::SocialConfig;
pub use throttling::ThrottlingConfig;
pub use tokens::TokenConfig;

/// Every variable that auth-service reads.
pub static VARIABLES: LazyLock<Vec<Variable>> = LazyLock::new(|| {
    [
        server::VARIABLES,
        tokens::VARIABLES,
        passwords::VARIABLES,
        throttling::VARIABLES,
        accounts::VARIABLES,
        grpc::VARIABLES,
        retention::VARIABLES,
        mail::VARIABLES,
        social::VARIABLES,
    ]
    .concat()
});

/// All that can be configured, checked.
#[derive(Debug)]
pub struct Config {
    /// Where it listens, where it keeps its things, what it logs.
    pub server: ServerConfig,
    /// Access tokens and sessions.
    pub tokens: TokenConfig,
    /// What passwords must be and how they are hashed.
    pub passwords: PasswordConfig,
    /// How often something may be tried.
    pub throttling: ThrottlingConfig,
    /// What accounts are.
    pub accounts: AccountConfig,
    /// The TLS of gRPC; nothing where it is served in clear.
    pub grpc_tls: Option<GrpcTls>,
    /// How long things are kept.
    pub retention: RetentionConfig,
    /// Whether and how mail is sent, and what needs one.
    pub mail: MailConfig,
    /// Sign-in with Google and GitHub.
    pub social: SocialConfig,
}

impl Config {
    /// Reads the environment of this process.
    pub fn from_process() -> Result<Self, InvalidVariable> {
        Self::read(&Environment::from_os(std::env::vars_os(), &VARIABLES))
    }

    /// Reads an environment that was given.
    pub fn from_values(
        values: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, InvalidVariable> {
        Self::read(&Environment::new(values, &VARIABLES))
    }

    fn read(environment: &Environment) -> Result<Self, InvalidVariable> {
        Ok(Self {
            server: ServerConfig::read(environment)?,
            tokens: TokenConfig::read(environment)?,
            passwords: PasswordConfig::read(environment)?,
            throttling: ThrottlingConfig::read(environment)?,
            accounts: AccountConfig::read(environment)?,
            grpc_tls: GrpcTls::read(environment)?,
            retention: RetentionConfig::read(environment)?,
            mail: MailConfig::read(environment)?,
            social: SocialConfig::read(environment)?,
        })
    }
}
