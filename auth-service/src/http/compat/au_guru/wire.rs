//! The JSON and the query of this surface. The document names the routes but no
//! fields, so these are what FastAPI's own full-stack template calls them, with
//! `name` beside `full_name`.

use axum::http::{HeaderName, header};
use proto::claims::Role;
use schemars::JsonSchema;
use serde::Serialize;
use url::form_urlencoded;

use super::super::fastapi::{Fields, FromFields, edit};
use crate::{
    app::{
        change_request::ChangeRequest,
        manage_accounts::{MAX_PAGE, Page},
        ports::AccountFilter,
        update_profile::ProfileChanges,
    },
    domain::user::{User, Username},
    http::moment::rfc_3339,
};

/// The body of `PATCH /api/v1/users/me`; what is not in it stays.
pub struct ProfileBody(pub ProfileChanges);

impl FromFields for ProfileBody {
    fn read(fields: &mut Fields) -> Self {
        Self(ProfileChanges {
            name: name(fields),
            username: edit(fields, "username"),
            image: edit(fields, "image"),
            ..ProfileChanges::default()
        })
    }
}

/// The body of `PATCH /api/v1/users/{id}`; what is not in it stays.
pub struct AccountBody(pub ChangeRequest);

impl FromFields for AccountBody {
    fn read(fields: &mut Fields) -> Self {
        Self(ChangeRequest {
            email: fields.optional_text("email"),
            email_verified: fields.flag("is_verified"),
            username: edit(fields, "username"),
            name: name(fields),
            image: edit(fields, "image"),
            role: fields.word("role", "'admin' or 'user'", Role::from_word),
            enabled: fields.flag("is_active"),
            ..ChangeRequest::default()
        })
    }
}

fn name(fields: &mut Fields) -> Option<String> {
    let full_name = fields.optional_text("full_name");
    let name = fields.optional_text("name");
    full_name.or(name)
}

/// The query of `GET /api/v1/users`.
pub struct ListQuery(pub AccountFilter);

impl FromFields for ListQuery {
    fn read(fields: &mut Fields) -> Self {
        Self(AccountFilter {
            search: fields.optional_text("search"),
            role: None,
            disabled: None,
            after: fields.optional_text("after"),
            limit: fields.number("limit").unwrap_or(MAX_PAGE),
        })
    }
}

/// Where the next page is, if there is one: a list has no room for it.
pub fn next_page(filter: &AccountFilter, page: &Page<User>) -> Option<[(HeaderName, String); 1]> {
    let next = page.next.as_deref()?;
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("limit", &filter.limit.to_string());
    query.append_pair("after", next);
    if let Some(search) = &filter.search {
        query.append_pair("search", search);
    }
    let link = format!("<?{}>; rel=\"next\"", query.finish());
    Some([(header::LINK, link)])
}

/// An account.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AuGuruUser")]
pub struct UserBody {
    id: String,
    email: String,
    username: Option<String>,
    full_name: String,
    name: String,
    image: Option<String>,
    role: &'static str,
    is_active: bool,
    is_verified: bool,
    created_at: String,
    updated_at: String,
}

impl From<User> for UserBody {
    fn from(user: User) -> Self {
        let username = user.username.as_ref().map(Username::as_str);
        Self {
            email: user.email.as_str().to_owned(),
            username: username.map(str::to_owned),
            full_name: user.name.as_str().to_owned(),
            name: user.name.as_str().to_owned(),
            role: user.role.as_str(),
            is_active: user.is_enabled(),
            is_verified: user.email_verified,
            created_at: rfc_3339(user.created_at),
            updated_at: rfc_3339(user.updated_at),
            image: user.image,
            id: user.id,
        }
    }
}

/// What a deletion answers.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AuGuruDeleted")]
pub struct DeletedBody {
    message: &'static str,
}

/// The account is gone.
pub const DELETED: DeletedBody = DeletedBody {
    message: "User deleted",
};
