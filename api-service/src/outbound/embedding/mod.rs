//! Embedding models.

pub mod absent;
mod estimate;
pub mod minilm;
pub mod remote;
