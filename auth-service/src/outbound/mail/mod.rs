//! Mails, sent: by a mail server, or into a file.

use std::sync::Arc;

use anyhow::Context;
use minijinja::{Environment, context};

use crate::{
    app::ports::Mailer,
    config::mail::{MailConfig, MailTransport},
    domain::{email::Email, mail::Mail, one_time_token::Purpose},
};

mod file;
mod smtp;
mod wire;

pub use file::FileMailer;
pub use smtp::SmtpMailer;

/// What carries mails, as it is configured; nothing where none are sent.
pub fn mailer(config: &MailConfig) -> anyhow::Result<Option<Arc<dyn Mailer>>> {
    Ok(match &config.transport {
        MailTransport::None => None,
        MailTransport::File(path) => {
            let mailer = FileMailer::open(path);
            let mailer = mailer.with_context(|| format!("MAIL_FILE: {}", path.display()))?;
            Some(Arc::new(mailer))
        }
        MailTransport::Smtp { url, from } => Some(Arc::new(SmtpMailer::new(url, from)?)),
    })
}

const TEMPLATES: [(&str, &str); 10] = [
    (
        "reset-password.txt",
        include_str!("../../../templates/reset-password.txt"),
    ),
    (
        "reset-password.html",
        include_str!("../../../templates/reset-password.html"),
    ),
    (
        "verify-email.txt",
        include_str!("../../../templates/verify-email.txt"),
    ),
    (
        "verify-email.html",
        include_str!("../../../templates/verify-email.html"),
    ),
    (
        "change-email.txt",
        include_str!("../../../templates/change-email.txt"),
    ),
    (
        "change-email.html",
        include_str!("../../../templates/change-email.html"),
    ),
    (
        "change-email-confirmation.txt",
        include_str!("../../../templates/change-email-confirmation.txt"),
    ),
    (
        "change-email-confirmation.html",
        include_str!("../../../templates/change-email-confirmation.html"),
    ),
    (
        "delete-account.txt",
        include_str!("../../../templates/delete-account.txt"),
    ),
    (
        "delete-account.html",
        include_str!("../../../templates/delete-account.html"),
    ),
];

/// The texts of mails. What is put into HTML is escaped.
struct Texts(Environment<'static>);

impl Texts {
    fn new() -> Result<Self, minijinja::Error> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
        for (name, source) in TEMPLATES {
            environment.add_template(name, source)?;
        }
        Ok(Self(environment))
    }

    /// The text of a mail in the format `extension`: `txt` or `html`.
    fn of(&self, mail: &Mail, extension: &str) -> Result<String, minijinja::Error> {
        let name = match mail.purpose {
            Purpose::EmailChange => "change-email",
            _ => mail.kind(),
        };
        let template = self.0.get_template(&format!("{name}.{extension}"))?;
        template.render(context! {
            url => mail.url,
            new_email => mail.new_email.as_ref().map(Email::as_str),
        })
    }
}
