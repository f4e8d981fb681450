//! Makes an account, and signs its owner in.

use proto::claims::Role;
use service_kit::clock::new_id;

use super::{
    App,
    client::Client,
    error::Error,
    ports::{Credentials, StoreError, Taken},
    sessions::Opened,
    update_profile::picture,
};
use crate::domain::{
    audit::Act,
    email::Email,
    password::Password,
    profile::Profile,
    user::{DisplayName, User, Username},
};

/// What a person gives to get an account, as they typed it.
#[derive(Default)]
pub struct SignUp {
    /// Where mail reaches them.
    pub email: String,
    /// What will prove who they are.
    pub password: String,
    /// How they want to be called.
    pub name: String,
    /// What they want to sign in with beside the address.
    pub username: Option<String>,
    /// The URL of a picture of them.
    pub image: Option<String>,
    /// What else they tell, by the field's name. Unknown names are left out.
    pub profile: Vec<(String, String)>,
    /// Whether the session outlives the browser.
    pub remember: bool,
    /// Where the link that verifies the address leads in the end; the surface
    /// has checked that it may. `/` where there is none.
    pub callback_url: Option<String>,
}

/// What became of a sign-up.
#[derive(Debug, Clone)]
pub enum SignedUp {
    /// The account is there, and its owner is signed in.
    In(Opened),
    /// The owner opens the link in a mail before they sign in. Where the
    /// address had an account already, this user is made up and no mail goes
    /// out: nobody learns from it who has an account.
    Unverified(User),
}

impl SignedUp {
    /// Whose account it is.
    pub fn user(&self) -> &User {
        match self {
            Self::In(opened) => &opened.user,
            Self::Unverified(user) => user,
        }
    }

    /// The session, if there is one.
    pub fn session(&self) -> Option<&Opened> {
        match self {
            Self::In(opened) => Some(opened),
            Self::Unverified(_) => None,
        }
    }

    /// The session, for surfaces on which a sign-up always begins one.
    pub fn opened(self) -> Result<Opened, Error> {
        match self {
            Self::In(opened) => Ok(opened),
            Self::Unverified(_) => Err(Error::EmailNotVerified),
        }
    }
}

impl App {
    /// Makes an account with the least rights, and signs its owner in unless
    /// the address must be verified first.
    pub async fn sign_up(&self, request: SignUp, client: &Client) -> Result<SignedUp, Error> {
        let remember = request.remember;
        let user = self.register(request, client).await?;
        if self.policy.mail.require_verified {
            return Ok(SignedUp::Unverified(user));
        }
        let entry = self.entry(Act::SignedIn, Some(&user.id), Some(&user.id), client);
        let opened = self.open_session(user, remember, client, &entry).await?;
        Ok(SignedUp::In(opened))
    }

    /// Makes an account with the least rights, and signs nobody in. Where the
    /// address must be verified first and had an account already, this user is
    /// made up, as in [`SignedUp::Unverified`].
    pub async fn register(&self, request: SignUp, client: &Client) -> Result<User, Error> {
        let callback_url = request.callback_url.clone();
        let account = self.new_account(request, Role::User).await?;
        if self.policy.mail.require_verified {
            return self
                .register_unverified(account, callback_url, client)
                .await;
        }
        let user = account.user.clone();
        let entry = self.entry(Act::SignedUp, Some(&user.id), Some(&user.id), client);
        self.users.add(&account, &entry).await?;
        tracing::info!(user_id = %user.id, "signed up");
        Ok(user)
    }

    /// Adds the account and mails its owner a link. An address that is taken
    /// costs and answers the same: a hash was made, and something is committed.
    async fn register_unverified(
        &self,
        account: Credentials,
        callback_url: Option<String>,
        client: &Client,
    ) -> Result<User, Error> {
        let user = &account.user;
        // Were it left to the insert, which of two taken values it complains of
        // would tell whether the address is taken.
        if let Some(username) = &user.username
            && self.users.by_username(username).await?.is_some()
        {
            return Err(Error::UsernameTaken);
        }
        let entry = self.entry(Act::SignedUp, Some(&user.id), Some(&user.id), client);
        match self.users.add(&account, &entry).await {
            Ok(()) => {
                tracing::info!(user_id = %user.id, "signed up");
                self.mail_verification(user, callback_url, client)?;
            }
            Err(StoreError::Taken(Taken::Email)) => {
                let entry = self.entry(Act::SignUpRepeated, None, None, client);
                self.audit.add(&entry).await?;
            }
            Err(error) => return Err(error.into()),
        }
        Ok(account.user)
    }

    /// An account that is not stored yet.
    pub(super) async fn new_account(
        &self,
        request: SignUp,
        role: Role,
    ) -> Result<Credentials, Error> {
        let email = Email::parse(&request.email)?;
        let name = DisplayName::parse(&request.name)?;
        let username = request.username.as_deref().map(Username::parse);
        let username = username.transpose()?;
        let profile = self.profile_of(&request.profile)?;
        let password = self.chosen_password(&request.password)?;
        let password_hash = self.hasher.hash(&password).await?;
        let now = self.clock.now();
        let user = User {
            id: new_id(self.clock.as_ref(), self.randomness.as_ref()),
            email,
            username,
            name,
            role,
            email_verified: false,
            image: request.image.map(picture).transpose()?,
            profile,
            created_at: now,
            updated_at: now,
            disabled_at: None,
        };
        Ok(Credentials {
            user,
            password_hash: Some(password_hash),
        })
    }

    /// A password that someone wants to have from now on, if it is good enough.
    pub(super) fn chosen_password(&self, text: &str) -> Result<Password, Error> {
        let rules = self.policy.passwords;
        Password::chosen(text, rules)
            .map_err(|weakness| Error::weak_password(weakness, rules.min_length))
    }

    /// The fields of a profile that are known here.
    fn profile_of(&self, told: &[(String, String)]) -> Result<Profile, Error> {
        let mut profile = Profile::default();
        for (name, text) in told {
            if self.policy.profile_fields.has(name) {
                profile.set(name, Some(text))?;
            }
        }
        Ok(profile)
    }
}
