//! A browser as far as authentication can tell: it keeps cookies and names its
//! page's origin.

use std::collections::BTreeMap;

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode, request},
};
use cookie::Cookie;
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

/// A browser at one service.
#[derive(Clone)]
pub struct Browser {
    router: Router,
    pub cookies: BTreeMap<String, String>,
}

/// What a service answered.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    /// Where the browser is sent.
    pub fn location(&self) -> &str {
        self.headers["location"].to_str().unwrap()
    }
}

impl Browser {
    pub fn new(router: &Router) -> Self {
        Self {
            router: router.clone(),
            cookies: BTreeMap::new(),
        }
    }

    /// Opens a link.
    pub async fn open(&mut self, path: &str) -> Answer {
        let request = request::Builder::new().uri(path);
        self.send(request, Body::empty()).await
    }

    /// Has a page of the service's own origin call it.
    pub async fn post(&mut self, path: &str, body: &Value) -> Answer {
        let request = request::Builder::new()
            .method("POST")
            .uri(path)
            .header("origin", "http://localhost:3001")
            .header("content-type", "application/json");
        self.send(request, Body::from(body.to_string())).await
    }

    async fn send(&mut self, request: request::Builder, body: Body) -> Answer {
        let mut request: Request<Body> = request.body(body).unwrap();
        if !self.cookies.is_empty() {
            let cookies = self.cookies.iter();
            let cookies: Vec<_> = cookies
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            let cookies = cookies.join("; ").parse().unwrap();
            request.headers_mut().insert("cookie", cookies);
        }
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        for set in parts.headers.get_all("set-cookie") {
            let cookie = Cookie::parse(set.to_str().unwrap().to_owned()).unwrap();
            let (name, value) = (cookie.name().to_owned(), cookie.value().to_owned());
            if value.is_empty() {
                self.cookies.remove(&name);
            } else {
                self.cookies.insert(name, value);
            }
        }
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        }
    }
}
