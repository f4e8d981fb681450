//! Pages that are read one after the other.

use std::{collections::HashMap, error::Error, time::Duration};

use async_trait::async_trait;
use http::{
    HeaderMap, StatusCode,
    header::{
        ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderName,
        IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, LOCATION,
    },
};
use reqwest::Response;
use url::Url;

use super::{AGENT, Reader};
use crate::{
    app::ports::{FetchError, Fetched, FetchedPage, Visit},
    domain::source::{Marks, is_web},
    pipeline::{
        gzip::{NotInflated, gunzip},
        robots::{self, Robots},
    },
};

/// Redirects that are followed.
const MOST_REDIRECTS: usize = 5;

/// The longest pause that a host can ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The longest `ETag` or `Last-Modified` that is kept, in bytes.
const LONGEST_MARK: usize = 500;

/// Hosts whose `robots.txt` is remembered: a page can lead to any number.
const MOST_ROBOTS: usize = 16;

/// A visit.
pub(super) struct WebVisit {
    reader: Reader,
    /// What the hosts ask for, by origin.
    robots: HashMap<String, Result<Robots, FetchError>>,
}

/// What one request came to.
enum Answer {
    Unchanged,
    Elsewhere(Url),
    Page(FetchedPage),
}

/// How much of an answer is read.
#[derive(Clone, Copy)]
enum Limit {
    /// More than this is refused.
    Refuse(usize),
    /// More than this is left out.
    Cut(usize),
}

impl WebVisit {
    pub(super) fn new(reader: Reader) -> Self {
        Self {
            reader,
            robots: HashMap::new(),
        }
    }

    /// What the host asks for, looked up once.
    async fn robots(&mut self, url: &Url) -> Result<&Robots, FetchError> {
        let origin = url.origin().ascii_serialization();
        if !self.robots.contains_key(&origin) {
            if self.robots.len() >= MOST_ROBOTS {
                self.robots.clear();
            }
            let found = self.reader.robots(url).await;
            self.robots.insert(origin.clone(), found);
        }
        match &self.robots[&origin] {
            Ok(robots) => Ok(robots),
            Err(error) => Err(*error),
        }
    }
}

#[async_trait]
impl Visit for WebVisit {
    async fn get(
        &mut self,
        address: &str,
        marks: &Marks,
        limit: usize,
    ) -> Result<Fetched, FetchError> {
        let mut url = Url::parse(address).map_err(|_| FetchError::InvalidAddress)?;
        for _ in 0..=MOST_REDIRECTS {
            let robots = self.robots(&url).await?;
            let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
            if !robots.allows(path) {
                return Err(FetchError::Disallowed);
            }
            let pause = robots.crawl_delay.unwrap_or_default();
            let limit = Limit::Refuse(limit);
            match self.reader.ask(url, marks, limit, pause).await? {
                Answer::Elsewhere(next) => url = next,
                Answer::Unchanged => return Ok(Fetched::Unchanged),
                Answer::Page(page) => return Ok(Fetched::Page(page)),
            }
        }
        Err(FetchError::TooManyRedirects)
    }
}

impl Reader {
    /// What a host's `robots.txt` says (RFC 9309, section 2.3.1): without one
    /// everything is allowed, and nothing where it can't be had.
    async fn robots(&self, page: &Url) -> Result<Robots, FetchError> {
        let mut url = page
            .join("/robots.txt")
            .map_err(|_| FetchError::InvalidAddress)?;
        let limit = Limit::Cut(robots::LARGEST);
        for _ in 0..=MOST_REDIRECTS {
            match self
                .ask(url, &Marks::default(), limit, Duration::ZERO)
                .await
            {
                Ok(Answer::Elsewhere(next)) => url = next,
                Ok(Answer::Page(page)) => {
                    let text = String::from_utf8_lossy(&page.content);
                    return Ok(Robots::parse(&text, AGENT));
                }
                Ok(Answer::Unchanged) | Err(FetchError::BadStatus(500..)) => {
                    return Err(FetchError::RobotsUnavailable);
                }
                Err(FetchError::Gone | FetchError::BadStatus(_) | FetchError::BadEncoding) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(Robots::default())
    }

    /// Makes one request, when the host's turn has come.
    async fn ask(
        &self,
        url: Url,
        marks: &Marks,
        limit: Limit,
        pause: Duration,
    ) -> Result<Answer, FetchError> {
        if !is_web(&url) {
            return Err(FetchError::InvalidAddress);
        }
        self.guard.check_literal(&url)?;
        let turn = self.turns.wait(url.host_str().unwrap_or_default()).await;
        let asked = tokio::time::timeout(self.timeout, self.request(url, marks, limit)).await;
        turn.end(pause.min(LONGEST_PAUSE).max(self.pause));
        asked.unwrap_or(Err(FetchError::TimedOut))
    }

    async fn request(&self, url: Url, marks: &Marks, limit: Limit) -> Result<Answer, FetchError> {
        let mut asked_if_changed = false;
        let request = self
            .client
            .get(url.clone())
            .header(ACCEPT, "text/html, text/markdown, text/plain, */*;q=0.5")
            .header(ACCEPT_ENCODING, "gzip");
        let request = [
            (IF_NONE_MATCH, &marks.etag),
            (IF_MODIFIED_SINCE, &marks.last_modified),
        ]
        .into_iter()
        .filter(|(_, mark)| !mark.is_empty())
        .inspect(|_| asked_if_changed = true)
        .fold(request, |request, (name, mark)| request.header(name, mark));
        let response = request.send().await.map_err(|error| refusal(&error))?;
        let status = response.status();
        match status {
            StatusCode::OK | StatusCode::NON_AUTHORITATIVE_INFORMATION => {
                Ok(Answer::Page(page(url, response, limit).await?))
            }
            StatusCode::NOT_MODIFIED if asked_if_changed => Ok(Answer::Unchanged),
            StatusCode::NOT_FOUND | StatusCode::GONE => Err(FetchError::Gone),
            StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT => {
                let location = text(response.headers(), LOCATION);
                let next = location.and_then(|location| url.join(&location).ok());
                next.map(Answer::Elsewhere).ok_or(FetchError::BadRedirect)
            }
            status => Err(FetchError::BadStatus(status.as_u16())),
        }
    }
}

async fn page(url: Url, response: Response, limit: Limit) -> Result<FetchedPage, FetchError> {
    let headers = response.headers().clone();
    let encoding = text(&headers, CONTENT_ENCODING).unwrap_or_default();
    let packed = match encoding.to_ascii_lowercase().as_str() {
        "" | "identity" => false,
        "gzip" | "x-gzip" => true,
        _ => return Err(FetchError::BadEncoding),
    };
    let content = body(response, limit).await?;
    let content = if packed {
        inflated(content, limit).await?
    } else {
        content
    };
    let mark = |name| {
        let mark = text(&headers, name).unwrap_or_default();
        if mark.len() <= LONGEST_MARK {
            mark
        } else {
            String::new()
        }
    };
    Ok(FetchedPage {
        address: url.into(),
        media_type: text(&headers, CONTENT_TYPE),
        content,
        marks: Marks {
            etag: mark(ETAG),
            last_modified: mark(LAST_MODIFIED),
            lastmod: String::new(),
        },
    })
}

/// An answer's body, counted while it comes.
async fn body(mut response: Response, limit: Limit) -> Result<Vec<u8>, FetchError> {
    let (Limit::Refuse(most) | Limit::Cut(most)) = limit;
    let mut content = vec![];
    while let Some(piece) = response.chunk().await.map_err(|error| refusal(&error))? {
        let room = most - content.len();
        if piece.len() <= room {
            content.extend_from_slice(&piece);
            continue;
        }
        match limit {
            Limit::Refuse(_) => return Err(FetchError::TooLarge),
            Limit::Cut(_) => content.extend_from_slice(&piece[..room]),
        }
        break;
    }
    Ok(content)
}

async fn inflated(content: Vec<u8>, limit: Limit) -> Result<Vec<u8>, FetchError> {
    let (Limit::Refuse(most) | Limit::Cut(most)) = limit;
    let inflating = tokio::task::spawn_blocking(move || gunzip(&content, most));
    match inflating.await {
        Ok(Ok(content)) => Ok(content),
        Ok(Err(NotInflated::TooLarge)) => Err(FetchError::TooLarge),
        Ok(Err(NotInflated::Broken)) | Err(_) => Err(FetchError::BadEncoding),
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.trim().to_owned())
}

/// Why there is no answer: the guard's own word is somewhere below.
fn refusal(error: &reqwest::Error) -> FetchError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(refused) = error.downcast_ref::<FetchError>() {
            return *refused;
        }
        cause = error.source();
    }
    tracing::debug!(error = error as &dyn Error, "a page can't be fetched");
    FetchError::Unreachable
}
