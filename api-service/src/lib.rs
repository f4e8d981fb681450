#![doc = include_str!("../README.md")]

pub mod app;
pub mod cli;
pub mod config;
pub mod domain;
pub mod http;
pub mod outbound;
pub mod pipeline;
pub mod startup;
