//! Replaces a password that its owner has forgotten, through a link in a mail.

use super::{App, client::Client, error::Error, outbox::Link, ports::Which};
use crate::domain::{audit::Act, email::Email, one_time_token::Purpose};

const RESET: &[Purpose] = &[Purpose::PasswordReset];

impl App {
    /// Mails the owner of the account with this address a link for a new
    /// password. Where there is no account nothing else is answered: the link
    /// is made once the answer has gone out.
    pub async fn request_password_reset(
        &self,
        email: &str,
        callback_url: Option<String>,
        client: &Client,
    ) -> Result<(), Error> {
        self.require_mail(Purpose::PasswordReset)?;
        let found = self.users.by_email(&Email::parse(email)?).await?;
        let Some(account) = found.filter(|known| known.user.is_enabled()) else {
            return Ok(());
        };
        let user = &account.user;
        let link = Link {
            purpose: Purpose::PasswordReset,
            user,
            to: &user.email,
            email: &user.email,
            callback_url,
        };
        self.mail_link(link, client)
    }

    /// Fails unless `token` can still replace a password.
    pub async fn check_password_reset(&self, token: &str) -> Result<(), Error> {
        self.held(token, RESET).await.map(drop)
    }

    /// Replaces the password of the account that `token` was mailed for, and
    /// ends all its sessions: whoever knew the old password may have them. A
    /// password that is refused leaves the link as it is.
    pub async fn reset_password(
        &self,
        token: &str,
        new: &str,
        client: &Client,
    ) -> Result<(), Error> {
        let password = self.chosen_password(new)?;
        let held = self.held(token, RESET).await?;
        // Before the link is used: there may be too many who hash.
        let hash = self.hasher.hash(&password).await?;
        self.use_up(&held).await?;
        let id = &held.user.id;
        let entry = self.entry(Act::PasswordReset, Some(id), Some(id), client);
        let end = Some(Which::All);
        if !self.users.set_password(id, &hash, end, &entry).await? {
            return Err(Error::InvalidLink);
        }
        tracing::info!(user_id = %id, "reset the password");
        self.forget_failures(&held.user, client).await
    }
}
