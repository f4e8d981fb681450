//! Embedding models.

pub mod minilm;
