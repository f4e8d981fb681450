//! The gRPC surface of a service in a test, over a real port.

use std::net::SocketAddr;

use auth_service::grpc::{self, Admission};
use secrecy::SecretString;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tonic::{
    Request,
    transport::{Channel, ServerTlsConfig},
};

use super::TestApp;

/// What another service shows.
pub const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// A service that is asked over gRPC.
pub struct Served {
    pub app: TestApp,
    pub address: SocketAddr,
    pub stop: CancellationToken,
    pub server: JoinHandle<()>,
}

impl Served {
    pub async fn sqlite() -> Self {
        Self::with(TestApp::sqlite().await, None).await
    }

    #[expect(clippy::disallowed_methods, reason = "each test waits for its server")]
    pub async fn with(app: TestApp, tls: Option<ServerTlsConfig>) -> Self {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let (service, stopped) = (app.app.clone(), stop.clone());
        let server = tokio::spawn(async move {
            let admission = Admission {
                service_token: SecretString::from(TOKEN),
                tls,
            };
            grpc::serve(listener, service, admission, stopped)
                .await
                .unwrap();
        });
        Self {
            app,
            address,
            stop,
            server,
        }
    }

    pub async fn channel(&self) -> Channel {
        let endpoint = Channel::from_shared(format!("http://{}", self.address)).unwrap();
        endpoint.connect().await.unwrap()
    }

    pub async fn sign_up(&self, name: &str) -> String {
        let session = self.app.sign_up(name).await;
        session["user"]["id"].as_str().unwrap().to_owned()
    }
}

pub fn with_token<T>(message: T, token: &str) -> Request<T> {
    let mut request = Request::new(message);
    let value = format!("Bearer {token}").parse().unwrap();
    request.metadata_mut().insert("authorization", value);
    request
}
