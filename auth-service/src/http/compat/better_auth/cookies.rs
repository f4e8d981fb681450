//! Better Auth's cookies (protocol notes, 1.3): signed, for one site, and out
//! of scripts' reach.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use cookie::{Cookie, SameSite, time::Duration};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::SET_AUTH_TOKEN;
use crate::app::{App, sessions::Opened};

/// The cookie of a session.
pub const SESSION: &str = "session_token";

/// A cookie that says that the session ends with the browser.
const DONT_REMEMBER: &str = "dont_remember";

/// A cookie that Better Auth keeps a copy of the session in. It is never set
/// here, but one that an earlier server left is cleared.
const SESSION_DATA: &str = "session_data";

/// The most bytes of a cookie's value that are looked at: browsers keep no
/// longer ones.
const MAX_VALUE: usize = 4096;

/// What `encodeURIComponent` leaves as it is.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// What the cookie `name` says, if we signed it. Of several cookies of the name
/// the first that we signed counts.
pub fn read(app: &App, headers: &HeaderMap, name: &str) -> Option<String> {
    let name = full_name(app, name);
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(Cookie::split_parse)
        .filter_map(Result::ok)
        .filter(|cookie| cookie.name() == name && cookie.value().len() <= MAX_VALUE)
        .find_map(|cookie| verified(app, cookie.value()))
}

/// What a signed text says: `text.signature`, percent-encoded or not.
pub(super) fn verified(app: &App, signed: &str) -> Option<String> {
    let signed = percent_decode_str(signed).decode_utf8().ok()?;
    let (text, signature) = signed.rsplit_once('.')?;
    let is_ours = app.vault.is_signature(text, signature);
    is_ours.then(|| text.to_owned())
}

/// The `Set-Cookie` of a signed cookie that lasts `max_age` seconds, or as long
/// as the browser.
pub fn signed(app: &App, name: &str, text: &str, max_age: Option<i64>) -> HeaderValue {
    let value = format!("{text}.{}", app.vault.signature(text));
    let value = utf8_percent_encode(&value, COMPONENT).to_string();
    set_cookie(app, name, value, max_age)
}

/// The `Set-Cookie` that removes a cookie.
pub fn cleared(app: &App, name: &str) -> HeaderValue {
    set_cookie(app, name, String::new(), Some(0))
}

/// The headers that hand a new session to its owner.
pub fn opened(app: &App, opened: &Opened) -> HeaderMap {
    session(app, &opened.token, opened.session.remember)
}

/// The headers that hand a session's token to its owner.
pub fn session(app: &App, token: &str, remember: bool) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let max_age = remember.then_some(app.policy.sessions.idle / 1000);
    headers.append(header::SET_COOKIE, signed(app, SESSION, token, max_age));
    if !remember {
        let forget = signed(app, DONT_REMEMBER, "true", None);
        headers.append(header::SET_COOKIE, forget);
    }
    let signed = format!("{token}.{}", app.vault.signature(token));
    expose(&mut headers, SET_AUTH_TOKEN, &signed);
    headers
}

/// The headers that make a browser forget its session.
pub fn no_session(app: &App) -> HeaderMap {
    [SESSION, SESSION_DATA, DONT_REMEMBER]
        .map(|name| (header::SET_COOKIE, cleared(app, name)))
        .into_iter()
        .fold(HeaderMap::new(), |mut headers, (name, value)| {
            headers.append(name, value);
            headers
        })
}

/// Adds a header that pages of other origins may read.
pub(super) fn expose(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    // Tokens and their signatures are ASCII.
    if let Ok(value) = HeaderValue::from_str(value) {
        let exposed = HeaderValue::from_name(name.clone());
        headers.append(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        headers.insert(name, value);
    }
}

fn set_cookie(app: &App, name: &str, value: String, max_age: Option<i64>) -> HeaderValue {
    let mut cookie = Cookie::build((full_name(app, name), value))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax);
    if let Some(seconds) = max_age {
        cookie = cookie.max_age(Duration::seconds(seconds));
    }
    if is_secure(app) {
        cookie = cookie.secure(true);
    }
    // Names are constants and values percent-encoded.
    HeaderValue::from_str(&cookie.build().to_string())
        .unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// Where the service is reached by https, browsers let nobody else set the
/// cookie (RFC 6265bis, section 4.1.3.1).
/// The name of a cookie, as browsers see it.
pub(super) fn full_name(app: &App, name: &str) -> String {
    let prefix = if is_secure(app) { "__Secure-" } else { "" };
    format!("{prefix}better-auth.{name}")
}

fn is_secure(app: &App) -> bool {
    app.policy.public_url.scheme() == "https"
}
