//! Vector spaces: an embedding model and the index of its vectors. Questions
//! are asked in the active one; while documents are embedded by another model,
//! there is a second one, which takes its place at once when it is whole.

use std::sync::{Arc, PoisonError, RwLock};

use super::{
    error::Error,
    ports::{DenseEmbedder, VectorIndex},
};

/// An embedding model and the index of its vectors.
pub struct VectorSpace {
    /// The model.
    pub dense: Arc<dyn DenseEmbedder>,
    /// The index; absent in a process that may not open it.
    pub index: Option<Arc<dyn VectorIndex>>,
}

impl VectorSpace {
    /// The index, where this process has it.
    pub fn index(&self) -> Result<&dyn VectorIndex, Error> {
        self.index.as_deref().ok_or(Error::IndexElsewhere)
    }
}

/// The space that is asked, and the one that will be.
pub struct VectorSpaces(RwLock<Inside>);

struct Inside {
    active: Arc<VectorSpace>,
    next: Option<Arc<VectorSpace>>,
}

impl VectorSpaces {
    /// Spaces where `active` is asked, until `next` is whole.
    pub fn new(active: VectorSpace, next: Option<VectorSpace>) -> Self {
        Self(RwLock::new(Inside {
            active: Arc::new(active),
            next: next.map(Arc::new),
        }))
    }

    /// The space that is asked now. Whoever searches keeps to one from the
    /// question's vector to the hits.
    pub fn active(&self) -> Arc<VectorSpace> {
        let inside = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&inside.active)
    }

    /// The space that is being filled, if one is.
    pub fn next(&self) -> Option<Arc<VectorSpace>> {
        let inside = self.0.read().unwrap_or_else(PoisonError::into_inner);
        inside.next.clone()
    }

    /// All spaces: what is deleted goes from each.
    pub fn all(&self) -> Vec<Arc<VectorSpace>> {
        std::iter::once(self.active()).chain(self.next()).collect()
    }

    /// The space that was being filled is asked from now on.
    pub(super) fn switch(&self) {
        let mut inside = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(next) = inside.next.take() {
            inside.active = next;
        }
    }
}
