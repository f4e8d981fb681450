//! Embedding models.

pub mod absent;
pub mod minilm;
pub mod remembering;
pub mod remote;
