//! The JSON and the form of this surface.

use schemars::JsonSchema;
use serde::Serialize;

use super::super::fastapi::{Fields, FromFields};
use crate::{
    app::{sign_in::SignIn, sign_up::SignUp, tokens::AccessToken},
    domain::user::{User, Username},
    http::moment::rfc_3339,
};

/// The body of `POST /auth/register`. Who gives no full name is called by their
/// user name.
pub struct RegisterBody(pub SignUp);

impl FromFields for RegisterBody {
    fn read(fields: &mut Fields) -> Self {
        let username = fields.text("username");
        let email = fields.text("email");
        let password = fields.text("password");
        let name = fields.optional_text("full_name");
        Self(SignUp {
            name: name.unwrap_or_else(|| username.clone()),
            username: Some(username),
            email,
            password,
            ..SignUp::default()
        })
    }
}

/// The form of `POST /auth/token` (RFC 6749, section 4.3.2, as FastAPI's
/// `OAuth2PasswordRequestForm` reads it). `scope`, `client_id` and
/// `client_secret` are ignored.
pub struct PasswordForm(pub SignIn);

impl FromFields for PasswordForm {
    fn read(fields: &mut Fields) -> Self {
        fields.fixed("grant_type", "password");
        Self(SignIn {
            login: fields.text("username"),
            password: fields.text("password"),
            remember: true,
            ..SignIn::default()
        })
    }
}

/// What a sign-in answers.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "MultiUserToken")]
pub struct TokenBody {
    access_token: String,
    token_type: &'static str,
    expires_in: i64,
}

impl From<AccessToken> for TokenBody {
    fn from(access: AccessToken) -> Self {
        Self {
            access_token: access.token,
            token_type: "bearer",
            expires_in: access.expires_in,
        }
    }
}

/// An account, as its owner sees it: `username` and `full_name` are this
/// origin's words, `name` is the other's. An account without a user name signs
/// in with its address, so that stands for it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "MultiUserUser")]
pub struct UserBody {
    id: String,
    username: String,
    email: String,
    full_name: String,
    name: String,
    role: &'static str,
    created_at: String,
}

impl From<User> for UserBody {
    fn from(user: User) -> Self {
        let email = user.email.as_str().to_owned();
        let username = user.username.as_ref().map(Username::as_str);
        Self {
            username: username.map_or_else(|| email.clone(), str::to_owned),
            full_name: user.name.as_str().to_owned(),
            name: user.name.as_str().to_owned(),
            role: user.role.as_str(),
            created_at: rfc_3339(user.created_at),
            id: user.id,
            email,
        }
    }
}
