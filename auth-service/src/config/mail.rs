//! Whether and how mail is sent, and what needs one.

use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};
use service_kit::environment::{Environment, InvalidVariable, Variable};
use url::Url;

use crate::domain::email::Email;

/// The variables of this section.
pub const VARIABLES: &[Variable] = &[
    Variable::plain(
        "MAIL_TRANSPORT",
        "none",
        "none, smtp, or file, which appends one JSON line a mail to MAIL_FILE. With none, nobody \
         resets a password, verifies or changes an address.",
    ),
    Variable::plain(
        "MAIL_FROM",
        "",
        "From whom mails come: docs@example.com or \"Our docs <docs@example.com>\". smtp needs it.",
    ),
    Variable::secret(
        "SMTP_URL",
        "The mail server: smtps://USER:PASSWORD@HOST:465, \
         smtp://USER:PASSWORD@HOST:587?tls=required (STARTTLS), or smtp://HOST:25 without TLS. \
         Percent-encode what is special in a URL.",
    ),
    Variable::plain(
        "MAIL_FILE",
        "",
        "Where MAIL_TRANSPORT=file writes; DATA_DIR/mail.jsonl where it is not set.",
    ),
    Variable::plain(
        "REQUIRE_EMAIL_VERIFICATION",
        "false",
        "Whether nobody signs in before they opened the link in a mail. Then a sign-up with a \
         taken address answers like any other.",
    ),
    Variable::plain(
        "AUTO_SIGN_IN_AFTER_VERIFICATION",
        "true",
        "Whether opening that link signs in, where it was required.",
    ),
    Variable::plain(
        "DELETE_ACCOUNT_VERIFICATION",
        "false",
        "Whether an account is deleted only through a link in a mail.",
    ),
];

/// How mail is sent.
#[derive(Debug)]
pub enum MailTransport {
    /// Not at all.
    None,
    /// By a mail server.
    Smtp {
        /// The server, as `lettre` reads it.
        url: SecretString,
        /// From whom mails come.
        from: String,
    },
    /// Into a file.
    File(PathBuf),
}

/// Whether and how mail is sent, and what needs one.
#[derive(Debug)]
pub struct MailConfig {
    /// How.
    pub transport: MailTransport,
    /// Whether nobody signs in with an address that is not verified.
    pub require_verified: bool,
    /// Whether verifying it signs in then.
    pub sign_in_verified: bool,
    /// Whether an account is deleted through a mail alone.
    pub confirm_deletion: bool,
}

impl MailConfig {
    pub(super) fn read(environment: &Environment) -> Result<Self, InvalidVariable> {
        let config = Self {
            transport: transport(environment)?,
            require_verified: environment.parsed("REQUIRE_EMAIL_VERIFICATION")?,
            sign_in_verified: environment.parsed("AUTO_SIGN_IN_AFTER_VERIFICATION")?,
            confirm_deletion: environment.parsed("DELETE_ACCOUNT_VERIFICATION")?,
        };
        let needs_mail = [
            ("REQUIRE_EMAIL_VERIFICATION", config.require_verified),
            ("DELETE_ACCOUNT_VERIFICATION", config.confirm_deletion),
        ];
        match needs_mail.into_iter().find(|(_, is_on)| *is_on) {
            Some((name, _)) if matches!(config.transport, MailTransport::None) => {
                let problem = "needs mail; set MAIL_TRANSPORT to smtp or file, or leave this out";
                Err(InvalidVariable::new(name, problem))
            }
            _ => Ok(config),
        }
    }
}

fn transport(environment: &Environment) -> Result<MailTransport, InvalidVariable> {
    match environment.text("MAIL_TRANSPORT")?.as_str() {
        "none" => Ok(MailTransport::None),
        "smtp" => {
            let from = environment.optional("MAIL_FROM")?.ok_or_else(|| {
                let problem = "is needed for MAIL_TRANSPORT=smtp; it looks like docs@example.com";
                InvalidVariable::new("MAIL_FROM", problem)
            })?;
            if !is_sender(&from) {
                let problem = "must look like docs@example.com or Our docs <docs@example.com>";
                return Err(InvalidVariable::new("MAIL_FROM", problem));
            }
            let url = smtp_url(environment)?;
            Ok(MailTransport::Smtp { url, from })
        }
        "file" => Ok(MailTransport::File(
            match environment.optional("MAIL_FILE")? {
                Some(file) => PathBuf::from(file),
                None => PathBuf::from(environment.text("DATA_DIR")?).join("mail.jsonl"),
            },
        )),
        _ => Err(InvalidVariable::new(
            "MAIL_TRANSPORT",
            "must be none, smtp or file",
        )),
    }
}

/// Whether a text is an address, or a name and an address in angle brackets.
fn is_sender(text: &str) -> bool {
    let bracketed = text.strip_suffix('>').and_then(|rest| rest.split_once('<'));
    let address = bracketed.map_or(text, |(_, address)| address);
    Email::parse(address).is_ok()
}

fn smtp_url(environment: &Environment) -> Result<SecretString, InvalidVariable> {
    let wrong = |problem| Err(InvalidVariable::new("SMTP_URL", problem));
    let Some(text) = environment.secret("SMTP_URL")? else {
        return wrong("is needed for MAIL_TRANSPORT=smtp");
    };
    let Ok(url) = Url::parse(text.expose_secret()) else {
        return wrong("must look like smtps://USER:PASSWORD@HOST:465");
    };
    let has_tls = match (url.scheme(), url.query()) {
        ("smtps", None) | ("smtp", Some("tls=required")) => true,
        ("smtp", None) => false,
        _ => return wrong("must be smtps://…, smtp://…?tls=required or smtp://…"),
    };
    if !url.has_host() {
        return wrong("names no server");
    }
    if !has_tls && url.password().is_some() {
        return wrong("would send a password in clear text; add ?tls=required, or use smtps://");
    }
    Ok(text)
}
