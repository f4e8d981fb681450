//! auth-service, over gRPC.

use std::{path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::StreamExt;
use proto::{
    accounts::{
        self as wire, AccountEventKind, GetUserRequest, VerifyApiKeyRequest, VerifyApiKeyResponse,
        WatchAccountEventsRequest, accounts_client::AccountsClient,
    },
    api_key::KeyScope,
    claims::Role,
};
use secrecy::{ExposeSecret, SecretString};
use service_kit::{clock::is_id, secret_file};
use tonic::{
    Code, Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};

use crate::{
    app::ports::{
        AccountFeed, AccountStream, ApiKeyLookup, FeedError, ProfileLookup, ProfileUnavailable,
        UnverifiedKey, VerifiedKey,
    },
    domain::{
        account::{AccountEvent, Happening},
        principal::UserId,
        profile::Profile,
    },
};

/// How long it may take to connect, and until an answer or a stream begins.
const CONNECTING: Duration = Duration::from_secs(3);
const ANSWERING: Duration = Duration::from_secs(5);

/// How long a request waits for what auth-service says of its API key.
const VERIFYING: Duration = Duration::from_secs(2);

/// How often a silent connection is tried, and how long the answer may take: a
/// machine that is gone sends no goodbye.
const KEEPALIVE: Duration = Duration::from_secs(10);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// Where auth-service is, and what it is shown.
pub struct AccountsAddress {
    /// Its gRPC address, such as `http://127.0.0.1:3002`.
    pub url: String,
    /// What guards the way, where the address begins with https.
    pub tls: ClientTls,
    /// What lets us in.
    pub token: ServiceToken,
}

/// The certificates of a connection, in PEM.
#[derive(Debug, Default)]
pub struct ClientTls {
    /// Who must have signed auth-service's certificate; the machine's
    /// authorities where it is missing.
    pub authorities: Option<SecretString>,
    /// Our own certificate and its private key, if auth-service wants one.
    pub identity: Option<(SecretString, SecretString)>,
}

/// Where the token is that auth-service wants to see.
#[derive(Debug, Clone)]
pub enum ServiceToken {
    /// Here.
    Known(SecretString),
    /// In a file that auth-service makes at its first start.
    File(PathBuf),
}

/// The address can't be used as it is configured.
#[derive(Debug, thiserror::Error)]
#[error("auth-service's gRPC address or its certificates can't be used")]
pub struct BadAddress(#[from] tonic::transport::Error);

/// auth-service. The connection is made when it is first needed, and again when
/// it breaks.
#[derive(Clone)]
pub struct GrpcAccounts {
    client: AccountsClient<InterceptedService<Channel, ShowToken>>,
}

impl GrpcAccounts {
    /// Checks the address; connects to nothing yet.
    pub fn new(address: AccountsAddress) -> Result<Self, BadAddress> {
        let mut endpoint = Endpoint::from_shared(address.url.clone())?
            .connect_timeout(CONNECTING)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT)
            .keep_alive_while_idle(true);
        if address.url.starts_with("https:") {
            endpoint = endpoint.tls_config(tls(&address.tls))?;
        }
        let show = ShowToken(Arc::new(address.token));
        Ok(Self {
            client: AccountsClient::with_interceptor(endpoint.connect_lazy(), show),
        })
    }
}

fn tls(configured: &ClientTls) -> ClientTlsConfig {
    let pem = |text: &SecretString| text.expose_secret().to_owned();
    let tls = ClientTlsConfig::new();
    let tls = match &configured.authorities {
        Some(authorities) => tls.ca_certificate(Certificate::from_pem(pem(authorities))),
        None => tls.with_native_roots(),
    };
    match &configured.identity {
        Some((certificate, key)) => tls.identity(Identity::from_pem(pem(certificate), pem(key))),
        None => tls,
    }
}

/// Shows the service token with each call.
#[derive(Clone)]
struct ShowToken(Arc<ServiceToken>);

impl ShowToken {
    fn value(&self) -> Result<MetadataValue<Ascii>, Status> {
        let token = match self.0.as_ref() {
            ServiceToken::Known(token) => token.clone(),
            // It is a few bytes, and may be made, or made anew, at any time.
            ServiceToken::File(path) => match secret_file::read(path) {
                Ok(Some(token)) => token,
                Ok(None) => return Err(Status::unavailable("there is no service token yet")),
                Err(error) => return Err(Status::unavailable(error.to_string())),
            },
        };
        let value = format!("Bearer {}", token.expose_secret()).parse();
        let mut value: MetadataValue<Ascii> =
            value.map_err(|_| Status::internal("the service token can't stand in a header"))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

impl Interceptor for ShowToken {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let value = self.value()?;
        request.metadata_mut().insert("authorization", value);
        Ok(request)
    }
}

#[async_trait]
impl AccountFeed for GrpcAccounts {
    async fn listen(&self, after: i64) -> Result<AccountStream, FeedError> {
        let mut client = self.client.clone();
        let asked = client.watch_account_events(WatchAccountEventsRequest { after });
        let asked = tokio::time::timeout(ANSWERING, asked).await;
        let stream = asked.map_err(|late| FeedError::Broken(Box::new(late)))?;
        let events = stream.map_err(feed_error)?.into_inner();
        Ok(Box::pin(events.map(|next| read(next.map_err(feed_error)?))))
    }
}

fn feed_error(status: Status) -> FeedError {
    match status.code() {
        Code::OutOfRange => FeedError::CursorAhead,
        _ => FeedError::Broken(Box::new(status)),
    }
}

/// Reads an event. An id that is none would be taken for everybody's.
fn read(event: wire::AccountEvent) -> Result<AccountEvent, FeedError> {
    if !is_id(&event.user_id) {
        return Err(FeedError::Broken("an event is about nobody".into()));
    }
    let happening = match event.kind() {
        AccountEventKind::SessionRevoked => Happening::SessionRevoked {
            session: event.session_id,
            until: event.until_ms,
        },
        AccountEventKind::TokensRevoked => Happening::TokensRevoked,
        AccountEventKind::Disabled => Happening::Disabled,
        AccountEventKind::Enabled => Happening::Enabled,
        AccountEventKind::Deleted => Happening::Deleted,
        AccountEventKind::Unspecified => Happening::Unknown,
    };
    Ok(AccountEvent {
        number: event.number,
        at: event.at_ms,
        user: UserId(event.user_id),
        happening,
    })
}

#[async_trait]
impl ApiKeyLookup for GrpcAccounts {
    async fn verify_api_key(&self, key: &str, owed: u32) -> Result<VerifiedKey, UnverifiedKey> {
        let mut client = self.client.clone();
        let key = key.to_owned();
        let mut request = Request::new(VerifyApiKeyRequest { key, owed });
        request.set_timeout(VERIFYING);
        let answer = tokio::time::timeout(VERIFYING, client.verify_api_key(request)).await;
        let late = |_| Err(Status::deadline_exceeded("no answer in time"));
        match answer.unwrap_or_else(late) {
            Ok(answer) => read_key(answer.into_inner()).ok_or_else(|| {
                tracing::warn!("auth-service's answer about an API key can't be read");
                UnverifiedKey::Unavailable
            }),
            Err(status) => Err(refusal(&status)),
        }
    }
}

#[async_trait]
impl ProfileLookup for GrpcAccounts {
    async fn profile(&self, user: &UserId) -> Result<Profile, ProfileUnavailable> {
        let mut client = self.client.clone();
        let mut request = Request::new(GetUserRequest { id: user.0.clone() });
        request.set_timeout(ANSWERING);
        match client.get_user(request).await {
            Ok(answer) => {
                let user = answer.into_inner().user.unwrap_or_default();
                Ok(Profile::new(user.profile))
            }
            Err(status) if status.code() == Code::NotFound => Ok(Profile::default()),
            Err(status) => Err(ProfileUnavailable(Box::new(status))),
        }
    }
}

fn read_key(answer: VerifyApiKeyResponse) -> Option<VerifiedKey> {
    let words = answer.scopes.iter();
    let is_whole = is_id(&answer.user_id) && is_id(&answer.session_id);
    let role = Role::from_word(&answer.role).filter(|_| is_whole)?;
    Some(VerifiedKey {
        user: UserId(answer.user_id),
        session: answer.session_id,
        role,
        scopes: words.filter_map(|word| KeyScope::from_word(word)).collect(),
        expires_at: answer.expires_at_ms,
        uses_left: answer.uses_left,
    })
}

/// Why a key is not verified. A refusal that is not about the key, such as of
/// our own service token, says nothing of it.
fn refusal(status: &Status) -> UnverifiedKey {
    let told = |name| {
        let value = status.metadata().get(name);
        value.and_then(|value| value.to_str().ok())
    };
    match told("error-code") {
        Some("invalid_api_key") => UnverifiedKey::Invalid,
        Some("disabled_api_key") => UnverifiedKey::Disabled,
        Some("expired_api_key") => UnverifiedKey::Expired,
        Some("api_key_overused") => {
            let seconds = told("retry-after").and_then(|text| text.parse().ok());
            UnverifiedKey::Overused(seconds.unwrap_or(1))
        }
        _ => {
            tracing::warn!(code = %status.code(), error = status.message(), "an API key can't be checked");
            UnverifiedKey::Unavailable
        }
    }
}
