//! The one error of auth-service: a kind for the protocol's status, a stable
//! code for programs, a sentence for people, and for the log alone a cause.

use proto::error_kind::ErrorKind;
use thiserror::Error;

use super::{
    ports::{HashError, StoreError, Taken},
    social::refusal::Refusal,
};
use crate::domain::{
    api_key::{KeyRule, MAX_KEYS},
    email::InvalidEmail,
    one_time_token::Purpose,
    password::{MAX_LENGTH, WeakPassword},
    profile::{InvalidField, MAX_FIELD_LENGTH},
    user::{InvalidName, InvalidUsername},
};

/// What a cause may be: it is logged once, at the edge, and never shown.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why auth-service did not do what it was asked.
#[derive(Debug, Error)]
pub enum Error {
    /// The e-mail address breaks a rule.
    #[error("This is not an e-mail address; write it like name@example.com.")]
    InvalidEmail,
    /// The password has too few characters.
    #[error("The password is too short; use at least {0} characters.")]
    PasswordTooShort(usize),
    /// The password has too many characters.
    #[error("The password is too long; use at most {MAX_LENGTH} characters.")]
    PasswordTooLong,
    /// The password is among the first that anybody guesses.
    #[error("This password is one of the most common ones; choose another.")]
    PasswordTooCommon,
    /// The display name breaks a rule.
    #[error("The name must have 1 to 200 characters and no control characters.")]
    InvalidName,
    /// The user name breaks a rule.
    #[error("The user name must have 3 to 64 letters, digits, dots, hyphens or underscores.")]
    InvalidUsername,
    /// A field of the profile breaks a rule.
    #[error("The field {0} must be a text of at most {MAX_FIELD_LENGTH} characters.")]
    InvalidField(String),
    /// Another account has the user name.
    #[error("There is an account with this user name already; choose another.")]
    UsernameTaken,
    /// Another account has the e-mail address.
    #[error("There is an account with this e-mail address already; sign in instead.")]
    EmailTaken,
    /// No account has this e-mail address and this password.
    #[error("The e-mail address or the password is wrong.")]
    InvalidCredentials,
    /// The password is right, but the owner has not shown yet that the address
    /// is theirs.
    #[error("The e-mail address is not verified; open the link in the mail that was sent to it.")]
    EmailNotVerified,
    /// What was asked for needs a mail, and none can be sent.
    #[error("This server sends no mail, so this can't be done; its operator sets MAIL_TRANSPORT.")]
    MailOff(Purpose),
    /// The token of a mail's link was never made, was used, or was replaced.
    #[error("The link does not hold, or was used already; ask for a new one.")]
    InvalidLink,
    /// The token of a mail's link held once.
    #[error("The link has expired; ask for a new one.")]
    ExpiredLink,
    /// The link belongs to another account than the one that is signed in.
    #[error("The link is for another account; sign in to that one, or sign out.")]
    ForeignLink,
    /// The address is not that of the account that is signed in.
    #[error("This is not your e-mail address.")]
    EmailMismatch,
    /// The address is verified already.
    #[error("The e-mail address is verified already.")]
    EmailAlreadyVerified,
    /// A browser must not be sent where the caller wants it.
    #[error("The URL must be a path, or have an origin that ALLOWED_ORIGINS lists.")]
    UntrustedTarget,
    /// The new address is the old one.
    #[error("This is your e-mail address already.")]
    SameEmail,
    /// The password that should confirm an act is another one.
    #[error("The password is wrong.")]
    InvalidPassword,
    /// Someone signed in too long ago for what they want to do.
    #[error("Your sign-in is too old for this; sign in again.")]
    SessionNotFresh,
    /// A change that changes nothing.
    #[error("There is nothing to change; name at least one field.")]
    NothingToChange,
    /// A token is needed, and there is none.
    #[error("Sign in first, then send the header `Authorization: Bearer <access token>`.")]
    MissingToken,
    /// The token was not signed here, not for this, or its account is gone.
    #[error("The access token does not hold; sign in again.")]
    InvalidToken,
    /// The token held once.
    #[error("The access token has expired; sign in again.")]
    ExpiredToken,
    /// No session goes on with this refresh token.
    #[error("The refresh token does not hold; sign in again.")]
    InvalidRefreshToken,
    /// The refresh token was used before: someone else may have it.
    #[error("The refresh token was used before, so its session was ended; sign in again.")]
    ReusedRefreshToken,
    /// The caller has no session with this id.
    #[error("You have no session with this id.")]
    UnknownSession,
    /// Another service did not show the service token.
    #[error("The service token is missing or wrong; both services need the same SERVICE_TOKEN.")]
    InvalidServiceToken,
    /// No account has this id.
    #[error("There is no account with this id.")]
    UnknownUser,
    /// The caller is known and is no administrator.
    #[error("Only an administrator may do this.")]
    Forbidden,
    /// Nobody could manage accounts afterwards.
    #[error("This is the last administrator; make another one first.")]
    LastAdmin,
    /// A part of what narrows a list down can't be read.
    #[error("The filter {0} can't be read; the README says what it may be.")]
    InvalidFilter(&'static str),
    /// A profile has no field of this name.
    #[error("There is no field {0}; USER_FIELDS lists those that a profile has.")]
    UnknownField(String),
    /// More ids than one call may carry.
    #[error("Ask for at most {0} ids in one call.")]
    TooManyIds(usize),
    /// It was tried too often, or a password of the account was wrong too often;
    /// it may be tried again after so many seconds.
    #[error("Too many attempts; try again in {0} s.")]
    TooManyRequests(u64),
    /// The number of an event is negative.
    #[error("`after` must be the number of an event, or 0.")]
    InvalidCursor,
    /// No event has this number yet.
    #[error("There is no event with this number yet; begin again after 0.")]
    CursorAhead,
    /// Sign-in with a provider, or what belongs to it, was refused.
    #[error(transparent)]
    Social(Refusal),
    /// More passwords are waiting to be hashed than can be in good time.
    #[error("Too many people are signing in right now; try again in a second.")]
    Busy,
    /// There is no such API key, or it can't be used by its owner any more.
    #[error("The API key does not hold; make another one.")]
    InvalidApiKey,
    /// The API key was disabled by its owner.
    #[error("The API key is disabled; its owner can enable it.")]
    DisabledApiKey,
    /// The API key held once.
    #[error("The API key has expired; make another one.")]
    ExpiredApiKey,
    /// No API key of this account has this id.
    #[error("There is no API key with this id among yours.")]
    UnknownApiKey,
    /// What is asked of an API key breaks a rule.
    #[error("{}", .0.told())]
    ApiKey(KeyRule),
    /// The scope is for administrators.
    #[error("Only an administrator can make keys with the scope {0}.")]
    ForbiddenScope(&'static str),
    /// The API key allows less than an access token would.
    #[error(
        "The API key has fewer scopes than an access token allows; use the key itself, or one \
         with all scopes."
    )]
    NarrowApiKey,
    /// The API key was used more often than its rate allows. Seconds until it
    /// may be used again.
    #[error("The API key was used too often; try again in {0} s.")]
    ApiKeyOverused(u64),
    /// The account has as many API keys as it may.
    #[error("An account has at most {MAX_KEYS} API keys; delete one first.")]
    TooManyApiKeys,
    /// The database can't be reached.
    #[error("The accounts can't be reached right now; try again in a few seconds.")]
    Unavailable(#[source] Cause),
    /// A fault of our own.
    #[error("Something went wrong on our side.")]
    Internal(#[source] Cause),
}

impl Error {
    /// How a protocol's status tells it.
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::InvalidEmail
            | Self::PasswordTooShort(_)
            | Self::PasswordTooLong
            | Self::PasswordTooCommon
            | Self::InvalidName
            | Self::InvalidUsername
            | Self::InvalidField(_)
            | Self::InvalidFilter(_)
            | Self::UnknownField(_)
            | Self::InvalidCursor
            | Self::CursorAhead
            | Self::InvalidPassword
            | Self::NothingToChange
            | Self::InvalidLink
            | Self::ExpiredLink
            | Self::EmailMismatch
            | Self::SameEmail
            | Self::UntrustedTarget
            | Self::TooManyIds(_)
            | Self::ApiKey(_) => ErrorKind::Invalid,
            Self::Forbidden
            | Self::EmailNotVerified
            | Self::ForeignLink
            | Self::SessionNotFresh
            | Self::NarrowApiKey
            | Self::ForbiddenScope(_) => ErrorKind::Forbidden,
            Self::EmailTaken
            | Self::UsernameTaken
            | Self::LastAdmin
            | Self::EmailAlreadyVerified
            | Self::TooManyApiKeys => ErrorKind::Conflict,
            Self::InvalidCredentials
            | Self::MissingToken
            | Self::InvalidToken
            | Self::ExpiredToken
            | Self::InvalidRefreshToken
            | Self::ReusedRefreshToken
            | Self::InvalidServiceToken
            | Self::InvalidApiKey
            | Self::DisabledApiKey
            | Self::ExpiredApiKey => ErrorKind::Unauthenticated,
            Self::TooManyRequests(_) | Self::ApiKeyOverused(_) => ErrorKind::RateLimited,
            Self::UnknownUser | Self::UnknownApiKey | Self::UnknownSession | Self::MailOff(_) => {
                ErrorKind::NotFound
            }
            Self::Social(refusal) => refusal.kind(),
            Self::Busy | Self::Unavailable(_) => ErrorKind::Unavailable,
            Self::Internal(_) => ErrorKind::Internal,
        }
    }

    /// A stable word for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InvalidEmail => "invalid_email",
            Self::PasswordTooShort(_) => "password_too_short",
            Self::PasswordTooLong => "password_too_long",
            Self::PasswordTooCommon => "password_too_common",
            Self::InvalidName => "invalid_name",
            Self::InvalidUsername => "invalid_username",
            Self::InvalidField(_) => "invalid_field",
            Self::UsernameTaken => "username_taken",
            Self::EmailTaken => "email_taken",
            Self::InvalidCredentials => "invalid_credentials",
            Self::EmailNotVerified => "email_not_verified",
            Self::MailOff(_) => "mail_off",
            Self::InvalidLink => "invalid_link",
            Self::ExpiredLink => "expired_link",
            Self::ForeignLink => "foreign_link",
            Self::EmailMismatch => "email_mismatch",
            Self::EmailAlreadyVerified => "email_already_verified",
            Self::SameEmail => "same_email",
            Self::UntrustedTarget => "untrusted_target",
            Self::InvalidPassword => "invalid_password",
            Self::SessionNotFresh => "session_not_fresh",
            Self::NothingToChange => "nothing_to_change",
            Self::MissingToken => "missing_token",
            Self::InvalidToken => "invalid_token",
            Self::ExpiredToken => "expired_token",
            Self::InvalidRefreshToken => "invalid_refresh_token",
            Self::ReusedRefreshToken => "refresh_token_reused",
            Self::UnknownSession => "session_not_found",
            Self::InvalidServiceToken => "invalid_service_token",
            Self::UnknownUser => "unknown_user",
            Self::Forbidden => "forbidden",
            Self::LastAdmin => "last_admin",
            Self::InvalidFilter(_) => "invalid_filter",
            Self::UnknownField(_) => "unknown_field",
            Self::TooManyIds(_) => "too_many_ids",
            Self::TooManyRequests(_) => "too_many_requests",
            Self::InvalidCursor => "invalid_cursor",
            Self::CursorAhead => "cursor_ahead",
            Self::Social(refusal) => refusal.code(),
            Self::InvalidApiKey => "invalid_api_key",
            Self::DisabledApiKey => "disabled_api_key",
            Self::ExpiredApiKey => "expired_api_key",
            Self::UnknownApiKey => "unknown_api_key",
            Self::ApiKey(rule) => rule.code(),
            Self::ForbiddenScope(_) => "forbidden_scope",
            Self::NarrowApiKey => "narrow_api_key",
            Self::ApiKeyOverused(_) => "api_key_overused",
            Self::TooManyApiKeys => "too_many_api_keys",
            Self::Busy => "busy",
            Self::Unavailable(_) => "unavailable",
            Self::Internal(_) => "internal",
        }
    }

    /// Seconds after which the same request may succeed.
    pub const fn retry_after(&self) -> Option<u64> {
        match self {
            Self::TooManyRequests(seconds) | Self::ApiKeyOverused(seconds) => Some(*seconds),
            Self::Busy => Some(1),
            Self::Unavailable(_) => Some(5),
            _ => None,
        }
    }

    /// Writes the cause to the log, if there is one. An edge calls it once.
    pub fn log(&self) {
        if let Self::Unavailable(cause) | Self::Internal(cause) = self {
            tracing::error!(code = self.code(), cause = %chain(cause.as_ref()), "failed");
        }
    }
}

/// An error and its causes on one line.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !line.ends_with(&cause_text) {
            line = format!("{line}: {cause_text}");
        }
        source = cause.source();
    }
    line.replace('\n', " ")
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken(Taken::Email) => Self::EmailTaken,
            StoreError::Taken(Taken::Username) => Self::UsernameTaken,
            StoreError::Taken(Taken::LinkedAccount) => Self::Social(Refusal::LinkedToAnother),
            StoreError::Taken(Taken::Other) => Self::Internal(Box::new(error)),
            StoreError::LastAdmin => Self::LastAdmin,
            StoreError::Unreachable(cause) => Self::Unavailable(cause),
            StoreError::Broken(cause) => Self::Internal(cause),
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Social(refusal)
    }
}

impl From<HashError> for Error {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy => Self::Busy,
            HashError::Broken(cause) => Self::Internal(cause),
        }
    }
}

impl From<InvalidEmail> for Error {
    fn from(_: InvalidEmail) -> Self {
        Self::InvalidEmail
    }
}

impl From<KeyRule> for Error {
    fn from(rule: KeyRule) -> Self {
        Self::ApiKey(rule)
    }
}

impl From<InvalidUsername> for Error {
    fn from(_: InvalidUsername) -> Self {
        Self::InvalidUsername
    }
}

impl From<InvalidField> for Error {
    fn from(InvalidField(name): InvalidField) -> Self {
        Self::InvalidField(name)
    }
}

impl From<InvalidName> for Error {
    fn from(_: InvalidName) -> Self {
        Self::InvalidName
    }
}

impl Error {
    pub(super) const fn weak_password(weakness: WeakPassword, min_length: usize) -> Self {
        match weakness {
            WeakPassword::TooShort => Self::PasswordTooShort(min_length),
            WeakPassword::TooLong => Self::PasswordTooLong,
            WeakPassword::TooCommon => Self::PasswordTooCommon,
        }
    }
}
