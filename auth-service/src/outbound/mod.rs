//! What the use cases need of the world, provided: each file one part of it.

pub mod jwt;
pub mod mail;
pub mod oauth;
pub mod passwords;
pub mod sql;
