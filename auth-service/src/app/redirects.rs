//! Where a browser may come from, and where it may be sent.

use super::{App, error::Error};

/// The most bytes of a URL that a caller names.
const MAX_URL: usize = 2048;

impl App {
    /// Whether the pages of `origin` may act for their users: our own origin
    /// and the allowed ones.
    pub fn trusts_origin(&self, origin: &str) -> bool {
        let own = self.policy.public_url.origin().ascii_serialization();
        origin == own || self.policy.allowed_origins.lists(origin)
    }

    /// The place `target` that a link is to lead to, if a browser may be sent
    /// there.
    pub fn checked_target(&self, target: Option<String>) -> Result<Option<String>, Error> {
        match target {
            Some(target) if !self.may_send_to(&target) => Err(Error::UntrustedTarget),
            target => Ok(target),
        }
    }

    /// Whether a browser may be sent to `target`: a path of ours, or a URL of a
    /// trusted origin. What browsers and libraries read in different ways is
    /// refused: a control character, a backslash, a second slash, a user name.
    pub fn may_send_to(&self, target: &str) -> bool {
        let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
        if target.len() > MAX_URL || !target.bytes().all(plain) {
            return false;
        }
        let Ok(url) = self.policy.public_url.join(target) else {
            return false;
        };
        if target.starts_with('/') {
            return is_path(target) && url.origin() == self.policy.public_url.origin();
        }
        let is_absolute = target.contains("://") && url::Url::parse(target).is_ok();
        let names_nobody = url.username().is_empty() && url.password().is_none();
        is_absolute && names_nobody && self.trusts_origin(&url.origin().ascii_serialization())
    }
}

/// A path that no reader takes for a host, also after it was decoded once.
fn is_path(target: &str) -> bool {
    let second = target[1..].to_ascii_lowercase();
    !["/", "%2f", "%5c", "%00", "%09", "%0a", "%0d"]
        .iter()
        .any(|start| second.starts_with(start))
}
