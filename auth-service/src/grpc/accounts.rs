//! Calls about accounts.

use std::{pin::Pin, sync::Arc};

use async_trait::async_trait;
use futures::{Stream, StreamExt, TryStreamExt};
use proto::accounts::{
    self as wire, AccountEventKind, BatchGetUsersRequest, BatchGetUsersResponse, GetUserRequest,
    GetUserResponse, WatchAccountEventsRequest, accounts_server,
};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use super::status;
use crate::{
    app::App,
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
