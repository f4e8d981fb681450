//! Embedding models as the database knows them: which one answers come from,
//! and which one is to take its place.

/// An embedding model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddingModel {
    /// A name for the model and all that its vectors depend on.
    pub fingerprint: String,
    /// How many values a vector has.
    pub dimensions: usize,
    /// How it is asked.
    pub origin: ModelOrigin,
}

/// What it takes to ask a model, but for the key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModelOrigin {
    /// The provider's word; empty for the model in this process.
    pub provider: String,
    /// The provider's address.
    pub base_url: String,
    /// The model's name there.
    pub model: String,
}

/// What a model is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelState {
    /// Answers come from it.
    Active,
    /// Documents are embedded by it, and it will be the active one.
    Building,
    /// It was active before; its vectors are kept to go back to.
    Kept,
}

impl ModelState {
    /// The word that stands for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Building => "building",
            Self::Kept => "kept",
        }
    }

    /// What a stored word stands for, if anything.
    pub fn from_word(word: &str) -> Option<Self> {
        let all = [Self::Active, Self::Building, Self::Kept];
        all.into_iter().find(|state| state.as_str() == word)
    }
}

/// How far a model is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelStatus {
    /// The model.
    pub model: EmbeddingModel,
    /// What it is there for.
    pub state: ModelState,
    /// Chunks that can be found and have an embedding by it.
    pub embedded: usize,
}
