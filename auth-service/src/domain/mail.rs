//! Mails: each brings one person one link.

use super::{Millis, email::Email, one_time_token::Purpose};

/// One mail. Nothing in it was typed by anybody but its address: were there a
/// name, strangers could sign up with somebody's address and have us carry
/// their words to it.
#[derive(Clone)]
pub struct Mail {
    /// UUIDv7.
    pub id: String,
    /// When it was written.
    pub at: Millis,
    /// To whom it goes.
    pub to: Email,
    /// What its link is good for.
    pub purpose: Purpose,
    /// The address that the account is to get, where the mail is about that.
    pub new_email: Option<Email>,
    /// The link.
    pub url: String,
    /// The token in the link.
    pub token: String,
}

impl Mail {
    /// The word for its kind: the same one for every address that is verified.
    pub const fn kind(&self) -> &'static str {
        match self.purpose {
            Purpose::PasswordReset => "reset-password",
            Purpose::EmailVerification | Purpose::EmailChange => "verify-email",
            Purpose::EmailChangeConfirmation => "change-email-confirmation",
            Purpose::AccountDeletion => "delete-account",
        }
    }

    /// Its subject.
    pub const fn subject(&self) -> &'static str {
        match self.purpose {
            Purpose::PasswordReset => "Reset your password",
            Purpose::EmailVerification | Purpose::EmailChange => "Verify your e-mail address",
            Purpose::EmailChangeConfirmation => "Confirm your new e-mail address",
            Purpose::AccountDeletion => "Confirm the deletion of your account",
        }
    }
}
