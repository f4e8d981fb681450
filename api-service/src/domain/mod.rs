//! The nouns and their rules: no I/O, no serialisation, no clock.

pub mod account;
pub mod analytics;
pub mod answer;
pub mod chunk;
pub mod conversation;
pub mod document;
pub mod embedding_model;
pub mod filter;
pub mod index;
pub mod interaction;
pub mod job;
pub mod knowledge_base;
pub mod language;
pub mod link;
pub mod principal;
pub mod profile;
pub mod publishable_key;
pub mod question;
pub mod quota;
pub mod request_key;
pub mod source;
pub mod tags;
pub mod token_budget;
