//! A model that can't be asked any more, such as one whose key was taken away.
//! Its index is still searched by words, until another model takes its place.

use async_trait::async_trait;

use crate::{
    app::ports::{DenseEmbedder, EmbeddingError},
    domain::embedding_model::{EmbeddingModel, ModelOrigin},
    outbound::token_estimate,
};

/// The model.
pub struct AbsentEmbedder(pub EmbeddingModel);

#[async_trait]
impl DenseEmbedder for AbsentEmbedder {
    fn fingerprint(&self) -> &str {
        &self.0.fingerprint
    }

    fn origin(&self) -> ModelOrigin {
        self.0.origin.clone()
    }

    fn dimensions(&self) -> usize {
        self.0.dimensions
    }

    fn max_tokens(&self) -> usize {
        token_estimate::MAX_TOKENS
    }

    fn count_tokens(&self, text: &str) -> usize {
        token_estimate::tokens(text)
    }

    async fn embed_passages(&self, _: Vec<String>) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        Err(EmbeddingError::Busy(None))
    }

    async fn embed_question(&self, _: String) -> Result<Vec<f32>, EmbeddingError> {
        Err(EmbeddingError::Busy(None))
    }

    async fn embed_sentences(&self, _: Vec<String>) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        Err(EmbeddingError::Busy(None))
    }
}
