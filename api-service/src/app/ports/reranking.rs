//! What is needed to rank passages again.

use async_trait::async_trait;

/// The reranker did not answer in its time, or not with anything of use.
#[derive(Debug, thiserror::Error)]
#[error("the reranker gives no order")]
pub struct RerankError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// A model that reads a question and a text together.
#[async_trait]
pub trait Reranker: Send + Sync {
    /// How well texts answer a question: pairs of a text's place, from 0, and a
    /// score, from 0 to 1, in any order, as it was told. Ends within a time that
    /// a reader can wait.
    async fn scores(
        &self,
        question: &str,
        texts: &[String],
    ) -> Result<Vec<(usize, f64)>, RerankError>;
}
