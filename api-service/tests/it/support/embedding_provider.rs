//! A provider of embeddings that speaks OpenAI's and Cohere's protocols, with
//! the real model's vectors turned round, so that they are another model's; and
//! that refuses where a test's script says so.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use api_service::app::ports::DenseEmbedder;
use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{embedder::model, serving::serve};

/// What the provider answers instead of embeddings.
#[derive(Debug, Clone)]
pub struct Refusal {
    pub status: u16,
    pub retry_after: Option<&'static str>,
    pub body: &'static str,
}

/// How many values the provider's vectors have where none are asked for.
pub const DIMENSIONS: usize = 384;

#[derive(Default)]
struct Inside {
    refusals: Mutex<VecDeque<Refusal>>,
    requests: Mutex<Vec<Value>>,
}

/// The provider, which ends with this value.
pub struct EmbeddingProvider {
    address: SocketAddr,
    inside: Arc<Inside>,
    _serving: JoinSet<()>,
}

impl EmbeddingProvider {
    pub async fn start() -> Self {
        let inside = Arc::new(Inside::default());
        let router = Router::new()
            .route("/v1/embeddings", post(open_ai))
            .route("/v2/embed", post(cohere))
            .with_state(inside.clone());
        let (address, serving) = serve(router).await;
        Self {
            address,
            inside,
            _serving: serving,
        }
    }

    /// Its address with this path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Refuses the next requests, one each.
    pub fn refuse(&self, refusals: impl IntoIterator<Item = Refusal>) {
        self.inside.refusals.lock().unwrap().extend(refusals);
    }

    /// The requests since this was last asked: bodies, with path and key.
    pub fn requests(&self) -> Vec<Value> {
        std::mem::take(&mut *self.inside.requests.lock().unwrap())
    }
}

async fn open_ai(
    State(inside): State<Arc<Inside>>,
    headers: HeaderMap,
    uri: Uri,
    Json(body): Json<Value>,
) -> Response {
    let vectors = match answer(&inside, &headers, &uri, &body, ("input", "dimensions")).await {
        Ok(vectors) => vectors,
        Err(refused) => return refused,
    };
    let data = vectors.into_iter().enumerate().map(
        |(index, embedding)| json!({"object": "embedding", "index": index, "embedding": embedding}),
    );
    // In no order: what counts is `index`.
    let data: Vec<Value> = data.rev().collect();
    Json(json!({"object": "list", "data": data, "usage": {"total_tokens": 1}})).into_response()
}

async fn cohere(
    State(inside): State<Arc<Inside>>,
    headers: HeaderMap,
    uri: Uri,
    Json(body): Json<Value>,
) -> Response {
    match answer(
        &inside,
        &headers,
        &uri,
        &body,
        ("texts", "output_dimension"),
    )
    .await
    {
        Ok(vectors) => {
            Json(json!({"id": "1", "embeddings": {"float": vectors}, "texts": body["texts"]}))
                .into_response()
        }
        Err(refused) => refused,
    }
}

async fn answer(
    inside: &Inside,
    headers: &HeaderMap,
    uri: &Uri,
    body: &Value,
    (texts, dimensions): (&str, &str),
) -> Result<Vec<Vec<f32>>, Response> {
    let key = headers
        .get("authorization")
        .map(|key| key.to_str().unwrap());
    let request = json!({"path": uri.path(), "key": key, "body": body});
    inside.requests.lock().unwrap().push(request);
    if key.is_none() {
        return Err(StatusCode::UNAUTHORIZED.into_response());
    }
    if let Some(refusal) = inside.refusals.lock().unwrap().pop_front() {
        let status = StatusCode::from_u16(refusal.status).unwrap();
        let mut refused = (status, refusal.body).into_response();
        if let Some(after) = refusal.retry_after {
            let value = after.parse().unwrap();
            refused.headers_mut().insert("retry-after", value);
        }
        return Err(refused);
    }
    let texts: Vec<String> = serde_json::from_value(body[texts].clone()).unwrap();
    let vectors = model().embed_passages(texts).await.unwrap();
    let dimensions = body[dimensions].as_u64();
    let dimensions = dimensions.map_or(DIMENSIONS, |wanted| usize::try_from(wanted).unwrap());
    let turned = vectors.into_iter().map(|vector| {
        let turned = vector.into_iter().rev();
        turned.take(dimensions).collect()
    });
    Ok(turned.collect())
}
