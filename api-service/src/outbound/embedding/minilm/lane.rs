//! Threads for one kind of a model's work. Each runs one text after the other, on
//! itself alone: that is faster than several threads for each text.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
};

use flume::{Receiver, Sender};
use rten::ThreadPool;
use tokio::sync::oneshot;

use crate::outbound::threads::Panicked;

type Job = Box<dyn FnOnce(&Arc<ThreadPool>) + Send>;

/// A bounded number of threads, and who waits for them in the order they came.
pub(super) struct Lane {
    jobs: Sender<Job>,
    width: usize,
}

impl Lane {
    /// A lane of so many threads. They end with it.
    pub(super) fn new(width: usize) -> io::Result<Self> {
        let (jobs, waiting) = flume::unbounded();
        for _ in 0..width {
            let waiting = waiting.clone();
            let thread = thread::Builder::new().name("embedding".to_owned());
            thread.spawn(move || work(&waiting))?;
        }
        Ok(Self { jobs, width })
    }

    /// How much of it runs at once.
    pub(super) const fn width(&self) -> usize {
        self.width
    }

    /// Runs `work` on one of the threads. The work of a caller who goes away
    /// before its turn is not done.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Arc<ThreadPool>) -> T + Send + 'static,
    ) -> Result<T, Panicked> {
        let (sender, answer) = oneshot::channel();
        let job = Box::new(move |pool: &Arc<ThreadPool>| {
            if !sender.is_closed() {
                // Whoever went away meanwhile wants no answer.
                let _ = sender.send(work(pool));
            }
        });
        self.jobs.send(job).map_err(|_| Panicked)?;
        answer.await.map_err(|_| Panicked)
    }
}

/// Does one job after the other until nobody can bring any more.
fn work(waiting: &Receiver<Job>) {
    let pool = Arc::new(ThreadPool::with_num_threads(1));
    // On the pool's own thread, so that a model does not hand each text over to
    // it: where the cores are busy, whoever is woken waits for one.
    pool.run(|| {
        for job in waiting {
            // Its caller is told by the channel; the next one needs the thread.
            let _ = catch_unwind(AssertUnwindSafe(|| job(&pool)));
        }
    });
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[tokio::test]
    async fn each_job_runs_on_the_pool_s_own_thread() {
        let lane = Lane::new(1).unwrap();
        let threads = lane.run(|pool| {
            let own = thread::current().id();
            (own, pool.run(|| thread::current().id()))
        });
        let (own, pool) = threads.await.unwrap();
        assert_eq!(own, pool);
    }

    #[tokio::test]
    async fn a_panic_is_its_callers_alone_and_who_is_gone_is_left_out() {
        let lane = Lane::new(1).unwrap();
        let panicked = lane.run(|_| panic!("as a test wants it")).await;
        assert!(matches!(panicked, Err::<(), _>(Panicked)));

        let (release, wait) = flume::bounded::<()>(0);
        let first = lane.run(move |_| wait.recv());
        let ran = Arc::new(AtomicBool::new(false));
        let note = Arc::clone(&ran);
        let gone = lane.run(move |_| note.store(true, Ordering::SeqCst));
        tokio::select! {
            biased;
            _ = first => unreachable!("it waits"),
            _ = gone => unreachable!("it waits for the first"),
            () = std::future::ready(()) => {}
        }
        drop(release);
        assert_eq!(lane.run(|_| 7).await.unwrap(), 7);
        assert!(!ran.load(Ordering::SeqCst));
    }
}
