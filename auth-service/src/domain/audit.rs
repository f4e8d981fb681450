//! What is remembered of every act that bears on security.

use super::Millis;

macro_rules! acts {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// What was done.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Act {
            $($(#[$doc])* $name,)*
        }

        impl Act {
            /// The word that stands for the act wherever it is stored or shown.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }

            /// The act that a stored word stands for, if it is one.
            pub fn from_word(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

acts! {
    /// An account was made by its owner.
    SignedUp = "account.signed_up",
    /// Someone signed up with the address of an account that is there.
    SignUpRepeated = "account.sign_up_repeated",
    /// An account was made by an operator or an administrator.
    AccountMade = "account.made",
    /// An account was taken over from another system.
    AccountImported = "account.imported",
    /// The owner of an account signed in.
    SignedIn = "session.signed_in",
    /// Someone tried to sign in and could not.
    SignInFailed = "session.sign_in_failed",
    /// The owner of a session ended it.
    SignedOut = "session.signed_out",
    /// Sessions were ended from elsewhere.
    SessionsRevoked = "session.revoked",
    /// A refresh token came twice: its session was ended.
    RefreshReused = "session.refresh_reused",
    /// The owner chose another password.
    PasswordChanged = "password.changed",
    /// A link for a new password was asked for.
    PasswordResetAsked = "password.reset_asked",
    /// The password was set through a link or by an operator.
    PasswordReset = "password.reset",
    /// A link that verifies an address was asked for.
    EmailVerificationAsked = "email.verification_asked",
    /// Links that change the address were asked for.
    EmailChangeAsked = "email.change_asked",
    /// A link that deletes the account was asked for.
    AccountDeletionAsked = "account.deletion_asked",
    /// The address was shown to belong to the account's owner.
    EmailVerified = "email.verified",
    /// The account got another address.
    EmailChanged = "email.changed",
    /// Name, picture or profile were changed.
    ProfileChanged = "profile.changed",
    /// The account got another role.
    RoleChanged = "role.changed",
    /// The account can't be used any more.
    AccountDisabled = "account.disabled",
    /// The account can be used again.
    AccountEnabled = "account.enabled",
    /// The account is gone.
    AccountDeleted = "account.deleted",
    /// A provider's account signs in to this one from now on.
    ProviderLinked = "provider.linked",
    /// A provider's account no longer signs in to this one.
    ProviderUnlinked = "provider.unlinked",
    /// An API key was made.
    ApiKeyMade = "api_key.made",
    /// An API key was changed.
    ApiKeyChanged = "api_key.changed",
    /// An API key was deleted.
    ApiKeyDeleted = "api_key.deleted",
    /// A new key signs tokens.
    SigningKeyRotated = "signing_key.rotated",
}

/// One line of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// UUIDv7.
    pub id: String,
    /// When it happened.
    pub at: Millis,
    /// What was done.
    pub act: Act,
    /// The id of the account that did it; a word like `operator` where it was
    /// none; nothing where nobody knows.
    pub actor: Option<String>,
    /// The id of the account it was done to.
    pub target: Option<String>,
    /// From where.
    pub ip: Option<String>,
    /// What else is worth knowing. Never a secret.
    pub detail: Option<String>,
}
