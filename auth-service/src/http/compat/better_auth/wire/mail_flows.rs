//! Bodies about what goes through a mail.

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    super::{
        body::{Fields, FromFields},
        error::BetterAuthError,
    },
    DONE, StatusBody, UserBody,
};
use crate::app::{
    App,
    delete_account::{DeleteAccount, Deletion},
    verify_email::Verified,
};

/// A body that names an address and where the link mailed to it leads.
pub struct AddressBody<const NEW: bool> {
    /// The address.
    pub email: String,
    /// Where the link leads in the end.
    pub callback_url: Option<String>,
}

/// The body of `POST /send-verification-email`.
pub type SendVerificationBody = AddressBody<false>;

/// The body of `POST /change-email`.
pub type ChangeEmailBody = AddressBody<true>;

impl<const NEW: bool> FromFields for AddressBody<NEW> {
    fn read(fields: &mut Fields, _: &App) -> Result<Self, BetterAuthError> {
        Ok(Self {
            email: fields.email(if NEW { "newEmail" } else { "email" }),
            callback_url: filled(fields.optional_text("callbackURL")),
        })
    }
}

/// The body of `POST /request-password-reset`.
pub struct RequestResetBody {
    /// Whose password is forgotten.
    pub email: String,
    /// Where the link leads in the end.
    pub redirect_to: Option<String>,
}

impl FromFields for RequestResetBody {
    fn read(fields: &mut Fields, _: &App) -> Result<Self, BetterAuthError> {
        Ok(Self {
            email: fields.email("email"),
            redirect_to: filled(fields.optional_text("redirectTo")),
        })
    }
}

/// The body of `POST /reset-password`.
pub struct ResetBody {
    /// The password as it shall be.
    pub new_password: String,
    /// What the link carried; it may stand in the query too.
    pub token: Option<String>,
}

impl FromFields for ResetBody {
    fn read(fields: &mut Fields, _: &App) -> Result<Self, BetterAuthError> {
        Ok(Self {
            new_password: fields.text("newPassword"),
            token: filled(fields.optional_text("token")),
        })
    }
}

/// The body of `POST /delete-user`.
pub struct DeleteUserBody(pub DeleteAccount);

impl FromFields for DeleteUserBody {
    fn read(fields: &mut Fields, _: &App) -> Result<Self, BetterAuthError> {
        Ok(Self(DeleteAccount {
            callback_url: filled(fields.optional_text("callbackURL")),
            password: filled(fields.optional_text("password")),
            token: filled(fields.optional_text("token")),
        }))
    }
}

/// An empty text is none, as JavaScript has it.
fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// What `POST /request-password-reset` answers, whoever asked.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BetterAuthResetAsked")]
pub struct ResetAskedBody {
    status: bool,
    message: &'static str,
}

/// The one answer.
pub const RESET_ASKED: ResetAskedBody = ResetAskedBody {
    status: true,
    message: "If this email exists in our system, check your email for the reset link",
};

/// What `GET /verify-email` answers where it leads nowhere.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "BetterAuthVerified")]
pub enum VerifiedBody {
    /// The address was verified: `null`, or changed: the account.
    Done {
        /// Always.
        status: bool,
        /// The account.
        user: Option<Box<UserBody>>,
    },
    /// Another link has to be opened (golden 08).
    Allowed(StatusBody),
}

impl VerifiedBody {
    /// What was done by the link.
    pub fn new(app: &App, verified: &Verified) -> Self {
        let user = match verified {
            Verified::Allowed => return Self::Allowed(DONE),
            Verified::Address { .. } => None,
            Verified::Changed(user) => Some(Box::new(UserBody::new(app, user))),
        };
        Self::Done { status: true, user }
    }
}

/// What `POST /delete-user` answers.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BetterAuthDeletion")]
pub struct DeletionBody {
    success: bool,
    message: &'static str,
}

impl From<Deletion> for DeletionBody {
    fn from(deletion: Deletion) -> Self {
        let message = match deletion {
            Deletion::Done => "User deleted",
            Deletion::Mailed => "Verification email sent",
        };
        Self {
            success: true,
            message,
        }
    }
}
