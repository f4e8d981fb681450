//! Links that show a document's bytes for a short time to whoever has them.

use service_kit::clock::Millis;

use super::{document::DocumentId, principal::UserId};

/// What a link says. It shows no more than the user who asked for it may see
/// at the moment it is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentLink {
    /// The document.
    pub document: DocumentId,
    /// Its version: another one is not shown.
    pub version: i64,
    /// Who asked for the link.
    pub user: UserId,
    /// When it was made.
    pub issued_at: Millis,
    /// From when on it is not followed.
    pub expires_at: Millis,
}

/// For how many seconds a link holds at most, and where nothing else is asked
/// for.
pub const LINK_LIFETIME: i64 = 15 * 60;

/// What names a heading in a document: its letters and digits in lower case,
/// with hyphens for spaces, as GitHub has it.
pub fn heading_anchor(heading: &str) -> String {
    let letters = heading.trim().chars().flat_map(char::to_lowercase);
    let kept = letters.filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// What names a page of a PDF, from 1 (RFC 8118, section 3).
pub fn page_anchor(page: u32) -> String {
    format!("page={page}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_are_as_github_has_them() {
        for (heading, anchor) in [
            ("The gripper", "the-gripper"),
            ("  2.1 What's `new`?  ", "21-whats-new"),
            ("Größe", "größe"),
            ("", ""),
        ] {
            assert_eq!(heading_anchor(heading), anchor);
        }
    }
}
