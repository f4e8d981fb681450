//! A reranker that speaks the protocols of Cohere, Jina and TEI, and says what
//! a test's script says.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use api_service::outbound::rerank::{HttpReranker, RerankDialect, RerankSettings};
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{auth::http_client, serving::serve};

/// What the reranker answers with.
#[derive(Debug, Clone)]
pub enum Order {
    /// Texts with one of these words, in this order, from 0.9 downwards.
    Words(&'static [&'static str]),
    /// This status and body, whatever is asked.
    Says(u16, String),
    /// Nothing, ever.
    Hangs,
}

struct Inside {
    order: Order,
    requests: Mutex<Vec<(String, HeaderMap, Value)>>,
}

/// The reranker, which ends with this value.
pub struct RerankServer {
    address: SocketAddr,
    inside: Arc<Inside>,
    _serving: JoinSet<()>,
}

impl RerankServer {
    pub async fn start(order: Order) -> Self {
        let inside = Arc::new(Inside {
            order,
            requests: Mutex::default(),
        });
        let router = Router::new()
            .route("/rerank", post(rerank))
            .route("/v1/rerank", post(rerank))
            .route("/v2/rerank", post(rerank))
            .with_state(inside.clone());
        let (address, serving) = serve(router).await;
        Self {
            address,
            inside,
            _serving: serving,
        }
    }

    /// A client of it, which waits for an answer this long.
    pub fn client(&self, dialect: RerankDialect, timeout: Duration) -> Arc<HttpReranker> {
        let settings = RerankSettings {
            dialect,
            url: format!("http://{}", self.address),
            api_key: Some("hunter2".into()),
            model: "a-reranker".to_owned(),
            timeout,
        };
        Arc::new(HttpReranker::new(settings, http_client()))
    }

    /// Path, headers and body of each request so far.
    pub fn requests(&self) -> Vec<(String, HeaderMap, Value)> {
        self.inside.requests.lock().unwrap().clone()
    }
}

async fn rerank(
    State(inside): State<Arc<Inside>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap();
    let path = uri.path().to_owned();
    let asked = (path.clone(), headers, body.clone());
    inside.requests.lock().unwrap().push(asked);
    match &inside.order {
        Order::Hangs => std::future::pending().await,
        Order::Says(status, body) => {
            (StatusCode::from_u16(*status).unwrap(), body.clone()).into_response()
        }
        Order::Words(words) => scored(&path, &body, words).to_string().into_response(),
    }
}

fn scored(path: &str, body: &Value, words: &[&str]) -> Value {
    let is_tei = path == "/rerank";
    let texts = if is_tei { "texts" } else { "documents" };
    let texts = body[texts].as_array().unwrap();
    let mut score = 1.0;
    let mut results = vec![];
    for word in words {
        for (index, text) in texts.iter().enumerate() {
            if text.as_str().unwrap().contains(word) {
                score -= 0.1;
                results.push(if is_tei {
                    json!({"index": index, "score": score})
                } else {
                    json!({"index": index, "relevance_score": score})
                });
            }
        }
    }
    if is_tei {
        Value::Array(results)
    } else {
        json!({"id": "1", "results": results, "meta": {}})
    }
}
