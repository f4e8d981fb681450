//! Threads for hashing: off the async ones, and never more at once than are
//! set, so that a flood of sign-ins starves nothing else.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::broken;
use crate::app::ports::HashError;

/// How many may wait for a thread. At twenty milliseconds each the last one
/// waits about a second.
const MAX_WAITING: usize = 64;

/// A bounded number of threads with a bounded queue before them.
pub(super) struct Pool {
    threads: Arc<Semaphore>,
    waiting: AtomicUsize,
}

impl Pool {
    /// A pool of at most so many threads.
    pub(super) fn new(threads: usize) -> Self {
        Self {
            threads: Arc::new(Semaphore::new(threads.max(1))),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Runs `work` on a thread of its own. The permit goes with it: a caller
    /// that goes away does not free a thread that still hashes.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashError> {
        let permit = self.turn().await?;
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        done.await.map_err(broken)?
    }

    /// Waits for a thread, unless too many do.
    async fn turn(&self) -> Result<OwnedSemaphorePermit, HashError> {
        if let Ok(permit) = Arc::clone(&self.threads).try_acquire_owned() {
            return Ok(permit);
        }
        let place = Place::take(&self.waiting).ok_or(HashError::Busy)?;
        let permit = Arc::clone(&self.threads).acquire_owned().await;
        drop(place);
        permit.map_err(broken)
    }
}

/// A place in the queue, given back when its holder goes on or goes away.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Option<Self> {
        let place = Self(waiting);
        let before = waiting.fetch_add(1, Ordering::SeqCst);
        (before < MAX_WAITING).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_flood_is_turned_away_and_the_queue_empties() {
        let pool = Arc::new(Pool::new(1));
        let all = Arc::clone(&pool.threads).acquire_owned().await.unwrap();
        let mut waiting = tokio::task::JoinSet::new();
        for _ in 0..MAX_WAITING + 6 {
            let pool = Arc::clone(&pool);
            waiting.spawn(async move { pool.turn().await.is_ok() });
        }
        for _ in 0..6 {
            assert!(!waiting.join_next().await.unwrap().unwrap());
        }
        drop(all);
        let mut served = 0;
        while let Some(turn) = waiting.join_next().await {
            served += usize::from(turn.unwrap());
        }
        assert_eq!(served, MAX_WAITING);
        assert_eq!(pool.waiting.load(Ordering::SeqCst), 0);
    }
}
