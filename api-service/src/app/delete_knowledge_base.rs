//! Deleting a knowledge base with all that is in it.

use super::{App, error::Error};
use crate::domain::{knowledge_base::KnowledgeBaseId, principal::Principal};

impl App {
    /// Deletes a knowledge base that the caller manages, with its documents,
    /// chunks, jobs and shares. Once this returns, no search finds anything of it.
    pub async fn delete_knowledge_base(&self, caller: &Principal, id: &str) -> Result<(), Error> {
        let id = KnowledgeBaseId(id.to_owned());
        self.bases.delete_base(&caller.scope(), &id).await?;
        // The worker clears its points away.
        self.new_jobs.notify_one();
        Ok(())
    }
}
