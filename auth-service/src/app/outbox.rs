//! What is done once the answer has gone out: a link is made and mailed. How
//! long that takes, and whether it succeeds, nobody can tell from an answer.

use std::{sync::Arc, time::Duration};

use service_kit::clock::{Clock, Randomness, new_id};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use url::form_urlencoded::byte_serialize;

use super::{
    App,
    client::Client,
    error::Error,
    ports::{Mailer, OneTimeTokens},
    vault::{digest, random_text},
};
use crate::domain::{
    audit::{Act, AuditEntry},
    email::Email,
    mail::Mail,
    one_time_token::{OneTimeToken, Purpose},
    user::User,
};

/// How many mails may wait. More are dropped: a server that takes none must not
/// fill the memory.
const MAX_WAITING: usize = 1000;

/// How many mails are handed over at once.
const HANDS: usize = 4;

/// How long to wait before a mail is tried again.
pub const WAITS: &[Duration] = &[
    Duration::from_secs(1),
    Duration::from_secs(10),
    Duration::from_mins(1),
];

/// The letters of a link's token: 142 random bits.
const TOKEN_LENGTH: usize = 24;

/// Where links lead: to the routes that Better Auth has for them.
pub const VERIFY_PATH: &str = "/api/auth/verify-email";
/// The same for a new password; the token follows as a part of the path.
pub const RESET_PATH: &str = "/api/auth/reset-password/";
/// The same for the end of an account.
pub const DELETE_PATH: &str = "/api/auth/delete-user/callback";

/// A link to be made and mailed.
struct Errand {
    purpose: Purpose,
    user_id: String,
    to: Email,
    /// The address that the account has once the link was used.
    email: Email,
    callback_url: String,
    entry: AuditEntry,
}

/// Makes links and mails them, each in a task of its own.
#[derive(Clone)]
pub struct Outbox(Arc<Inner>);

struct Inner {
    tokens: Arc<dyn OneTimeTokens>,
    mailer: Arc<dyn Mailer>,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    /// What every link begins with, without a slash at its end.
    public_url: String,
    waits: Vec<Duration>,
    places: Arc<Semaphore>,
    hands: Semaphore,
    under_way: TaskTracker,
}

/// What an [`Outbox`] works with.
pub struct Tools {
    /// Keeps the links' tokens.
    pub tokens: Arc<dyn OneTimeTokens>,
    /// Carries the mails.
    pub mailer: Arc<dyn Mailer>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Makes the tokens.
    pub randomness: Arc<dyn Randomness>,
    /// Under which URL browsers reach the service.
    pub public_url: String,
    /// How long to wait before each further try.
    pub waits: Vec<Duration>,
}

impl Outbox {
    /// An empty outbox.
    pub fn new(tools: Tools) -> Self {
        let under_way = TaskTracker::new();
        // It only tells those who wait; further mails are taken all the same.
        under_way.close();
        Self(Arc::new(Inner {
            tokens: tools.tokens,
            mailer: tools.mailer,
            clock: tools.clock,
            randomness: tools.randomness,
            public_url: tools.public_url.trim_end_matches('/').to_owned(),
            waits: tools.waits,
            places: Arc::new(Semaphore::new(MAX_WAITING)),
            hands: Semaphore::new(HANDS),
            under_way,
        }))
    }

    /// Waits until every mail was sent or given up.
    pub async fn settled(&self) {
        self.0.under_way.wait().await;
    }

    /// How many mails are neither sent nor given up.
    pub fn waiting(&self) -> usize {
        self.0.under_way.len()
    }

    fn take(&self, errand: Errand) {
        let inner = Arc::clone(&self.0);
        let Ok(place) = Arc::clone(&inner.places).try_acquire_owned() else {
            tracing::error!("a mail was dropped: too many are waiting to be sent");
            return;
        };
        self.0.under_way.spawn(async move {
            inner.carry_out(errand).await;
            drop(place);
        });
    }
}

impl Inner {
    async fn carry_out(&self, errand: Errand) {
        let token = random_text(self.randomness.as_ref(), TOKEN_LENGTH);
        let now = self.clock.now();
        let stored = OneTimeToken {
            purpose: errand.purpose,
            user_id: Some(errand.user_id),
            payload: errand.email.as_str().to_owned(),
            created_at: now,
            expires_at: now + errand.purpose.lifetime(),
        };
        let hash = digest(&token);
        let put = self.tokens.put(&hash, &stored, Some(&errand.entry));
        if let Err(error) = put.await {
            return Error::from(error).log();
        }
        let mail = Mail {
            id: new_id(self.clock.as_ref(), self.randomness.as_ref()),
            at: now,
            new_email: (errand.email != errand.to).then_some(errand.email),
            to: errand.to,
            purpose: errand.purpose,
            url: self.url(errand.purpose, &token, &errand.callback_url),
            token,
        };
        self.deliver(&mail).await;
    }

    async fn deliver(&self, mail: &Mail) {
        let mut waits = self.waits.iter();
        loop {
            let hand = self.hands.acquire().await;
            let sent = self.mailer.send(mail).await;
            drop(hand);
            let Err(error) = sent else {
                return;
            };
            let Some(wait) = waits.next().filter(|_| error.passing) else {
                tracing::error!(kind = mail.kind(), %error, "a mail can't be sent");
                return;
            };
            tokio::time::sleep(*wait).await;
        }
    }

    fn url(&self, purpose: Purpose, token: &str, callback_url: &str) -> String {
        let callback: String = byte_serialize(callback_url.as_bytes()).collect();
        let public = &self.public_url;
        match purpose {
            Purpose::PasswordReset => format!("{public}{RESET_PATH}{token}?callbackURL={callback}"),
            Purpose::AccountDeletion => {
                format!("{public}{DELETE_PATH}?token={token}&callbackURL={callback}")
            }
            _ => format!("{public}{VERIFY_PATH}?token={token}&callbackURL={callback}"),
        }
    }
}

/// A link that someone wants mailed.
pub(super) struct Link<'a> {
    pub(super) purpose: Purpose,
    /// Whose account it is about.
    pub(super) user: &'a User,
    /// Where it is mailed to.
    pub(super) to: &'a Email,
    /// The address that the account has once the link was used.
    pub(super) email: &'a Email,
    /// Where it leads in the end.
    pub(super) callback_url: Option<String>,
}

impl App {
    /// Fails where no mail can be sent.
    pub(super) fn require_mail(&self, purpose: Purpose) -> Result<&Outbox, Error> {
        self.outbox.as_ref().ok_or(Error::MailOff(purpose))
    }

    /// Takes a link to be mailed, where mail is set up.
    pub(super) fn mail_link(&self, link: Link<'_>, client: &Client) -> Result<(), Error> {
        let outbox = self.require_mail(link.purpose)?;
        let act = match link.purpose {
            Purpose::PasswordReset => Act::PasswordResetAsked,
            Purpose::EmailVerification => Act::EmailVerificationAsked,
            Purpose::EmailChangeConfirmation | Purpose::EmailChange => Act::EmailChangeAsked,
            Purpose::AccountDeletion => Act::AccountDeletionAsked,
        };
        outbox.take(Errand {
            purpose: link.purpose,
            user_id: link.user.id.clone(),
            to: link.to.clone(),
            email: link.email.clone(),
            callback_url: link.callback_url.unwrap_or_else(|| "/".to_owned()),
            entry: self.entry(act, None, Some(&link.user.id), client),
        });
        Ok(())
    }

    /// Mails the owner of an account a link that shows that its address is
    /// theirs.
    pub(super) fn mail_verification(
        &self,
        user: &User,
        callback_url: Option<String>,
        client: &Client,
    ) -> Result<(), Error> {
        let link = Link {
            purpose: Purpose::EmailVerification,
            user,
            to: &user.email,
            email: &user.email,
            callback_url,
        };
        self.mail_link(link, client)
    }
}
