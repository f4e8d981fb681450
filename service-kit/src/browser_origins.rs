//! Which browser pages may read our answers: the CORS layer and its setting.

use std::time::Duration;

use axum::http::{HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, Any, CorsLayer};

use crate::{
    environment::{Environment, InvalidVariable},
    http_layers::REQUEST_ID,
};

/// The browser pages that may read our answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowedOrigins {
    /// None but our own origin.
    SameOnly,
    /// These.
    These(Vec<HeaderValue>),
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

    /// The layer that lets these origins call with these methods; none where
    /// only our own origin may.
    pub fn layer(&self, methods: impl IntoIterator<Item = Method>) -> Option<CorsLayer> {
        let cors = match self {
            Self::SameOnly => return None,
            Self::These(origins) => CorsLayer::new()
                .allow_origin(AllowOrigin::list(origins.iter().cloned()))
                .allow_credentials(true),
            Self::Any => CorsLayer::new().allow_origin(Any),
        };
        let cors = cors
            .allow_methods(methods.into_iter().collect::<Vec<_>>())
            .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, REQUEST_ID])
            .expose_headers([REQUEST_ID, header::RETRY_AFTER, header::WWW_AUTHENTICATE])
            .max_age(Duration::from_mins(10));
        Some(cors)
    }
}

/// A scheme, a host and perhaps a port; people add a slash.
fn read_origin(text: &str) -> Option<HeaderValue> {
    let origin = text.trim_end_matches('/');
    let (scheme, host) = origin.split_once("://")?;
    let plain = !host.is_empty() && host.bytes().all(|c| c.is_ascii_graphic() && c != b'/');
    if plain && (scheme == "http" || scheme == "https") {
        HeaderValue::from_str(&origin.to_ascii_lowercase()).ok()
    } else {
        None
    }
}
