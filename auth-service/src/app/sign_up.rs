//! Makes an account, and signs its owner in.

use proto::claims::Role;
use service_kit::clock::new_id;

use super::{App, error::Error, ports::Credentials, tokens::SignedIn};
use crate::domain::{
    email::Email,
    password::Password,
    user::{DisplayName, User},
};

/// What a person gives to get an account, as they typed it.
pub struct SignUp {
    /// Where mail reaches them.
    pub email: String,
    /// What will prove who they are.
    pub password: String,
    /// How they want to be called.
    pub name: String,
}

impl App {
    /// Makes an account with the least rights.
    pub async fn sign_up(&self, request: SignUp) -> Result<SignedIn, Error> {
        let user = self.add_account(request, Role::User).await?;
        tracing::info!(user_id = %user.id, "signed up");
        self.issue(user)
    }

    pub(super) async fn add_account(&self, request: SignUp, role: Role) -> Result<User, Error> {
        let email = Email::parse(&request.email)?;
        let name = DisplayName::parse(&request.name)?;
        let rules = self.policy.passwords;
        let password = Password::chosen(&request.password, rules)
            .map_err(|weakness| Error::weak_password(weakness, rules.min_length))?;
        let password_hash = self.hasher.hash(&password).await?;
        let user = User {
            id: new_id(self.clock.as_ref(), self.randomness.as_ref()),
            email,
            name,
            role,
            created_at: self.clock.now(),
            disabled_at: None,
        };
        let account = Credentials {
            user,
            password_hash,
        };
        self.users.add(&account).await?;
        Ok(account.user)
    }
}
