//! The program itself: started, asked, stopped, started again.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicU16, Ordering},
};

use serde_json::Value;

struct Ports {
    http: u16,
    grpc: u16,
}

impl Ports {
    /// Two ports below those that the system gives to others on its own.
    fn free() -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let first = u16::try_from(std::process::id() % 9000).unwrap();
        let mut free = std::iter::repeat_with(|| NEXT.fetch_add(1, Ordering::SeqCst))
            .map(|offset| 10_000 + first + offset)
            .filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
        Self {
            http: free.next().unwrap(),
            grpc: free.next().unwrap(),
        }
    }

    fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_auth-service"));
        command
            .env_clear()
            .env("DATA_DIR", folder.join("data"))
            .env("AUTH_HTTP_ADDR", format!("127.0.0.1:{}", self.http))
            .env("AUTH_GRPC_ADDR", format!("127.0.0.1:{}", self.grpc));
        command
    }
}

/// A server that is killed when its test fails.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Self {
        let child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut running = Self(child);
        let log = running.0.stderr.as_mut().unwrap();
        let mut lines = BufReader::new(log).lines();
        let serving = lines.any(|line| line.unwrap().contains("serving"));
        assert!(serving, "the server ended before it served");
        running
    }

    /// Stops it as Ctrl-C does, and gives its exit code.
    fn interrupt(mut self) -> Option<i32> {
        let pid = self.0.id().to_string();
        let sent = Command::new("kill").args(["-INT", &pid]).status().unwrap();
        assert!(sent.success());
        self.0.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ask(port: u16, head: &str, body: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let length = body.len();
    let request = format!(
        "{head}\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    (status, serde_json::from_str(body).unwrap())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn run(command: &mut Command, arguments: &[&str]) -> Output {
    command.args(arguments).output().unwrap()
}

#[test]
fn a_walk_a_stop_and_a_second_start() {
    let (folder, ports) = (tempfile::tempdir().unwrap(), Ports::free());
    let command = || ports.command(folder.path());
    let first = Running::start(&mut command());

    let refused = run(&mut command(), &[]);
    assert_eq!(refused.status.code(), Some(69));
    let expected = format!(
        "auth-service: can't listen on 127.0.0.1:{}: the port is taken by another process; \
         set AUTH_HTTP_ADDR to another address\n",
        ports.http
    );
    assert_eq!(text(&refused.stderr), expected);

    let made = run(&mut command(), &["admin", "create", "--if-none"]);
    let printed = text(&made.stdout);
    let password = printed
        .strip_prefix("email: admin@example.com\npassword: ")
        .unwrap();
    let body = serde_json::json!({"email": "admin@example.com", "password": password.trim()});
    let (status, session) = ask(ports.http, "POST /v1/sessions HTTP/1.1", &body.to_string());
    assert_eq!((status, &session["user"]["role"]), (200, &"admin".into()));
    assert_eq!(first.interrupt(), Some(0));

    let permissions = |name: &str| {
        let metadata = fs::metadata(folder.path().join(name)).unwrap();
        metadata.permissions().mode() & 0o777
    };
    assert_eq!(
        (permissions("data"), permissions("data/auth.db")),
        (0o700, 0o600)
    );

    let token_file = folder.path().join("data/service-token");
    let service_token = fs::read_to_string(&token_file).unwrap();
    assert_eq!(service_token.len(), 64);

    let second = Running::start(command().arg("serve"));
    let token = session["access_token"].as_str().unwrap();
    let head = format!("GET /v1/me HTTP/1.1\r\nauthorization: Bearer {token}");
    assert_eq!(ask(ports.http, &head, ""), (200, session["user"].clone()));
    let again = run(&mut command(), &["admin", "create", "--if-none"]);
    assert_eq!(
        (again.status.code(), text(&again.stdout)),
        (Some(0), String::new())
    );
    assert_eq!(fs::read_to_string(&token_file).unwrap(), service_token);
    assert_eq!(second.interrupt(), Some(0));
}

#[test]
fn two_processes_share_their_limits() {
    let folder = tempfile::tempdir().unwrap();
    let both = [Ports::free(), Ports::free()];
    let _running = both
        .each_ref()
        .map(|ports| Running::start(&mut ports.command(folder.path())));
    let sign_in = |ports: &Ports| ask(ports.http, "POST /v1/sessions HTTP/1.1", "{").0;
    for _ in 0..5 {
        assert_eq!(both.each_ref().map(sign_in), [400, 400]);
    }
    assert_eq!(both.each_ref().map(sign_in), [429, 429]);
}

#[test]
fn an_import_counts_what_came_and_fails_over_a_bad_line() {
    let (folder, ports) = (tempfile::tempdir().unwrap(), Ports::free());
    let file = folder.path().join("users.jsonl");
    fs::write(
        &file,
        "{\"email\": \"ada@example.com\"}\n{\"email\": \"bob\"}\n",
    )
    .unwrap();
    let name = file.to_str().unwrap();
    let import = || run(&mut ports.command(folder.path()), &["import", name]);
    let first = import();
    assert_eq!(first.status.code(), Some(1));
    assert_eq!(
        text(&first.stdout),
        "imported: 1\nalready there: 0\nbad: 1\n"
    );
    let expected = format!(
        "\nline 2: This is not an e-mail address; write it like name@example.com.\n\
         auth-service: bad lines in {name}: 1; mend them and import it again\n"
    );
    let said = text(&first.stderr);
    assert!(said.ends_with(&expected), "{said}");
    fs::write(&file, "{\"email\": \"ada@example.com\"}\n").unwrap();
    let second = import();
    assert_eq!(second.status.code(), Some(0));
    assert_eq!(
        text(&second.stdout),
        "imported: 0\nalready there: 1\nbad: 0\n"
    );
}

#[test]
fn migrating_and_helping_need_no_port() {
    let (folder, ports) = (tempfile::tempdir().unwrap(), Ports::free());
    let migrated = run(&mut ports.command(folder.path()), &["migrate"]);
    assert!(migrated.status.success(), "{}", text(&migrated.stderr));
    assert!(folder.path().join("data/auth.db").exists());
    let help = run(&mut ports.command(folder.path()), &["--help"]);
    assert!(text(&help.stdout).contains("AUTH_HTTP_ADDR [default: 127.0.0.1:3001]"));
}
