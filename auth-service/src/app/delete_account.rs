//! Deletes an account, as its owner wishes.

use super::{App, client::Client, error::Error, outbox::Link, sessions::Current};
use crate::domain::{audit::Act, one_time_token::Purpose};

const DELETION: &[Purpose] = &[Purpose::AccountDeletion];

/// What the owner of an account gives to have it deleted.
#[derive(Default)]
pub struct DeleteAccount {
    /// The account's password; without it the sign-in must be a recent one.
    pub password: Option<String>,
    /// What a mail's link carried.
    pub token: Option<String>,
    /// Where the link of a mail leads in the end, if one is sent.
    pub callback_url: Option<String>,
}

/// What became of the wish to be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// The account is gone.
    Done,
    /// A mail brings the link that deletes it.
    Mailed,
}

impl App {
    /// Deletes the account of `current` with all that belongs to it, or mails
    /// its owner the link that does, where operators want that.
    pub async fn delete_account(
        &self,
        current: &Current,
        request: DeleteAccount,
        client: &Client,
    ) -> Result<Deletion, Error> {
        if let Some(password) = &request.password {
            self.verify_password(current, password, client).await?;
        }
        if let Some(token) = &request.token {
            self.delete_account_by_link(current, token, client).await?;
            return Ok(Deletion::Done);
        }
        let user = &current.user;
        if self.policy.mail.confirm_deletion {
            let link = Link {
                purpose: Purpose::AccountDeletion,
                user,
                to: &user.email,
                email: &user.email,
                callback_url: request.callback_url,
            };
            self.mail_link(link, client)?;
            return Ok(Deletion::Mailed);
        }
        if request.password.is_none() {
            self.require_fresh(&current.session)?;
        }
        self.delete(current, client).await?;
        Ok(Deletion::Done)
    }

    /// Deletes the account of `current` through a link that was mailed to it.
    pub async fn delete_account_by_link(
        &self,
        current: &Current,
        token: &str,
        client: &Client,
    ) -> Result<(), Error> {
        let held = self.held(token, DELETION).await?;
        if held.user.id != current.user.id {
            return Err(Error::InvalidLink);
        }
        self.use_up(&held).await?;
        self.delete(current, client).await
    }

    async fn delete(&self, current: &Current, client: &Client) -> Result<(), Error> {
        let id = &current.user.id;
        let entry = self.entry(Act::AccountDeleted, Some(id), Some(id), client);
        if !self.users.delete(id, &entry).await? {
            return Err(Error::InvalidToken);
        }
        tracing::info!(user_id = %id, "deleted the account");
        Ok(())
    }
}
