//! Erases what deleted users had: their private knowledge bases with documents,
//! versions, chunks, jobs and points of the index, and their conversations.
//! Public knowledge is nobody's own and stays. Killed at any moment, it goes on
//! at the next start.

use std::time::Duration;

use service_kit::clock::Millis;
use tokio_util::sync::CancellationToken;

use super::{App, error::Error};
use crate::domain::{principal::UserId, token_budget::Day};

/// How often it is looked for erasures that other processes were told of, or
/// that are due again.
const POLL: Duration = Duration::from_secs(5);

/// How often what matters no more is forgotten, in milliseconds.
const TIDY: Millis = 60 * 60 * 1000;

/// After this many milliseconds nothing is under way any more that began before
/// the account was deleted: a worker notices it between two steps, and each of
/// these has a deadline of two minutes at most.
const UNDER_WAY: Millis = 10 * 60 * 1000;

/// For how many days the tokens that users used are kept.
const USAGE_DAYS: i64 = 400;

impl App {
    /// Erases what there is to erase until `stop`.
    pub async fn erase(&self, stop: CancellationToken) {
        let mut tidied = 0;
        loop {
            tokio::select! {
                done = self.erase_due() => {
                    if let Err(error) = done {
                        let error: &dyn std::error::Error = &error;
                        tracing::error!(error, "an erasure waits and is tried again");
                    }
                }
                () = stop.cancelled() => return,
            }
            if self.clock.now() - tidied > TIDY {
                tidied = self.clock.now();
                self.forget_expired().await;
            }
            tokio::select! {
                () = self.new_erasures.notified() => {}
                () = tokio::time::sleep(POLL) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Passes once over all that deleted users had, where that is due.
    pub async fn erase_due(&self) -> Result<(), Error> {
        for user in self.accounts.due_erasures(self.clock.now()).await? {
            self.erase_user(&user).await?;
        }
        Ok(())
    }

    async fn erase_user(&self, user: &UserId) -> Result<(), Error> {
        while self.accounts.erase_some(user).await? {}
        // Rows first: what the index still holds is not found without them.
        for base in self.accounts.erased_bases(user).await? {
            for space in self.spaces.all() {
                space.index()?.delete_base(&base).await?;
            }
        }
        let now = self.clock.now();
        let done = self.accounts.passed(user, now, now + UNDER_WAY).await?;
        tracing::info!(user = user.0, done, "erased what a deleted user had");
        Ok(())
    }

    /// Forgets refusals of tokens that have expired meanwhile, and requests and
    /// uses of language models that are too long ago to matter.
    pub async fn forget_expired(&self) {
        let now = self.clock.now();
        self.refused.change(|refusals| refusals.forget_expired(now));
        for forgotten in [
            self.accounts.forget_expired(now).await,
            self.documents.forget_requests(now).await,
            self.tokens
                .forget_tokens(Day::of(now).before(USAGE_DAYS))
                .await,
        ] {
            if let Err(error) = forgotten {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "what matters no more can't be forgotten");
            }
        }
    }
}
