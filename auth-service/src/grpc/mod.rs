//! The gRPC surface, for other services. `Accounts` needs the service token.
//! Health and reflection need none: probes have no token, and reflection tells
//! only what `proto/` publishes.

use std::{sync::Arc, time::Duration};

use proto::accounts::{FILE_DESCRIPTOR_SET, accounts_server};
use secrecy::{ExposeSecret, SecretString};
use service_kit::serve::within_drain;
use subtle::ConstantTimeEq;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::{
    Code, Request, Status,
    metadata::MetadataValue,
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Certificate, Identity, Server, ServerTlsConfig, server::TcpIncoming},
};

use crate::{
    app::{App, error::Error},
    config::GrpcTls,
};

mod accounts;

use accounts::Accounts;

/// The name under which health is asked for.
pub const SERVICE_NAME: &str = "accounts.v1.Accounts";

/// 500 ids of 36 characters need 19 KB.
const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// How long a call may take until its answer, or its stream, begins.
const DEADLINE: Duration = Duration::from_secs(10);

/// How often a silent caller is asked whether it is still there, and how long
/// it may take to say so.
const KEEPALIVE: Duration = Duration::from_secs(30);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// How callers are let in.
#[derive(Debug)]
pub struct Admission {
    /// What they must show.
    pub service_token: SecretString,
    /// What guards the way; nothing where it is open.
    pub tls: Option<ServerTlsConfig>,
}

/// The TLS of a configuration.
pub fn tls(configured: &GrpcTls) -> ServerTlsConfig {
    let pem = |text: &SecretString| text.expose_secret().to_owned();
    let identity = Identity::from_pem(pem(&configured.certificate), pem(&configured.key));
    let tls = ServerTlsConfig::new().identity(identity);
    match &configured.client_ca {
        Some(authorities) => tls.client_ca_root(Certificate::from_pem(pem(authorities))),
        None => tls,
    }
}

/// Serves gRPC on `listener` until `stop`.
pub async fn serve(
    listener: TcpListener,
    app: Arc<App>,
    admission: Admission,
    stop: CancellationToken,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let (mut health, health_service) = tonic_health::server::health_reporter();
    health
        .set_service_status(SERVICE_NAME, tonic_health::ServingStatus::Serving)
        .await;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()?;
    let accounts = accounts_server::AccountsServer::new(Accounts {
        app: Arc::clone(&app),
        stop: stop.clone(),
    })
    .max_decoding_message_size(MAX_MESSAGE_BYTES);
    let token = ServiceToken(Arc::new(admission.service_token));
    let guarded = InterceptedService::new(accounts, token);
    let stopped = {
        let stop = stop.clone();
        async move {
            stop.cancelled().await;
            // A health watch would else stay open for all of the drain time.
            health.clear_service_status(SERVICE_NAME).await;
            health.clear_service_status("").await;
        }
    };
    let mut server = Server::builder();
    if let Some(tls) = admission.tls {
        server = server.tls_config(tls)?;
    }
    let ended = server
        .trace_fn(|request| tracing::info_span!("grpc", method = request.uri().path()))
        .timeout(DEADLINE)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .add_service(guarded)
        .add_service(health_service)
        .add_service(reflection)
        .serve_with_incoming_shutdown(
            TcpIncoming::from(listener).with_nodelay(Some(true)),
            stopped,
        );
    tokio::select! {
        ended = within_drain(stop, ended) => Ok(ended.unwrap_or(Ok(()))?),
        never = app.events.follow() => match never {},
    }
}

/// Lets a call through that carries `authorization: Bearer <service token>`.
#[derive(Clone)]
struct ServiceToken(Arc<SecretString>);

impl Interceptor for ServiceToken {
    fn call(&mut self, request: Request<()>) -> Result<Request<()>, Status> {
        let presented = request
            .metadata()
            .get("authorization")
            .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "))
            .unwrap_or_default();
        let expected = self.0.expose_secret().as_bytes();
        if bool::from(presented.ct_eq(expected)) {
            Ok(request)
        } else {
            Err(status(Error::InvalidServiceToken))
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "stands in map_err")]
fn status(error: Error) -> Status {
    error.log();
    let code = match error {
        Error::CursorAhead => Code::OutOfRange,
        _ => error.kind().grpc_code(),
    };
    let mut status = Status::new(code, error.to_string());
    status
        .metadata_mut()
        .insert("error-code", MetadataValue::from_static(error.code()));
    status
}
