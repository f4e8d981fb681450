//! Joins the concrete types. Nothing else names them.

mod language_model;
mod vectors;

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, anyhow, bail};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use service_kit::{
    clock::{Clock, Randomness, SystemClock, SystemRandomness, new_id},
    database::Database,
    health::{Dependency, Health},
    secret_file,
    serve::{bind, serve},
};
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    app::{
        App,
        counters::AnswerCounters,
        follow_accounts::RefusedTokens,
        live::LiveAnswers,
        ports::{DenseEmbedder, EmbeddingStore, Generator, Reranker, TokenVerifier},
        profiles::Profiles,
        publishable_keys::PublishableKeys,
        rates::QuestionLimits,
        sync_sources::Sources,
        vector_spaces::{VectorSpace, VectorSpaces},
        verify_api_key::ApiKeys,
    },
    config::Config,
    http::{
        HttpSettings, HttpState, Places,
        health::{AccountsHealth, AuthHealth, DatabaseHealth, IndexHealth},
        router,
    },
    outbound::{
        access_tokens::SharedSecretVerifier,
        accounts::{AccountsAddress, ClientTls, GrpcAccounts, ServiceToken},
        bm25::Bm25,
        document_links::SignedLinks,
        git::GitRepositories,
        jwks::{JwksSettings, JwksVerifier},
        rerank::{HttpReranker, RerankDialect, RerankSettings},
        sandbox::Sandbox,
        sql::{MIGRATIONS, SqlStore},
        web::{
            PublicWeb, WebSettings,
            addresses::{Guard, SystemLookUp},
        },
    },
};

use vectors::only_service;
pub use vectors::{OpenedSpaces, forget_model, spaces};

/// The parts that do not depend on who holds the index.
pub struct Parts {
    database: Database,
    dense: Arc<dyn DenseEmbedder>,
    sparse: Arc<Bm25>,
    generator: Option<Arc<dyn Generator>>,
    client: reqwest::Client,
    links: Arc<SignedLinks>,
    reader: Arc<Sandbox>,
    web: Arc<PublicWeb>,
}

/// This program, also where its file was replaced since it began.
const THIS_PROGRAM: &str = "/proc/self/exe";

/// How providers and auth-service know us.
const USER_AGENT: &str = concat!("lectern/", env!("CARGO_PKG_VERSION"));

/// Documents that are read at once.
const READERS: usize = 2;

impl Parts {
    /// The model without an index, for a process that may not open it.
    fn no_index(&self) -> VectorSpaces {
        let space = VectorSpace {
            dense: self.dense.clone(),
            index: None,
        };
        VectorSpaces::new(space, None)
    }
}

/// How often the keys are fetched: as long as auth-service lets caches keep them,
/// and half as long as it publishes a key before it signs.
const KEY_REFRESH: Duration = Duration::from_mins(5);

/// How often a start looks whether another process has let go of the index.
const INDEX_POLL: Duration = Duration::from_secs(1);

/// How long a page of a source may take.
const FETCH_TIMEOUT: Duration = Duration::from_secs(30);

/// Opens the database and brings its schema up to date.
pub async fn migrated_database(config: &Config) -> Result<Database> {
    let database = Database::open_within(&config.database, config.database_wait).await?;
    database.migrate(&MIGRATIONS).await?;
    Ok(database)
}

/// What is known of embeddings, without loading a model.
pub async fn stores(config: &Config) -> Result<impl EmbeddingStore> {
    Ok(SqlStore::new(migrated_database(config).await?))
}

/// Opens the database and loads the models.
pub async fn parts(config: &Config) -> Result<Parts> {
    // The first one wins; a second call in one process changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    std::fs::create_dir_all(&config.data_dir)
        .with_context(|| format!("DATA_DIR {} can't be made", config.data_dir.display()))?;
    let client = reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(5))
        .read_timeout(Duration::from_mins(1))
        .user_agent(USER_AGENT)
        .build()?;
    let generator = match &config.llm {
        Some(llm) => Some(language_model::generator(llm).await?),
        None => None,
    };
    let links = Arc::new(links(config).context("DATA_DIR/link-secret")?);
    let database = migrated_database(config).await?;
    let store = SqlStore::new(database.clone());
    let dense = vectors::configured(config, &store, &client).await?;
    Ok(Parts {
        database,
        dense,
        sparse: Arc::new(vectors::sparse(&store).await?),
        generator,
        client,
        links,
        reader: Arc::new(Sandbox::new(THIS_PROGRAM.into(), READERS)?),
        web: Arc::new(web(config)?),
    })
}

/// What signs links to documents: the secret that is set, or one that is made
/// at the first start and kept.
fn links(config: &Config) -> std::io::Result<SignedLinks> {
    let secret = match &config.link_secret {
        Some(secret) => secret.clone(),
        None => secret_file::read_or_create(&config.data_dir.join("link-secret"), || {
            let mut bytes = [0; 32];
            SystemRandomness.fill(&mut bytes);
            URL_SAFE_NO_PAD.encode(bytes)
        })?,
    };
    Ok(SignedLinks::new(&secret))
}

fn web(config: &Config) -> Result<PublicWeb, reqwest::Error> {
    PublicWeb::new(WebSettings {
        guard: guard(config),
        pause: config.fetching.pause,
        timeout: FETCH_TIMEOUT,
    })
}

fn guard(config: &Config) -> Guard {
    Guard::new(Arc::new(SystemLookUp), &config.fetching.allowed_networks)
}

fn sources(config: &Config, parts: &Parts, store: Arc<SqlStore>) -> Sources {
    let folder = config.data_dir.join("sources");
    Sources {
        store,
        web: parts.web.clone(),
        repositories: Arc::new(GitRepositories::new(folder, guard(config))),
        due: Notify::new(),
        max_bytes: config.max_upload_bytes,
    }
}

fn reranker(config: &Config, client: &reqwest::Client) -> Option<Arc<dyn Reranker>> {
    let rerank = config.rerank.as_ref()?;
    let settings = RerankSettings {
        dialect: match rerank.provider {
            "cohere" => RerankDialect::Cohere,
            "jina" => RerankDialect::Jina,
            _ => RerankDialect::Tei,
        },
        url: rerank.url.clone(),
        api_key: rerank.api_key.clone(),
        model: rerank.model.clone(),
        timeout: rerank.timeout,
    };
    Some(Arc::new(HttpReranker::new(settings, client.clone())))
}

/// The verbs over these parts.
pub fn app(config: &Config, parts: &Parts, spaces: Option<VectorSpaces>) -> App {
    let store = Arc::new(SqlStore::new(parts.database.clone()));
    App {
        bases: store.clone(),
        documents: store.clone(),
        jobs: store.clone(),
        sources: sources(config, parts, store.clone()),
        conversations: store.clone(),
        profiles: Arc::new(Profiles::new(None, Arc::new(SystemClock))),
        runs: store.clone(),
        live: LiveAnswers::default(),
        interactions: store.clone(),
        interaction_log: config.interactions.clone(),
        grace: config.conversations.grace,
        retention: config.conversations.retention,
        embeddings: store.clone(),
        tokens: store.clone(),
        spaces: spaces.unwrap_or_else(|| parts.no_index()),
        views: store.clone(),
        links: parts.links.clone(),
        accounts: store.clone(),
        refused: Arc::new(RefusedTokens::default()),
        new_erasures: Arc::new(Notify::new()),
        reader: parts.reader.clone(),
        sparse: parts.sparse.clone(),
        generator: parts.generator.clone(),
        reranker: reranker(config, &parts.client),
        whole_context: config.whole_context,
        rates: QuestionLimits::new(config.visitors.rates, Arc::new(SystemClock)),
        visitors: config.visitors.visitors,
        publishable: PublishableKeys::new(store.clone(), Arc::new(SystemClock)),
        clock: Arc::new(SystemClock),
        randomness: Arc::new(SystemRandomness),
        new_jobs: Arc::new(Notify::new()),
        quota: config.quota,
        token_budget: config.token_budget,
        refuse_below: config.refuse_below,
        counters: AnswerCounters::default(),
        fusion: config.fusion,
        answers: TaskTracker::new(),
        stop: CancellationToken::new(),
    }
}

/// A name for a worker that no other process has.
pub fn worker_name(clock: &dyn Clock, randomness: &dyn Randomness) -> String {
    format!("worker-{}", new_id(clock, randomness))
}

/// Runs the service until `stop`.
pub async fn run(config: Config, stop: CancellationToken) -> Result<()> {
    let listener = bind(config.http_addr, "API_HTTP_ADDR")?;
    let _only = only_service(&config)?;
    let parts = tokio::select! {
        parts = parts(&config) => parts?,
        () = stop.cancelled() => bail!("stopped before it was ready"),
    };
    let OpenedSpaces { spaces, alone } = wait_for_index(&config, &parts, &stop).await?;
    let accounts = Arc::new(accounts(&config)?);
    let app = app(&config, &parts, Some(spaces));
    let app = Arc::new(App {
        stop: stop.clone(),
        profiles: Arc::new(Profiles::new(Some(accounts.clone()), app.clock.clone())),
        ..app
    });
    app.recover(alone).await.map_err(|error| anyhow!(error))?;
    let follower = app.follower().await.map_err(|error| anyhow!(error))?;
    let jwks = Arc::new(jwks_verifier(&config, &parts, &app));
    let tasks = TaskTracker::new();
    let name = worker_name(app.clock.as_ref(), app.randomness.as_ref());
    tasks.spawn(app.clone().work(name.clone(), stop.clone()));
    tasks.spawn(app.clone().reembed(name.clone(), stop.clone()));
    tasks.spawn(app.clone().sync_sources(name, stop.clone()));
    tasks.spawn(app.clone().record_answers(stop.clone()));
    tasks.spawn(app.clone().tidy_up_interactions(stop.clone()));
    tasks.spawn(follower.follow(accounts.clone(), stop.clone()));
    tasks.spawn({
        let (app, stop) = (app.clone(), stop.clone());
        async move { app.erase(stop).await }
    });
    let tokens = token_verifier(&config, &app, &jwks);
    if config.shared_secret.is_none() {
        tasks.spawn(keep_keys_fresh(jwks.clone(), stop.clone()));
    }
    let health = Health {
        service: "api-service",
        version: env!("CARGO_PKG_VERSION"),
        dependencies: dependencies(&app, &jwks),
    };
    let settings = HttpSettings {
        auth_url: config.auth_public_url.clone(),
        max_body: config.max_upload_bytes,
        trusted_proxies: config.visitors.trusted_proxies.clone(),
    };
    let router = router(
        HttpState {
            app: app.clone(),
            tokens,
            keys: Arc::new(api_keys(&app, accounts)),
            places: Arc::new(Places {
                auth: config.auth_public_url.clone(),
                pages: config.allowed_origins.clone(),
                max_upload_bytes: config.max_upload_bytes,
            }),
            public_url: config.surfaces.public_url.as_str().into(),
            sources_footer: config.surfaces.sources_footer,
        },
        health,
        &settings,
    );
    tracing::info!(address = %listener.local_addr()?, "api-service is ready");
    serve(listener, router, stop).await;
    tasks.close();
    tasks.wait().await;
    app.answers.close();
    app.answers.wait().await;
    Ok(())
}

fn dependencies(app: &Arc<App>, verifier: &Arc<JwksVerifier>) -> Vec<Arc<dyn Dependency>> {
    vec![
        Arc::new(DatabaseHealth(app.clone())),
        Arc::new(IndexHealth(app.clone())),
        Arc::new(AuthHealth(verifier.clone())),
        Arc::new(AccountsHealth(app.clone())),
    ]
}

fn accounts(config: &Config) -> Result<GrpcAccounts> {
    let configured = &config.accounts;
    let address = AccountsAddress {
        url: configured.url.clone(),
        tls: ClientTls {
            authorities: configured.authorities.clone(),
            identity: configured.identity.clone(),
        },
        token: match configured.service_token.clone() {
            Some(token) => ServiceToken::Known(token),
            None => ServiceToken::File(config.data_dir.join("service-token")),
        },
    };
    GrpcAccounts::new(address).context("AUTH_GRPC_URL")
}

fn api_keys(app: &App, accounts: Arc<GrpcAccounts>) -> ApiKeys {
    ApiKeys::new(accounts, app.clock.clone(), app.refused.clone())
}

/// What tells who asks: the secret that both services share, or the keys that
/// auth-service publishes.
fn token_verifier(config: &Config, app: &App, jwks: &Arc<JwksVerifier>) -> Arc<dyn TokenVerifier> {
    match &config.shared_secret {
        Some(secret) => Arc::new(SharedSecretVerifier::new(
            secret,
            &config.issuer,
            &config.audience,
            app.clock.clone(),
            app.refused.clone(),
        )),
        None => jwks.clone(),
    }
}

/// Keys are fetched ahead of the first request, so that a token signed by a new
/// one need not wait, and again and again, so that a removed one holds no more.
async fn keep_keys_fresh(jwks: Arc<JwksVerifier>, stop: CancellationToken) {
    loop {
        jwks.refresh().await;
        tokio::select! {
            () = tokio::time::sleep(KEY_REFRESH) => {}
            () = stop.cancelled() => return,
        }
    }
}

fn jwks_verifier(config: &Config, parts: &Parts, app: &App) -> JwksVerifier {
    let settings = JwksSettings {
        url: format!("{}/v1/jwks", config.auth_url),
        issuer: config.issuer.clone(),
        audience: config.audience.clone(),
        cache: Some(config.data_dir.join("jwks.json")),
    };
    let (client, refused) = (parts.client.clone(), app.refused.clone());
    JwksVerifier::new(settings, client, app.clock.clone(), refused)
}

/// An `ingest` that began before the service has the index until it is done:
/// the start waits for that, and does the rest.
async fn wait_for_index(
    config: &Config,
    parts: &Parts,
    stop: &CancellationToken,
) -> Result<OpenedSpaces> {
    let mut told = false;
    loop {
        if let Some(opened) = spaces(config, parts).await? {
            return Ok(opened);
        }
        if !told {
            tracing::warn!("another process has the index in DATA_DIR open; waiting for it");
            told = true;
        }
        tokio::select! {
            () = tokio::time::sleep(INDEX_POLL) => {}
            () = stop.cancelled() => bail!("stopped while waiting for the index"),
        }
    }
}
