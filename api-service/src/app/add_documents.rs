//! Taking documents in together, into public knowledge: all of them or none.

use super::{App, add_document::Upload, error::Error};
use crate::domain::{
    document::{Change, DocumentId, Origin},
    job::{Job, JobState},
    principal::Principal,
};

/// The most documents that are taken in at once.
pub const MOST_AT_ONCE: usize = 500;

/// What taking documents in came to.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// The documents, in the order in which they were given.
    pub documents: Vec<DocumentId>,
    /// The jobs of those that are new or changed.
    pub jobs: Vec<Job>,
    /// How many were there already as they are.
    pub unchanged: usize,
}

impl Batch {
    /// How many of its jobs stand so.
    pub fn count(&self, state: JobState) -> usize {
        self.jobs.iter().filter(|job| job.state == state).count()
    }

    /// How many chunks its documents were made of.
    pub fn chunks(&self) -> usize {
        let ready = self.jobs.iter().filter(|job| job.state == JobState::Ready);
        ready.map(|job| job.total).sum()
    }
}

impl App {
    /// Takes documents in, into the public knowledge base `base`, which is made
    /// where it is missing.
    pub async fn add_documents(
        &self,
        caller: &Principal,
        base: &str,
        uploads: Vec<Upload>,
    ) -> Result<Batch, Error> {
        if !caller.manages_public_knowledge() {
            return Err(Error::AdministratorsOnly);
        }
        if uploads.len() > MOST_AT_ONCE {
            return Err(Error::Label("At most 500 documents are taken in at once."));
        }
        let base = self.public_base(caller, base).await?;
        let documents = uploads
            .into_iter()
            .map(|upload| self.sound(base.id.clone(), upload, Origin::Upload))
            .collect::<Result<Vec<_>, _>>()?;
        let (scope, now) = (caller.scope(), self.clock.now());
        let ids: Vec<String> = documents.iter().map(|one| one.job_id.clone()).collect();
        let taken = self
            .documents
            .put(&scope, documents, self.quota, now)
            .await?;
        self.new_jobs.notify_one();
        let mut batch = Batch::default();
        for (taken, job) in taken.into_iter().zip(ids) {
            batch.documents.push(taken.document_id);
            match taken.change {
                Change::Unchanged => batch.unchanged += 1,
                Change::Created | Change::Updated => batch.jobs.push(self.job(caller, &job).await?),
            }
        }
        Ok(batch)
    }

    /// Waits until all jobs of a batch are over, or the process stops.
    pub async fn settled(&self, caller: &Principal, mut batch: Batch) -> Result<Batch, Error> {
        for job in &mut batch.jobs {
            *job = self.until_over(caller, job.clone()).await?;
        }
        Ok(batch)
    }
}
