//! A stand-in for a language model, in a process of its own: 60 tokens, one each
//! 20 ms, in the words of the first source. The first one is a number: the
//! microseconds that it took.

use std::{
    ffi::{OsStr, OsString},
    io::{self, BufRead, BufReader},
    net::{Ipv4Addr, SocketAddr},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use service_kit::serve;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::hosted;

/// What makes this program the model.
pub(super) const ARGUMENT: &str = "language-model";

/// The question after whose first words the model says nothing more.
pub(super) const STALLS: &str = "what can be said of this, and of that, and then of nothing";

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
    transfer-encoding: chunked\r\n\r\n";

const TOKENS: usize = 60;
const PACE: Duration = Duration::from_millis(20);

/// The process, which ends with this value.
pub(super) struct Model {
    port: u16,
    /// Where its certificate is, if it speaks TLS.
    certificate: Option<TempDir>,
    child: Child,
}

impl Model {
    /// One as it runs beside the service: HTTP/1.1, a connection an answer.
    pub(super) fn local() -> Self {
        Self::start(&[ARGUMENT.as_ref()], None)
    }

    /// One as hosted providers have it.
    pub(super) fn hosted() -> Self {
        let folder = tempfile::tempdir().unwrap();
        hosted::certify(folder.path());
        let path = folder.path().to_owned();
        Self::start(&[hosted::ARGUMENT.as_ref(), path.as_ref()], Some(folder))
    }

    /// What the service is told of it.
    pub(super) fn settings(&self) -> Vec<(&'static str, OsString)> {
        let port = self.port;
        let Some(folder) = &self.certificate else {
            let url = format!("http://127.0.0.1:{port}/v1");
            return vec![("LLM_BASE_URL", url.into())];
        };
        let url = format!("https://localhost:{port}/v1");
        let certificate = folder.path().join(hosted::CERTIFICATE);
        vec![
            ("LLM_BASE_URL", url.into()),
            ("SSL_CERT_FILE", certificate.into()),
        ]
    }

    fn start(arguments: &[&OsStr], certificate: Option<TempDir>) -> Self {
        let program = std::env::current_exe().unwrap();
        let mut command = Command::new(program);
        let mut child = command
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        Self {
            port: line.trim().parse().unwrap(),
            certificate,
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

/// Is the model until it is killed. It reads and writes HTTP with as little as
/// that needs, so that it takes no time from what is measured.
pub(super) async fn serve() {
    let listener = serve::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), "").unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    loop {
        let (connection, _) = listener.accept().await.unwrap();
        connection.set_nodelay(true).unwrap();
        // Whoever asks may hang up at any time.
        tokio::spawn(async { _ = complete_each(connection).await });
    }
}

/// Answers one request after the other.
async fn complete_each(mut connection: TcpStream) -> io::Result<()> {
    let mut read = vec![];
    loop {
        let body = loop {
            if let Some(body) = take_body(&mut read) {
                break body;
            }
            if connection.read_buf(&mut read).await? == 0 {
                return Ok(());
            }
        };
        let asked = Instant::now();
        complete(&mut connection, asked, &serde_json::from_slice(&body)?).await?;
    }
}

/// The body of a request that came as a whole.
fn take_body(read: &mut Vec<u8>) -> Option<Vec<u8>> {
    let begin = read.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&read[..begin]).to_lowercase();
    let length = head.split("content-length:").nth(1).unwrap();
    let length: usize = length.lines().next().unwrap().trim().parse().unwrap();
    let end = begin + length;
    (read.len() >= end).then(|| read.drain(..end).skip(begin).collect())
}

async fn complete(connection: &mut TcpStream, asked: Instant, request: &Value) -> io::Result<()> {
    let messages = request["messages"].as_array().unwrap();
    let content = |message: &Value| message["content"].as_str().unwrap().to_owned();
    let stalls = content(messages.last().unwrap()) == STALLS;
    let tokens = tokens(&content(&messages[0]));
    connection.write_all(HEAD).await?;
    let mut pace = tokio::time::interval(PACE);
    pace.tick().await;
    for (at, token) in tokens.iter().enumerate() {
        if stalls && at > 0 {
            // Until it is hung up.
            connection.read_u8().await?;
        }
        pace.tick().await;
        let token = match at {
            0 => asked.elapsed().as_micros().to_string(),
            _ => format!(" {token}"),
        };
        let data = json!({"object": "chat.completion.chunk",
            "choices": [{"index": 0, "delta": {"content": token}}]});
        connection.write_all(&chunk(&data.to_string())).await?;
    }
    pace.tick().await;
    connection.write_all(&chunk("[DONE]")).await?;
    connection.write_all(b"0\r\n\r\n").await
}

/// An event, as a chunk of a body whose length nobody knows.
fn chunk(data: &str) -> Vec<u8> {
    let event = format!("data: {data}\n\n");
    format!("{:x}\r\n{event}\r\n", event.len()).into_bytes()
}

/// Sentences of 19 words of the first source, each with a marker.
fn tokens(system: &str) -> Vec<String> {
    let source = system
        .split("<source number=\"1\">")
        .nth(1)
        .unwrap_or(system);
    let mut words = source.split_whitespace().cycle();
    let token = |at: usize| match at {
        _ if at % 20 == 19 => "[1].".to_owned(),
        _ => words.next().unwrap().to_owned(),
    };
    (0..TOKENS).map(token).collect()
}
