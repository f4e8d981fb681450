//! Makes the account that manages the others.

use proto::claims::Role;
use service_kit::clock::Randomness;

use super::{App, error::Error, manage_accounts::Administrator, sign_up::SignUp};
use crate::domain::{account_change::AccountChange, email::Email};

/// Letters and digits that nobody takes for one another: 32, so that five
/// random bits are one of them.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

const PASSWORD_LENGTH: usize = 24;

/// The administrator that an operator asks for.
pub struct CreateAdmin {
    /// The address to sign in with.
    pub email: String,
    /// The password to sign in with; a random one where there is none.
    pub password: Option<String>,
    /// Whether to do nothing where there is an administrator.
    pub if_none: bool,
}

/// What became of the wish for an administrator.
#[derive(PartialEq, Eq)]
pub enum AdminCreated {
    /// There was one, and none was wanted then.
    NotNeeded,
    /// An account that was there is an administrator now; its password stays.
    Granted {
        /// The address to sign in with.
        email: String,
    },
    /// A new account.
    Made {
        /// The address to sign in with.
        email: String,
        /// The password, if it was made at random: it can't be told again.
        random_password: Option<String>,
    },
}

impl App {
    /// Makes an administrator, or makes one of an account that is there.
    pub async fn create_admin(&self, request: CreateAdmin) -> Result<AdminCreated, Error> {
        if request.if_none && self.users.has_admin().await? {
            return Ok(AdminCreated::NotNeeded);
        }
        let email = Email::parse(&request.email)?;
        if let Some(granted) = self.grant_to_existing(&email).await? {
            return Ok(granted);
        }
        let random_password = match request.password {
            Some(_) => None,
            None => Some(random_password(self.randomness.as_ref())),
        };
        let sign_up = SignUp {
            email: request.email,
            password: request
                .password
                .or_else(|| random_password.clone())
                .unwrap_or_default(),
            name: "Administrator".to_owned(),
            ..SignUp::default()
        };
        let operator = Administrator::operator();
        let made = self.make_account(&operator, sign_up, Role::Admin, true);
        match made.await {
            Ok(user) => Ok(AdminCreated::Made {
                email: user.email.as_str().to_owned(),
                random_password,
            }),
            // Someone else took the address since it was looked up.
            Err(Error::EmailTaken) => {
                let granted = self.grant_to_existing(&email).await?;
                granted.ok_or(Error::EmailTaken)
            }
            Err(error) => Err(error),
        }
    }

    async fn grant_to_existing(&self, email: &Email) -> Result<Option<AdminCreated>, Error> {
        let Some(account) = self.users.by_email(email).await? else {
            return Ok(None);
        };
        let change = AccountChange {
            role: Some(Role::Admin),
            ..AccountChange::default()
        };
        self.change(&Administrator::operator(), &account.user.id, &change)
            .await?;
        Ok(Some(AdminCreated::Granted {
            email: email.as_str().to_owned(),
        }))
    }
}

/// A password that nobody guesses: 120 random bits.
pub(super) fn random_password(randomness: &dyn Randomness) -> String {
    let mut bytes = [0; PASSWORD_LENGTH];
    randomness.fill(&mut bytes);
    bytes
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(byte % 32)]))
        .collect()
}
