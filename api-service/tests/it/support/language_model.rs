//! A language model's server that speaks OpenAI's streamed chat completions,
//! and does what a test's script says.

use std::{
    collections::VecDeque,
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use api_service::outbound::llm::{ChainSettings, Dialect, ModelChain, ModelSettings};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{
        StatusCode,
        header::{CONTENT_TYPE, RETRY_AFTER},
    },
    response::{IntoResponse, Response},
    routing::post,
};
use futures::{Stream, StreamExt, stream};
use serde_json::{Value, json};
use service_kit::clock::{Clock, CountingRandomness, FixedClock};
use tokio::{sync::Notify, task::JoinSet};

use super::{NOON, auth::http_client, serving::serve};

/// What the model does with a request.
#[derive(Debug, Clone)]
pub enum Script {
    /// Says these pieces and ends.
    Says(Vec<&'static str>),
    /// Says these pieces, and breaks the connection when it is told to.
    Breaks(Vec<&'static str>),
    /// Says these pieces, then nothing more, and does not end.
    Hangs(Vec<&'static str>),
    /// Does not answer at all.
    Silent,
    /// Answers with this status.
    Refuses(u16),
    /// Answers with this status, and asks with `Retry-After` to wait.
    AsksToWait(u16, &'static str),
    /// Answers that it does not know `stream_options`.
    RefusesOptions,
    /// Sends these bytes, piece by piece, and ends.
    Sends(Vec<&'static str>),
    /// Sends these bytes, then nothing more, and does not end.
    Stalls(Vec<&'static str>),
}

#[derive(Default)]
struct Inside {
    scripts: Mutex<VecDeque<Script>>,
    requests: Mutex<Vec<Value>>,
    left: Notify,
    cut: Notify,
}

/// The server, which ends with this value.
pub struct LanguageModel {
    address: SocketAddr,
    inside: Arc<Inside>,
    _serving: JoinSet<()>,
}

impl LanguageModel {
    /// Does one script a request.
    pub async fn start(scripts: impl IntoIterator<Item = Script>) -> Self {
        let inside = Arc::new(Inside {
            scripts: Mutex::new(scripts.into_iter().collect()),
            ..Inside::default()
        });
        let router = Router::new()
            .route("/v1/chat/completions", post(complete))
            .with_state(inside.clone());
        let (address, serving) = serve(router).await;
        Self {
            address,
            inside,
            _serving: serving,
        }
    }

    /// A client of it, which waits for an answer this long.
    pub fn client(&self, timeout: Duration) -> Arc<ModelChain> {
        client(&self.base_url(), timeout)
    }

    /// Where it is.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<Value> {
        self.inside.requests.lock().unwrap().clone()
    }

    /// Breaks the connection of an answer that waits for it.
    pub fn cut(&self) {
        self.inside.cut.notify_one();
    }

    /// Waits until a request that hung was dropped.
    pub async fn dropped(&self) {
        self.inside.left.notified().await;
    }
}

/// A client of the model at `base_url`.
pub fn client(base_url: &str, timeout: Duration) -> Arc<ModelChain> {
    let settings = ChainSettings {
        first_token_timeout: timeout,
        timeout,
        ..settings(vec![model(base_url, "test-model")])
    };
    chain(settings, &Arc::new(FixedClock::at(NOON)))
}

/// A model of this name at `base_url`.
pub fn model(base_url: &str, name: &str) -> ModelSettings {
    ModelSettings {
        provider: "test".to_owned(),
        dialect: Dialect::Compatible,
        base_url: base_url.to_owned(),
        api_key: Some("sk-test".to_owned().into()),
        model: name.to_owned(),
        window: 8_192,
    }
}

/// Patient settings for these models.
pub fn settings(models: Vec<ModelSettings>) -> ChainSettings {
    ChainSettings {
        models,
        first_token_timeout: Duration::from_secs(20),
        timeout: Duration::from_secs(20),
        at_once: 16,
        waiting: 64,
        max_output: None,
    }
}

/// The chain of these settings.
pub fn chain(settings: ChainSettings, clock: &Arc<FixedClock>) -> Arc<ModelChain> {
    let clock: Arc<dyn Clock> = clock.clone();
    let randomness = Arc::new(CountingRandomness::default());
    let client = Box::new(|| Ok(http_client()));
    Arc::new(ModelChain::new(settings, client, &clock, randomness).unwrap())
}

/// Tells when it is dropped.
struct Leaving(Arc<Inside>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.left.notify_one();
    }
}

async fn complete(State(inside): State<Arc<Inside>>, body: Bytes) -> Response {
    let request = serde_json::from_slice(&body).unwrap();
    inside.requests.lock().unwrap().push(request);
    let script = inside.scripts.lock().unwrap().pop_front();
    let leaving = Leaving(inside);
    match script.expect("one request more than there are scripts") {
        Script::Says(pieces) => {
            let done = stream::iter([Ok::<_, Infallible>(Bytes::from("data: [DONE]\n\n"))]);
            streamed(said(pieces).chain(done))
        }
        Script::Breaks(pieces) => {
            let said = said(pieces).map(|piece| Ok(piece.unwrap()));
            let broken = stream::once(async move {
                leaving.0.cut.notified().await;
                Err(std::io::Error::other("the cable"))
            });
            streamed(said.chain(broken))
        }
        Script::Hangs(pieces) => {
            let endless = stream::once(async move {
                let _leaving = leaving;
                std::future::pending().await
            });
            streamed(said(pieces).chain(endless))
        }
        Script::Silent => {
            let _leaving = leaving;
            std::future::pending().await
        }
        Script::Refuses(status) => refused(status, "no"),
        Script::RefusesOptions => refused(400, "Unknown parameter: 'stream_options'."),
        Script::AsksToWait(status, after) => {
            let mut response = refused(status, "slow down");
            let headers = response.headers_mut();
            headers.insert(RETRY_AFTER, after.parse().unwrap());
            response
        }
        Script::Sends(pieces) => streamed(sent(pieces)),
        Script::Stalls(pieces) => {
            let endless = stream::once(async move {
                let _leaving = leaving;
                std::future::pending().await
            });
            streamed(sent(pieces).chain(endless))
        }
    }
}

fn said(pieces: Vec<&'static str>) -> impl Stream<Item = Result<Bytes, Infallible>> + Send {
    stream::iter(pieces).map(|piece| {
        let chunk = json!({"object": "chat.completion.chunk",
            "choices": [{"index": 0, "delta": {"content": piece}}]});
        Ok(Bytes::from(format!("data: {chunk}\n\n")))
    })
}

fn sent(pieces: Vec<&'static str>) -> impl Stream<Item = Result<Bytes, Infallible>> + Send {
    stream::iter(pieces).then(|piece| async move {
        // A piece is a packet of its own.
        tokio::task::yield_now().await;
        Ok(Bytes::from(piece))
    })
}

fn refused(status: u16, words: &str) -> Response {
    let body = json!({"error": {"message": words, "type": "server_error"}});
    (StatusCode::from_u16(status).unwrap(), body.to_string()).into_response()
}

fn streamed<E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static>(
    body: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
) -> Response {
    (
        [(CONTENT_TYPE, "text/event-stream")],
        Body::from_stream(body),
    )
        .into_response()
}
