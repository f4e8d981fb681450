#![doc = include_str!("../README.md")]

pub mod app;
pub mod cli;
pub mod config;
pub mod domain;
pub mod http;
pub mod outbound;
pub mod pipeline;
pub mod startup;

/// The system's allocator keeps an arena for every few threads and gives little
/// of them back: with 100,000 chunks it held twice the memory that this one does.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;
