//! Checks a password. What it costs and what it answers is the same for an
//! unknown address, a wrong password and a disabled account, so that nobody
//! learns who has an account.

use super::{
    App,
    error::Error,
    ports::{Credentials, Verdict},
    tokens::SignedIn,
};
use crate::domain::{email::Email, password::Password};

/// What a person claims, as they typed it.
pub struct SignIn {
    /// Whose account it is.
    pub email: String,
    /// The proof.
    pub password: String,
}

impl App {
    /// Signs the owner of an account in.
    pub async fn sign_in(&self, request: SignIn) -> Result<SignedIn, Error> {
        let account = match Email::parse(&request.email) {
            Ok(email) => self.users.by_email(&email).await?,
            Err(_) => None,
        };
        let password = Password::presented(&request.password);
        let hash = account.as_ref().map(|known| known.password_hash.as_str());
        let verdict = self.hasher.verify(&password, hash).await?;
        let account = account
            .filter(|known| verdict != Verdict::Wrong && known.user.is_enabled())
            .ok_or(Error::InvalidCredentials)?;
        if verdict == Verdict::RightButOutdated {
            self.renew_hash(&account, &password).await;
        }
        tracing::info!(user_id = %account.user.id, "signed in");
        self.issue(account.user)
    }

    /// Hashes the password anew with today's parameters. The sign-in does not
    /// hang on it: the old hash still holds and the next sign-in tries again.
    async fn renew_hash(&self, account: &Credentials, password: &Password) {
        let renewed = async {
            let hash = self.hasher.hash(password).await?;
            let old = &account.password_hash;
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
