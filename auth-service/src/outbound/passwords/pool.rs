//! Threads for hashing: off the async ones, and never more at once than are
//! set, so that a flood of sign-ins starves nothing else. A thread that is done
//! takes the next password by itself: the cores are never idle while any wait.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
    time::Duration,
};

use flume::{Receiver, RecvTimeoutError, Sender, TrySendError};
use tokio::sync::oneshot;

use super::{argon2::Memory, broken};
use crate::app::ports::HashError;

/// How many may wait for a thread. At twenty milliseconds each the last one
/// waits about a second.
const MAX_WAITING: usize = 64;

/// For how long a thread that has nothing to do keeps its memory.
const QUIET: Duration = Duration::from_secs(5);

type Job = Box<dyn FnOnce(&mut Memory) + Send>;

/// A bounded number of threads with a bounded queue before them.
pub(super) struct Pool {
    jobs: Sender<Job>,
}

impl Pool {
    /// A pool of so many threads. They end with it.
    pub(super) fn new(threads: usize) -> Result<Self, HashError> {
        Self::with_patience(threads, QUIET)
    }

    fn with_patience(threads: usize, quiet: Duration) -> Result<Self, HashError> {
        let (jobs, waiting) = flume::bounded::<Job>(MAX_WAITING);
        for _ in 0..threads.max(1) {
            let waiting = waiting.clone();
            let thread = thread::Builder::new().name("hashing".to_owned());
            let work = move || work(&waiting, quiet);
            thread.spawn(work).map_err(broken)?;
        }
        Ok(Self { jobs })
    }

    /// Runs `work` on one of the threads, unless too many wait for them. The
    /// work of a caller who goes away before its turn is not done.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Memory) -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashError> {
        let (sender, answer) = oneshot::channel();
        let job = Box::new(move |memory: &mut Memory| {
            if !sender.is_closed() {
                // Whoever went away meanwhile wants no answer.
                let _ = sender.send(work(memory));
            }
        });
        match self.jobs.try_send(job) {
            Ok(()) => answer.await.map_err(broken)?,
            Err(TrySendError::Full(_)) => Err(HashError::Busy),
            Err(TrySendError::Disconnected(_)) => {
                Err(HashError::Broken("the threads that hash are gone".into()))
            }
        }
    }
}

/// Does one job after the other until nobody can bring any more.
fn work(waiting: &Receiver<Job>, quiet: Duration) {
    let mut memory = Memory::default();
    loop {
        let job = match waiting.recv_timeout(quiet) {
            Ok(job) => job,
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {
                memory = Memory::default();
                let Ok(job) = waiting.recv() else { return };
                job
            }
        };
        // Its caller is told by the channel; the next one needs the thread.
        if catch_unwind(AssertUnwindSafe(|| job(&mut memory))).is_err() {
            memory = Memory::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::task::JoinSet;

    use super::*;

    #[tokio::test]
    async fn a_flood_is_turned_away_and_the_queue_empties() {
        let pool = Arc::new(Pool::new(1).unwrap());
        let (release, wait) = flume::bounded::<()>(0);
        let (started, is_started) = oneshot::channel();
        let mut running = JoinSet::new();
        let blocked = Arc::clone(&pool);
        running.spawn(async move {
            let work = blocked.run(move |_| {
                started.send(()).unwrap();
                wait.recv().unwrap_or_default();
                Ok(())
            });
            work.await.is_ok()
        });
        is_started.await.unwrap();
        for _ in 0..MAX_WAITING + 6 {
            let pool = Arc::clone(&pool);
            running.spawn(async move { pool.run(|_| Ok(())).await.is_ok() });
        }
        for _ in 0..6 {
            assert!(!running.join_next().await.unwrap().unwrap());
        }
        drop(release);
        assert_eq!(running.join_all().await, [true; MAX_WAITING + 1]);
    }

    #[tokio::test]
    async fn a_job_that_panics_costs_no_thread() {
        let pool = Pool::new(1).unwrap();
        let broken = pool.run(|_| -> Result<(), HashError> { panic!("as asked") });
        assert!(matches!(broken.await, Err(HashError::Broken(_))));
        assert_eq!(pool.run(|_| Ok(7)).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn memory_is_given_back_when_nobody_hashes() {
        let pool = Pool::with_patience(1, Duration::ZERO).unwrap();
        let grow = |memory: &mut Memory| Ok(memory.blocks(8).len());
        assert_eq!(pool.run(grow).await.unwrap(), 8);
        while pool.run(|memory| Ok(memory.len())).await.unwrap() > 0 {}
    }
}
