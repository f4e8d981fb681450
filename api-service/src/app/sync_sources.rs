//! Syncs sources when they are due: new and changed pages in, vanished ones out.
//! What fails for a while removes nothing.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, stream::FuturesUnordered};
use service_kit::clock::Millis;
use tokio_util::sync::CancellationToken;

use super::{
    App,
    error::Error,
    ports::{FetchError, Repositories, SourceStore, Web},
    sync_source::{Halt, Syncing},
};
use crate::domain::source::{ClaimedSource, SourceSync, SyncFailure};

/// How long a claim holds without a sign of life, in milliseconds: longer than
/// one page can take with all redirects and its turns.
pub(super) const LEASE: Millis = 300_000;

/// Sources that this process syncs at once. Most of the time they wait.
const AT_ONCE: usize = 4;

/// How long one sync may take. What it brought by then stays.
const LONGEST: Duration = Duration::from_hours(6);

/// How often it is looked for sources that are due.
const POLL: Duration = Duration::from_secs(5);

/// How often folders of sources that are gone are looked for, in milliseconds.
const TIDY: Millis = 60 * 60 * 1000;

/// What syncing needs from outside, and its settings.
pub struct Sources {
    /// Sources.
    pub store: Arc<dyn SourceStore>,
    /// Pages.
    pub web: Arc<dyn Web>,
    /// Repositories.
    pub repositories: Arc<dyn Repositories>,
    /// Wakes who syncs when a source is due.
    pub due: tokio::sync::Notify,
    /// The largest page or file, in bytes.
    pub max_bytes: usize,
}

impl App {
    /// Syncs what is due until `stop`, as `worker`: a name that no other process
    /// has.
    pub async fn sync_sources(self: Arc<Self>, worker: String, stop: CancellationToken) {
        let mut running = FuturesUnordered::new();
        let mut tidied = 0;
        while !stop.is_cancelled() {
            if self.clock.now() - tidied > TIDY {
                tidied = self.clock.now();
                self.forget_folders().await;
            }
            while running.len() < AT_ONCE {
                let Some(source) = self.claim_source(&worker).await else {
                    break;
                };
                running.push(self.sync_claimed(source));
            }
            tokio::select! {
                Some(()) = running.next() => {}
                () = self.sources.due.notified() => {}
                () = tokio::time::sleep(POLL) => {}
                () = stop.cancelled() => {}
            }
        }
        drop(running);
        // Others need not wait for the leases to end.
        if let Err(error) = self.sources.store.release_sources(&worker).await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "syncs under way could not be given back");
        }
    }

    /// Syncs the one source that is due for the longest time; `false` where none is.
    pub async fn sync_once(&self, worker: &str) -> bool {
        match self.claim_source(worker).await {
            Some(source) => self.sync_claimed(source).await,
            None => return false,
        }
        true
    }

    async fn claim_source(&self, worker: &str) -> Option<ClaimedSource> {
        let store = &self.sources.store;
        let claimed = store.claim_source(worker, self.clock.now(), LEASE).await;
        claimed.unwrap_or_else(|error| {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, "sources can't be looked at; trying again");
            None
        })
    }

    async fn sync_claimed(&self, source: ClaimedSource) {
        let mut syncing = Syncing::new(self, &source);
        let done = tokio::time::timeout(LONGEST, syncing.run()).await;
        let failure = match done {
            Ok(Ok(())) => None,
            Ok(Err(Halt::TakenOver)) => return,
            Ok(Err(Halt::Unfetched(error))) => Some(failure(error)),
            Ok(Err(Halt::Failed(error))) => Some(told(&error, &source)),
            Err(_) => Some(failure(FetchError::TimedOut)),
        };
        let sync = SourceSync {
            started_at: source.started_at,
            finished_at: Some(self.clock.now()),
            report: syncing.into_report(),
            failure,
        };
        let finished = self.sources.store.finish_source(&source, &sync);
        if let Err(error) = finished.await {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, "the end of a sync can't be noted; it begins anew");
        }
        self.new_jobs.notify_one();
    }

    async fn forget_folders(&self) {
        let Sources {
            store,
            repositories,
            ..
        } = &self.sources;
        for id in repositories.kept().await {
            if let Ok(false) = store.is_there(&id).await {
                repositories.forget(&id).await;
            }
        }
    }
}

fn failure(error: FetchError) -> SyncFailure {
    SyncFailure {
        code: error.code().to_owned(),
        detail: error.to_string(),
    }
}

fn told(error: &Error, source: &ClaimedSource) -> SyncFailure {
    if error.kind().is_server_fault() {
        let cause: &dyn std::error::Error = error;
        tracing::error!(source = source.id.0, error = cause, "a sync failed");
    }
    SyncFailure {
        code: error.code().to_owned(),
        detail: error.to_string(),
    }
}
