//! The real embedding model, loaded once a process, counted and stopped.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use api_service::{
    app::ports::{DenseEmbedder, EmbeddingError},
    domain::embedding_model::ModelOrigin,
    outbound::embedding::minilm::MiniLm,
};
use async_trait::async_trait;
use tokio::sync::Notify;

static MODEL: LazyLock<Arc<MiniLm>> =
    LazyLock::new(|| Arc::new(MiniLm::load(&models_folder(), 2).unwrap()));

/// The model itself.
pub fn model() -> Arc<MiniLm> {
    MODEL.clone()
}

/// The folder that holds the model's folder.
#[expect(
    clippy::disallowed_methods,
    reason = "the harness says where the model is"
)]
pub fn models_folder() -> PathBuf {
    if let Ok(set) = std::env::var("LECTERN_MODELS_DIR") {
        return PathBuf::from(set);
    }
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/models");
    let there = beside.join("all-MiniLM-L6-v2/manifest.json").exists();
    assert!(
        there,
        "the embedding model is missing: run the tests with `make test`"
    );
    beside.canonicalize().unwrap()
}

/// Counts what the model embeds, and stops for good where a test says so.
pub struct CountingEmbedder {
    model: Arc<MiniLm>,
    passages: AtomicUsize,
    calls: AtomicUsize,
    halts_at: Option<usize>,
    failures: Mutex<VecDeque<EmbeddingError>>,
    /// Told when embedding has come to the call at which it stops.
    pub halted: Notify,
    /// Lets a stopped call go on.
    pub go_on: Notify,
}

impl CountingEmbedder {
    pub fn new(halts_at: Option<usize>) -> Self {
        Self {
            model: model(),
            passages: AtomicUsize::new(0),
            calls: AtomicUsize::new(0),
            halts_at,
            failures: Mutex::default(),
            halted: Notify::new(),
            go_on: Notify::new(),
        }
    }

    /// What the next call comes to, after those that were said before.
    pub fn fails_with(&self, error: EmbeddingError) {
        self.failures.lock().unwrap().push_back(error);
    }

    /// How many passages were embedded since this was last asked.
    pub fn embedded(&self) -> usize {
        self.passages.swap(0, Ordering::SeqCst)
    }
}

#[async_trait]
impl DenseEmbedder for CountingEmbedder {
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
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        if self.halts_at == Some(call) {
            self.halted.notify_one();
            self.go_on.notified().await;
        }
        let failure = self.failures.lock().unwrap().pop_front();
        if let Some(error) = failure {
            return Err(error);
        }
        self.passages.fetch_add(texts.len(), Ordering::SeqCst);
        self.model.embed_passages(texts).await
    }

    async fn embed_question(&self, text: String) -> Result<Vec<f32>, EmbeddingError> {
        self.model.embed_question(text).await
    }

    async fn embed_sentences(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        self.model.embed_sentences(texts).await
    }
}
