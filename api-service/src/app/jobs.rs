//! Looking at jobs, watching them, cancelling them and trying them again.

use std::{sync::Arc, time::Duration};

use futures::{Stream, StreamExt, stream};
use service_kit::clock::is_id;

use super::{
    App,
    error::Error,
    knowledge::check,
    ports::{Page, Refused},
};
use crate::domain::{
    job::{Job, JobState},
    principal::Principal,
};

/// How often a watched job is looked at: another process may work on it.
const LOOK: Duration = Duration::from_millis(500);

/// How often is looked whether a job is over that a request waits for.
const SOON: Duration = Duration::from_millis(100);

/// How long a job is watched at most, so that who watches has to show their
/// credentials again.
const LONGEST_WATCH: Duration = Duration::from_mins(15);

impl App {
    /// A job whose document the caller may read.
    pub async fn job(&self, caller: &Principal, id: &str) -> Result<Job, Error> {
        if !is_id(id) {
            return Err(Error::NoSuchJob);
        }
        let job = self.jobs.get(&caller.scope(), id).await?;
        job.ok_or(Error::NoSuchJob)
    }

    /// A page of the jobs whose documents the caller may read.
    pub async fn list_jobs(&self, caller: &Principal, page: &Page) -> Result<Vec<Job>, Error> {
        check(page)?;
        Ok(self.jobs.list(&caller.scope(), page).await?)
    }

    /// Cancels a job. One that was cancelled already stays so.
    pub async fn cancel_job(&self, caller: &Principal, id: &str) -> Result<Job, Error> {
        self.job(caller, id).await?;
        let now = self.clock.now();
        let cancelled = existing(self.jobs.cancel(&caller.scope(), id, now).await)?;
        let job = self.job(caller, id).await?;
        if cancelled || job.state == JobState::Cancelled {
            Ok(job)
        } else {
            Err(Error::JobOver)
        }
    }

    /// Queues a job that failed or was cancelled anew. What it had embedded is
    /// still there.
    pub async fn retry_job(&self, caller: &Principal, id: &str) -> Result<Job, Error> {
        self.job(caller, id).await?;
        let now = self.clock.now();
        if !existing(self.jobs.retry(&caller.scope(), id, now).await)? {
            return Err(Error::NotRetryable);
        }
        self.new_jobs.notify_one();
        self.job(caller, id).await
    }

    /// Waits until a job is over, or the process stops, for as long as the caller
    /// would be let in; gives it as it is then.
    pub(super) async fn until_over(&self, caller: &Principal, mut job: Job) -> Result<Job, Error> {
        while !job.state.is_over() && !self.stop.is_cancelled() {
            tokio::time::sleep(SOON).await;
            job = self.look(caller, &job.id).await?;
        }
        Ok(job)
    }

    /// Tells where a job stands, then each change, and ends when the job is over,
    /// the caller would not be let in any more, or the process stops.
    pub async fn watch_job(
        self: Arc<Self>,
        caller: Principal,
        id: String,
    ) -> Result<impl Stream<Item = Result<Job, Error>> + Send, Error> {
        let first = self.job(&caller, &id).await?;
        let ended = {
            let stop = self.stop.clone();
            async move {
                let _ = tokio::time::timeout(LONGEST_WATCH, stop.cancelled()).await;
            }
        };
        let last = Some(first.clone()).filter(|job| !job.state.is_over());
        let changes = stream::unfold(last, move |last| {
            let (app, caller) = (Arc::clone(&self), caller.clone());
            async move { Some(app.next_change(&caller, last?).await) }
        });
        let told = stream::once(async { Ok(first) }).chain(changes);
        Ok(told.take_until(Box::pin(ended)))
    }

    /// The job as it is now, for a caller who would still be let in.
    async fn look(&self, caller: &Principal, id: &str) -> Result<Job, Error> {
        self.still_let_in(caller)?;
        self.job(caller, id).await
    }

    /// The next thing to tell, and the job where more may come after it.
    async fn next_change(
        &self,
        caller: &Principal,
        last: Job,
    ) -> (Result<Job, Error>, Option<Job>) {
        loop {
            tokio::time::sleep(LOOK).await;
            match self.look(caller, &last.id).await {
                Ok(job) if moved_on(&last, &job) => {
                    let more = Some(job.clone()).filter(|job| !job.state.is_over());
                    return (Ok(job), more);
                }
                Ok(_) => {}
                Err(error) => return (Err(error), None),
            }
        }
    }
}

fn existing(done: Result<bool, Refused>) -> Result<bool, Error> {
    match done {
        Err(Refused::Missing) => Err(Error::NoSuchJob),
        done => Ok(done?),
    }
}

/// Whether there is something to tell: a claim that is renewed is nothing.
fn moved_on(last: &Job, now: &Job) -> bool {
    (last.state, last.attempt, last.done, last.total)
        != (now.state, now.attempt, now.done, now.total)
}
