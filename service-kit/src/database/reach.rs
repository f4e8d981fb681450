//! Waiting at a start until the database can be worked with.

use std::time::Duration;

use sqlx::{AnyConnection, Connection, Executor, any::AnyConnectOptions};
use tokio::time::{Instant, sleep, timeout};

use super::{DatabaseUrl, OpenError, SQLITE_SETTINGS};
use crate::environment::Variable;

/// For how long a start waits for a database server.
pub const WAIT: Variable = Variable::plain(
    "DATABASE_WAIT",
    "30",
    "Seconds that a start waits for a database server that can't be reached.",
);

/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(5);

/// The pauses between attempts, which double.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(4));

/// States of `PostgreSQL` that pass: it starts or stops, has no connection left,
/// or breaks one off. See its appendix A, "PostgreSQL Error Codes".
const PASSING: [&str; 3] = ["57P", "53300", "08"];

/// Connects once. A server that can't be reached, or is not up yet, is tried
/// again until `patience` is over; everything else fails at once.
pub(super) async fn reach(
    url: &DatabaseUrl,
    options: &AnyConnectOptions,
    patience: Duration,
) -> Result<(), OpenError> {
    let begin = Instant::now();
    let mut pause = PAUSES.0;
    loop {
        let error = match timeout(ATTEMPT, connect(url, options)).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error,
            Err(_) => std::io::Error::from(std::io::ErrorKind::TimedOut).into(),
        };
        if url.file.is_some() || !passes(&error) {
            return Err(url.refused(error));
        }
        let (place, left) = (url.place(), patience.saturating_sub(begin.elapsed()));
        if left.is_zero() {
            let seconds = patience.as_secs();
            return Err(OpenError::Unreachable {
                place,
                seconds,
                source: error,
            });
        }
        tracing::warn!(%error, seconds_left = left.as_secs(), "waiting for the database at {place}");
        sleep(pause.min(left)).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

async fn connect(url: &DatabaseUrl, options: &AnyConnectOptions) -> Result<(), sqlx::Error> {
    let mut connection = AnyConnection::connect_with(options).await?;
    if url.file.is_some() {
        // A pool would try for long, and not say what failed.
        connection.execute(SQLITE_SETTINGS).await?;
    }
    connection.close().await
}

fn passes(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(error) => error
            .code()
            .is_some_and(|code| PASSING.iter().any(|begin| code.starts_with(begin))),
        _ => false,
    }
}
