//! Calls about accounts.

use std::{pin::Pin, sync::Arc};

use async_trait::async_trait;
use futures::{Stream, StreamExt, TryStreamExt};
use proto::accounts::{
    self as wire, AccountEventKind, BatchGetUsersRequest, BatchGetUsersResponse, GetUserRequest,
    GetUserResponse, VerifyApiKeyRequest, VerifyApiKeyResponse, WatchAccountEventsRequest,
    accounts_server,
};
use proto::error_kind::ErrorKind;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Response, Status};

use super::status;
use crate::{
    app::{App, api_keys::HeldApiKey, error::Error},
    domain::{
        account_event::{AccountEvent, Happening},
        user::User,
    },
};

/// Answers the calls of `accounts.v1.Accounts`.
pub(super) struct Accounts {
    pub(super) app: Arc<App>,
    /// Ends the streams.
    pub(super) stop: CancellationToken,
}

#[async_trait]
impl accounts_server::Accounts for Accounts {
    async fn get_user(
        &self,
        request: Request<GetUserRequest>,
    ) -> Result<Response<GetUserResponse>, Status> {
        let user = self.app.user(&request.get_ref().id).await;
        Ok(Response::new(GetUserResponse {
            user: Some(user.map_err(status)?.into()),
        }))
    }

    async fn batch_get_users(
        &self,
        request: Request<BatchGetUsersRequest>,
    ) -> Result<Response<BatchGetUsersResponse>, Status> {
        let users = self.app.users(&request.get_ref().ids).await;
        Ok(Response::new(BatchGetUsersResponse {
            users: users.map_err(status)?.into_iter().map(Into::into).collect(),
        }))
    }

    type WatchAccountEventsStream =
        Pin<Box<dyn Stream<Item = Result<wire::AccountEvent, Status>> + Send>>;

    async fn watch_account_events(
        &self,
        request: Request<WatchAccountEventsRequest>,
    ) -> Result<Response<Self::WatchAccountEventsStream>, Status> {
        let events = self.app.events.listen(request.get_ref().after).await;
        let events = events.map_err(status)?.map_ok(Into::into).map_err(status);
        // An open stream would else hold a stop up for all of the drain time.
        let events = events.take_until(self.stop.clone().cancelled_owned());
        Ok(Response::new(Box::pin(events)))
    }

    async fn verify_api_key(
        &self,
        request: Request<VerifyApiKeyRequest>,
    ) -> Result<Response<VerifyApiKeyResponse>, Status> {
        let VerifyApiKeyRequest { key, owed } = request.into_inner();
        let held = self.app.verify_api_key(&key, owed).await;
        Ok(Response::new(held.map_err(refusal)?.into()))
    }
}

/// A key that does not hold is not found: UNAUTHENTICATED would say that the
/// service token does not.
fn refusal(error: Error) -> Status {
    let unknown = error.kind() == ErrorKind::Unauthenticated;
    let retry_after = error.retry_after();
    let told = status(error);
    let mut metadata = told.metadata().clone();
    if let Some(seconds) = retry_after {
        metadata.insert("retry-after", seconds.into());
    }
    let code = if unknown { Code::NotFound } else { told.code() };
    Status::with_metadata(code, told.message(), metadata)
}

impl From<HeldApiKey> for VerifyApiKeyResponse {
    fn from(held: HeldApiKey) -> Self {
        let scopes = held.scopes.iter().map(|scope| scope.as_str().to_owned());
        Self {
            scopes: scopes.collect(),
            role: held.owner.role.as_str().to_owned(),
            user_id: held.owner.id,
            expires_at_ms: held.key.expires_at,
            key_id: held.key.id,
            session_id: held.key.session_id,
            uses_left: held.uses_left,
        }
    }
}

impl From<User> for wire::User {
    fn from(user: User) -> Self {
        let profile = user.profile.iter();
        let profile = profile.map(|(name, text)| (name.to_owned(), text.to_owned()));
        Self {
            email: user.email.as_str().to_owned(),
            name: user.name.as_str().to_owned(),
            role: user.role.as_str().to_owned(),
            created_at_ms: user.created_at,
            email_verified: user.email_verified,
            image: user.image.unwrap_or_default(),
            profile: profile.collect(),
            id: user.id,
        }
    }
}

impl From<AccountEvent> for wire::AccountEvent {
    fn from(event: AccountEvent) -> Self {
        let kind = match event.happening {
            Happening::SessionRevoked { .. } => AccountEventKind::SessionRevoked,
            Happening::TokensRevoked => AccountEventKind::TokensRevoked,
            Happening::Disabled => AccountEventKind::Disabled,
            Happening::Enabled => AccountEventKind::Enabled,
            Happening::Deleted => AccountEventKind::Deleted,
        };
        Self {
            number: event.number,
            at_ms: event.at,
            kind: kind.into(),
            session_id: event.happening.session_id().unwrap_or_default().to_owned(),
            until_ms: event.happening.until(event.at).unwrap_or_default(),
            user_id: event.user_id,
        }
    }
}
