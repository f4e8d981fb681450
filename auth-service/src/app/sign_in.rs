//! Checks a password. What it costs and what it answers is the same for an
//! unknown address, a wrong password and a disabled account, so that nobody
//! learns who has an account.

use super::{
    App,
    client::Client,
    error::Error,
    ports::{Credentials, Verdict},
    sessions::Opened,
};
use crate::domain::{audit::Act, email::Email, password::Password, user::Username};

/// What a person claims, as they typed it.
#[derive(Default)]
pub struct SignIn {
    /// Whose account it is: an e-mail address or a user name.
    pub login: String,
    /// The proof.
    pub password: String,
    /// Whether the session outlives the browser.
    pub remember: bool,
    /// Where the link that verifies the address leads in the end, if one is
    /// sent; the surface has checked that it may. `/` where there is none.
    pub callback_url: Option<String>,
}

impl App {
    /// Signs the owner of an account in.
    pub async fn sign_in(&self, request: SignIn, client: &Client) -> Result<Opened, Error> {
        let account = self.account_of(&request.login).await?;
        let password = Password::presented(&request.password);
        let known = account.as_ref().map(|known| known.user.id.clone());
        let proven = self.proven(&request.login, account, &password, client);
        let Some(account) = proven.await? else {
            let entry = self.entry(Act::SignInFailed, None, known.as_deref(), client);
            self.audit.add(&entry).await?;
            return Err(Error::InvalidCredentials);
        };
        let user = account.user;
        if self.policy.mail.require_verified && !user.email_verified {
            self.mail_verification(&user, request.callback_url, client)?;
            return Err(Error::EmailNotVerified);
        }
        tracing::info!(user_id = %user.id, "signed in");
        let entry = self.entry(Act::SignedIn, Some(&user.id), Some(&user.id), client);
        self.open_session(user, request.remember, client, &entry)
            .await
    }

    /// The account that someone names to sign in, enabled or not.
    pub(super) async fn account_of(&self, login: &str) -> Result<Option<Credentials>, Error> {
        Ok(match Email::parse(login) {
            Ok(email) => self.users.by_email(&email).await?,
            Err(_) => match Username::parse(login) {
                Ok(username) => self.users.by_username(&username).await?,
                Err(_) => None,
            },
        })
    }

    /// The account, if it can be used and `password` is its password. Where
    /// there is no account it costs the same.
    pub(super) async fn checked(
        &self,
        account: Option<Credentials>,
        password: &Password,
    ) -> Result<Option<Credentials>, Error> {
        let hash = account
            .as_ref()
            .and_then(|known| known.password_hash.as_deref());
        let verdict = self.hasher.verify(password, hash).await?;
        let right = |known: &Credentials| verdict != Verdict::Wrong && known.user.is_enabled();
        let Some(account) = account.filter(right) else {
            return Ok(None);
        };
        if verdict == Verdict::RightButOutdated {
            self.renew_hash(&account, password).await;
        }
        Ok(Some(account))
    }

    /// Hashes the password anew with today's parameters. The sign-in does not
    /// hang on it: the old hash still holds and the next sign-in tries again.
    async fn renew_hash(&self, account: &Credentials, password: &Password) {
        let renewed = async {
            let hash = self.hasher.hash(password).await?;
            let old = account.password_hash.as_deref().unwrap_or_default();
            self.users
                .replace_hash(&account.user.id, old, &hash, self.clock.now())
                .await?;
            Ok::<(), Error>(())
        };
        if let Err(error) = renewed.await {
            error.log();
        }
    }
}
