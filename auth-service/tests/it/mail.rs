//! Mails on their way: a mail server that refuses, hangs or takes them, many
//! who write into one file, and links that many use at once. The server is the
//! only stand-in: it speaks SMTP over TCP.

use std::{os::unix::fs::PermissionsExt, sync::Arc, time::Duration};

use auth_service::{
    app::{
        App,
        client::Client,
        delete_account::DeleteAccount,
        error::Error,
        outbox::{Outbox, Tools},
        ports::{MailError, Mailer},
    },
    config::Config,
    domain::{email::Email, mail::Mail, one_time_token::Purpose},
    outbound::mail::{FileMailer, SmtpMailer},
};
use axum::http::StatusCode;
use secrecy::SecretString;
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
};

use crate::support::{TestApp, TestDatabase, json_request, on_both_engines};

/// What a mail server says to a recipient, in turn; 250 once it has said all.
type Script = Vec<&'static str>;

/// A mail server that lasts as long as a test.
struct MailServer {
    url: String,
    taken: mpsc::UnboundedReceiver<String>,
    _tasks: JoinSet<()>,
}

impl MailServer {
    async fn start(mut script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        let (sender, taken) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        script.reverse();
        tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let answer = script.pop().unwrap_or("250 ok");
                if let Some(mail) = converse(stream, answer).await {
                    sender.send(mail).unwrap();
                }
            }
        });
        Self {
            url,
            taken,
            _tasks: tasks,
        }
    }

    /// One that never says a word.
    async fn silent() -> (String, TcpListener) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        (
            format!("smtp://{}", listener.local_addr().unwrap()),
            listener,
        )
    }

    fn mailer(&self) -> SmtpMailer {
        mailer(&self.url)
    }
}

/// One conversation (RFC 5321), in which the recipient gets this answer.
async fn converse(stream: TcpStream, to_recipient: &str) -> Option<String> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 mail.test ESMTP\r\n").await.ok()?;
    let (mut line, mut data) = (String::new(), String::new());
    loop {
        line.clear();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return (!data.is_empty()).then_some(data);
        }
        let answer = match line.split([' ', '\r']).next().unwrap() {
            "RCPT" => format!("{to_recipient}\r\n"),
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await.ok()?;
                while !data.ends_with("\r\n.\r\n") {
                    stream.read_line(&mut data).await.ok()?;
                }
                "250 taken\r\n".to_owned()
            }
            "QUIT" => "221 bye\r\n".to_owned(),
            _ => "250 ok\r\n".to_owned(),
        };
        stream.write_all(answer.as_bytes()).await.ok()?;
    }
}

fn mailer(url: &str) -> SmtpMailer {
    let from = "Our docs <docs@example.com>";
    SmtpMailer::new(&SecretString::from(url), from).unwrap()
}

fn mail(to: &str) -> Mail {
    Mail {
        id: "018bcfe5-6800-7000-8000-000000000001".to_owned(),
        at: 1_793_534_400_123,
        to: Email::parse(to).unwrap(),
        purpose: Purpose::EmailChangeConfirmation,
        new_email: Some(Email::parse("a&b@example.com").unwrap()),
        url: "https://docs.example.com/?a=b&c=%2F".to_owned(),
        token: "secret".to_owned(),
    }
}

/// The same app with an outbox that uses `mailer` and tries again at once.
fn with_mailer(app: &TestApp, mailer: impl Mailer + 'static, tries: usize) -> (App, Outbox) {
    let app = App::clone(&app.app);
    let outbox = Outbox::new(Tools {
        tokens: Arc::clone(&app.one_time_tokens),
        mailer: Arc::new(mailer),
        clock: Arc::clone(&app.clock),
        randomness: Arc::clone(&app.randomness),
        public_url: "https://docs.example.com/".to_owned(),
        waits: vec![Duration::ZERO; tries - 1],
    });
    let app = App {
        outbox: Some(outbox.clone()),
        ..app
    };
    (app, outbox)
}

async fn ask(app: &App) {
    let client = Client::default();
    let asked = app.request_password_reset("ada@example.com", None, &client);
    asked.await.unwrap();
}

#[tokio::test]
async fn a_mail_arrives_in_text_and_html_with_nothing_in_its_headers_that_was_typed() {
    let mut server = MailServer::start(Vec::new()).await;
    server
        .mailer()
        .send(&mail("ada@example.com"))
        .await
        .unwrap();
    let data = server.taken.recv().await.unwrap();
    for header in [
        "From: \"Our docs\" <docs@example.com>\r\n",
        "To: ada@example.com\r\n",
        "Subject: Confirm your new e-mail address\r\n",
        "Date: Sun, 01 Nov 2026 12:00:00 +0000\r\n",
        "Message-ID: <018bcfe5-6800-7000-8000-000000000001@example.com>\r\n",
        "Auto-Submitted: auto-generated\r\n",
        "Content-Type: multipart/alternative;",
        "Content-Type: text/plain; charset=utf-8\r\n",
        "Content-Type: text/html; charset=utf-8\r\n",
    ] {
        assert!(data.contains(header), "{header} is not in {data}");
    }
    let plain = data.replace("=\r\n", "").replace("=3D", "=");
    assert!(plain.contains("\r\nhttps://docs.example.com/?a=b&c=%2F\r\n"));
    assert!(plain.contains("the e-mail address a&b@example.com"));
    assert!(plain.contains(r#"<a href="https:&#x2f;&#x2f;docs.example.com&#x2f;?a=b&amp;c=%2F""#));
    assert!(plain.contains("the e-mail address a&amp;b@example.com"));
}

#[tokio::test]
async fn what_a_server_says_of_an_address_is_not_repeated() {
    let refusals = vec!["550 5.1.1 <ada@example.com> is unknown", "451 later, ada"];
    let server = MailServer::start(refusals).await;
    let refused = |error: MailError| (error.passing, error.to_string());
    let sent = server.mailer().send(&mail("ada@example.com")).await;
    let for_good = (false, "the mail server answered 550".to_owned());
    assert_eq!(refused(sent.unwrap_err()), for_good);
    let sent = server.mailer().send(&mail("ada@example.com")).await;
    let for_now = (true, "the mail server answered 451".to_owned());
    assert_eq!(refused(sent.unwrap_err()), for_now);

    let (url, silent) = MailServer::silent().await;
    let impatient = mailer(&url).within(Duration::from_millis(50));
    let sent = impatient.send(&mail("ada@example.com")).await;
    let too_slow = (true, "the mail server took too long".to_owned());
    assert_eq!(refused(sent.unwrap_err()), too_slow);
    drop(silent);
    let sent = impatient.send(&mail("ada@example.com")).await;
    let away = (true, "the mail server can't be reached".to_owned());
    assert_eq!(refused(sent.unwrap_err()), away);
}

#[tokio::test]
async fn a_passing_refusal_is_tried_again_and_another_is_not() {
    let app = TestApp::sqlite().await;
    app.sign_up("ada").await;
    let mut server = MailServer::start(vec!["451 later", "421 busy"]).await;
    let (patient, outbox) = with_mailer(&app, server.mailer(), 3);
    ask(&patient).await;
    outbox.settled().await;
    assert!(server.taken.recv().await.is_some(), "at the third try");

    let mut server = MailServer::start(vec!["550 no"]).await;
    let (patient, outbox) = with_mailer(&app, server.mailer(), 3);
    ask(&patient).await;
    outbox.settled().await;
    assert!(server.taken.try_recv().is_err(), "tried again");
}

#[tokio::test]
async fn a_server_that_hangs_delays_no_answer() {
    let app = TestApp::sqlite().await;
    app.sign_up("ada").await;
    let (url, _silent) = MailServer::silent().await;
    let (waiting, outbox) = with_mailer(&app, mailer(&url), 1);
    for _ in 0..1500 {
        ask(&waiting).await;
    }
    assert!(outbox.waiting() > 0);
    assert!(outbox.waiting() <= 1000, "{} wait", outbox.waiting());
}

#[tokio::test]
async fn whoever_writes_into_the_file_writes_whole_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/mail.jsonl");
    let mut all = JoinSet::new();
    for number in 0..64 {
        let mailer = FileMailer::open(&path).unwrap();
        let mail = mail(&format!("user{number}@example.com"));
        all.spawn(async move { mailer.send(&mail).await.unwrap() });
    }
    all.join_all().await;
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 64);
    assert!(
        lines
            .iter()
            .all(|line| line["kind"] == "change-email-confirmation")
    );
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

async fn of_many_who_use_a_link_one_succeeds(home: TestDatabase) {
    let settings = [("MAIL_TRANSPORT", "file"), ("RATE_LIMIT_ENABLED", "false")];
    let app = TestApp::on(home, &settings).await;
    app.sign_up("ada").await;
    let asked = json_request(
        "POST",
        "/v1/password-resets",
        &json!({"email": "ada@example.com"}),
    );
    assert_eq!(app.ask(asked).await.0, StatusCode::ACCEPTED);
    let token = app.mails().await[0]["token"].as_str().unwrap().to_owned();
    let mut all = JoinSet::new();
    for number in 0..8 {
        let (app, token) = (Arc::clone(&app.app), token.clone());
        all.spawn(async move {
            let password = format!("a long enough one {number}");
            let client = Client::default();
            let reset = app.reset_password(&token, &password, &client);
            reset.await.map(|()| password)
        });
    }
    let results = all.join_all().await;
    let refused = |result: &&Result<String, Error>| matches!(result, Err(Error::InvalidLink));
    assert_eq!(results.iter().filter(refused).count(), 7, "{results:?}");
    let password = results.into_iter().find_map(Result::ok).unwrap();
    let login = json!({"email": "ada@example.com", "password": password});
    let (status, body) = app.ask(json_request("POST", "/v1/sessions", &login)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
}

async fn of_many_who_delete_an_account_one_does(home: TestDatabase) {
    let settings = [
        ("MAIL_TRANSPORT", "file"),
        ("DELETE_ACCOUNT_VERIFICATION", "true"),
    ];
    let app = TestApp::on(home, &settings).await;
    let session = app.sign_up("ada").await;
    let access = session["access_token"].as_str().unwrap();
    let current = app.app.owner_of(access).await.unwrap();
    let nowhere = Client::default();
    let wish = app
        .app
        .delete_account(&current, DeleteAccount::default(), &nowhere);
    wish.await.unwrap();
    let token = app.mails().await[0]["token"].as_str().unwrap().to_owned();
    let mut all = JoinSet::new();
    for _ in 0..8 {
        let (app, current, token) = (Arc::clone(&app.app), current.clone(), token.clone());
        all.spawn(async move {
            let nowhere = Client::default();
            app.delete_account_by_link(&current, &token, &nowhere).await
        });
    }
    let results = all.join_all().await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    let refused = |error: &Error| matches!(error, Error::InvalidLink);
    let mut errors = results.iter().filter_map(|result| result.as_ref().err());
    assert!(errors.all(refused), "{results:?}");
}

#[test]
fn half_a_configuration_of_mail_is_refused() {
    let refusal = |values: &[(&str, &str)]| {
        let values = values
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let refusal = Config::from_values(values.collect::<Vec<_>>()).unwrap_err();
        assert!(!refusal.to_string().contains("hunter2"), "{refusal}");
        (refusal.variable, refusal.problem)
    };
    let smtp = ("MAIL_TRANSPORT", "smtp");
    let from = ("MAIL_FROM", "Our docs <docs@example.com>");
    for (values, variable, problem) in [
        (
            vec![("MAIL_TRANSPORT", "pigeon")],
            "MAIL_TRANSPORT",
            "must be none",
        ),
        (vec![smtp], "MAIL_FROM", "is needed"),
        (
            vec![smtp, ("MAIL_FROM", "Our docs")],
            "MAIL_FROM",
            "must look like",
        ),
        (vec![smtp, from], "SMTP_URL", "is needed"),
        (
            vec![smtp, from, ("SMTP_URL", "mail.example.com:25")],
            "SMTP_URL",
            "must be smtps",
        ),
        (
            vec![
                smtp,
                from,
                ("SMTP_URL", "smtp://me:hunter2@mail.example.com"),
            ],
            "SMTP_URL",
            "would send a password in clear text",
        ),
        (
            vec![("REQUIRE_EMAIL_VERIFICATION", "true")],
            "REQUIRE_EMAIL_VERIFICATION",
            "needs mail",
        ),
        (
            vec![("DELETE_ACCOUNT_VERIFICATION", "true")],
            "DELETE_ACCOUNT_VERIFICATION",
            "needs mail",
        ),
    ] {
        let (refused, why) = refusal(&values);
        assert_eq!(refused, variable, "{values:?}: {why}");
        assert!(why.starts_with(problem), "{why}");
    }
    for url in [
        "smtps://me:hunter2@mail.example.com",
        "smtp://mail.example.com:25",
    ] {
        let values = [smtp, from, ("SMTP_URL", url)];
        let values = values.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let config = Config::from_values(values).unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
        assert!(auth_service::outbound::mail::mailer(&config.mail).is_ok());
    }
}

on_both_engines!(
    of_many_who_use_a_link_one_succeeds,
    of_many_who_delete_an_account_one_does,
);
