//! A real auth-service beside the service of a test, and what the two need to
//! hear one another: the ports, the token, and a clock that both go by.

use std::{
    future::Future,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use api_service::{
    app::ports::ProfileLookup,
    outbound::accounts::{AccountsAddress, ClientTls, GrpcAccounts, ServiceToken},
};
use auth_service::{
    app::{
        App, client::Client, manage_accounts::Administrator, ports::Which, sessions::Opened,
        sign_up::SignUp,
    },
    config::Config,
    domain::{account_change::AccountChange, audit::Act, user::User},
    grpc::{self, Admission},
    startup,
};
use axum::http::{Request, StatusCode, request};
use proto::claims::Role;
use secrecy::SecretString;
use service_kit::{
    clock::{FixedClock, SystemRandomness},
    serve,
};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tonic::transport::ServerTlsConfig;

use super::{Parts, TestApp, TestHome};

/// What api-service shows on gRPC.
pub const SERVICE_TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// auth-service's home: its data and its ports, which outlive a process.
pub struct Accounts {
    folder: TempDir,
    http: SocketAddr,
    grpc: SocketAddr,
}

/// auth-service while it runs.
pub struct Running {
    pub app: Arc<App>,
    clock: Arc<FixedClock>,
    stop: CancellationToken,
    served: Vec<JoinHandle<()>>,
}

impl Accounts {
    pub async fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            http: free_address().await,
            grpc: free_address().await,
        }
    }

    /// Another auth-service at the same place, with a database of its own.
    pub fn replaced(self) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            ..self
        }
    }

    pub async fn start(&self, clock: &Arc<FixedClock>) -> Running {
        self.start_with(clock, None).await
    }

    pub async fn start_with(
        &self,
        clock: &Arc<FixedClock>,
        tls: Option<ServerTlsConfig>,
    ) -> Running {
        self.serve(clock, tls, &[]).await
    }

    /// One that signs tokens with a shared secret.
    pub async fn start_sharing(&self, clock: &Arc<FixedClock>, secret: &str) -> Running {
        self.serve(clock, None, &[("JWT_SECRET", secret)]).await
    }

    #[expect(clippy::disallowed_methods, reason = "a stop waits for both servers")]
    async fn serve(
        &self,
        clock: &Arc<FixedClock>,
        tls: Option<ServerTlsConfig>,
        settings: &[(&str, &str)],
    ) -> Running {
        let folder = self.folder.path().to_str().unwrap();
        let all = [("DATA_DIR", folder)]
            .into_iter()
            .chain(settings.iter().copied());
        let owned = all.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let config = Config::from_values(owned).unwrap();
        // A second start must not make the first one's ids again.
        let randomness = Arc::new(SystemRandomness);
        let service = startup::assemble(&config, clock.clone(), randomness).await;
        let service = service.unwrap();
        let (http, grpc) = (listener(self.http).await, listener(self.grpc).await);
        let stop = CancellationToken::new();
        let (router, stopped) = (service.router, stop.clone());
        let http_served = tokio::spawn(async move {
            serve::serve(http, router, stopped).await;
        });
        let (app, stopped) = (service.app.clone(), stop.clone());
        let grpc_served = tokio::spawn(async move {
            let admission = Admission {
                service_token: SecretString::from(SERVICE_TOKEN),
                tls,
            };
            grpc::serve(grpc, app, admission, stopped).await.unwrap();
        });
        Running {
            app: service.app,
            clock: clock.clone(),
            stop,
            served: vec![http_served, grpc_served],
        }
    }

    /// auth-service as api-service reaches it.
    pub fn reached(&self) -> GrpcAccounts {
        reached_by(&format!("http://{}", self.grpc), ClientTls::default())
    }

    /// The same over TLS.
    pub fn reached_by_tls(&self, tls: ClientTls) -> GrpcAccounts {
        reached_by(&format!("https://localhost:{}", self.grpc.port()), tls)
    }

    /// A process of api-service that knows where auth-service is.
    pub async fn api(&self, home: TestHome) -> TestApp {
        self.api_with(home, Parts::default()).await
    }

    pub async fn api_with(&self, home: TestHome, parts: Parts) -> TestApp {
        let accounts = Reached {
            keys_url: Some(format!("http://{}/v1/jwks", self.http)),
            accounts: self.reached(),
        };
        let parts = Parts {
            accounts: Some(accounts),
            ..parts
        };
        TestApp::with(home, parts).await
    }
}

/// Where api-service finds auth-service.
pub struct Reached {
    pub keys_url: Option<String>,
    pub accounts: GrpcAccounts,
}

impl Reached {
    /// Nowhere: the port is never served.
    pub fn nobody() -> Self {
        Self {
            keys_url: None,
            accounts: reached_by("http://127.0.0.1:1", ClientTls::default()),
        }
    }

    /// What tells the profiles of its accounts.
    pub fn profiles(&self) -> Arc<dyn ProfileLookup> {
        Arc::new(self.accounts.clone())
    }
}

/// Both services, and a process of api-service that hears.
pub struct Both {
    pub accounts: Accounts,
    pub auth: Running,
    pub app: TestApp,
    pub ears: Ears,
}

impl Both {
    pub async fn on(home: TestHome) -> Self {
        Self::with(home, Parts::default()).await
    }

    pub async fn with(home: TestHome, parts: Parts) -> Self {
        let accounts = Accounts::new().await;
        let auth = accounts.start(&home.clock).await;
        let app = accounts.api_with(home, parts).await;
        let ears = Ears::of(&app, accounts.reached()).await;
        Self {
            accounts,
            auth,
            app,
            ears,
        }
    }
}

/// An address that nobody takes while auth-service is stopped: of no port that
/// the system gives to whoever asks for any (32768 and up).
async fn free_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(21_000);
    loop {
        let port = NEXT.fetch_add(1, Ordering::Relaxed);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).await.is_ok() {
            return address;
        }
    }
}

async fn listener(address: SocketAddr) -> TcpListener {
    TcpListener::bind(address).await.unwrap()
}

impl Running {
    pub async fn stop(self) {
        self.stop.cancel();
        for served in self.served {
            served.await.unwrap();
        }
    }

    /// Makes an account and signs its owner in.
    pub async fn sign_up(&self, name: &str) -> Opened {
        self.sign_up_saying(name, &[]).await
    }

    /// The same, of somebody who says something of themselves.
    pub async fn sign_up_saying(&self, name: &str, profile: &[(&str, &str)]) -> Opened {
        let profile = profile.iter();
        let profile = profile.map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        let request = SignUp {
            email: format!("{name}@example.com"),
            password: "a long enough one".to_owned(),
            name: name.to_owned(),
            remember: true,
            profile: profile.collect(),
            ..SignUp::default()
        };
        let opened = self.app.sign_up(request, &Client::default()).await;
        opened.unwrap().session().unwrap().clone()
    }

    /// A token of this session, as it is now.
    pub fn token(&self, opened: &Opened) -> String {
        let token = self.app.access_token(&opened.user, &opened.session);
        token.unwrap().token
    }

    pub async fn sign_out(&self, opened: &Opened) {
        let client = Client::default();
        self.app.sign_out(&opened.token, &client).await.unwrap();
    }

    pub async fn end_all_sessions(&self, user: &str) {
        let client = Client::default();
        let ended = self
            .app
            .end_sessions(user, Which::All, Act::SessionsRevoked, &client);
        assert!(ended.await.unwrap() > 0);
    }

    pub async fn make_admin(&self, user: &str) -> User {
        let change = AccountChange {
            role: Some(Role::Admin),
            ..AccountChange::default()
        };
        let operator = Administrator::operator();
        self.app.change(&operator, user, &change).await.unwrap()
    }

    pub async fn set_enabled(&self, user: &str, enabled: bool) {
        let change = AccountChange {
            enabled: Some(enabled),
            ..AccountChange::default()
        };
        let operator = Administrator::operator();
        self.app.change(&operator, user, &change).await.unwrap();
    }

    pub async fn delete(&self, user: &str) {
        let operator = Administrator::operator();
        self.app.remove_account(&operator, user).await.unwrap();
    }

    pub fn advance(&self, millis: i64) {
        self.clock.advance(millis);
    }
}

/// A process's ears: they hear until they are covered.
pub struct Ears {
    stop: CancellationToken,
    hearing: JoinHandle<()>,
}

impl Ears {
    /// Lets `app` hear what `feed` tells.
    #[expect(clippy::disallowed_methods, reason = "covering them waits for it")]
    pub async fn of(app: &TestApp, feed: GrpcAccounts) -> Self {
        let stop = CancellationToken::new();
        let follower = app.app.follower().await.unwrap();
        let hearing = tokio::spawn(follower.follow(Arc::new(feed), stop.clone()));
        Self { stop, hearing }
    }

    /// Ends the hearing, which holds the app and so its index.
    pub async fn cover(self) {
        self.stop.cancel();
        self.hearing.await.unwrap();
    }
}

/// Waits until something is true; a second is what it may take.
pub async fn within_a_second<F: Future<Output = bool>>(what: &str, truth: impl Fn() -> F) {
    let waited = async {
        while !truth().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(1), waited).await;
    assert!(waited.is_ok(), "not within a second: {what}");
}

pub fn get_documents(token: &str) -> Request<axum::body::Body> {
    let request = request::Builder::new().uri("/v1/documents");
    let request = request.header("authorization", format!("Bearer {token}"));
    request.body(axum::body::Body::empty()).unwrap()
}

/// Whether `app` refuses a token, as it refuses one that is forged.
pub async fn refused(app: &TestApp, token: &str) -> bool {
    let (status, body) = app.ask(get_documents(token)).await;
    match status {
        StatusCode::OK => false,
        StatusCode::UNAUTHORIZED => {
            assert_eq!(body["code"], "invalid_token", "{body}");
            true
        }
        other => panic!("{other}: {body}"),
    }
}

fn reached_by(url: &str, tls: ClientTls) -> GrpcAccounts {
    let address = AccountsAddress {
        url: url.to_owned(),
        tls,
        token: ServiceToken::Known(SecretString::from(SERVICE_TOKEN)),
    };
    GrpcAccounts::new(address).unwrap()
}
