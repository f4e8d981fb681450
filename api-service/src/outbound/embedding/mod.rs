//! Embedding models.

pub mod absent;
pub mod minilm;
pub mod remote;
