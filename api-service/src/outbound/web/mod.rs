//! Reads pages of the web, as their hosts want it, and none that is not public.

pub mod addresses;
mod turns;
mod visit;

use std::{sync::Arc, time::Duration};

use crate::app::ports::{Visit, Web};
use addresses::Guard;
use turns::Turns;
use visit::WebVisit;

/// The name that hosts know us by in `robots.txt`.
const AGENT: &str = "lectern";

/// How pages are read.
pub struct WebSettings {
    /// Lets through what may be connected to.
    pub guard: Guard,
    /// The least time between two requests to a host.
    pub pause: Duration,
    /// How long one request may take.
    pub timeout: Duration,
}

/// Reads pages.
pub struct PublicWeb {
    reader: Reader,
}

/// What all visits share.
#[derive(Clone)]
struct Reader {
    client: reqwest::Client,
    guard: Guard,
    turns: Turns,
    pause: Duration,
    timeout: Duration,
}

impl PublicWeb {
    /// Reads as `settings` say, and by no proxy of the environment: that one
    /// would look up hosts itself.
    pub fn new(settings: WebSettings) -> Result<Self, reqwest::Error> {
        let WebSettings {
            guard,
            pause,
            timeout,
        } = settings;
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .dns_resolver(Arc::new(guard.clone()))
            .user_agent(concat!("lectern/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self {
            reader: Reader {
                client,
                guard,
                turns: Turns::default(),
                pause,
                timeout,
            },
        })
    }
}

impl Web for PublicWeb {
    fn visit(&self) -> Box<dyn Visit> {
        Box::new(WebVisit::new(self.reader.clone()))
    }
}
