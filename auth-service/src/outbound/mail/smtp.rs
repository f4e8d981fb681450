//! Mails by a mail server.

use std::time::{Duration, UNIX_EPOCH};

use anyhow::Context;
use async_trait::async_trait;
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{
        Mailbox, MultiPart,
        header::{HeaderName, HeaderValue},
    },
    transport::smtp,
};
use secrecy::{ExposeSecret, SecretString};

use super::Texts;
use crate::{
    app::ports::{MailError, Mailer},
    domain::mail::Mail,
};

/// How long a step of the conversation may take.
const STEP: Duration = Duration::from_secs(20);

/// How long the whole conversation may take: a server could answer each step
/// just in time for ever.
const CONVERSATION: Duration = Duration::from_mins(1);

/// Hands mails to a mail server, each over a connection of its own.
pub struct SmtpMailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    texts: Texts,
    conversation: Duration,
}

impl SmtpMailer {
    /// Sends through the server at `url`, as `from`. Nothing is sent yet.
    pub fn new(url: &SecretString, from: &str) -> anyhow::Result<Self> {
        let from = from.parse().context("MAIL_FROM is no address")?;
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose_secret())
            // The cause could quote the URL, which has the password.
            .map_err(|_| anyhow::anyhow!("SMTP_URL can't be read"))?;
        Ok(Self {
            transport: transport.timeout(Some(STEP)).build(),
            from,
            texts: Texts::new()?,
            conversation: CONVERSATION,
        })
    }

    /// The same, with less patience for the server.
    #[must_use]
    pub fn within(mut self, conversation: Duration) -> Self {
        self.conversation = conversation;
        self
    }

    fn message(&self, mail: &Mail) -> Result<Message, MailError> {
        let to = mail.to.as_str().parse().map_err(|_| MailError {
            passing: false,
            reason: "the address can't be written into a mail".to_owned(),
        })?;
        let text = self.texts.of(mail, "txt").map_err(|e| broken(&e))?;
        let html = self.texts.of(mail, "html").map_err(|e| broken(&e))?;
        let at = UNIX_EPOCH + Duration::from_millis(mail.at.unsigned_abs());
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(mail.subject())
            .date(at)
            .message_id(Some(format!("<{}@{}>", mail.id, self.from.email.domain())))
            // RFC 3834, section 5: nobody's absence is to be told to a machine.
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ))
            .multipart(MultiPart::alternative_plain_html(text, html))
            .map_err(|e| broken(&e))
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let message = self.message(mail)?;
        let sent = tokio::time::timeout(self.conversation, self.transport.send(message));
        match sent.await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(refused(&error)),
            Err(_) => Err(MailError {
                passing: true,
                reason: "the mail server took too long".to_owned(),
            }),
        }
    }
}

/// What a server answers is not repeated but for its code: it quotes addresses.
fn refused(error: &smtp::Error) -> MailError {
    let reason = match error.status() {
        Some(code) => format!("the mail server answered {code}"),
        None if error.is_timeout() => "the mail server took too long".to_owned(),
        None if error.is_tls() => "no TLS with the mail server".to_owned(),
        None if error.is_response() => "the mail server answered no SMTP".to_owned(),
        None if error.is_client() => "the mail server can't do what this mail needs".to_owned(),
        None => "the mail server can't be reached".to_owned(),
    };
    MailError {
        passing: !error.is_permanent() && !error.is_client(),
        reason,
    }
}

fn broken(error: &dyn std::error::Error) -> MailError {
    MailError {
        passing: false,
        reason: error.to_string(),
    }
}
