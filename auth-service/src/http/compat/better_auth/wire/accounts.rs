//! Bodies about accounts and their passwords.

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    super::{
        body::{Fields, FromFields},
        error::BetterAuthError,
    },
    UserBody,
};
use crate::{
    app::{
        App, change_password::ChangePassword, error::Error, sessions::Opened, sign_in::SignIn,
        sign_up::SignUp, update_profile::ProfileChanges,
    },
    domain::{email::Email, password::MAX_LENGTH},
};

/// The body of `POST /sign-up/email`.
pub struct SignUpBody(pub SignUp);

impl FromFields for SignUpBody {
    const FORMS: bool = true;

    fn read(fields: &mut Fields, app: &App) -> Result<Self, BetterAuthError> {
        let name = fields.text("name");
        let email = fields.email("email");
        let password = fields.filled_text("password");
        let image = fields.optional_text("image");
        let remember = fields.flag("rememberMe").unwrap_or(true);
        let callback_url = fields.optional_text("callbackURL");
        let profile = fields.texts(app.policy.profile_fields.names());
        let told = |(name, text): (String, Option<String>)| text.map(|text| (name, text));
        Ok(Self(SignUp {
            name: named(name, &email),
            email,
            password,
            image,
            remember,
            callback_url,
            profile: profile.into_iter().filter_map(told).collect(),
            ..SignUp::default()
        }))
    }
}

/// The name of someone who gave none, which Better Auth allows: the address's
/// own.
fn named(name: String, email: &str) -> String {
    if name.trim().is_empty() {
        let local = email.split('@').next().unwrap_or_default();
        return local.trim().to_owned();
    }
    name
}

/// The body of `POST /sign-in/email`.
pub struct SignInBody {
    /// What is claimed.
    pub sign_in: SignIn,
    /// Where the browser wants to go then.
    pub callback: Option<String>,
}

impl FromFields for SignInBody {
    const FORMS: bool = true;

    fn read(fields: &mut Fields, _: &App) -> Result<Self, BetterAuthError> {
        let login = fields.text("email");
        let password = fields.text("password");
        let callback = fields.optional_text("callbackURL");
        let remember = fields.flag("rememberMe").unwrap_or(true);
        Email::parse(&login).map_err(Error::from)?;
        if password.chars().count() > MAX_LENGTH {
            return Err(Error::PasswordTooLong.into());
        }
        let sign_in = SignIn {
            login,
            password,
            remember,
            callback_url: callback.clone(),
        };
        Ok(Self { sign_in, callback })
    }
}

/// The body of `POST /update-user`.
pub struct UpdateUserBody(pub ProfileChanges);

impl FromFields for UpdateUserBody {
    const SHAPE: &'static str = "record";

    fn read(fields: &mut Fields, app: &App) -> Result<Self, BetterAuthError> {
        let refused = |code, message: String| {
            Err(BetterAuthError::new(StatusCode::BAD_REQUEST, code, message))
        };
        if fields.has("email") {
            let message = "Email can not be updated".to_owned();
            return refused("EMAIL_CAN_NOT_BE_UPDATED", message);
        }
        for name in ["role", "emailVerified"] {
            if fields.has(name) {
                return refused(
                    "FIELD_NOT_ALLOWED",
                    format!("{name} is not allowed to be set"),
                );
            }
        }
        Ok(Self(ProfileChanges {
            name: fields.optional_text("name"),
            image: fields.nullable_text("image").into(),
            profile: fields.texts(app.policy.profile_fields.names()),
            ..ProfileChanges::default()
        }))
    }
}

/// The body of `POST /change-password`.
pub struct ChangePasswordBody(pub ChangePassword);

impl FromFields for ChangePasswordBody {
    fn read(fields: &mut Fields, _: &App) -> Result<Self, BetterAuthError> {
        Ok(Self(ChangePassword {
            new: fields.text("newPassword"),
            current: fields.text("currentPassword"),
            end_sessions: fields.flag("revokeOtherSessions").unwrap_or(false),
        }))
    }
}

/// The body of `POST /verify-password`.
pub struct VerifyPasswordBody {
    /// The password that is claimed.
    pub password: String,
}

impl FromFields for VerifyPasswordBody {
    fn read(fields: &mut Fields, _: &App) -> Result<Self, BetterAuthError> {
        Ok(Self {
            password: fields.text("password"),
        })
    }
}

/// What a sign-up and a change of password answer.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BetterAuthTokenAndUser")]
pub struct TokenAndUser {
    /// The new session's token, if there is a new session.
    pub token: Option<String>,
    /// The account.
    pub user: UserBody,
}

/// What a sign-in answers.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BetterAuthSignedIn")]
pub struct SignedInBody {
    redirect: bool,
    token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    user: UserBody,
}

impl SignedInBody {
    /// What tells of a new session; the client sends the browser to `callback`.
    pub fn new(app: &App, opened: Opened, callback: Option<String>) -> Self {
        Self {
            redirect: callback.is_some(),
            url: callback,
            user: UserBody::new(app, &opened.user),
            token: opened.token,
        }
    }
}
