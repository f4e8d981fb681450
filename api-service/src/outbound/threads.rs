//! Work that blocks, on bounded threads and never on the async runtime's.

use std::sync::Arc;

use tokio::sync::Semaphore;

/// A bound on how much blocking work of one kind runs at once. What is over
/// it waits without holding a thread.
#[derive(Debug, Clone)]
pub struct BoundedThreads {
    permits: Arc<Semaphore>,
}

/// The work panicked. The process goes on.
#[derive(Debug, thiserror::Error)]
#[error("work on a thread of its own panicked")]
pub struct Panicked;

impl BoundedThreads {
    /// At most `threads` at once.
    pub fn new(threads: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(threads.max(1))),
        }
    }

    /// Runs `work` on a thread of its own once there is room.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Panicked> {
        let permit = self
            .permits
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| Panicked)?;
        // The permit goes with the work: a caller that is gone does not make
        // room while its work still runs.
        let done = tokio::task::spawn_blocking(move || {
            let _held = permit;
            work()
        });
        done.await.map_err(|_| Panicked)
    }
}
