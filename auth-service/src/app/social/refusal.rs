//! Why sign-in with a provider, or what belongs to it, was refused.

use proto::error_kind::ErrorKind;

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident, $kind:ident, $code:literal, $sentence:literal;)*) => {
        /// Why it was refused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
        pub enum Refusal {
            $($(#[$doc])* #[error($sentence)] $name,)*
        }

        impl Refusal {
            /// How a protocol's status tells it.
            pub const fn kind(self) -> ErrorKind {
                match self {
                    $(Self::$name => ErrorKind::$kind,)*
                }
            }

            /// A stable word for programs; where a browser comes back from a
            /// provider, the one that Better Auth sends it on with.
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }
        }
    };
}

refusals! {
    /// The provider is unknown, or not set up.
    UnknownProvider, NotFound, "oauth_provider_not_found",
        "This server has no sign-in with this provider.";
    /// The browser came back without saying which flow it belongs to.
    StateNotFound, Invalid, "state_not_found",
        "The provider sent no state back; begin again.";
    /// The flow is over, was finished, or began in another browser.
    StateMismatch, Invalid, "state_mismatch",
        "This sign-in did not begin in this browser, or is over; begin again.";
    /// The browser came back without a code.
    NoCode, Invalid, "no_code", "The provider sent no code; begin again.";
    /// The answer names another provider (RFC 9207).
    IssuerMismatch, Invalid, "issuer_mismatch",
        "The answer came from another provider than the one that was asked.";
    /// The provider gave no tokens for the code.
    InvalidCode, Invalid, "invalid_code",
        "The provider did not take the code; begin again.";
    /// The provider did not say, or not believably, who the person is.
    NoUserInfo, Unauthenticated, "unable_to_get_user_info",
        "The provider did not say who you are; try again later.";
    /// The provider knows no address that could be used here.
    NoEmail, Unauthenticated, "email_not_found",
        "The provider told no e-mail address; make one visible there, or sign up with it here.";
    /// The address has an account already, and it is not certain that both
    /// belong to one person.
    NotLinked, Unauthenticated, "account_not_linked",
        "There is an account with this e-mail address; sign in to it and link this one.";
    /// Nobody gets an account that way.
    SignUpClosed, Unauthenticated, "signup_disabled",
        "No account belongs to this one, and none is made by signing in.";
    /// The address was not verified, neither here nor there.
    EmailNotVerified, Forbidden, "email_not_verified",
        "The e-mail address is not verified; open the link in the mail that was sent to it.";
    /// The account can't be used.
    Disabled, Forbidden, "banned", "This account can't be used.";
    /// The provider has not verified the address, or the session is over.
    CannotLink, Unauthenticated, "unable_to_link_account",
        "This account can't be linked; its e-mail address is not verified there.";
    /// The address there is not the one here.
    EmailDoesNotMatch, Unauthenticated, "email_does_not_match",
        "The e-mail address there is another one than here.";
    /// The account there signs in to another one here.
    LinkedToAnother, Conflict, "account_already_linked_to_different_user",
        "This account signs in to another one here; unlink it there first.";
    /// The provider has no id tokens.
    NoIdTokens, NotFound, "id_token_not_supported", "This provider has no id tokens.";
    /// An id token is forged, over, or made for someone else.
    InvalidIdToken, Unauthenticated, "invalid_id_token", "The id token does not hold.";
    /// Nobody could sign in afterwards.
    LastAccount, Invalid, "last_account",
        "This is the only way to sign in; set a password or link another account first.";
    /// No linked account has this id.
    UnknownAccount, NotFound, "unknown_linked_account",
        "No linked account of yours has this id.";
    /// The account has no provider, or one that is set up no more.
    NoProvider, Invalid, "provider_not_supported",
        "The provider of this account is not set up here.";
    /// No access token is kept.
    NoAccessToken, Invalid, "access_token_not_found",
        "No access token is kept for this account; sign in with it again.";
    /// No refresh token is kept.
    NoRefreshToken, Invalid, "refresh_token_not_found",
        "The provider gave no refresh token for this account.";
    /// The provider did not renew the tokens when a valid one was needed.
    NoValidToken, Invalid, "no_valid_access_token",
        "The provider did not renew the access token; sign in with it again.";
    /// The provider did not renew the tokens.
    RefreshFailed, Invalid, "refresh_failed",
        "The provider did not renew the tokens; sign in with it again.";
}
