//! What the OpenAPI document says that only the set-up tells.

use service_kit::environment::{Environment, InvalidVariable, Variable};

use super::http_url;

const AUTH_URL: &str = "AUTH_PUBLIC_URL";

pub(super) const VARIABLES: &[Variable] = &[Variable::plain(
    AUTH_URL,
    "",
    "The URL under which browsers reach auth-service; AUTH_URL where it is not set.",
)];

/// Where people sign in, without a slash at the end.
pub(super) fn auth_url(environment: &Environment) -> Result<String, InvalidVariable> {
    match environment.optional(AUTH_URL)? {
        Some(_) => http_url(environment, AUTH_URL),
        None => http_url(environment, "AUTH_URL"),
    }
}
