//! The surfaces of the four origins that were made with FastAPI, through the
//! whole router.

mod hostile;

use crate::support::scenario::run_all;

#[tokio::test]
async fn textbook_on_sqlite() {
    run_all("textbook", false).await;
}

#[tokio::test]
async fn textbook_on_postgres() {
    run_all("textbook", true).await;
}

#[tokio::test]
async fn multi_user_on_sqlite() {
    run_all("multi_user", false).await;
}

#[tokio::test]
async fn multi_user_on_postgres() {
    run_all("multi_user", true).await;
}

#[tokio::test]
async fn agent_on_sqlite() {
    run_all("agent", false).await;
}

#[tokio::test]
async fn agent_on_postgres() {
    run_all("agent", true).await;
}

#[tokio::test]
async fn au_guru_on_sqlite() {
    run_all("au_guru", false).await;
}

#[tokio::test]
async fn au_guru_on_postgres() {
    run_all("au_guru", true).await;
}
