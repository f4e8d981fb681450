//! The JSON line that stands for a mail in a file.

use serde::Serialize;

use crate::domain::mail::Mail;

/// One mail.
#[derive(Serialize)]
pub(super) struct MailLine<'a> {
    to: &'a str,
    kind: &'a str,
    subject: &'a str,
    url: &'a str,
    token: &'a str,
    text: &'a str,
}

impl<'a> MailLine<'a> {
    /// The line of `mail`, which says `text`.
    pub(super) fn new(mail: &'a Mail, text: &'a str) -> Self {
        Self {
            to: mail.to.as_str(),
            kind: mail.kind(),
            subject: mail.subject(),
            url: &mail.url,
            token: &mail.token,
            text,
        }
    }
}
