//! The worker: takes jobs from the queue, and makes documents searchable, each
//! version whole or not at all.

use std::{sync::Arc, time::Duration};

use futures::{FutureExt, StreamExt, channel::mpsc};
use tokio_util::sync::CancellationToken;

use super::{
    App,
    error::Error,
    ports::{ClaimLimits, IndexError, Published},
    prepare::{LEASE, Prepared, chunk_id},
};
use crate::domain::{
    chunk::ChunkId,
    document::DocumentId,
    job::{ClaimedJob, JobState},
};

/// Jobs that are under way at once.
const AT_ONCE: usize = 8;

/// Jobs of one tenant that are under way at once: however long they take, the
/// next one of somebody else finds a place.
const OF_ONE_TENANT: usize = 6;

/// How long the index may take to write what is ready at a time.
const INDEXING_DEADLINE: Duration = Duration::from_mins(1);

/// How long the worker waits after a part could not be reached.
const AFTER_FAILURE: Duration = Duration::from_secs(5);

/// How often the queue is looked at for jobs that other processes put there.
const POLL: Duration = Duration::from_millis(500);

impl App {
    /// Works until `stop`, as `worker`: a name that no other process has.
    pub async fn work(self: Arc<Self>, worker: String, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let done = tokio::select! {
                done = self.work_once(&worker) => done,
                () = stop.cancelled() => break,
            };
            let pause = match done {
                Ok(0) => POLL,
                Ok(_) => continue,
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::error!(error, "ingestion waits and tries again");
                    AFTER_FAILURE
                }
            };
            tokio::select! {
                () = self.new_jobs.notified() => {}
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => {}
            }
        }
        // Others need not wait for the lease of what was under way to end.
        if let Err(error) = self.jobs.release(&worker).await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "jobs under way could not be given back");
        }
    }

    /// Works until the queue has nothing more to give; gives how many jobs were
    /// taken. Where a part can't be reached, what is under way is given back.
    pub async fn work_once(&self, worker: &str) -> Result<usize, Error> {
        let done = self.work_off(worker).await;
        if done.is_err() {
            self.jobs.release(worker).await?;
        }
        done
    }

    /// Documents are prepared beside the one loop that claims them and makes them
    /// findable: both are always polled, since either may hold what the other
    /// waits for, such as the lock of a database.
    async fn work_off(&self, worker: &str) -> Result<usize, Error> {
        let (begin, to_prepare) = mpsc::unbounded();
        let (end, ended) = mpsc::unbounded();
        let preparing = to_prepare.for_each_concurrent(None, |job| {
            let end = end.clone();
            async move {
                // Nobody listens any more only where all of this is dropped.
                let _ = end.unbounded_send(self.prepare_or_end(job).await);
            }
        });
        tokio::select! {
            done = self.drive(worker, begin, ended) => done,
            () = preparing => Ok(0),
        }
    }

    /// A document becomes findable when it is ready, whatever others take: those
    /// that are ready at one time share one flush of the index.
    async fn drive(
        &self,
        worker: &str,
        begin: mpsc::UnboundedSender<Arc<ClaimedJob>>,
        mut ended: mpsc::UnboundedReceiver<Result<Option<Prepared>, Error>>,
    ) -> Result<usize, Error> {
        let (mut taken, mut under_way) = (0, 0);
        loop {
            self.clear_garbage().await?;
            let renewed = self.renew_some().await?;
            for job in self.claim(worker, AT_ONCE - under_way).await? {
                (taken, under_way) = (taken + 1, under_way + 1);
                let _ = begin.unbounded_send(Arc::new(job));
            }
            if under_way == 0 {
                if renewed {
                    continue;
                }
                self.space().index()?.settle().await?;
                return Ok(taken);
            }
            let has_place = under_way < AT_ONCE;
            let mut next = tokio::select! {
                next = ended.next() => next,
                () = self.new_jobs.notified(), if has_place => continue,
                () = tokio::time::sleep(POLL), if has_place => continue,
            };
            let mut prepared = vec![];
            while let Some(done) = next {
                under_way -= 1;
                prepared.extend(done?);
                next = ended.next().now_or_never().flatten();
            }
            self.make_findable(prepared).await?;
        }
    }

    async fn claim(&self, worker: &str, places: usize) -> Result<Vec<ClaimedJob>, Error> {
        if places == 0 {
            return Ok(vec![]);
        }
        let limits = ClaimLimits {
            jobs: places,
            of_one_tenant: OF_ONE_TENANT,
        };
        let now = self.clock.now();
        Ok(self.jobs.claim(worker, limits, now, LEASE).await?)
    }

    async fn make_findable(&self, prepared: Vec<Prepared>) -> Result<(), Error> {
        let space = self.space();
        let (mut ours, mut points) = (vec![], vec![]);
        for mut document in prepared {
            // Answers come from another model since it was embedded.
            if !Arc::ptr_eq(&document.space, &space) {
                self.jobs.put_off(&document.job, 0, false).await?;
                continue;
            }
            let total = document.points.len();
            if self
                .advance(&document.job, JobState::Indexing, total)
                .await?
            {
                points.append(&mut document.points);
                ours.push((document, total));
            }
        }
        if ours.is_empty() {
            return Ok(());
        }
        let written = tokio::time::timeout(INDEXING_DEADLINE, space.index()?.upsert(points));
        match written.await {
            Ok(written) => written?,
            Err(late) => return Err(IndexError(Box::new(late)).into()),
        }
        for (document, total) in ours {
            self.publish(&document, total).await?;
        }
        Ok(())
    }

    /// Makes the document findable. If it is no longer wanted, its points go.
    async fn publish(&self, document: &Prepared, total: usize) -> Result<(), Error> {
        let (job, now) = (&document.job, self.clock.now());
        let model = document.space.dense.fingerprint();
        match self.jobs.publish(job, model, &document.labels, now).await? {
            Published::Done | Published::TakenOver => Ok(()),
            Published::OtherModel => Ok(self.jobs.put_off(job, 0, false).await?),
            Published::Unwanted => {
                // By their ids: older versions may be the ones that are found.
                let ids: Vec<ChunkId> = (0..total).map(|place| chunk_id(job, place)).collect();
                Ok(document.space.index()?.delete(&ids).await?)
            }
        }
    }

    /// Clears the points of what was deleted or replaced from the index.
    async fn clear_garbage(&self) -> Result<(), Error> {
        for (document, version) in self.jobs.garbage().await? {
            self.drop_points(&document, version).await?;
            self.jobs.cleared(&document, version).await?;
        }
        for base in self.bases.garbage_bases().await? {
            for space in self.spaces.all() {
                space.index()?.delete_base(&base).await?;
            }
            self.bases.cleared_base(&base).await?;
        }
        Ok(())
    }

    async fn drop_points(&self, document: &DocumentId, version: i64) -> Result<(), Error> {
        for space in self.spaces.all() {
            space.index()?.delete_versions(document, version).await?;
        }
        Ok(())
    }
}
