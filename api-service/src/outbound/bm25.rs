//! BM25 weights, computed as Qdrant's own server does it, for both indexes.
//! The IDF part is the index's: it knows all documents.

use qdrant_edge::{
    bm25_embed::{EdgeBm25, EdgeBm25Config},
    external::ordered_float::NotNan,
};

use crate::{app::ports::SparseEmbedder, domain::index::SparseVector};

/// The mean number of words of a chunk with its context line.
const AVERAGE_LENGTH: f64 = 110.0;

/// English stop words and stemming, lower case.
pub struct Bm25 {
    model: EdgeBm25,
}

/// The BM25 model could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the BM25 model can't be made: {0}")]
pub struct Bm25Error(String);

impl Bm25 {
    /// The model with the usual parameters, `k` 1.2 and `b` 0.75.
    pub fn new() -> Result<Self, Bm25Error> {
        let failed = |error: &dyn std::fmt::Display| Bm25Error(error.to_string());
        let config = EdgeBm25Config {
            avg_len: NotNan::new(AVERAGE_LENGTH).map_err(|error| failed(&error))?,
            ascii_folding: Some(true),
            ..EdgeBm25Config::default()
        };
        let model = EdgeBm25::new(config).map_err(|error| failed(&error))?;
        Ok(Self { model })
    }
}

impl SparseEmbedder for Bm25 {
    fn passage(&self, text: &str) -> SparseVector {
        let vector = self.model.embed_document(text);
        SparseVector {
            indices: vector.indices,
            values: vector.values,
        }
    }

    fn question(&self, text: &str) -> SparseVector {
        let vector = self.model.embed_query(text);
        SparseVector {
            indices: vector.indices,
            values: vector.values,
        }
    }
}
