//! The program `api-service`.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    api_service::cli::run().await
}
