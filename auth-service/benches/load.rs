//! What the service bears, on the machine it runs on: starts the built program
//! and drives it over loopback. Figures are printed and never asserted.
//!
//! `deploy/with-postgres.sh cargo bench -p auth-service --bench load`; without
//! `TEST_POSTGRES_URL` the sessions are in SQLite.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints, and ends where it can't go on"
)]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use auth_service::{
    app::ports::PasswordHasher,
    domain::password::{HashCost, Password},
    outbound::passwords::PooledHasher,
};
use service_kit::clock::SystemRandomness;
use sqlx::{AssertSqlSafe, Connection as _, Executor, PgConnection};

const PASSWORD: &str = "correct-horse-battery";
const ORIGIN: &str = "http://localhost:3001";
const SECONDS: u64 = 5;

/// How often each refusal is timed.
const ROUNDS: usize = 400;

fn main() {
    // `cargo bench` and `cargo test --benches` pass options of their own.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let cores = thread::available_parallelism().unwrap().get();
    println!("cores                          {cores}");
    start_times();
    let server = Server::start(postgres());
    println!("database                       {}", server.engine);
    println!(
        "resident, idle                 {:.1} MiB",
        server.resident()
    );
    let cookie = server.sign_up("reader@example.com");
    refusals(&server);
    flood(&server, &cookie, cores);
    let get = |path: &str, cookie: &str| {
        format!("GET /api/auth/{path} HTTP/1.1\r\nhost: localhost\r\n{cookie}\r\n")
    };
    for (name, path, header) in [
        ("get-session", "get-session", cookie.as_str()),
        ("token", "token", cookie.as_str()),
        ("jwks", "jwks", ""),
    ] {
        let load = drive(&server, 16, &get(path, header));
        load.print(name);
    }
    // Longer than the service keeps the memory of hashes.
    thread::sleep(Duration::from_secs(12));
    println!(
        "resident, idle again           {:.1} MiB",
        server.resident()
    );
}

/// Hashes a second with the service's own parameters on all cores.
fn hash_capacity(cores: usize) -> f64 {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let hasher = Arc::new(hasher(cores));
        let end = Instant::now() + Duration::from_secs(SECONDS);
        let workers = (0..cores).map(|_| {
            let hasher = Arc::clone(&hasher);
            async move {
                let mut done = 0_u32;
                while Instant::now() < end {
                    hasher.hash(&Password::presented(PASSWORD)).await.unwrap();
                    done += 1;
                }
                done
            }
        });
        let done: u32 = futures::future::join_all(workers).await.iter().sum();
        f64::from(done) / seconds(SECONDS)
    })
}

fn hasher(threads: usize) -> PooledHasher {
    PooledHasher::new(threads, HashCost::DEFAULT, Arc::new(SystemRandomness)).unwrap()
}

/// From the start of the program to its first answer, on SQLite.
fn start_times() {
    let folder = tempfile::tempdir().unwrap();
    for what in ["first start to first answer", "later start to first answer"] {
        let begun = Instant::now();
        let server = Server::start_in(folder.path(), None);
        Connection::to(server.port).ask("GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n");
        println!("{what:<30} {} ms", begun.elapsed().as_millis());
    }
}

/// Sign-ins as many as there can be, with a reader of sessions beside them.
fn flood(server: &Server, cookie: &str, cores: usize) {
    let before = hash_capacity(cores);
    let body = format!(r#"{{"email":"reader@example.com","password":"{PASSWORD}"}}"#);
    let sign_in = post("sign-in/email", &body);
    let probe = format!("GET /api/auth/get-session HTTP/1.1\r\nhost: localhost\r\n{cookie}\r\n");
    let over = Arc::new(AtomicBool::new(false));
    let (port, stop) = (server.port, Arc::clone(&over));
    let probing = thread::spawn(move || {
        let mut connection = Connection::to(port);
        let mut load = Load::default();
        while !stop.load(Ordering::SeqCst) {
            load.count(&mut connection, &probe);
            thread::sleep(Duration::from_millis(5));
        }
        load
    });
    let load = drive(server, 8, &sign_in);
    println!(
        "resident, under sign-ins       {:.1} MiB",
        server.resident()
    );
    over.store(true, Ordering::SeqCst);
    let mut probed = probing.join().unwrap();
    probed.seconds = load.seconds;
    load.print("sign-in");
    probed.print("get-session beside them");
    // The machine is not equally fast all the time.
    let capacity = f64::midpoint(before, hash_capacity(cores));
    println!("argon2id hashes a second       {capacity:.1}");
    println!(
        "sign-ins of what can be hashed {:.2}",
        load.rate() / capacity
    );
}

/// What a guesser could measure: how long a wrong password takes to be refused,
/// and how long an unknown address, turn by turn.
fn refusals(server: &Server) {
    let mut connection = Connection::to(server.port);
    let mut took = |email: &str| {
        let body = format!(r#"{{"email":"{email}","password":"a wrong one"}}"#);
        let request = post("sign-in/email", &body);
        let begun = Instant::now();
        let (status, head) = connection.ask(&request);
        assert_eq!(status, 401, "{head}");
        begun.elapsed()
    };
    let pairs: Vec<_> = (0..ROUNDS)
        .map(|round| {
            let unknown = format!("nobody{round}@example.com");
            // In pairs of pairs, or each kind would have a thread to itself.
            if round % 2 == 0 {
                let wrong = took("reader@example.com");
                (wrong, took(&unknown))
            } else {
                let unknown = took(&unknown);
                (took("reader@example.com"), unknown)
            }
        })
        .collect();
    let (wrong, unknown): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
    print_distribution("refused, wrong password", wrong);
    print_distribution("refused, unknown address", unknown);
    let longer = pairs.iter().filter(|(wrong, unknown)| unknown > wrong);
    println!(
        "the unknown one took longer    in {} of {ROUNDS} pairs",
        longer.count()
    );
}

fn print_distribution(name: &str, mut latencies: Vec<Duration>) {
    latencies.sort();
    print!("{name:<30}");
    for share in [5, 25, 50, 75, 95, 99] {
        let at = latencies[(latencies.len() - 1) * share / 100].as_secs_f64() * 1000.0;
        print!(" p{share} {at:.2}");
    }
    println!(" ms");
}

/// What some callers saw.
#[derive(Default)]
struct Load {
    latencies: Vec<Duration>,
    failed: usize,
    seconds: f64,
}

impl Load {
    fn count(&mut self, connection: &mut Connection, request: &str) {
        let begun = Instant::now();
        let (status, _) = connection.ask(request);
        self.latencies.push(begun.elapsed());
        self.failed += usize::from(status != 200);
    }

    fn rate(&self) -> f64 {
        let answered = u32::try_from(self.latencies.len() - self.failed).unwrap();
        f64::from(answered) / self.seconds
    }

    fn print(&self, name: &str) {
        let mut sorted = self.latencies.clone();
        sorted.sort();
        let at = |share: usize| sorted[(sorted.len() - 1) * share / 100].as_secs_f64() * 1000.0;
        println!(
            "{name:<30} {:.0}/s, p50 {:.2} ms, p99 {:.2} ms, {} failed",
            self.rate(),
            at(50),
            at(99),
            self.failed
        );
    }
}

/// Sends one request over and over on so many connections.
fn drive(server: &Server, connections: usize, request: &str) -> Load {
    let begun = Instant::now();
    let end = begun + Duration::from_secs(SECONDS);
    let callers: Vec<_> = (0..connections)
        .map(|_| {
            let (port, request) = (server.port, request.to_owned());
            thread::spawn(move || {
                let mut connection = Connection::to(port);
                let mut load = Load::default();
                while Instant::now() < end {
                    load.count(&mut connection, &request);
                }
                load
            })
        })
        .collect();
    let mut all = Load::default();
    for caller in callers {
        let load = caller.join().unwrap();
        all.latencies.extend(load.latencies);
        all.failed += load.failed;
    }
    all.seconds = begun.elapsed().as_secs_f64();
    all
}

/// One connection that stays open.
struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    fn to(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream: BufReader::new(stream),
        }
    }

    /// The status and the headers of the answer; its body is read and dropped.
    fn ask(&mut self, request: &str) -> (u16, String) {
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(self.stream.read_line(&mut head).unwrap() > 0, "{head}");
        }
        let length = head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .map_or(0, |(_, length)| length.parse().unwrap());
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).unwrap();
        (head[9..12].parse().unwrap(), head)
    }
}

fn post(path: &str, body: &str) -> String {
    format!(
        "POST /api/auth/{path} HTTP/1.1\r\nhost: localhost\r\norigin: {ORIGIN}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn seconds(whole: u64) -> f64 {
    Duration::from_secs(whole).as_secs_f64()
}

/// The program, on a database of its own.
struct Server {
    child: Child,
    port: u16,
    engine: &'static str,
    /// Goes away with the server.
    kept: Option<tempfile::TempDir>,
}

impl Server {
    fn start(database: Option<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Self::start_in(folder.path(), database);
        server.kept = Some(folder);
        server
    }

    fn start_in(folder: &Path, database: Option<String>) -> Self {
        let (port, grpc) = (free_port(), free_port());
        let mut command = Command::new(env!("CARGO_BIN_EXE_auth-service"));
        command
            .env_clear()
            .env("DATA_DIR", folder)
            .env("AUTH_HTTP_ADDR", format!("127.0.0.1:{port}"))
            .env("AUTH_GRPC_ADDR", format!("127.0.0.1:{grpc}"))
            .env("AUTH_PUBLIC_URL", ORIGIN)
            .env("RATE_LIMIT_ENABLED", "false")
            .env("LOG_LEVEL", "error,auth_service::startup=info")
            .stderr(Stdio::piped());
        let engine = match database {
            Some(url) => {
                command.env("AUTH_DATABASE_URL", url);
                "PostgreSQL"
            }
            None => "SQLite",
        };
        let mut child = command.spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let mut lines = log.lines();
        assert!(lines.any(|line| line.unwrap().contains("serving")));
        // Someone must read on, or the program would wait for us.
        thread::spawn(move || lines.for_each(drop));
        Self {
            child,
            port,
            engine,
            kept: None,
        }
    }

    /// Signs someone up and gives their cookie, as a header's line.
    fn sign_up(&self, email: &str) -> String {
        let body = format!(r#"{{"email":"{email}","password":"{PASSWORD}","name":"Reader"}}"#);
        let (status, head) = Connection::to(self.port).ask(&post("sign-up/email", &body));
        assert_eq!(status, 200, "{head}");
        let cookie = head
            .lines()
            .find_map(|line| line.strip_prefix("set-cookie: "))
            .and_then(|line| line.split(';').next());
        format!("cookie: {}\r\n", cookie.unwrap())
    }

    /// The memory that the program holds, in MiB.
    fn resident(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes: u32 = line
            .unwrap()
            .trim()
            .trim_end_matches(" kB")
            .parse()
            .unwrap();
        f64::from(kibibytes) / 1024.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// A new database on the server of `TEST_POSTGRES_URL`, if there is one.
#[expect(
    clippy::disallowed_methods,
    reason = "what `deploy/with-postgres.sh` tells"
)]
fn postgres() -> Option<String> {
    let server = std::env::var("TEST_POSTGRES_URL").ok()?;
    let name = format!("auth_bench_{}", std::process::id());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut connection = PgConnection::connect(&server).await.unwrap();
        let create = AssertSqlSafe(format!("CREATE DATABASE {name}"));
        connection.execute(create).await.unwrap();
    });
    let (host, _) = server.rsplit_once('/').unwrap();
    Some(format!("{host}/{name}"))
}
