//! Sends what was recorded of the real Better Auth to our router, in the same
//! order, and compares the answers. Recorded tokens and signatures are replaced
//! by those of this run as they turn up.

use std::{collections::BTreeMap, net::SocketAddr};

use auth_service::app::{client::Client, sign_in::SignIn, sign_up::SignUp, vault::digest};
use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{self, Method},
};
use http_body_util::BodyExt;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::Value;
use tower::ServiceExt;

use super::{
    differences::{AGED, DIFFERENT, NEVER_MAILED, OWNERS, PRESENT, REPEATED, SENT},
    golden::{self, Answer, Exchange, Flow},
};
use crate::support::{TestApp, TestDatabase, providers::Providers};

const PASSWORD: &str = "correct-horse-battery";
/// What we are to the stand-ins for Google and GitHub.
const CLIENT: &str = "client-of-ours";
const DAY: i64 = 24 * 60 * 60 * 1000;

#[tokio::test]
#[expect(
    clippy::print_stderr,
    reason = "says what was compared, or that nothing was"
)]
async fn every_recorded_exchange_is_answered_alike() {
    let Some(flows) = golden::flows() else {
        eprintln!("skipped: set GOLDEN_BETTER_AUTH to the folder of the recordings");
        return;
    };
    let (mut alike, mut wrong) = (0, Vec::new());
    for flow in &flows {
        let mut replay = Replay::of(flow).await;
        for exchange in &flow.exchanges {
            let unlike = replay.exchange(exchange).await;
            let mut known = DIFFERENT.iter();
            let place = (flow.name.as_str(), exchange.name.as_str());
            let is_known = known.any(|(flow, name, _)| (*flow, *name) == place);
            if unlike.is_empty() == is_known {
                wrong.push(format!("{place:?}: {unlike:#?}"));
            } else if !is_known {
                alike += 1;
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    eprintln!(
        "{alike} exchanges are alike, {} differ on purpose",
        DIFFERENT.len()
    );
    for (flow, name, _) in DIFFERENT {
        let mut named = flows.iter().filter(|other| other.name == *flow);
        let has = |flow: &Flow| flow.exchanges.iter().any(|other| other.name == *name);
        assert!(named.any(has), "nothing was recorded as {flow}: {name}");
    }
}

#[test]
fn the_readme_names_every_difference() {
    let readme = include_str!("../../../../README.md");
    for (flow, name, reason) in DIFFERENT {
        assert!(
            readme.contains(&format!("- {reason}\n")),
            "{flow}: {name}: {reason}"
        );
    }
}

pub struct Replay {
    app: TestApp,
    pub providers: Providers,
    flow: String,
    /// What this run has in place of recorded values.
    ours: BTreeMap<String, String>,
    /// Where browsers are sent in the flows of these recorded names.
    pub flows: BTreeMap<String, String>,
}

impl Replay {
    async fn of(flow: &Flow) -> Self {
        let url = flow.server_env.get("BASE_URL").map(String::as_str);
        let is_set = |name: &str| match flow.server_env.get(name) {
            Some(_) => "true",
            None => "false",
        };
        let limit = flow.server_env.get("RATE_LIMIT").map(String::as_str);
        let settings = [
            (
                "ALLOWED_ORIGINS",
                "http://localhost:3000,https://*.example.com",
            ),
            ("BETTER_AUTH_URL", url.unwrap_or("http://127.0.0.1:3901")),
            ("TRUSTED_PROXIES", "127.0.0.1"),
            ("MAIL_TRANSPORT", "file"),
            ("REQUIRE_EMAIL_VERIFICATION", is_set("REQUIRE_VERIFICATION")),
            ("DELETE_ACCOUNT_VERIFICATION", is_set("DELETE_VERIFICATION")),
            ("RATE_LIMIT_ENABLED", is_set("RATE_LIMIT")),
            (
                "RATE_LIMIT_REQUESTS_PER_MINUTE",
                if limit == Some("default") { "3" } else { "10" },
            ),
        ];
        let providers = Providers::start().await;
        // Browsers are sent to the real ones, where none of them arrives.
        let theirs = providers.settings();
        let theirs = theirs
            .iter()
            .filter(|(name, _)| !name.contains("AUTHORIZE"));
        let theirs = theirs.map(|(name, value)| (name.as_str(), value.as_str()));
        let settings: Vec<(&str, &str)> = settings.into_iter().chain(theirs).collect();
        let mut replay = Self {
            app: TestApp::on(TestDatabase::sqlite(), &settings).await,
            providers,
            flow: flow.name.clone(),
            ours: BTreeMap::new(),
            flows: BTreeMap::new(),
        };
        for id in ["dummy-google-id", "dummy-github-id"] {
            replay.ours.insert(id.to_owned(), CLIENT.to_owned());
        }
        for (_, email) in PRESENT.iter().filter(|(name, _)| *name == flow.name) {
            replay.sign_up(email, "Someone", &Client::default()).await;
        }
        replay.prepare(flow).await;
        replay
    }

    /// Makes the accounts and sessions that were there before the recording.
    async fn prepare(&mut self, flow: &Flow) {
        let mut made: Vec<String> = Vec::new();
        for (index, exchange) in flow.exchanges.iter().enumerate() {
            let rest = &flow.exchanges[index..];
            for token in shown_tokens(exchange) {
                let is_new = !self.ours.contains_key(&token);
                let begins = |other: &Exchange| exchange_sets(other, &token);
                if is_new && !flow.exchanges[..index].iter().any(begins) {
                    let owner = owner_of(&token, rest);
                    let shows = |other: &&Exchange| shows_cookie(other, &token);
                    let first = rest.iter().find(shows).unwrap_or(exchange);
                    self.begin_session(&token, &owner, first, &mut made).await;
                }
            }
            let told = told_user(exchange).filter(|_| signs_in(exchange));
            if let Some((email, name)) = told
                && !made.contains(&email)
                && !flow.exchanges.iter().any(|other| signs_up(other, &email))
            {
                self.sign_up(&email, &name, &Client::default()).await;
                made.push(email);
            }
        }
    }

    async fn begin_session(
        &mut self,
        token: &str,
        (email, name): &(String, String),
        exchange: &Exchange,
        made: &mut Vec<String>,
    ) {
        let header = |name: &str| exchange.request.headers.get(name).map(String::as_str);
        let client = Client::new(
            header("x-forwarded-for").map(str::to_owned),
            header("user-agent"),
        );
        let ours = if made.contains(email) {
            let sign_in = SignIn {
                login: email.clone(),
                password: PASSWORD.to_owned(),
                remember: true,
                callback_url: None,
            };
            self.app.app.sign_in(sign_in, &client).await.unwrap().token
        } else {
            made.push(email.clone());
            self.sign_up(email, name, &client).await
        };
        self.ours.insert(token.to_owned(), ours);
    }

    async fn sign_up(&self, email: &str, name: &str, client: &Client) -> String {
        let sign_up = SignUp {
            email: email.to_owned(),
            password: PASSWORD.to_owned(),
            name: name.to_owned(),
            remember: true,
            ..SignUp::default()
        };
        let signed_up = self.app.app.sign_up(sign_up, client).await.unwrap();
        signed_up.opened().unwrap().token
    }

    /// Sends one request, and tells what is unlike in the answer.
    async fn exchange(&mut self, exchange: &Exchange) -> Vec<String> {
        let aged = AGED
            .iter()
            .find(|(flow, name, _)| (*flow, *name) == (&self.flow, &exchange.name));
        if let Some((_, _, days)) = aged {
            self.age(&shown_tokens(exchange)[0], *days).await;
        }
        self.open_mail(exchange).await;
        self.come_back(exchange).await;
        let place = (self.flow.as_str(), exchange.name.as_str());
        let repeated = REPEATED
            .iter()
            .find(|(flow, name, _)| (*flow, *name) == place);
        for _ in 0..repeated.map_or(0, |(_, _, times)| *times) {
            let request = self.request(exchange);
            self.send(request).await;
        }
        let request = self.request(exchange);
        let response = self.send(request).await;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
        let answer = Answer {
            status: parts.status,
            headers: parts.headers,
            body: serde_json::from_slice(&bytes).unwrap_or_else(|_| text()),
        };
        self.learn(exchange, &answer);
        exchange
            .response
            .unlike(&answer, |text| self.replaced(text))
    }

    pub async fn send(&self, request: http::Request<Body>) -> http::Response<Body> {
        self.app.router.clone().oneshot(request).await.unwrap()
    }

    fn request(&mut self, exchange: &Exchange) -> http::Request<Body> {
        let sent = &exchange.request;
        let path = sent.path.replace('<', "%3C").replace('>', "%3E");
        let method = Method::from_bytes(sent.method.as_bytes()).unwrap();
        let mut request = http::Request::builder()
            .method(method)
            .uri(self.replaced(&path));
        for (name, value) in &sent.headers {
            self.sign_cookies(value);
            request = request.header(name, self.replaced(value));
        }
        if sent.headers.contains_key("x-forwarded-for") {
            request = request.extension(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 1))));
        }
        let special = SENT.iter().find(|(name, _)| *name == exchange.name);
        let body = match (special, &sent.body) {
            (Some((_, body)), _) => body.to_string(),
            (None, Value::Null) => String::new(),
            (None, Value::String(text)) => self.replaced(text),
            (None, json) => self.replaced(&json.to_string()),
        };
        request.body(Body::from(body)).unwrap()
    }

    /// Makes the signatures of the recorded cookies in `header` ours. One that
    /// was tampered with stays wrong, as another one of the token was met.
    pub fn sign_cookies(&mut self, header: &str) {
        for cookie in header.split("; ") {
            let value = cookie.split_once('=').map_or(cookie, |(_, value)| value);
            let value = value.trim_start_matches("Bearer ");
            let signed = percent_decode_str(value).decode_utf8_lossy().into_owned();
            let Some((text, signature)) = signed.split_once('.') else {
                continue;
            };
            let is_met = self.ours.contains_key(&format!("signature of {text}"));
            if signature.len() == 44 && !is_met {
                let ours = self.replaced(text);
                let signed = self.app.app.vault.signature(&ours);
                self.ours
                    .insert(format!("signature of {text}"), String::new());
                self.note(signature, &signed);
                self.note(&encoded(signature), &encoded(&signed));
            }
        }
    }

    /// Where a request carries what a recorded mail brought, ours brought
    /// something else: the newest mail has it.
    async fn open_mail(&mut self, exchange: &Exchange) {
        let is_mailed = |flow: &str, name: &str| (flow, name) != NEVER_MAILED;
        let carried = carried_token(exchange).filter(|_| is_mailed(&self.flow, &exchange.name));
        if let (Some(recorded), Some(mail)) = (carried, self.app.mails().await.last()) {
            self.note(&recorded, mail["token"].as_str().unwrap());
        }
    }

    pub fn note(&mut self, recorded: &str, ours: &str) {
        if recorded.len() >= 20 && recorded != ours {
            let known = self.ours.entry(recorded.to_owned());
            known.or_insert_with(|| ours.to_owned());
        }
    }

    /// Notes what stands in our answer where the recorded one has something
    /// random.
    fn learn(&mut self, exchange: &Exchange, answer: &Answer) {
        let set: Vec<String> = answer
            .headers
            .get_all("set-cookie")
            .iter()
            .map(|value| value.to_str().unwrap().to_owned())
            .collect();
        for cookie in &exchange.response.set_cookie {
            let start = format!("{}=", cookie.name);
            let ours = set.iter().find_map(|text| text.strip_prefix(&start));
            let ours = ours.and_then(|text| text.split(';').next()).unwrap_or("");
            if let (Some((recorded, _)), Some((token, _))) =
                (cookie.value.split_once('.'), ours.split_once('.'))
            {
                self.note(recorded, token);
                self.sign_cookies(&cookie.value);
            }
        }
        let (recorded, ours) = (exchange.response.body.clone(), &answer.body);
        self.learn_flow(&recorded, ours);
        self.learn_body(&recorded, ours);
    }

    fn learn_body(&mut self, recorded: &Value, ours: &Value) {
        match (recorded, ours) {
            (Value::Object(recorded), Value::Object(ours)) => {
                for (name, recorded) in recorded {
                    self.learn_body(recorded, ours.get(name).unwrap_or(&Value::Null));
                }
            }
            (Value::Array(recorded), Value::Array(ours)) => {
                for (recorded, ours) in recorded.iter().zip(ours) {
                    self.learn_body(recorded, ours);
                }
            }
            (Value::String(recorded), Value::String(ours)) => {
                let random = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
                let is_word = recorded.chars().all(random) && !recorded.ends_with('Z');
                if is_word {
                    self.note(recorded, ours);
                }
            }
            _ => {}
        }
    }

    pub fn replaced(&self, text: &str) -> String {
        let mut pairs: Vec<_> = self.ours.iter().collect();
        pairs.sort_by_key(|(recorded, _)| std::cmp::Reverse(recorded.len()));
        let replace = |text: String, (recorded, ours): &(&String, &String)| {
            text.replace(recorded.as_str(), ours)
        };
        pairs.iter().fold(text.to_owned(), replace)
    }

    /// Makes a session so many days older, as the recording did.
    async fn age(&self, token: &str, days: i64) {
        let aged = sqlx::query(
            "UPDATE sessions SET created_at = created_at - $1, refreshed_at = refreshed_at - $1, \
             expires_at = expires_at - $1 WHERE token_hash = $2",
        );
        let hash = digest(&self.replaced(token));
        let aged = aged
            .bind(days * DAY)
            .bind(hash)
            .execute(&self.app.database.pool);
        assert_eq!(
            aged.await.unwrap().rows_affected(),
            1,
            "no session of {token}"
        );
    }
}

/// The tokens that a request shows or names.
fn shown_tokens(exchange: &Exchange) -> Vec<String> {
    let headers = &exchange.request.headers;
    let header = |name: &str| headers.get(name).map_or("", String::as_str).to_owned();
    let cookies = header("cookie");
    let cookies = cookies.split("; ");
    let sessions = cookies.filter(|cookie| cookie.contains("session_token="));
    let named = exchange.request.body["token"]
        .as_str()
        .unwrap_or("")
        .to_owned();
    let texts = [
        sessions.collect::<Vec<_>>().join("; "),
        header("authorization"),
        named,
    ];
    let words = texts.iter().flat_map(|text| {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric());
        words.filter(|word| word.len() == 32).map(str::to_owned)
    });
    words.filter(|word| *word != "A".repeat(32)).collect()
}

/// What a request carries that came in a mail.
fn carried_token(exchange: &Exchange) -> Option<String> {
    let path = &exchange.request.path;
    let rest = [
        "/reset-password/",
        "/verify-email?token=",
        "/callback?token=",
    ]
    .iter()
    .find_map(|start| path.split_once(start));
    let (_, rest) = rest.filter(|_| !path.contains("/callback/"))?;
    rest.split(['?', '&']).next().map(str::to_owned)
}

fn shows_cookie(exchange: &Exchange, token: &str) -> bool {
    let cookie = exchange.request.headers.get("cookie");
    cookie.is_some_and(|cookie| cookie.contains(token))
}

fn exchange_sets(exchange: &Exchange, token: &str) -> bool {
    let mut set = exchange.response.set_cookie.iter();
    set.any(|cookie| cookie.value.starts_with(token))
}

/// The address and the name of the user that an answer tells of.
fn told_user(exchange: &Exchange) -> Option<(String, String)> {
    let user = &exchange.response.body["user"];
    let text = |name: &str| user[name].as_str().map(str::to_owned);
    Some((text("email")?, text("name")?))
}

fn signs_in(exchange: &Exchange) -> bool {
    exchange.request.path.starts_with("/api/auth/sign-in")
}

fn signs_up(exchange: &Exchange, email: &str) -> bool {
    let body = &exchange.request.body;
    let is_sign_up = exchange.request.path.starts_with("/api/auth/sign-up");
    is_sign_up
        && body["email"]
            .as_str()
            .is_some_and(|other| other.to_lowercase() == email)
}

/// Whose session a token proves: an answer to it tells, or the table does.
fn owner_of(token: &str, exchanges: &[Exchange]) -> (String, String) {
    let mut owners = OWNERS.iter();
    let owner = owners.find(|(start, ..)| token.starts_with(start));
    if let Some((_, email, name)) = owner {
        return ((*email).to_owned(), (*name).to_owned());
    }
    let mut shown = exchanges
        .iter()
        .filter(|other| shown_tokens(other).iter().any(|one| one == token));
    let told = shown.find_map(told_user);
    told.unwrap_or_else(|| ("someone@example.com".to_owned(), "Ada Lovelace".to_owned()))
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
