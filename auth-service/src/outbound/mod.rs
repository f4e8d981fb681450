//! What the use cases need of the world, provided: each file one part of it.

pub mod argon2;
pub mod jwt;
pub mod mail;
pub mod oauth;
pub mod sql;
