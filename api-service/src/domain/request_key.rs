//! Requests that callers may send again without doing their work again.

use service_kit::clock::Millis;

use super::principal::UserId;

/// How long a request is known by its key, in milliseconds: a day.
pub const REQUEST_LIFETIME: Millis = 24 * 60 * 60 * 1000;

/// The longest key, in characters.
const MAX_KEY: usize = 255;

/// A request that its caller gave a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedRequest {
    /// Who sent it: others may have the same key.
    pub caller: UserId,
    /// What they call it.
    pub key: String,
    /// The hash of all that it asks for.
    pub hash: String,
}

/// Whether `text` can be a request's key: visible ASCII.
pub fn is_request_key(text: &str) -> bool {
    (1..=MAX_KEY).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_visible_and_not_too_long() {
        for key in ["a", "\"8e03978e-40d5\"", &"k".repeat(255)] {
            assert!(is_request_key(key), "{key}");
        }
        for key in ["", "a b", "a\tb", "\u{e4}", "\0", &"k".repeat(256)] {
            assert!(!is_request_key(key), "{key:?}");
        }
    }
}
