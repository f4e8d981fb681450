//! Taking a document in: checked, stored with its job, acknowledged. Parsing
//! and indexing are the worker's.

use super::{
    App,
    create_knowledge_base::checked_name,
    error::Error,
    ports::{KeyedDocument, Taken, WantedBase},
};
use crate::domain::{
    document::{Change, Document, DocumentId, MediaType, NewDocument, Origin, is_label},
    knowledge_base::{KnowledgeBase, KnowledgeBaseId, PERSONAL, Visibility},
    principal::{Principal, Scope, UserId},
    request_key::{KeyedRequest, is_request_key},
    tags::Tags,
};
use crate::pipeline::parsing::settle;

/// A document as a caller brings it.
#[derive(Debug, Clone, Default)]
pub struct Upload {
    /// The knowledge base's name or id; the caller's own one where it is missing.
    pub knowledge_base: Option<String>,
    /// What its source calls it: the same name replaces what is there. Without
    /// one its path is its name; without either it is a new document each time.
    pub external_id: Option<String>,
    /// Its title; its content tells it where it is missing.
    pub title: Option<String>,
    /// Where it came from, or its file's name.
    pub path: Option<String>,
    /// What it is sorted by, beside what its content says.
    pub tags: Vec<String>,
    /// Its media type; its path tells it where it is missing.
    pub media_type: Option<String>,
    /// Its content.
    pub content: Vec<u8>,
    /// What the caller calls this request: sent again within a day it is answered
    /// with the document that it brought.
    pub request_key: Option<String>,
}

impl Upload {
    /// The request that this is, if it has a key.
    fn keyed(&self, scope: &Scope) -> Result<Option<KeyedRequest>, Error> {
        let Some(key) = self.request_key.clone() else {
            return Ok(None);
        };
        if !is_request_key(&key) {
            return Err(Error::InvalidRequestKey);
        }
        let mut hasher = blake3::Hasher::new();
        for field in [
            &self.knowledge_base,
            &self.external_id,
            &self.title,
            &self.path,
            &self.media_type,
        ] {
            // Each with its length, so that no two requests are alike.
            let length = field.as_ref().map_or(u64::MAX, |text| text.len() as u64);
            hasher.update(&length.to_be_bytes());
            hasher.update(field.as_deref().unwrap_or_default().as_bytes());
        }
        for tag in &self.tags {
            hasher.update(&(tag.len() as u64).to_be_bytes());
            hasher.update(tag.as_bytes());
        }
        hasher.update(&self.content);
        Ok(Some(KeyedRequest {
            caller: UserId(scope.owner().to_owned()),
            key,
            hash: hasher.finalize().to_hex().to_string(),
        }))
    }
}

/// A document that was taken in, and what that came to.
#[derive(Debug, Clone)]
pub struct Added {
    /// The document as it is now.
    pub document: Document,
    /// What changed.
    pub change: Change,
}

impl App {
    /// Takes a document in.
    pub async fn add_document(&self, caller: &Principal, upload: Upload) -> Result<Added, Error> {
        let (scope, quota, now) = (caller.scope(), self.quota, self.clock.now());
        let request = upload.keyed(&scope)?;
        let document = self.new_document(caller, upload).await?;
        let taken = if let Some(request) = request {
            let keyed = KeyedDocument { request, document };
            self.documents.put_once(&scope, keyed, quota, now).await?
        } else {
            let put = self.documents.put(&scope, vec![document], quota, now);
            put.await?.pop()
        };
        let Taken {
            document_id,
            change,
        } = taken.ok_or(Error::RequestKeyReused)?;
        self.new_jobs.notify_one();
        let document = self.documents.get(&scope, &document_id).await?;
        Ok(Added {
            document: document.ok_or(Error::NoSuchDocument)?,
            change,
        })
    }

    /// Takes the document of this external id in, or its next version.
    pub async fn put_document(
        &self,
        caller: &Principal,
        external_id: String,
        upload: Upload,
    ) -> Result<Added, Error> {
        if upload.external_id.is_some_and(|own| own != external_id) {
            return Err(Error::Label(
                "The external_id is another one than in the path; leave it away.",
            ));
        }
        let upload = Upload {
            external_id: Some(external_id),
            ..upload
        };
        self.add_document(caller, upload).await
    }

    async fn new_document(&self, caller: &Principal, upload: Upload) -> Result<NewDocument, Error> {
        let scope = caller.scope();
        let named = upload.knowledge_base.clone();
        let document = self.sound(KnowledgeBaseId(String::new()), upload, Origin::Upload)?;
        let base = match &named {
            Some(name) => self.readable_base(&scope, name).await?,
            None => self.personal_base(caller).await?,
        };
        Ok(NewDocument {
            knowledge_base_id: base.id,
            ..document
        })
    }

    /// What is taken in of an upload, if nothing is wrong with it.
    pub(super) fn sound(
        &self,
        base: KnowledgeBaseId,
        upload: Upload,
        origin: Origin,
    ) -> Result<NewDocument, Error> {
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
        let id = self.new_id();
        let path = upload.path.unwrap_or_default();
        let names = [
            upload.external_id.unwrap_or_default(),
            path.clone(),
            id.clone(),
        ];
        Ok(NewDocument {
            external_id: names
                .into_iter()
                .find(|name| !name.is_empty())
                .unwrap_or_default(),
            id: DocumentId(id),
            job_id: self.new_id(),
            knowledge_base_id: base,
            title: upload.title.unwrap_or_default().trim().to_owned(),
            path,
            tags: Tags::new(&upload.tags).map_err(|_| Error::Tags)?,
            origin,
            media_type,
            content_hash: content_hash(&upload.content),
            content: upload.content,
            run_id: String::new(),
        })
    }

    /// The knowledge base that is meant where none is named.
    pub(super) async fn personal_base(&self, caller: &Principal) -> Result<KnowledgeBase, Error> {
        let owner = caller.user_id().ok_or(Error::NoSuchKnowledgeBase)?;
        let wanted = WantedBase {
            id: KnowledgeBaseId(self.new_id()),
            name: PERSONAL.to_owned(),
            visibility: Visibility::Private,
            language: None,
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
            language: None,
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
