//! Shows that an address belongs to the owner of an account, through a link in
//! a mail; also how an account gets another address.

use super::{
    App,
    client::Client,
    error::Error,
    links::Held,
    outbox::Link,
    sessions::{Current, Opened},
};
use crate::domain::{audit::Act, email::Email, one_time_token::Purpose, user::User};

const ADDRESSES: &[Purpose] = &[
    Purpose::EmailVerification,
    Purpose::EmailChangeConfirmation,
    Purpose::EmailChange,
];

/// What came with the link of a mail.
#[derive(Default)]
pub struct OpenLink {
    /// What the link carried.
    pub token: String,
    /// Where the next link leads in the end, if one is sent.
    pub callback_url: Option<String>,
    /// Whether the caller has a place for a session.
    pub takes_session: bool,
}

/// What a link has done.
#[derive(Debug)]
pub enum Verified {
    /// The account's address is verified.
    Address {
        /// The session that began, where verifying signs in.
        opened: Option<Opened>,
    },
    /// The old address has allowed the new one, which got a link now.
    Allowed,
    /// The account has the new address.
    Changed(User),
}

impl App {
    /// Mails the owner of the account with this address a link that verifies
    /// it. Who is signed in is told why not; who is not learns nothing.
    pub async fn send_verification(
        &self,
        email: &str,
        signed_in: Option<&User>,
        callback_url: Option<String>,
        client: &Client,
    ) -> Result<(), Error> {
        self.require_mail(Purpose::EmailVerification)?;
        let email = Email::parse(email)?;
        if let Some(user) = signed_in {
            if user.email != email {
                return Err(Error::EmailMismatch);
            }
            if user.email_verified {
                return Err(Error::EmailAlreadyVerified);
            }
            return self.mail_verification(user, callback_url, client);
        }
        let found = self.users.by_email(&email).await?.map(|known| known.user);
        match found.filter(|user| user.is_enabled() && !user.email_verified) {
            Some(user) => self.mail_verification(&user, callback_url, client),
            None => Ok(()),
        }
    }

    /// Mails a link by which the account gets another address: to the old one
    /// first if that is verified, so that a stolen session does not suffice.
    /// Where another account has the address nothing else is answered.
    pub async fn change_email(
        &self,
        current: &Current,
        new: &str,
        callback_url: Option<String>,
        client: &Client,
    ) -> Result<(), Error> {
        let (user, new) = (&current.user, Email::parse(new)?);
        if user.email == new {
            return Err(Error::SameEmail);
        }
        self.require_mail(Purpose::EmailChange)?;
        if self.users.by_email(&new).await?.is_some() {
            return Ok(());
        }
        let (purpose, to) = if user.email_verified {
            (Purpose::EmailChangeConfirmation, &user.email)
        } else {
            (Purpose::EmailChange, &new)
        };
        let link = Link {
            purpose,
            user,
            to,
            email: &new,
            callback_url,
        };
        self.mail_link(link, client)
    }

    /// Does what the link with this token is for. Only the link of a new
    /// account signs in, and only where nobody is signed in: a mail is no
    /// login, and nobody is moved into another's account.
    pub async fn verify_email(
        &self,
        link: OpenLink,
        signed_in: Option<&User>,
        client: &Client,
    ) -> Result<Verified, Error> {
        let held = self.held(&link.token, ADDRESSES).await?;
        let purpose = held.token.purpose;
        let is_foreign = signed_in.is_some_and(|user| user.id != held.user.id);
        if is_foreign && purpose != Purpose::EmailVerification {
            return Err(Error::ForeignLink);
        }
        let email = Email::parse(&held.token.payload).map_err(|_| Error::InvalidLink)?;
        self.use_up(&held).await?;
        match purpose {
            Purpose::EmailChangeConfirmation => {
                let next = Link {
                    purpose: Purpose::EmailChange,
                    user: &held.user,
                    to: &email,
                    email: &email,
                    callback_url: link.callback_url,
                };
                self.mail_link(next, client)?;
                Ok(Verified::Allowed)
            }
            Purpose::EmailChange => {
                let user = self
                    .verified(held, email, Act::EmailChanged, client)
                    .await?;
                Ok(Verified::Changed(user))
            }
            _ if held.user.email != email => Err(Error::InvalidLink),
            _ => {
                let user = self.verified(held, email, Act::EmailVerified, client);
                let user = user.await?;
                let is_wanted = link.takes_session && signed_in.is_none();
                let opened = self.sign_in_verified(user, is_wanted, client).await?;
                Ok(Verified::Address { opened })
            }
        }
    }

    /// Stores that the account of a link has the address `email`, and that it
    /// is its owner's.
    async fn verified(
        &self,
        held: Held,
        email: Email,
        act: Act,
        client: &Client,
    ) -> Result<User, Error> {
        let Held { user, .. } = held;
        let entry = self.entry(act, Some(&user.id), Some(&user.id), client);
        let set = self
            .users
            .set_verified_email(&user.id, &user.email, &email, &entry);
        if !set.await? {
            return Err(Error::InvalidLink);
        }
        tracing::info!(user_id = %user.id, act = act.as_str(), "verified an address");
        Ok(User {
            email,
            email_verified: true,
            updated_at: entry.at,
            ..user
        })
    }

    async fn sign_in_verified(
        &self,
        user: User,
        is_wanted: bool,
        client: &Client,
    ) -> Result<Option<Opened>, Error> {
        let rules = self.policy.mail;
        if !(is_wanted && rules.require_verified && rules.sign_in_verified) {
            return Ok(None);
        }
        let entry = self.entry(Act::SignedIn, Some(&user.id), Some(&user.id), client);
        let opened = self.open_session(user, true, client, &entry);
        opened.await.map(Some)
    }
}
