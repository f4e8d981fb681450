//! The steps from bytes to answers, pure: no I/O, no clock, no runtime.

pub mod aligning;
pub mod chunking;
pub mod citing;
pub mod claims;
pub mod extracting;
pub mod gzip;
pub mod judging;
pub mod language;
pub mod linking;
pub mod parsing;
pub mod prompt;
pub mod ranking;
pub mod rewriting;
pub mod robots;
pub mod scoring;
mod sections;
pub mod selecting;
pub mod sentences;
pub mod sitemap;
pub mod supporting;
pub mod words;
