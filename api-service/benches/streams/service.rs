//! The built program, with a small knowledge base and without auth-service.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::symlink,
    path::Path,
    process::{Child, Command},
    time::{Duration, Instant},
};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use proto::claims::{Claims, DEFAULT_AUDIENCE, DEFAULT_ISSUER, Role, TOKEN_TYPE};
use serde_json::json;
use service_kit::clock::{Clock, SystemClock};
use tempfile::TempDir;

use super::{PASSAGES, model::Model, reading::Reading};

const SECRET: &str = "a-secret-of-the-bench-which-is-no-secret";

/// An address where nobody is: answers are given without profiles.
const NOWHERE: &str = "http://127.0.0.1:9";

/// How long a start may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// The process, which ends with this value.
pub(super) struct Service {
    port: u16,
    child: Child,
}

/// When an answer's first word came.
pub(super) struct First {
    /// How long the model took for it, from the request on.
    pub(super) model: Duration,
    /// How long its reader waited.
    pub(super) first: Duration,
}

/// A folder for data, with the passages in a public knowledge base.
pub(super) fn home(models: &Path, passages: &[String]) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    symlink(models, home.path().join("models")).unwrap();
    let documents = tempfile::tempdir().unwrap();
    for (number, passages) in passages.chunks(PASSAGES).enumerate() {
        let sections = passages.iter().enumerate();
        let sections = sections.map(|(at, text)| format!("# Part {at}\n\n{text}\n\n"));
        let path = documents.path().join(format!("{number}.md"));
        fs::write(path, sections.collect::<String>()).unwrap();
    }
    let mut command = program(home.path());
    command.arg("ingest").arg(documents.path());
    assert!(command.status().unwrap().success());
    home
}

fn program(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_api-service"));
    command.env("DATA_DIR", home).env("LOG_LEVEL", "error");
    command
}

impl Service {
    pub(super) fn start(home: &Path, model: &Model) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let mut command = program(home);
        for (name, value) in [
            ("API_HTTP_ADDR", address.to_string()),
            ("AUTH_URL", NOWHERE.to_owned()),
            ("AUTH_GRPC_URL", NOWHERE.to_owned()),
            ("SERVICE_TOKEN", SECRET.to_owned()),
            ("JWT_SECRET", SECRET.to_owned()),
            ("LLM_PROVIDER", "openai-compatible".to_owned()),
            ("LLM_MODEL", "bench".to_owned()),
            ("LLM_CONCURRENCY", "10000".to_owned()),
            ("AGENT_TIMEOUT", "3600".to_owned()),
        ] {
            command.env(name, value);
        }
        command.envs(model.settings());
        let mut child = command.spawn().unwrap();
        let began = Instant::now();
        while std::net::TcpStream::connect(address).is_err() || !is_up(address.port()) {
            let up = child.try_wait().unwrap().is_none() && began.elapsed() < PATIENCE;
            assert!(up, "it does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        Self {
            port: address.port(),
            child,
        }
    }

    /// Asks, and reads the answer to its end.
    pub(super) async fn ask(&self, user: usize, question: &str) -> Result<First, String> {
        let began = Instant::now();
        let mut reading = self.open(user, question).await?;
        reading.until("\"text\":\"").await?;
        let model = reading.through("\"").await?;
        let first = began.elapsed();
        let model = model.parse().map_err(|_| format!("no number: {model}"))?;
        reading.until("event: completed").await?;
        reading.until("\"kind\":\"generated\"").await?;
        Ok(First {
            model: Duration::from_micros(model),
            first,
        })
    }

    /// Asks, and reads until the first word.
    pub(super) async fn open(&self, user: usize, question: &str) -> Result<Reading, String> {
        let body = json!({"message": question}).to_string();
        let path = "/v1/chat/stream";
        let mut reading = Reading::post(self.port, path, &token(user), &body).await?;
        reading.until("HTTP/1.1 200").await?;
        reading.until("event: delta").await?;
        Ok(reading)
    }

    /// Comes back to an answer, and reads until its first word.
    pub(super) async fn resume(&self, user: usize, message: &str) -> Result<Reading, String> {
        let path = format!("/v1/messages/{message}/events");
        let mut reading = Reading::get(self.port, &path, &token(user)).await?;
        reading.until("HTTP/1.1 200").await?;
        reading.until("event: delta").await?;
        Ok(reading)
    }

    /// Its memory, in MiB.
    pub(super) fn resident(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let mut lines = status.lines();
        let line = lines.find(|line| line.starts_with("VmRSS:")).unwrap();
        let kib: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kib / 1024.0
    }

    /// The processor time that it has taken, in seconds (proc(5): the 14th and 15th
    /// field, in hundredths).
    pub(super) fn cpu(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let after_name = stat.rsplit(')').next().unwrap();
        let fields = after_name.split_whitespace().skip(11).take(2);
        let ticks: f64 = fields.map(|field| field.parse::<f64>().unwrap()).sum();
        ticks / 100.0
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn is_up(port: u16) -> bool {
    use std::io::{Read, Write};
    let mut connection = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    let request = "GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    let read = connection.read_to_string(&mut answer);
    read.is_ok() && answer.starts_with("HTTP/1.1 200")
}

fn token(user: usize) -> String {
    let now = SystemClock.now() / 1000;
    let id = |number: usize| format!("018bcfe5-6800-7000-8000-{number:012}");
    let claims = Claims {
        iss: DEFAULT_ISSUER.to_owned(),
        aud: DEFAULT_AUDIENCE.to_owned(),
        sub: id(user),
        iat: now,
        nbf: now,
        exp: now + 3600,
        jti: id(0),
        sid: id(user),
        roles: vec![Role::User],
        email: format!("{user}@example.com"),
        name: "Reader".to_owned(),
        more: [].into(),
    };
    let mut header = Header::new(Algorithm::HS256);
    header.typ = Some(TOKEN_TYPE.to_owned());
    encode(
        &header,
        &claims,
        &EncodingKey::from_secret(SECRET.as_bytes()),
    )
    .unwrap()
}
