//! The JSON of the canonical surface. Fields that a body has beyond these are
//! ignored, so that newer clients can talk to older servers.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::{
    app::{App, refresh::Grant, sign_in::SignIn, sign_up::SignUp, verify_email::OpenLink},
    domain::{
        account_change::Edit,
        user::{User, Username},
    },
    http::moment::rfc_3339,
};

/// The body of `POST /v1/accounts`.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "NewAccount")]
pub struct SignUpBody {
    email: String,
    password: String,
    name: String,
}

impl From<SignUpBody> for SignUp {
    fn from(body: SignUpBody) -> Self {
        Self {
            email: body.email,
            password: body.password,
            name: body.name,
            remember: true,
            ..Self::default()
        }
    }
}

/// The body of `POST /v1/sessions`.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "Credentials")]
pub struct SignInBody {
    email: String,
    password: String,
}

impl From<SignInBody> for SignIn {
    fn from(body: SignInBody) -> Self {
        Self {
            login: body.email,
            password: body.password,
            remember: true,
            ..Self::default()
        }
    }
}

/// The body of `POST /v1/password-resets` and `POST /v1/email-verifications`.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "MailRequest")]
pub struct AddressBody {
    pub(super) email: String,
    pub(super) redirect_url: Option<String>,
}

/// The body of `POST /v1/password-resets/complete`.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "PasswordReset")]
pub struct CompleteResetBody {
    pub(super) token: String,
    pub(super) new_password: String,
}

/// The body of `POST /v1/email-verifications/complete`.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "EmailVerification")]
pub struct CompleteVerificationBody {
    token: String,
}

impl From<CompleteVerificationBody> for OpenLink {
    fn from(body: CompleteVerificationBody) -> Self {
        Self {
            token: body.token,
            ..Self::default()
        }
    }
}

/// What a sign-up, a sign-in and a refresh answer (in the terms of RFC 6749, section 5.1).
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Grant")]
pub struct SessionBody {
    access_token: String,
    token_type: &'static str,
    expires_in: i64,
    refresh_token: String,
    refresh_expires_in: i64,
    user: UserBody,
}

impl From<Grant> for SessionBody {
    fn from(grant: Grant) -> Self {
        Self {
            access_token: grant.access.token,
            token_type: "Bearer",
            expires_in: grant.access.expires_in,
            refresh_token: grant.refresh_token,
            refresh_expires_in: grant.refresh_expires_in,
            user: grant.user.into(),
        }
    }
}

/// An account, as its owner sees it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "User")]
pub struct UserBody {
    id: String,
    email: String,
    email_verified: bool,
    username: Option<String>,
    name: String,
    role: &'static str,
    image: Option<String>,
    profile: BTreeMap<String, String>,
    created_at: String,
    updated_at: String,
}

impl From<User> for UserBody {
    fn from(user: User) -> Self {
        let profile = user.profile.iter();
        let profile = profile.map(|(name, text)| (name.to_owned(), text.to_owned()));
        Self {
            email: user.email.as_str().to_owned(),
            email_verified: user.email_verified,
            username: user
                .username
                .as_ref()
                .map(Username::as_str)
                .map(str::to_owned),
            name: user.name.as_str().to_owned(),
            role: user.role.as_str(),
            image: user.image,
            profile: profile.collect(),
            created_at: rfc_3339(user.created_at),
            updated_at: rfc_3339(user.updated_at),
            id: user.id,
        }
    }
}

/// How people can sign in, and what they are asked for.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SignInMethods")]
pub(super) struct SignInMethodsBody {
    /// The providers that are set up: `google`, `github`.
    providers: Vec<&'static str>,
    /// Whether mails are sent, so that a forgotten password can be replaced.
    mail: bool,
    /// The fewest characters of a new password.
    password_min_length: usize,
    /// The fields that a profile has beyond name and picture.
    profile_fields: Vec<String>,
}

impl SignInMethodsBody {
    /// How people sign in to this service.
    pub(super) fn of(app: &App) -> Self {
        let providers = app.providers.0.iter();
        let fields = app.policy.profile_fields.names();
        Self {
            providers: providers.map(|one| one.provider().as_str()).collect(),
            mail: app.outbox.is_some(),
            password_min_length: app.policy.passwords.min_length,
            profile_fields: fields.map(str::to_owned).collect(),
        }
    }
}

/// A JSON Web Key Set (RFC 7517, section 5).
#[derive(JsonSchema)]
#[schemars(rename = "KeySet")]
#[expect(dead_code, reason = "tells the document what is written elsewhere")]
pub struct KeySetBody {
    keys: Vec<BTreeMap<String, String>>,
}

/// A field that may be left out (it stays), null (it is taken away) or a value.
pub(super) fn edit<'de, D, T>(deserializer: D) -> Result<Edit<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let given = Option::<T>::deserialize(deserializer)?;
    Ok(given.map_or(Edit::Clear, Edit::Put))
}
