//! What both indexes call the parts of a point, so that one can be filled from
//! the other.

/// The dense vector.
pub(super) const DENSE: &str = "dense";
/// The sparse vector.
pub(super) const SPARSE: &str = "bm25";
/// The payload field of the knowledge base's id.
pub(super) const BASE: &str = "knowledge_base";
/// The payload field of the document's id.
pub(super) const DOCUMENT: &str = "document";
/// The payload field of the document's version.
pub(super) const VERSION: &str = "version";

/// Hits that each side of a hybrid search brings in, for each one wanted.
pub(super) const PREFETCH: usize = 4;
