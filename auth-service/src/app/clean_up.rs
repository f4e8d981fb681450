//! Removes what has expired: it can do nothing any more, and tables must not
//! grow for ever.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{
    App,
    error::{Error, chain},
    ports::Leftover,
};
use crate::domain::Millis;

/// How often it is looked for.
const PAUSE: Duration = Duration::from_mins(10);

/// How many rows one statement removes at most, so that others can write in
/// between.
const BATCH: u64 = 500;

const MINUTE: Millis = 60 * 1000;
const DAY: Millis = 24 * 60 * MINUTE;

impl App {
    /// Cleans up now and again until `stop`. Any number of replicas may do so
    /// at once.
    pub async fn keep_clean(&self, stop: CancellationToken) {
        loop {
            tokio::select! {
                cleaned = self.clean_up() => match cleaned {
                    Ok(0) => {}
                    Ok(rows) => tracing::info!(rows, "removed what had expired"),
                    Err(error) => {
                        tracing::warn!(cause = %chain(&error), "what has expired can't be removed");
                    }
                },
                () = stop.cancelled() => return,
            }
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Removes all that has expired; gives the number of rows.
    pub async fn clean_up(&self) -> Result<u64, Error> {
        let mut rows = 0;
        for (leftover, before) in self.leftovers_now() {
            loop {
                let removed = self.leftovers.remove(leftover, before, BATCH).await?;
                rows += removed;
                if removed < BATCH {
                    break;
                }
            }
        }
        Ok(rows)
    }

    /// What is to be removed, and the moment before which it must have expired.
    fn leftovers_now(&self) -> Vec<(Leftover, Millis)> {
        let now = self.clock.now();
        let mut all = vec![
            // The clocks of replicas may differ a little.
            (Leftover::Sessions, now - MINUTE),
            (Leftover::RefreshTokens, now - MINUTE),
            // For a day, who comes late is told that it has expired.
            (Leftover::OneTimeTokens, now - DAY),
            (Leftover::OauthFlows, now - MINUTE),
            (Leftover::Counts, now - MINUTE),
            (Leftover::AccountEvents, now - MINUTE),
        ];
        if let Some(days) = self.policy.audit_retention_days {
            all.push((Leftover::AuditLog, now - days * DAY));
        }
        all
    }
}
