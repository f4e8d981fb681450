//! A model that does not embed the same question again: many readers of a site ask
//! what others have asked, or what it suggests to them.

use std::sync::Arc;

use async_trait::async_trait;
use quick_cache::sync::Cache;

use crate::{
    app::ports::{DenseEmbedder, EmbeddingError},
    domain::embedding_model::ModelOrigin,
};

/// Questions whose vectors are kept: 1.5 MiB of the local model's.
const QUESTIONS: usize = 1_000;

/// The model, with the vectors of questions that were asked of late.
pub struct Remembering {
    model: Arc<dyn DenseEmbedder>,
    /// By the hashes of their texts, which are not kept.
    questions: Cache<[u8; 32], Arc<[f32]>>,
}

impl Remembering {
    /// Remembers what `model` makes of questions.
    pub fn new(model: Arc<dyn DenseEmbedder>) -> Self {
        Self {
            model,
            questions: Cache::new(QUESTIONS),
        }
    }

    async fn embed_anew(&self, text: String) -> Result<Arc<[f32]>, EmbeddingError> {
        Ok(self.model.embed_question(text).await?.into())
    }
}

#[async_trait]
impl DenseEmbedder for Remembering {
    fn fingerprint(&self) -> &str {
        self.model.fingerprint()
    }

    fn origin(&self) -> ModelOrigin {
        self.model.origin()
    }

    fn dimensions(&self) -> usize {
        self.model.dimensions()
    }

    fn max_tokens(&self) -> usize {
        self.model.max_tokens()
    }

    fn count_tokens(&self, text: &str) -> usize {
        self.model.count_tokens(text)
    }

    async fn embed_passages(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        self.model.embed_passages(texts).await
    }

    async fn embed_question(&self, text: String) -> Result<Vec<f32>, EmbeddingError> {
        let key = *blake3::hash(text.as_bytes()).as_bytes();
        let known = self
            .questions
            .get_or_insert_async(&key, self.embed_anew(text));
        Ok(known.await?.to_vec())
    }

    /// Each anew: sentences of answers are not asked for again.
    async fn embed_sentences(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        self.model.embed_sentences(texts).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Says how often it was asked; it fails at the first time.
    #[derive(Default)]
    struct Counting(AtomicUsize);

    #[async_trait]
    impl DenseEmbedder for Counting {
        fn fingerprint(&self) -> &'static str {
            "counting"
        }

        fn origin(&self) -> ModelOrigin {
            ModelOrigin::default()
        }

        fn dimensions(&self) -> usize {
            1
        }

        fn max_tokens(&self) -> usize {
            1
        }

        fn count_tokens(&self, text: &str) -> usize {
            text.len()
        }

        async fn embed_passages(&self, _: Vec<String>) -> Result<Vec<Vec<f32>>, EmbeddingError> {
            Err(EmbeddingError::Busy(None))
        }

        #[expect(clippy::cast_precision_loss, reason = "a few calls")]
        async fn embed_question(&self, _: String) -> Result<Vec<f32>, EmbeddingError> {
            match self.0.fetch_add(1, Ordering::Relaxed) {
                0 => Err(EmbeddingError::Busy(None)),
                times => Ok(vec![times as f32]),
            }
        }

        async fn embed_sentences(&self, _: Vec<String>) -> Result<Vec<Vec<f32>>, EmbeddingError> {
            Err(EmbeddingError::Busy(None))
        }
    }

    #[tokio::test]
    async fn a_question_is_embedded_once_and_a_failure_is_not_remembered() {
        let model = Remembering::new(Arc::new(Counting::default()));
        let ask = |text: &str| model.embed_question(text.to_owned());
        assert!(ask("What lifts it?").await.is_err());
        assert_eq!(ask("What lifts it?").await.unwrap(), [1.0]);
        assert_eq!(ask("What lifts it?").await.unwrap(), [1.0]);
        assert_eq!(ask("What lifts them?").await.unwrap(), [2.0]);
        assert_eq!(ask("What lifts it?").await.unwrap(), [1.0]);
    }

    #[tokio::test]
    async fn who_asks_at_once_waits_for_the_first() {
        let model = Remembering::new(Arc::new(Counting(AtomicUsize::new(1))));
        let ask = || model.embed_question("What lifts it?".to_owned());
        let asked = futures::future::join_all((0..20).map(|_| ask())).await;
        let vectors: Vec<_> = asked.into_iter().map(Result::unwrap).collect();
        assert!(vectors.iter().all(|vector| *vector == [1.0]));
    }
}
