//! The surface for Better Auth's clients, through the whole router.

mod consent;
mod differences;
mod golden;
mod hostile;
mod replay;
mod transcripts;

use crate::support::scenario;

#[tokio::test]
async fn scenarios_on_sqlite() {
    scenario::run_all("better_auth", false).await;
}

#[tokio::test]
async fn scenarios_on_postgres() {
    scenario::run_all("better_auth", true).await;
}
