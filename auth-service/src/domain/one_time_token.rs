//! What is good for one use: what the link in a mail carries.

use super::Millis;

const HOUR: Millis = 60 * 60 * 1000;

/// What a token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Choosing another password.
    PasswordReset,
    /// Showing that the address of an account is its owner's.
    EmailVerification,
    /// Allowing, from the old address, that the account gets another one.
    EmailChangeConfirmation,
    /// Showing that the new address is the owner's, who gets it by that.
    EmailChange,
    /// Deleting the account.
    AccountDeletion,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 5] = [
        Self::PasswordReset,
        Self::EmailVerification,
        Self::EmailChangeConfirmation,
        Self::EmailChange,
        Self::AccountDeletion,
    ];

    /// The word that stands for it wherever it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PasswordReset => "password_reset",
            Self::EmailVerification => "email_verification",
            Self::EmailChangeConfirmation => "email_change_confirmation",
            Self::EmailChange => "email_change",
            Self::AccountDeletion => "account_deletion",
        }
    }

    /// The purpose that a stored word stands for, if it is one.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|purpose| purpose.as_str() == word)
    }

    /// How long a token holds: an hour as Better Auth's do, a day where it
    /// deletes the account.
    pub const fn lifetime(self) -> Millis {
        match self {
            Self::AccountDeletion => 24 * HOUR,
            _ => HOUR,
        }
    }
}

/// What is stored of a token, beside its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneTimeToken {
    /// What it is good for.
    pub purpose: Purpose,
    /// Whose account it is about, if it is about one.
    pub user_id: Option<String>,
    /// What else belongs to it: for the purposes of addresses, the address that
    /// the account has once the token was used.
    pub payload: String,
    /// When it was made.
    pub created_at: Millis,
    /// Until when it holds.
    pub expires_at: Millis,
}

impl OneTimeToken {
    /// Whether it holds at `now`.
    pub const fn is_live(&self, now: Millis) -> bool {
        now < self.expires_at
    }
}
