//! Which documents are asked, of those that somebody may read.

use service_kit::clock::Millis;

use super::{
    document::{DocumentId, is_label},
    tags::Tags,
};

/// What a document must be like to be asked: all that is given here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DocumentFilter {
    /// It is one of these; any where there is none.
    pub documents: Vec<DocumentId>,
    /// Its path begins with this.
    pub path_prefix: String,
    /// It has each of these tags.
    pub tags: Tags,
    /// Its newest version came in then or later.
    pub from: Option<Millis>,
    /// Its newest version came in before.
    pub to: Option<Millis>,
}

/// The most documents that a filter names.
pub const MAX_NAMED: usize = 100;

impl DocumentFilter {
    /// Whether every document passes.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it can be asked for.
    pub fn is_sound(&self) -> bool {
        self.documents.len() <= MAX_NAMED && is_label(&self.path_prefix)
    }
}
