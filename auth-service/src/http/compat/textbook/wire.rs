//! The JSON of this surface.

use schemars::JsonSchema;
use serde::Serialize;

use super::super::fastapi::{Fields, FromFields};
use crate::{
    app::{sign_in::SignIn, sign_up::SignUp, tokens::AccessToken},
    domain::user::User,
};

/// The body of `POST /auth/signup`.
pub struct SignUpBody(pub SignUp);

impl FromFields for SignUpBody {
    fn read(fields: &mut Fields) -> Self {
        Self(SignUp {
            email: fields.text("email"),
            password: fields.text("password"),
            name: fields.text("name"),
            remember: true,
            ..SignUp::default()
        })
    }
}

/// The body of `POST /auth/signin`.
pub struct SignInBody(pub SignIn);

impl FromFields for SignInBody {
    fn read(fields: &mut Fields) -> Self {
        Self(SignIn {
            login: fields.text("email"),
            password: fields.text("password"),
            remember: true,
            ..SignIn::default()
        })
    }
}

/// What a sign-up and a sign-in answer.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TextbookSession")]
pub struct SessionBody {
    access_token: String,
    token_type: &'static str,
    user: UserBody,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TextbookUser")]
struct UserBody {
    id: String,
    email: String,
    name: String,
}

impl SessionBody {
    /// What tells `user` the token of their new session.
    pub fn new(access: AccessToken, user: User) -> Self {
        Self {
            access_token: access.token,
            token_type: "bearer",
            user: UserBody {
                email: user.email.as_str().to_owned(),
                name: user.name.as_str().to_owned(),
                id: user.id,
            },
        }
    }
}
