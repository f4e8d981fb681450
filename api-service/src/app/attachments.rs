//! Files that come with a question: documents of the caller's own knowledge
//! base, each under a name of its own, that the question is answered from.

use std::time::Duration;

use proto::api_key::KeyScope;
use service_kit::clock::is_id;

use super::{App, add_document::Upload, error::Error, verify_api_key::permit};
use crate::domain::{
    conversation::Message,
    document::{Document, MediaType},
    knowledge_base::PERSONAL,
    principal::Principal,
};

/// The most files that come with one question.
const MOST_ATTACHED: usize = 20;

/// How long a question waits for its files to be read.
const PATIENCE: Duration = Duration::from_secs(20);

impl App {
    /// The name under which a file of this kind can be attached.
    pub fn announce_attachment(
        &self,
        caller: &Principal,
        file_name: &str,
        media_type: &str,
    ) -> Result<String, Error> {
        permit(caller, KeyScope::DocumentsWrite)?;
        let format = MediaType::from_name(media_type).or_else(|| MediaType::from_path(file_name));
        format.map(|_| self.new_id()).ok_or(Error::UnknownFormat)
    }

    /// Attaches a file, under the name that was announced for it, if one was.
    /// The document's external id is the attachment's name.
    pub async fn attach(
        &self,
        caller: &Principal,
        announced: Option<String>,
        file: Upload,
    ) -> Result<Document, Error> {
        let name = announced.unwrap_or_else(|| self.new_id());
        if !is_id(&name) {
            return Err(Error::NoSuchDocument);
        }
        Ok(self.put_document(caller, name, file).await?.document)
    }

    /// Deletes what was attached under this name.
    pub async fn detach(&self, caller: &Principal, name: &str) -> Result<(), Error> {
        permit(caller, KeyScope::DocumentsWrite)?;
        let document = self.attachment(caller, name).await?;
        self.delete_document(caller, &document.id.0, None).await
    }

    /// What was attached under these names, once it has been read; how far that
    /// came, the jobs tell, where it takes longer than one waits.
    pub async fn attached(
        &self,
        caller: &Principal,
        names: &[String],
    ) -> Result<Vec<Document>, Error> {
        if names.len() > MOST_ATTACHED {
            return Err(Error::Filter);
        }
        let mut documents = Vec::with_capacity(names.len());
        for name in names {
            documents.push(self.attachment(caller, name).await?);
        }
        let read = tokio::time::timeout(PATIENCE, self.read(caller, &mut documents));
        read.await.unwrap_or(Ok(()))?;
        Ok(documents)
    }

    /// The files that came with a question, as far as they are there still.
    pub async fn attached_to(
        &self,
        caller: &Principal,
        question: &Message,
    ) -> Result<Vec<Document>, Error> {
        let mut documents = vec![];
        for id in question.documents.iter().take(MOST_ATTACHED) {
            match self.document(caller, &id.0).await {
                Err(Error::NoSuchDocument) => {}
                document => documents.push(document?),
            }
        }
        Ok(documents)
    }

    /// Waits until these documents have been read, or can't be.
    async fn read(&self, caller: &Principal, documents: &mut [Document]) -> Result<(), Error> {
        for document in documents {
            // A newer version may have come meanwhile, with a job of its own.
            while !document.job.state.is_over() && !self.stop.is_cancelled() {
                self.until_over(caller, document.job.clone()).await?;
                *document = self.document(caller, &document.id.0).await?;
            }
        }
        Ok(())
    }

    async fn attachment(&self, caller: &Principal, name: &str) -> Result<Document, Error> {
        let scope = caller.scope();
        if !is_id(name) {
            return Err(Error::NoSuchDocument);
        }
        let base = self.readable_base(&scope, PERSONAL).await;
        let base = base.map_err(|error| match error {
            Error::NoSuchKnowledgeBase => Error::NoSuchDocument,
            other => other,
        })?;
        let document = self.documents.named(&scope, &base.id, name).await?;
        document.ok_or(Error::NoSuchDocument)
    }
}
