//! A stand-in for a language model, in a process of its own: 60 tokens, one each
//! 20 ms, in the words of the first source.

use std::{
    convert::Infallible,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
    routing::post,
    serve::ListenerExt,
};
use futures::stream;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::reading::Reading;

/// What makes this program the model.
pub(super) const ARGUMENT: &str = "language-model";

/// The question after whose first words the model says nothing more.
pub(super) const STALLS: &str = "what can be said of this, and of that, and then of nothing";

const TOKENS: usize = 60;
const PACE: Duration = Duration::from_millis(20);

/// The process, which ends with this value.
pub(super) struct Model {
    pub(super) port: u16,
    child: Child,
}

impl Model {
    pub(super) fn start() -> Self {
        let program = std::env::current_exe().unwrap();
        let mut command = Command::new(program);
        let mut child = command
            .arg(ARGUMENT)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        Self {
            port: line.trim().parse().unwrap(),
            child,
        }
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// How long the model takes until its first token, asked by itself.
pub(super) async fn first_token(port: u16) -> Duration {
    let source = "<source number=\"1\">\nWater boils at 100 °C.\n</source>";
    let messages = json!([{"role": "system", "content": source}]);
    let body = json!({"model": "bench", "messages": messages, "stream": true}).to_string();
    let began = Instant::now();
    let path = "/v1/chat/completions";
    let mut reading = Reading::post(port, path, "none", &body).await.unwrap();
    reading.until("\"content\"").await.unwrap();
    began.elapsed()
}

/// Is the model until it is killed.
pub(super) async fn serve() {
    let router = Router::new().route("/v1/chat/completions", post(complete));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    let listener = listener.tap_io(|connection| connection.set_nodelay(true).unwrap());
    axum::serve(listener, router).await.unwrap();
}

async fn complete(Json(request): Json<Value>) -> Response {
    let messages = request["messages"].as_array().unwrap();
    let content = |message: &Value| message["content"].as_str().unwrap().to_owned();
    let stalls = content(messages.last().unwrap()) == STALLS;
    let tokens = tokens(&content(&messages[0]));
    let mut pace = tokio::time::interval(PACE);
    pace.tick().await;
    let said = stream::unfold(
        (0, tokens, pace),
        move |(at, tokens, mut pace)| async move {
            if at > TOKENS {
                return None;
            }
            if stalls && at > 0 {
                std::future::pending::<()>().await;
            }
            pace.tick().await;
            let data = match tokens.get(at) {
                Some(token) => json!({"object": "chat.completion.chunk",
                "choices": [{"index": 0, "delta": {"content": token}}]})
                .to_string(),
                None => "[DONE]".to_owned(),
            };
            let event = Bytes::from(format!("data: {data}\n\n"));
            Some((Ok::<_, Infallible>(event), (at + 1, tokens, pace)))
        },
    );
    let kind = [(CONTENT_TYPE, "text/event-stream")];
    (kind, Body::from_stream(said)).into_response()
}

/// Sentences of 19 words of the first source, each with a marker.
fn tokens(system: &str) -> Vec<String> {
    let source = system
        .split("<source number=\"1\">")
        .nth(1)
        .unwrap_or(system);
    let mut words = source.split_whitespace().cycle();
    let token = |at: usize| match at {
        0 => words.next().unwrap().to_owned(),
        _ if at % 20 == 19 => " [1].".to_owned(),
        _ => format!(" {}", words.next().unwrap()),
    };
    (0..TOKENS).map(token).collect()
}
