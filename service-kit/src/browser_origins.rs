//! Which browser pages may read our answers: the CORS layer and its setting.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowHeaders, AllowOrigin, Any, CorsLayer};

use crate::{
    environment::{Environment, InvalidVariable},
    http_layers::REQUEST_ID,
};

/// The browser pages that may read our answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowedOrigins {
    /// None but our own origin.
    SameOnly,
    /// These; one like `https://*.example.com` is every origin below it.
    These(Vec<String>),
    /// All, without credentials.
    Any,
}

impl AllowedOrigins {
    /// Reads the variable `name`: origins with commas between them or as a
    /// JSON list, `*` for all.
    pub fn read(environment: &Environment, name: &str) -> Result<Self, InvalidVariable> {
        let Some(text) = environment.optional(name)? else {
            return Ok(Self::SameOnly);
        };
        let listed: Vec<String> = if text.starts_with('[') {
            serde_json::from_str(&text)
                .map_err(|_| InvalidVariable::new(name, "is not a JSON list of texts"))?
        } else {
            text.split(',')
                .map(|origin| origin.trim().to_owned())
                .collect()
        };
        if listed.iter().any(|origin| origin == "*") {
            return Ok(Self::Any);
        }
        let origins = listed
            .iter()
            .filter(|origin| !origin.is_empty())
            .map(|origin| read_origin(origin).ok_or(origin));
        match origins.collect::<Result<Vec<_>, _>>() {
            Ok(origins) => Ok(Self::These(origins)),
            Err(wrong) => Err(InvalidVariable::new(
                name,
                format!("`{wrong}` is no origin; one looks like https://docs.example.com"),
            )),
        }
    }

    /// Whether the pages of `origin` are listed. `*` lists nobody: it lets
    /// every page read answers, but act for no one.
    pub fn lists(&self, origin: &str) -> bool {
        match self {
            Self::These(origins) => origins.iter().any(|pattern| covers(pattern, origin)),
            Self::SameOnly | Self::Any => false,
        }
    }

    /// Whether the pages of `origin` may read our answers: `*` admits all.
    pub fn admits(&self, origin: &str) -> bool {
        *self == Self::Any || self.lists(origin)
    }

    /// The layer that lets these origins call with these methods and read
    /// `exposed` headers beside our usual ones; none where only our own origin
    /// may.
    pub fn layer(
        &self,
        methods: impl IntoIterator<Item = Method>,
        exposed: impl IntoIterator<Item = HeaderName>,
    ) -> Option<CorsLayer> {
        let cors = match self {
            Self::SameOnly => return None,
            Self::These(_) => {
                let listed = self.clone();
                let is_listed = move |origin: &HeaderValue, _: &_| {
                    origin.to_str().is_ok_and(|origin| listed.lists(origin))
                };
                CorsLayer::new()
                    .allow_origin(AllowOrigin::predicate(is_listed))
                    .allow_credentials(true)
            }
            Self::Any => CorsLayer::new().allow_origin(Any),
        };
        let usual = [REQUEST_ID, header::RETRY_AFTER, header::WWW_AUTHENTICATE];
        let exposed: Vec<HeaderName> = usual.into_iter().chain(exposed).collect();
        let cors = cors
            .allow_methods(methods.into_iter().collect::<Vec<_>>())
            // Client libraries send headers of their own.
            .allow_headers(AllowHeaders::mirror_request())
            .expose_headers(exposed)
            .max_age(Duration::from_mins(10));
        Some(cors)
    }
}

/// Whether `origin` is the one that `pattern` names, or below it where the
/// pattern's host begins with `*.`.
fn covers(pattern: &str, origin: &str) -> bool {
    let Some((scheme, domain)) = pattern.split_once("*.") else {
        return pattern == origin;
    };
    let below = origin
        .strip_prefix(scheme)
        .and_then(|host| host.strip_suffix(domain)?.strip_suffix('.'));
    below.is_some_and(|labels| {
        let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.');
        !labels.is_empty() && labels.bytes().all(plain)
    })
}

/// A scheme, a host and perhaps a port; people add a slash. The host may begin
/// with `*.`.
fn read_origin(text: &str) -> Option<String> {
    let origin = text.trim_end_matches('/');
    let (scheme, host) = origin.split_once("://")?;
    let named = host.strip_prefix("*.").unwrap_or(host);
    let plain = |c: u8| c.is_ascii_graphic() && c != b'/' && c != b'*';
    let is_origin = !named.is_empty() && named.bytes().all(plain);
    (is_origin && (scheme == "http" || scheme == "https")).then(|| origin.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_labels_and_nothing_else() {
        let listed = AllowedOrigins::These(vec![
            "https://*.example.com".to_owned(),
            "http://localhost:3000".to_owned(),
        ]);
        for origin in [
            "https://app.example.com",
            "https://a.b.example.com",
            "http://localhost:3000",
        ] {
            assert!(listed.lists(origin), "{origin}");
        }
        for origin in [
            "https://example.com",
            "http://app.example.com",
            "https://app.example.com.evil.test",
            "https://evil.test/.example.com",
            "https://evil.test#.example.com",
            "https://user@app.example.com",
            "https://.example.com",
            "https://app.example.com:8443",
            "http://localhost:3001",
            "null",
            "",
        ] {
            assert!(!listed.lists(origin), "{origin}");
        }
        assert!(!AllowedOrigins::Any.lists("https://app.example.com"));
    }

    #[test]
    fn origins_are_read_as_people_write_them() {
        let read = |text: &str| read_origin(text);
        assert_eq!(
            read("https://Docs.example.com/").as_deref(),
            Some("https://docs.example.com")
        );
        assert_eq!(
            read("https://*.example.com").as_deref(),
            Some("https://*.example.com")
        );
        for wrong in [
            "docs.example.com",
            "ftp://a.b",
            "https://",
            "https://a.*.b",
            "https://*.",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
