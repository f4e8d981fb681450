//! The JSON of this surface.

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::super::fastapi::{Fields, FromFields};
use crate::{
    app::{sign_in::SignIn, sign_up::SignUp, tokens::AccessToken},
    domain::user::{User, Username},
    http::moment::rfc_3339,
};

/// The body of `POST /api/v1/auth/register`.
pub struct RegisterBody {
    /// What success answers: 201, or with a user name 200.
    pub status: StatusCode,
    /// What is asked for.
    pub request: SignUp,
}

impl FromFields for RegisterBody {
    fn read(fields: &mut Fields) -> Self {
        let username = fields.optional_text("username");
        let email = fields.text("email");
        let password = fields.text("password");
        let name = fields.optional_text("full_name");
        let status = match username {
            None => StatusCode::CREATED,
            Some(_) => StatusCode::OK,
        };
        // Nobody has to say here how they want to be called.
        let local_part = || email.split('@').next().unwrap_or_default().trim();
        let stand_in = || username.clone().unwrap_or_else(|| local_part().to_owned());
        let request = SignUp {
            name: name.unwrap_or_else(stand_in),
            username,
            email,
            password,
            ..SignUp::default()
        };
        Self { status, request }
    }
}

/// The body of `POST /api/v1/auth/login`.
pub struct LoginBody(pub SignIn);

impl FromFields for LoginBody {
    fn read(fields: &mut Fields) -> Self {
        Self(SignIn {
            login: fields.text("email"),
            password: fields.text("password"),
            remember: true,
            ..SignIn::default()
        })
    }
}

/// What a registration answers.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AgentRegistered")]
pub struct RegisteredBody {
    id: String,
    email: String,
    created_at: String,
    username: Option<String>,
    full_name: String,
}

impl From<User> for RegisteredBody {
    fn from(user: User) -> Self {
        let username = user.username.as_ref().map(Username::as_str);
        Self {
            email: user.email.as_str().to_owned(),
            created_at: rfc_3339(user.created_at),
            username: username.map(str::to_owned),
            full_name: user.name.as_str().to_owned(),
            id: user.id,
        }
    }
}

/// What a sign-in answers.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AgentSession")]
pub struct SessionBody {
    user_id: String,
    email: String,
    access_token: String,
    token_type: &'static str,
}

impl SessionBody {
    /// What tells `user` the token of their new session.
    pub fn new(access: AccessToken, user: User) -> Self {
        Self {
            email: user.email.as_str().to_owned(),
            user_id: user.id,
            access_token: access.token,
            token_type: "bearer",
        }
    }
}
