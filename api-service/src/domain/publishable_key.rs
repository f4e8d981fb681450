//! Keys for pages of others: not secret, since they stand in those pages, and
//! good for one knowledge base and from some origins alone.

use std::num::NonZeroU32;

use service_kit::clock::Millis;

use super::knowledge_base::KnowledgeBaseId;

/// A publishable key's id, which is told to who manages it alone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PublishableKeyId(pub String);

/// A key that a page shows for its visitors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishableKey {
    /// Its id.
    pub id: PublishableKeyId,
    /// What pages send: [`PREFIX`] and 32 letters and digits.
    pub key: String,
    /// What it is called by who made it.
    pub name: String,
    /// The knowledge base that it is good for.
    pub base: KnowledgeBaseId,
    /// The origins whose pages may send it; `https://*.example.com` is every
    /// origin below.
    pub origins: Vec<String>,
    /// How many questions a minute each visitor may ask with it.
    pub per_minute: NonZeroU32,
    /// How many questions may be asked with it in a day (UTC).
    pub per_day: NonZeroU32,
    /// Whether it is taken.
    pub enabled: bool,
    /// When it was made.
    pub created_at: Millis,
}

/// That somebody asks with a publishable key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUse {
    /// Which.
    pub id: PublishableKeyId,
    /// What all answers are from.
    pub base: KnowledgeBaseId,
    /// How many questions a minute each visitor may ask.
    pub per_minute: NonZeroU32,
}

impl PublishableKey {
    /// What asking with it means.
    pub fn used(&self) -> KeyUse {
        KeyUse {
            id: self.id.clone(),
            base: self.base.clone(),
            per_minute: self.per_minute,
        }
    }

    /// Whether the pages of `origin` may send it.
    pub fn lists(&self, origin: &str) -> bool {
        let patterns = patterns(origin);
        self.origins.iter().any(|listed| patterns.contains(listed))
    }
}

/// What every publishable key begins with.
pub const PREFIX: &str = "pk_";

/// The most keys of one knowledge base.
pub const MAX_KEYS: usize = 100;

/// The most origins of one key.
pub const MAX_ORIGINS: usize = 20;

/// The longest origin, in bytes: a scheme, a name of DNS and a port.
const MAX_ORIGIN: usize = 8 + 253 + 6;

/// Whether `text` is made like a key.
pub fn is_publishable_key(text: &str) -> bool {
    text.strip_prefix(PREFIX).is_some_and(|rest| {
        let plain = |c: u8| c.is_ascii_digit() || c.is_ascii_lowercase();
        rest.len() == 32 && rest.bytes().all(plain)
    })
}

/// The origin that people mean by `text`, as browsers write it: lower case, no
/// slash at the end, no port that goes without saying. Its host may begin with
/// `*.`.
pub fn origin(text: &str) -> Option<String> {
    let origin = text.trim().trim_end_matches('/').to_ascii_lowercase();
    let (scheme, rest) = origin.split_once("://")?;
    let default_port = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => return None,
    };
    let rest = rest.strip_suffix(default_port).unwrap_or(rest);
    let (host, port) = rest.split_once(':').unwrap_or((rest, "1"));
    let named = host.strip_prefix("*.").unwrap_or(host);
    let plain = |c: u8| c.is_ascii_digit() || c.is_ascii_lowercase() || c == b'-';
    let is_label = |label: &str| !label.is_empty() && label.bytes().all(plain);
    let is_sound = named.split('.').all(is_label)
        && port.parse::<u16>().is_ok_and(|port| port > 0)
        && (named == host || named.contains('.'))
        && origin.len() <= MAX_ORIGIN;
    is_sound.then(|| format!("{scheme}://{rest}"))
}

/// What a key may list for the pages of `origin` to be in it: itself, and all
/// that it is below. Nothing for what is no origin.
pub fn patterns(origin: &str) -> Vec<String> {
    let sound = self::origin(origin).filter(|sound| sound == origin && !origin.contains('*'));
    let Some((scheme, host)) = sound.as_deref().and_then(|sound| sound.split_once("://")) else {
        return vec![];
    };
    let above = host.match_indices('.').map(|(dot, _)| &host[dot + 1..]);
    let above = above.filter(|domain| domain.contains('.'));
    let patterns = above.map(|domain| format!("{scheme}://*.{domain}"));
    std::iter::once(origin.to_owned()).chain(patterns).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_read_as_browsers_write_them() {
        for (text, read) in [
            (
                "https://Docs.example.com/",
                Some("https://docs.example.com"),
            ),
            (
                "https://docs.example.com:443",
                Some("https://docs.example.com"),
            ),
            ("http://localhost:3000", Some("http://localhost:3000")),
            ("https://*.example.com", Some("https://*.example.com")),
            ("https://*.com", None),
            ("https://*", None),
            ("*", None),
            ("null", None),
            ("docs.example.com", None),
            ("ftp://docs.example.com", None),
            ("https://docs.example.com/path", None),
            ("https://docs.example.com; script-src *", None),
            ("https://docs.example.com:0", None),
            ("https://docs.example.com:99999", None),
            ("https://user@docs.example.com", None),
            ("https://a..b", None),
            ("https://", None),
        ] {
            assert_eq!(origin(text).as_deref(), read, "{text}");
        }
    }

    #[test]
    fn a_star_stands_for_all_that_is_below() {
        let below = patterns("https://a.docs.example.com");
        let wanted = [
            "https://a.docs.example.com",
            "https://*.docs.example.com",
            "https://*.example.com",
        ];
        assert_eq!(below, wanted);
        for wrong in ["https://*.example.com", "https://A.example.com", "null", ""] {
            assert!(patterns(wrong).is_empty(), "{wrong}");
        }
    }

    #[test]
    fn keys_are_told_by_their_shape() {
        assert!(is_publishable_key(&format!("pk_{}", "a0".repeat(16))));
        for wrong in ["", "pk_", "pk_short", "sk_00000000000000000000000000000000"] {
            assert!(!is_publishable_key(wrong), "{wrong}");
        }
        assert!(!is_publishable_key(&format!("pk_{}", "A".repeat(32))));
    }
}
