//! The gRPC surface, for other services. `Accounts` needs the service token.
//! Health and reflection need none: probes have no token, and reflection tells
//! only what `proto/` publishes.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use proto::accounts::{
    self as wire, BatchGetUsersRequest, BatchGetUsersResponse, FILE_DESCRIPTOR_SET, GetUserRequest,
    GetUserResponse, accounts_server,
};
use secrecy::{ExposeSecret, SecretString};
use service_kit::serve::within_drain;
use subtle::ConstantTimeEq;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::{
    Request, Response, Status,
    metadata::MetadataValue,
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Server, server::TcpIncoming},
};

use crate::{
    app::{App, error::Error},
    domain::user::User,
};

/// The name under which health is asked for.
pub const SERVICE_NAME: &str = "accounts.v1.Accounts";

/// 500 ids of 36 characters need 19 KB.
const MAX_MESSAGE_BYTES: usize = 64 * 1024;

const DEADLINE: Duration = Duration::from_secs(10);
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Serves gRPC on `listener` until `stop`.
pub async fn serve(
    listener: TcpListener,
    app: Arc<App>,
    service_token: SecretString,
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
    let accounts = accounts_server::AccountsServer::new(Accounts(app))
        .max_decoding_message_size(MAX_MESSAGE_BYTES);
    let guarded = InterceptedService::new(accounts, ServiceToken(Arc::new(service_token)));
    let stopped = {
        let stop = stop.clone();
        async move {
            stop.cancelled().await;
            // A health watch would else stay open for all of the drain time.
            health.clear_service_status(SERVICE_NAME).await;
            health.clear_service_status("").await;
        }
    };
    let served = Server::builder()
        .trace_fn(|request| tracing::info_span!("grpc", method = request.uri().path()))
        .timeout(DEADLINE)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .add_service(guarded)
        .add_service(health_service)
        .add_service(reflection)
        .serve_with_incoming_shutdown(
            TcpIncoming::from(listener).with_nodelay(Some(true)),
            stopped,
        );
    Ok(within_drain(stop, served).await.unwrap_or(Ok(()))?)
}

struct Accounts(Arc<App>);

#[async_trait]
impl accounts_server::Accounts for Accounts {
    async fn get_user(
        &self,
        request: Request<GetUserRequest>,
    ) -> Result<Response<GetUserResponse>, Status> {
        let user = self.0.user(&request.get_ref().id).await.map_err(status)?;
        Ok(Response::new(GetUserResponse {
            user: Some(message(user)),
        }))
    }

    async fn batch_get_users(
        &self,
        request: Request<BatchGetUsersRequest>,
    ) -> Result<Response<BatchGetUsersResponse>, Status> {
        let users = self.0.users(&request.get_ref().ids).await.map_err(status)?;
        Ok(Response::new(BatchGetUsersResponse {
            users: users.into_iter().map(message).collect(),
        }))
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

fn message(user: User) -> wire::User {
    wire::User {
        email: user.email.as_str().to_owned(),
        name: user.name.as_str().to_owned(),
        role: user.role.as_str().to_owned(),
        created_at_ms: user.created_at,
        id: user.id,
    }
}

#[expect(clippy::needless_pass_by_value, reason = "stands in map_err")]
fn status(error: Error) -> Status {
    error.log();
    let mut status = Status::new(error.kind().grpc_code(), error.to_string());
    status
        .metadata_mut()
        .insert("error-code", MetadataValue::from_static(error.code()));
    status
}
