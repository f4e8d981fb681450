//! Hosts that sources are fetched from.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    net::IpAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use api_service::outbound::web::{
    PublicWeb, WebSettings,
    addresses::{Guard, LookUp},
};
use async_trait::async_trait;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

/// How long a request may take where that does not matter.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Knows the addresses of some hosts, and of no other.
pub struct Hosts(pub BTreeMap<&'static str, Vec<IpAddr>>);

#[async_trait]
impl LookUp for Hosts {
    async fn look_up(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let known = self.0.get(host).cloned();
        known.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// A guard that knows no hosts and lets these networks through.
pub fn guard(allowed: &[&str]) -> Guard {
    guard_with(&[], allowed)
}

/// A guard that knows these hosts.
pub fn guard_with(hosts: &[(&'static str, &[&str])], allowed: &[&str]) -> Guard {
    let hosts = hosts.iter().map(|(host, addresses)| {
        let addresses = addresses.iter().map(|address| address.parse().unwrap());
        (*host, addresses.collect())
    });
    let networks: Vec<_> = allowed
        .iter()
        .map(|network| network.parse().unwrap())
        .collect();
    Guard::new(Arc::new(Hosts(hosts.collect())), &networks)
}

/// Reads pages without a pause between two.
pub fn web(guard: Guard, timeout: Duration) -> PublicWeb {
    // The first one wins: another test of this process was quicker.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let settings = WebSettings {
        guard,
        pause: Duration::ZERO,
        timeout,
    };
    PublicWeb::new(settings).unwrap()
}

/// A host on this machine, without a page at first.
pub struct Site {
    server: MockServer,
    pages: Pages,
}

/// An answer, and the mark by which it is told whether it changed.
type Answer = (ResponseTemplate, Option<String>);

/// A path, and the mark that the asker knew.
type Asked = (String, Option<String>);

#[derive(Clone, Default)]
struct Pages {
    /// What is answered at a path.
    answers: Arc<Mutex<HashMap<String, Answer>>>,
    /// What was asked for.
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Respond for Pages {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let path = request.url.path().to_owned();
        let known = request.headers.get("if-none-match");
        let known = known.map(|mark| mark.to_str().unwrap().to_owned());
        self.asked
            .lock()
            .unwrap()
            .push((path.clone(), known.clone()));
        let answer = self.answers.lock().unwrap().get(&path).cloned();
        match answer {
            None => ResponseTemplate::new(404),
            Some((_, mark)) if mark.is_some() && mark == known => ResponseTemplate::new(304),
            Some((answer, _)) => answer,
        }
    }
}

impl Site {
    pub async fn start() -> Self {
        let (server, pages) = (MockServer::start().await, Pages::default());
        Mock::given(any())
            .respond_with(pages.clone())
            .mount(&server)
            .await;
        Self { server, pages }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.uri())
    }

    /// Answers a path from now on.
    pub fn set(&self, path: &str, answer: ResponseTemplate) {
        self.answer(path, (answer, None));
    }

    /// Has a page of HTML at a path from now on, with a mark made of its text.
    pub fn page(&self, path: &str, text: &str) {
        let (mark, html) = (format!("\"{text}\""), html(text));
        let marked = html.insert_header("etag", mark.as_str());
        self.answer(path, (marked, Some(mark)));
    }

    fn answer(&self, path: &str, answer: Answer) {
        let mut answers = self.pages.answers.lock().unwrap();
        answers.insert(path.to_owned(), answer);
    }

    /// Has nothing at a path any more.
    pub fn remove(&self, path: &str) {
        self.pages.answers.lock().unwrap().remove(path);
    }

    /// What was asked for since this was last called, in order; with a `?` where
    /// it was asked whether it changed. `robots.txt` is left out.
    pub fn asked(&self) -> Vec<String> {
        let asked = std::mem::take(&mut *self.pages.asked.lock().unwrap());
        let asked = asked.into_iter().filter(|(path, _)| path != "/robots.txt");
        let written = asked.map(|(path, known)| match known {
            Some(_) => format!("{path}?"),
            None => path,
        });
        written.collect()
    }

    /// How often `robots.txt` was asked for.
    pub async fn asked_for_robots(&self) -> usize {
        let requests = self.server.received_requests().await.unwrap();
        let robots = requests
            .iter()
            .filter(|asked| asked.url.path() == "/robots.txt");
        robots.count()
    }
}

/// A page of HTML.
pub fn html(text: &str) -> ResponseTemplate {
    let page = format!("<html><body><main><p>{text}</p></main></body></html>");
    ResponseTemplate::new(200).set_body_raw(page, "text/html; charset=utf-8")
}

/// A page of plain text without a mark.
pub fn plain(text: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(text, "text/plain")
}

/// An answer that leads elsewhere.
pub fn redirect(to: &str) -> ResponseTemplate {
    ResponseTemplate::new(302).insert_header("location", to)
}
