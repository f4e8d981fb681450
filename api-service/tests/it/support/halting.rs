//! An index that fails or stops where a test says so.

use std::sync::{Arc, Mutex};

use api_service::{
    app::ports::{IndexError, VectorIndex},
    domain::{
        chunk::ChunkId,
        document::DocumentId,
        index::{Hit, IndexPoint, IndexQuery},
        knowledge_base::KnowledgeBaseId,
        principal::SearchScope,
    },
};
use async_trait::async_trait;
use tokio::sync::Notify;

/// What becomes of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is done.
    Works,
    /// It never ends, and nothing is written.
    HaltsBefore,
    /// It never ends, but all is written.
    HaltsAfter,
    /// It fails, and so does everything else.
    Fails,
}

/// What a test holds of a [`HaltingIndex`].
pub struct Switch {
    fate: Mutex<Fate>,
    /// Told when a write was stopped.
    pub halted: Notify,
}

impl Switch {
    pub fn new(fate: Fate) -> Arc<Self> {
        Arc::new(Self {
            fate: Mutex::new(fate),
            halted: Notify::new(),
        })
    }

    pub fn set(&self, fate: Fate) {
        *self.fate.lock().unwrap() = fate;
    }

    fn fate(&self) -> Fate {
        *self.fate.lock().unwrap()
    }

    async fn halt(&self) {
        self.halted.notify_one();
        std::future::pending::<()>().await;
    }

    fn check(&self) -> Result<(), IndexError> {
        match self.fate() {
            Fate::Fails => Err(IndexError("qdrant.internal:6334 is gone".into())),
            _ => Ok(()),
        }
    }
}

/// The index around which a switch lies.
pub struct HaltingIndex {
    pub inner: Arc<dyn VectorIndex>,
    pub switch: Arc<Switch>,
}

#[async_trait]
impl VectorIndex for HaltingIndex {
    async fn upsert(&self, points: Vec<IndexPoint>) -> Result<(), IndexError> {
        self.switch.check()?;
        if self.switch.fate() == Fate::HaltsBefore {
            self.switch.halt().await;
        }
        self.inner.upsert(points).await?;
        if self.switch.fate() == Fate::HaltsAfter {
            self.switch.halt().await;
        }
        Ok(())
    }

    async fn delete_versions(&self, document: &DocumentId, upto: i64) -> Result<(), IndexError> {
        self.switch.check()?;
        self.inner.delete_versions(document, upto).await
    }

    async fn delete(&self, ids: &[ChunkId]) -> Result<(), IndexError> {
        self.switch.check()?;
        self.inner.delete(ids).await
    }

    async fn delete_base(&self, base: &KnowledgeBaseId) -> Result<(), IndexError> {
        self.switch.check()?;
        self.inner.delete_base(base).await
    }

    async fn settle(&self) -> Result<(), IndexError> {
        self.inner.settle().await
    }

    async fn search(&self, query: IndexQuery, scope: &SearchScope) -> Result<Vec<Hit>, IndexError> {
        self.switch.check()?;
        self.inner.search(query, scope).await
    }

    async fn count(&self) -> Result<u64, IndexError> {
        self.switch.check()?;
        self.inner.count().await
    }

    async fn ids(&self, after: Option<&ChunkId>, limit: usize) -> Result<Vec<ChunkId>, IndexError> {
        self.switch.check()?;
        self.inner.ids(after, limit).await
    }

    async fn is_up(&self) -> bool {
        self.switch.check().is_ok()
    }
}
