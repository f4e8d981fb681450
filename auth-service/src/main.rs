//! The program: reads the command line, does what it asks, and says on one line
//! why it could not.

use std::process::ExitCode;

use auth_service::cli::Cli;
use clap::Parser;
use service_kit::exit;

#[tokio::main]
async fn main() -> ExitCode {
    match Cli::parse().run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::fail("auth-service", error.as_ref()),
    }
}
