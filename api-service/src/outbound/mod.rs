//! The ports' implementations: the database, the indexes, the models, the
//! other service.

pub mod access_tokens;
pub mod accounts;
pub mod bm25;
pub mod directory;
pub mod document_links;
pub mod edge;
pub mod embedding;
pub mod git;
pub mod jwks;
pub mod labelled_set;
pub mod llm;
mod points;
pub mod qdrant;
pub mod rerank;
mod retry_after;
pub mod sandbox;
pub mod sql;
pub mod threads;
mod token_estimate;
pub mod watching;
pub mod web;
