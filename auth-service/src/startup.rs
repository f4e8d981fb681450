//! Joins concrete types, and runs them. The only place that knows which
//! implementation stands behind a port.

use std::sync::Arc;

use anyhow::{Context, bail};
use async_trait::async_trait;
use axum::Router;
use secrecy::{ExposeSecret, SecretString};
use service_kit::{
    clock::{Clock, Randomness, SystemClock, SystemRandomness},
    database::Database,
    environment::InvalidVariable,
    health::{Dependency, Health, Status},
    secret_file, serve,
};
use tokio_util::sync::CancellationToken;

use crate::{
    app::{
        App, MailPolicy, Policy,
        account_events::EventFeed,
        outbox::{self, Outbox},
        ports::{OneTimeTokens, TokenSigner},
        signing_keys::KeyKeeping,
        vault::Vault,
    },
    config::{Config, TokenConfig, server::is_long_secret},
    domain::session::SessionRules,
    grpc::{self, Admission},
    http,
    outbound::{
        jwt::{Ed25519Signer, SharedSecretSigner, TokenNames},
        mail, oauth,
        passwords::PooledHasher,
        sql::{
            SqlAccountEvents, SqlApiKeys, SqlAuditLog, SqlCounts, SqlFlows, SqlLeftovers,
            SqlLinkedAccounts, SqlOneTimeTokens, SqlRefreshTokens, SqlSessions, SqlSigningKeys,
            SqlUsers, migrations,
        },
    },
};

/// A service that is ready to be served.
pub struct Service {
    /// The use cases.
    pub app: Arc<App>,
    /// All of HTTP.
    pub router: Router,
}

/// Opens the database, brings its schema up to date, and joins the rest to it.
pub async fn assemble(
    config: &Config,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
) -> anyhow::Result<Service> {
    let database = open(config).await?;
    let policy = policy(config);
    let (signer, keys) = signer(&config.tokens, &database);
    let one_time_tokens = Arc::new(SqlOneTimeTokens::new(database.clone()));
    let outbox = outbox(config, one_time_tokens.clone(), &clock, &randomness)?;
    let vault = Arc::new(Vault::new(auth_secret(config, randomness.as_ref())?));
    let linked = SqlLinkedAccounts::new(
        database.clone(),
        Arc::clone(&vault),
        Arc::clone(&randomness),
    );
    let hasher = hasher(config, &randomness)?;
    let app = Arc::new(App {
        users: Arc::new(SqlUsers::new(database.clone())),
        sessions: Arc::new(SqlSessions::new(database.clone())),
        one_time_tokens,
        outbox,
        api_keys: Arc::new(SqlApiKeys::new(database.clone())),
        audit: Arc::new(SqlAuditLog::new(database.clone())),
        linked: Arc::new(linked),
        flows: Arc::new(SqlFlows::new(database.clone())),
        providers: oauth::providers(&config.social, &clock)?,
        counts: Arc::new(SqlCounts::new(database.clone())),
        events: Arc::new(EventFeed::new(Arc::new(SqlAccountEvents::new(
            database.clone(),
        )))),
        leftovers: Arc::new(SqlLeftovers::new(database.clone())),
        vault,
        hasher: Arc::new(hasher),
        signer,
        keys,
        refresh_tokens: Arc::new(SqlRefreshTokens::new(database.clone())),
        service_token: Arc::new(service_token(config, randomness.as_ref())?),
        clock,
        randomness,
        policy,
    });
    app.refresh_keys().await?;
    let health = Health {
        service: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        dependencies: vec![Arc::new(DatabaseHealth(database))],
    };
    let proxies = config.server.trusted_proxies.clone();
    let router = http::router(Arc::clone(&app), health, proxies);
    Ok(Service { app, router })
}

/// What the operator configured about accounts.
fn policy(config: &Config) -> Policy {
    Policy {
        passwords: config.passwords.rules,
        rates: config.throttling.rates,
        admin_emails: config.accounts.admin_emails.clone(),
        sessions: SessionRules::default().outliving(config.tokens.lifetime.seconds() * 1000),
        profile_fields: config.accounts.profile_fields.clone(),
        token_lifetime: config.tokens.lifetime,
        issuer: config.tokens.issuer.clone(),
        audience: config.tokens.audience.clone(),
        audit_retention_days: config.retention.audit_days,
        mail: MailPolicy {
            require_verified: config.mail.require_verified,
            sign_in_verified: config.mail.sign_in_verified,
            confirm_deletion: config.mail.confirm_deletion,
        },
        public_url: config.server.public_url.clone(),
        allowed_origins: config.server.allowed_origins.clone(),
        provider_sign_up: config.social.sign_up,
    }
}

/// What takes mails, where mail is set up.
fn outbox(
    config: &Config,
    tokens: Arc<dyn OneTimeTokens>,
    clock: &Arc<dyn Clock>,
    randomness: &Arc<dyn Randomness>,
) -> anyhow::Result<Option<Outbox>> {
    let mailer = mail::mailer(&config.mail)?;
    Ok(mailer.map(|mailer| {
        Outbox::new(outbox::Tools {
            tokens,
            mailer,
            clock: Arc::clone(clock),
            randomness: Arc::clone(randomness),
            public_url: config.server.public_url.as_str().to_owned(),
            waits: outbox::WAITS.to_vec(),
        })
    }))
}

/// What signs tokens: the configured secret, or keys of the database.
fn signer(config: &TokenConfig, database: &Database) -> (Arc<dyn TokenSigner>, Option<KeyKeeping>) {
    let names = TokenNames::new(&config.issuer, &config.audience);
    if let Some(secret) = &config.shared_secret {
        return (Arc::new(SharedSecretSigner::new(secret, &names)), None);
    }
    let ring = Arc::new(Ed25519Signer::new(&names));
    let keeping = KeyKeeping {
        store: Arc::new(SqlSigningKeys::new(database.clone())),
        ring: ring.clone(),
        rotate_after: config.key_rotation,
    };
    (ring, Some(keeping))
}

fn hasher(config: &Config, randomness: &Arc<dyn Randomness>) -> anyhow::Result<PooledHasher> {
    let (threads, cost) = (config.passwords.hash_threads, config.passwords.cost);
    Ok(PooledHasher::new(threads, cost, Arc::clone(randomness))?)
}

/// The same with the machine's own clock and randomness.
pub async fn assemble_here(config: &Config) -> anyhow::Result<Service> {
    assemble(config, Arc::new(SystemClock), Arc::new(SystemRandomness)).await
}

/// Serves HTTP and gRPC until SIGINT or SIGTERM.
pub async fn serve(config: &Config) -> anyhow::Result<()> {
    // Both ports before anything else: a second process must not touch the
    // data of the first.
    let http = serve::bind(config.server.http_addr, "AUTH_HTTP_ADDR")?;
    let grpc = serve::bind(config.server.grpc_addr, "AUTH_GRPC_ADDR")?;
    let stop = serve::stop_on_signal()?;
    let service = tokio::select! {
        service = assemble_here(config) => service?,
        () = stop.cancelled() => bail!("stopped before it was ready"),
    };
    let admission = Admission {
        service_token: service_token(config, &SystemRandomness)?,
        tls: config.grpc_tls.as_ref().map(grpc::tls),
    };
    let app = service.app.clone();
    let cleaned = app.keep_clean(stop.clone());
    let keys_kept = app.keep_keys_fresh(stop.clone());
    let (outbox, http_over) = (service.app.outbox.clone(), CancellationToken::new());
    if outbox.is_none() {
        tracing::info!(
            "MAIL_TRANSPORT is none: nobody can reset a password, verify or change an address"
        );
    }
    let mailed = drain(outbox, http_over.clone(), stop.clone());
    tracing::info!(
        http = %http.local_addr()?,
        grpc = %grpc.local_addr()?,
        database = ?config.server.database,
        "serving"
    );
    let http_served = async {
        serve::serve(http, service.router, stop.clone()).await;
        http_over.cancel();
    };
    let grpc_served = async {
        let served = grpc::serve(grpc, service.app, admission, stop.clone()).await;
        // Where this server ends, so does the other.
        stop.cancel();
        served.map_err(|error| anyhow::Error::from_boxed(error).context("gRPC can't be served"))
    };
    let ((), grpc_ended, (), (), ()) =
        tokio::join!(http_served, grpc_served, cleaned, mailed, keys_kept);
    grpc_ended?;
    tracing::info!("stopped");
    Ok(())
}

/// Waits until the last mail that a request asked for is sent, but no longer
/// than a request may take.
async fn drain(outbox: Option<Outbox>, http_over: CancellationToken, stop: CancellationToken) {
    let Some(outbox) = outbox else {
        return;
    };
    let sent = async {
        http_over.cancelled().await;
        outbox.settled().await;
    };
    if serve::within_drain(stop, sent).await.is_none() {
        tracing::error!(
            mails = outbox.waiting(),
            "mails were not sent before the stop"
        );
    }
}

/// Brings the database's schema up to date, and does nothing else.
pub async fn migrate(config: &Config) -> anyhow::Result<()> {
    open(config).await?;
    Ok(())
}

/// The token that other services must show: the configured one, or the one in
/// the data folder, which is made at first boot.
pub fn service_token(config: &Config, randomness: &dyn Randomness) -> anyhow::Result<SecretString> {
    let configured = config.server.service_token.as_ref();
    secret_or_file(
        config,
        configured,
        "SERVICE_TOKEN",
        "service-token",
        randomness,
    )
}

/// What cookies are signed and keys are encrypted with: the configured secret,
/// or the one in the data folder, which is made at first boot.
fn auth_secret(config: &Config, randomness: &dyn Randomness) -> anyhow::Result<SecretString> {
    let configured = config.server.secret.as_ref();
    secret_or_file(config, configured, "AUTH_SECRET", "auth-secret", randomness)
}

fn secret_or_file(
    config: &Config,
    configured: Option<&SecretString>,
    variable: &str,
    file: &str,
    randomness: &dyn Randomness,
) -> anyhow::Result<SecretString> {
    if let Some(secret) = configured {
        return Ok(secret.clone());
    }
    let path = config.server.data_dir.join(file);
    let secret = secret_file::read_or_create(&path, || {
        let mut bytes = [0; 32];
        randomness.fill(&mut bytes);
        hex(&bytes)
    })
    .with_context(|| format!("{} can't be read or written", path.display()))?;
    if !is_long_secret(secret.expose_secret()) {
        let problem = format!("{} holds no secret; remove it", path.display());
        return Err(InvalidVariable::new(variable, problem).into());
    }
    Ok(secret)
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(digit).collect()
}

async fn open(config: &Config) -> anyhow::Result<Database> {
    let server = &config.server;
    let database = Database::open_within(&server.database, server.database_wait).await?;
    database.migrate(&migrations()).await?;
    Ok(database)
}

struct DatabaseHealth(Database);

#[async_trait]
impl Dependency for DatabaseHealth {
    fn name(&self) -> &'static str {
        "database"
    }

    async fn check(&self) -> Status {
        if self.0.answers().await {
            Status::Up
        } else {
            Status::Down
        }
    }
}
