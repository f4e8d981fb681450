//! The program `api-service`.

use std::process::ExitCode;

fn main() -> ExitCode {
    api_service::cli::run()
}
