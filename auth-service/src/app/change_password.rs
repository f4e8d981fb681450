//! Changes a password, and asks for one again before a risky act.

use super::{
    App,
    client::Client,
    error::Error,
    ports::{Credentials, Which},
    sessions::{Current, Opened},
};
use crate::domain::{audit::Act, password::Password, user::User};

/// What the owner of an account gives to change its password.
pub struct ChangePassword {
    /// The password as it is.
    pub current: String,
    /// The password as it shall be.
    pub new: String,
    /// Whether everyone who is signed in to the account is signed out; the
    /// caller gets a new session.
    pub end_sessions: bool,
}

impl App {
    /// Gives an account another password. Gives the account as it is now, and
    /// the new session where the others were ended.
    pub async fn change_password(
        &self,
        current: &Current,
        request: ChangePassword,
        client: &Client,
    ) -> Result<(User, Option<Opened>), Error> {
        let new = self.chosen_password(&request.new)?;
        let account = self.confirmed(current, &request.current, client).await?;
        let id = &account.user.id;
        let hash = self.hasher.hash(&new).await?;
        let entry = self.entry(Act::PasswordChanged, Some(id), Some(id), client);
        let end = request.end_sessions.then_some(Which::All);
        if !self.users.set_password(id, &hash, end, &entry).await? {
            return Err(Error::InvalidToken);
        }
        tracing::info!(user_id = %id, "changed the password");
        let user = User {
            updated_at: entry.at,
            ..account.user
        };
        if !request.end_sessions {
            return Ok((user, None));
        }
        let entry = self.entry(Act::SignedIn, Some(&user.id), Some(&user.id), client);
        let remember = current.session.remember;
        let opened = self
            .open_session(user.clone(), remember, client, &entry)
            .await?;
        Ok((user, Some(opened)))
    }

    /// Fails unless `password` is the one of the session's owner.
    pub async fn verify_password(
        &self,
        current: &Current,
        password: &str,
        client: &Client,
    ) -> Result<(), Error> {
        self.confirmed(current, password, client).await.map(drop)
    }

    /// The session's account, if `password` is its password.
    pub(super) async fn confirmed(
        &self,
        current: &Current,
        password: &str,
        client: &Client,
    ) -> Result<Credentials, Error> {
        let user = &current.user;
        let account = self.users.credentials(&user.id).await?;
        let password = Password::presented(password);
        let confirmed = self.proven(user.email.as_str(), account, &password, client);
        let confirmed = confirmed.await?;
        confirmed.ok_or(Error::InvalidPassword)
    }
}
