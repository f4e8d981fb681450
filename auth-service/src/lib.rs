//! The crate of auth-service; its map and its invariants are in the README.

#![doc = include_str!("../README.md")]

pub mod app;
pub mod cli;
pub mod config;
pub mod domain;
pub mod grpc;
pub mod http;
pub mod outbound;
pub mod startup;
