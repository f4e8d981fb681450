//! Taking a document in: checked, stored with its job, acknowledged. Parsing
//! and indexing are the worker's.

use super::{
    App,
    create_knowledge_base::checked_name,
    error::Error,
    ports::{Taken, WantedBase},
};
use crate::domain::{
    document::{Document, DocumentId, MediaType, NewDocument, Origin, is_label},
    knowledge_base::{KnowledgeBase, KnowledgeBaseId, PERSONAL, Visibility},
    principal::Principal,
};
use crate::pipeline::parsing::settle;

/// A document as a caller brings it.
#[derive(Debug, Clone, Default)]
pub struct Upload {
    /// The knowledge base's name or id; the caller's own one where it is missing.
    pub knowledge_base: Option<String>,
    /// What its source calls it: the same name replaces what is there. Without
    /// one it is a new document each time.
    pub external_id: Option<String>,
    /// Its title; its content tells it where it is missing.
    pub title: Option<String>,
    /// Where it came from, or its file's name.
    pub path: Option<String>,
    /// Its media type; its path tells it where it is missing.
    pub media_type: Option<String>,
    /// Its content.
    pub content: Vec<u8>,
}

impl App {
    /// Takes a document in.
    pub async fn add_document(
        &self,
        caller: &Principal,
        upload: Upload,
    ) -> Result<Document, Error> {
        let scope = caller.scope();
        let media_type = media_type(&upload)?;
        let labels = [&upload.title, &upload.path, &upload.external_id];
        if !labels.into_iter().flatten().all(|label| is_label(label)) {
            return Err(Error::Label(
                "A title, path or external id has at most 500 characters and no control characters.",
            ));
        }
        if holds_nothing(media_type, &upload.content) {
            return Err(Error::EmptyDocument);
        }
        let base = match &upload.knowledge_base {
            Some(name) => self.readable_base(&scope, name).await?,
            None => self.personal_base(caller).await?,
        };
        let id = self.new_id();
        let document = NewDocument {
            external_id: upload.external_id.unwrap_or_else(|| id.clone()),
            id: DocumentId(id),
            job_id: self.new_id(),
            knowledge_base_id: base.id,
            title: upload.title.unwrap_or_default().trim().to_owned(),
            path: upload.path.unwrap_or_default(),
            origin: Origin::Upload,
            media_type,
            content_hash: content_hash(&upload.content),
            content: upload.content,
            run_id: String::new(),
        };
        let (quota, now) = (self.quota, self.clock.now());
        let taken = self.documents.put(&scope, vec![document], quota, now);
        let taken = taken.await?;
        self.new_jobs.notify_one();
        let Some(Taken { document_id, .. }) = taken.into_iter().next() else {
            return Err(Error::NoSuchDocument);
        };
        self.documents
            .get(&scope, &document_id)
            .await?
            .ok_or(Error::NoSuchDocument)
    }

    async fn personal_base(&self, caller: &Principal) -> Result<KnowledgeBase, Error> {
        let owner = caller.user_id().ok_or(Error::NoSuchKnowledgeBase)?;
        let wanted = WantedBase {
            id: KnowledgeBaseId(self.new_id()),
            name: PERSONAL.to_owned(),
            visibility: Visibility::Private,
            owner: owner.0.clone(),
            created_at: self.clock.now(),
        };
        Ok(self
            .documents
            .knowledge_base(&caller.scope(), wanted)
            .await?)
    }

    /// The public knowledge base of this name, made where it is missing.
    pub async fn public_base(
        &self,
        caller: &Principal,
        name: &str,
    ) -> Result<KnowledgeBase, Error> {
        checked_name(name)?;
        let wanted = WantedBase {
            id: KnowledgeBaseId(self.new_id()),
            name: name.to_owned(),
            visibility: Visibility::Public,
            owner: String::new(),
            created_at: self.clock.now(),
        };
        Ok(self
            .documents
            .knowledge_base(&caller.scope(), wanted)
            .await?)
    }
}

/// The format: what the caller says, else what the path ends in, held against
/// what the content is; it alone decides where nothing is said.
fn media_type(upload: &Upload) -> Result<MediaType, Error> {
    let from_path = upload.path.as_deref().and_then(MediaType::from_path);
    let declared = match upload.media_type.as_deref() {
        // What browsers and curl say of files whose type they don't know.
        None | Some("application/octet-stream") => from_path,
        // Many clients call every text plain; the file's name knows better.
        Some(name) if MediaType::from_name(name) == Some(MediaType::Plain) => {
            from_path.or(Some(MediaType::Plain))
        }
        Some(name) => {
            let named = MediaType::from_name(name).or(from_path);
            Some(named.ok_or(Error::UnknownFormat)?)
        }
    };
    let settled = settle(declared, &upload.content)?;
    let says_nothing = upload.path.is_none() && upload.media_type.is_none();
    // Text under a name that tells nothing may be anything.
    if declared.is_none() && settled == MediaType::Markdown && !says_nothing {
        return Err(Error::UnknownFormat);
    }
    Ok(settled)
}

/// Whether it can be told without reading it that a text has no text.
pub(super) fn holds_nothing(format: MediaType, content: &[u8]) -> bool {
    let text = str::from_utf8(content);
    format.is_text() && text.is_ok_and(|text| !text.chars().any(char::is_alphanumeric))
}

/// The hash that tells contents apart.
pub(super) fn content_hash(content: &[u8]) -> String {
    blake3::hash(content).to_hex().to_string()
}
