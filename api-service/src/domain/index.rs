//! What the vector index holds and how it is asked.

use super::{chunk::ChunkId, document::DocumentId, knowledge_base::KnowledgeBaseId};

/// A sparse vector: places and values, of the same length.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SparseVector {
    /// The places that are not zero.
    pub indices: Vec<u32>,
    /// The values at these places.
    pub values: Vec<f32>,
}

/// A chunk's two vectors and what it is filtered by.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexPoint {
    /// The chunk.
    pub chunk_id: ChunkId,
    /// The document it stands in.
    pub document_id: DocumentId,
    /// That document's version.
    pub version: i64,
    /// The knowledge base it belongs to.
    pub knowledge_base_id: KnowledgeBaseId,
    /// The embedding.
    pub dense: Vec<f32>,
    /// The BM25 weights.
    pub sparse: SparseVector,
}

/// How two lists of hits become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fusion {
    /// Reciprocal rank fusion with this `k`.
    Rrf(u32),
    /// Distribution-based score fusion.
    Dbsf,
}

/// What is searched by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Meaning alone.
    Dense,
    /// Words alone.
    Sparse,
    /// Both, fused.
    Hybrid(Fusion),
}

/// A question to the index.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexQuery {
    /// The question's embedding.
    pub dense: Vec<f32>,
    /// The question's words.
    pub sparse: SparseVector,
    /// What is searched by.
    pub mode: Mode,
    /// How many hits are wanted.
    pub limit: usize,
}

/// A chunk that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The chunk.
    pub chunk_id: ChunkId,
    /// Its score: of use for an order among hits of one query alone.
    pub score: f64,
}
