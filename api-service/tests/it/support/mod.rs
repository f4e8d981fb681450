//! A whole api-service in a test, on a database and an index of its own.

use std::{sync::Arc, time::Duration};

use api_service::{
    app::{
        App,
        counters::AnswerCounters,
        follow_accounts::RefusedTokens,
        live::LiveAnswers,
        ports::{DenseEmbedder, EmbeddingStore, Generator, Reranker, VectorIndex},
        profiles::Profiles,
        publishable_keys::PublishableKeys,
        rates::{QuestionLimits, QuestionRates, Visitors},
        sync_sources::Sources,
        vector_spaces::{VectorSpace, VectorSpaces},
        verify_api_key::ApiKeys,
    },
    domain::{
        analytics::InteractionLog,
        index::Fusion,
        principal::{Principal, Shown, UserId},
        quota::Quota,
        token_budget::TokenBudget,
    },
    http::{
        self, HttpSettings, HttpState, Places,
        health::{AccountsHealth, AuthHealth, DatabaseHealth, IndexHealth},
    },
    outbound::{
        accounts::GrpcAccounts, bm25::Bm25, document_links::SignedLinks, edge::EdgeFolder,
        git::GitRepositories, jwks::JwksVerifier, sandbox::Sandbox, sql::SqlStore,
        web::addresses::Guard,
    },
};
use axum::{
    Router,
    body::Body,
    http::{Request, Response, StatusCode, request},
};
use http_body_util::BodyExt;
use proto::claims::Role;
use serde_json::Value;
use service_kit::{
    browser_origins::AllowedOrigins, client_address::TrustedProxies, database::Database,
    health::Health,
};
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

pub mod accounts;
pub mod auth;
pub mod embedder;
pub mod embedding_provider;
pub mod forge;
pub mod halting;
pub mod home;
pub mod language_model;
pub mod qdrant_server;
pub mod reranker;
pub mod scenario;
pub mod serving;
pub mod web;

pub use accounts::Reached;
pub use auth::{AuthService, SESSION, token_of, user_id};
pub use embedder::CountingEmbedder;
pub use home::TestHome;

/// 2026-11-01T12:00:00.123Z.
pub const NOON: i64 = 1_793_534_400_123;

/// The largest body that the router of a test takes.
pub const MAX_BODY: usize = 64 * 1024;

/// Puts something around an index.
pub type AroundIndex = Box<dyn FnOnce(Arc<dyn VectorIndex>) -> Arc<dyn VectorIndex> + Send>;

/// What a test puts in the place of the usual parts.
#[derive(Default)]
pub struct Parts {
    pub generator: Option<Arc<dyn Generator>>,
    pub reranker: Option<Arc<dyn Reranker>>,
    /// How many tokens are given to the generator as a whole; none by default.
    pub whole_context: usize,
    /// Goes around the index in the test's folder.
    pub around_index: Option<AroundIndex>,
    /// The number of the call at which embedding stops for good.
    pub embedding_halts_at: Option<usize>,
    /// The most that a user may keep.
    pub quota: Quota,
    /// The most tokens that a user may use in a day.
    pub token_budget: TokenBudget,
    /// How long an answer goes on that nobody reads any more; by default not at all.
    pub grace: Option<Duration>,
    /// How interactions are logged; by default in full.
    pub interaction_log: InteractionLog,
    /// How often questions may come; as often as one likes by default.
    pub rates: QuestionRates,
    /// Whether visitors are turned away.
    pub members_only: bool,
    /// What sources may be fetched from; by default what is public alone.
    pub guard: Option<Guard>,
    /// auth-service, if a real one is there: the keys of tokens are at the usual
    /// stand-in without it, and API keys can't be checked.
    pub accounts: Option<Reached>,
}

/// A service where time stands still and chance repeats itself.
pub struct TestApp {
    pub app: Arc<App>,
    pub router: Router,
    pub store: SqlStore,
    pub database: Database,
    pub embedder: Arc<CountingEmbedder>,
    _auth: AuthService,
    pub home: TestHome,
}

impl TestApp {
    pub async fn sqlite() -> Self {
        Self::on(TestHome::sqlite()).await
    }

    pub async fn on(home: TestHome) -> Self {
        Self::with(home, Parts::default()).await
    }

    pub async fn with(home: TestHome, parts: Parts) -> Self {
        let database = home.database().await;
        let store = SqlStore::new(database.clone());
        let embedder = Arc::new(CountingEmbedder::new(parts.embedding_halts_at));
        let edge = edge(&home, &embedder);
        let index = match parts.around_index {
            Some(around) => around(edge),
            None => edge,
        };
        let stores = Arc::new(store.clone());
        stores.active_or(&embedder.model(), NOON).await.unwrap();
        let space = VectorSpace {
            dense: embedder.clone(),
            index: Some(index),
        };
        let lookup = parts.accounts.as_ref().map(Reached::profiles);
        let app = Arc::new(App {
            bases: stores.clone(),
            documents: stores.clone(),
            jobs: stores.clone(),
            sources: sources(&home, stores.clone(), parts.guard),
            conversations: stores.clone(),
            views: stores.clone(),
            links: Arc::new(SignedLinks::new(&"the secret of a test".into())),
            embeddings: stores.clone(),
            accounts: stores.clone(),
            refused: Arc::new(RefusedTokens::default()),
            new_erasures: Arc::new(Notify::new()),
            reader: Arc::new(Sandbox::new(env!("CARGO_BIN_EXE_api-service").into(), 2).unwrap()),
            spaces: VectorSpaces::new(space, None),
            sparse: Arc::new(Bm25::new().unwrap()),
            generator: parts.generator,
            reranker: parts.reranker,
            whole_context: parts.whole_context,
            tokens: stores.clone(),
            token_budget: parts.token_budget,
            clock: home.clock.clone(),
            randomness: home.randomness.clone(),
            new_jobs: Arc::new(Notify::new()),
            quota: parts.quota,
            refuse_below: 0.5,
            counters: AnswerCounters::default(),
            fusion: Fusion::Dbsf,
            profiles: Arc::new(Profiles::new(lookup, home.clock.clone())),
            interactions: stores.clone(),
            interaction_log: parts.interaction_log,
            runs: stores.clone(),
            live: LiveAnswers::default(),
            grace: parts.grace.unwrap_or_default(),
            retention: 50,
            rates: QuestionLimits::new(parts.rates, home.clock.clone()),
            visitors: visitors(!parts.members_only),
            publishable: PublishableKeys::new(stores, home.clock.clone()),
            answers: TaskTracker::new(),
            stop: CancellationToken::new(),
        });
        let auth = AuthService::start().await;
        let reached = parts.accounts.unwrap_or_else(Reached::nobody);
        let tokens = auth.verifier_of(&app, reached.keys_url);
        let router = router(&app, tokens, reached.accounts);
        Self {
            app,
            router,
            store,
            database,
            embedder,
            _auth: auth,
            home,
        }
    }

    /// Ends the service as a crash does: nothing is finished, nothing told.
    pub async fn end(self) -> TestHome {
        self.database.pool.close().await;
        self.home
    }

    /// Works until there is nothing left to do.
    pub async fn work(&self) {
        while self.app.work_once("worker").await.unwrap() > 0 {}
    }

    pub async fn ask(&self, request: Request<Body>) -> (StatusCode, Value) {
        read(self.router.clone().oneshot(request).await.unwrap()).await
    }

    /// Takes a Markdown document in as `name`; gives its wire form.
    pub async fn add(&self, name: &str, body: &Value) -> Value {
        let request = json_request(name, "POST /v1/documents", body);
        let (status, document) = self.ask(request).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{document}");
        document
    }

    /// What `name` finds, as texts.
    pub async fn find(&self, name: &str, query: &str) -> Vec<String> {
        let body = serde_json::json!({"query": query, "limit": 50});
        let (status, found) = self.ask(json_request(name, "POST /v1/search", &body)).await;
        assert_eq!(status, StatusCode::OK, "{found}");
        let results = found["results"].as_array().unwrap();
        let texts = results
            .iter()
            .map(|result| result["text"].as_str().unwrap());
        texts.map(str::to_owned).collect()
    }

    /// The index of the active model.
    pub fn index(&self) -> Arc<dyn VectorIndex> {
        self.app.spaces.active().index.clone().unwrap()
    }

    /// The number that a query counts.
    pub async fn count(&self, query: &'static str) -> i64 {
        let (count,): (i64,) = sqlx::query_as(query)
            .fetch_one(&self.database.pool)
            .await
            .unwrap();
        count
    }
}

fn visitors(welcome: bool) -> Visitors {
    Visitors {
        welcome,
        kept: 7 * 24 * 60 * 60 * 1000,
    }
}

fn sources(home: &TestHome, store: Arc<SqlStore>, guard: Option<Guard>) -> Sources {
    let guard = guard.unwrap_or_else(|| web::guard(&[]));
    let folder = home.folder.path().join("sources");
    Sources {
        store,
        web: Arc::new(web::web(guard.clone(), web::PATIENCE)),
        repositories: Arc::new(GitRepositories::new(folder, guard)),
        due: Notify::new(),
        max_bytes: MAX_BODY,
    }
}

fn edge(home: &TestHome, embedder: &CountingEmbedder) -> Arc<dyn VectorIndex> {
    let folder = EdgeFolder::take(&home.folder.path().join("index")).unwrap();
    let index = folder.open(embedder.fingerprint(), embedder.dimensions(), 2);
    Arc::new(index.unwrap())
}

fn router(app: &Arc<App>, tokens: JwksVerifier, accounts: GrpcAccounts) -> Router {
    let tokens = Arc::new(tokens);
    let health = Health {
        service: "api-service",
        version: "0",
        dependencies: vec![
            Arc::new(DatabaseHealth(app.clone())),
            Arc::new(IndexHealth(app.clone())),
            Arc::new(AuthHealth(tokens.clone())),
            Arc::new(AccountsHealth(app.clone())),
        ],
    };
    let settings = HttpSettings {
        auth_url: "https://auth.example.com".to_owned(),
        max_body: MAX_BODY,
        trusted_proxies: TrustedProxies::default(),
    };
    let (clock, refused) = (app.clock.clone(), app.refused.clone());
    let state = HttpState {
        app: app.clone(),
        tokens,
        keys: Arc::new(ApiKeys::new(Arc::new(accounts), clock, refused)),
        places: Arc::new(Places {
            auth: "https://auth.example.com".to_owned(),
            pages: AllowedOrigins::These(vec!["https://docs.example.com".to_owned()]),
            max_upload_bytes: MAX_BODY,
        }),
        public_url: "https://rag.example.com".into(),
        sources_footer: true,
    };
    http::router(state, health, &settings)
}

/// Says a line on the terminal, where the harness would hide `eprintln`.
pub fn remark(line: &str) {
    use std::io::Write;
    let line = format!("{line}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// The principal that the token of `name` stands for.
pub fn caller(name: &str) -> Principal {
    user(&user_id(name), auth::role_of(name))
}

/// The user of this id, as the tokens of tests are issued.
pub fn user(id: &str, role: Role) -> Principal {
    let shown = Shown {
        session: SESSION.to_owned(),
        issued_at: NOON / 1000,
    };
    Principal::user(UserId(id.to_owned()), role, shown)
}

/// A request such as `GET /v1/documents` with the token of `name`, if any.
pub fn request(name: &str, line: &str) -> request::Builder {
    let (method, path) = line.split_once(' ').unwrap();
    let request = request::Builder::new().method(method).uri(path);
    if name.is_empty() {
        return request;
    }
    request.header("authorization", format!("Bearer {}", token_of(name)))
}

pub fn plain_request(name: &str, line: &str) -> Request<Body> {
    request(name, line).body(Body::empty()).unwrap()
}

pub fn json_request(name: &str, line: &str, body: &Value) -> Request<Body> {
    let request = request(name, line).header("content-type", "application/json");
    request.body(Body::from(body.to_string())).unwrap()
}

pub async fn read(response: Response<Body>) -> (StatusCode, Value) {
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let body = serde_json::from_slice(&bytes)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
    (status, body)
}
