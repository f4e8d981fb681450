//! The program: reads the command line, does what it asks, and says on one line
//! why it could not.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use auth_service::cli::{Cli, one_line};
use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    match Cli::parse().run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without a standard error there is nobody to tell.
            let _ = writeln!(io::stderr(), "auth-service: {}", one_line(&error));
            ExitCode::FAILURE
        }
    }
}
