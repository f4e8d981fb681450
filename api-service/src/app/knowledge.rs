//! Looking at knowledge bases, documents and jobs, and deleting documents.

use service_kit::clock::is_id;

use super::{
    App,
    error::Error,
    ports::{Page, Refused},
};
use crate::domain::{
    document::{Document, DocumentId, is_label},
    knowledge_base::{KnowledgeBase, PERSONAL},
    principal::{Principal, Scope},
};

/// The most things that one page lists.
pub const LARGEST_PAGE: usize = 100;

impl App {
    /// The knowledge bases that the caller may read.
    pub async fn knowledge_bases(&self, caller: &Principal) -> Result<Vec<KnowledgeBase>, Error> {
        Ok(self.documents.knowledge_bases(&caller.scope()).await?)
    }

    /// A knowledge base that the caller may read.
    pub async fn knowledge_base(
        &self,
        caller: &Principal,
        id: &str,
    ) -> Result<KnowledgeBase, Error> {
        let bases = self.documents.knowledge_bases(&caller.scope()).await?;
        let mut named = bases.into_iter().filter(|base| base.id.0 == id);
        named.next().ok_or(Error::NoSuchKnowledgeBase)
    }

    /// The knowledge base of this name or id that the caller may read.
    pub async fn named_knowledge_base(
        &self,
        caller: &Principal,
        name: &str,
    ) -> Result<KnowledgeBase, Error> {
        self.readable_base(&caller.scope(), name).await
    }

    /// A page of the documents that the caller may read, of one knowledge base
    /// or of all.
    pub async fn list_documents(
        &self,
        caller: &Principal,
        base: Option<&str>,
        page: &Page,
    ) -> Result<Vec<Document>, Error> {
        check(page)?;
        let scope = caller.scope();
        let base = match base {
            Some(name) => Some(self.readable_base(&scope, name).await?.id),
            None => None,
        };
        Ok(self.documents.list(&scope, base.as_ref(), page).await?)
    }

    /// All documents of the caller's personal knowledge base.
    pub async fn own_documents(&self, caller: &Principal) -> Result<Vec<Document>, Error> {
        let scope = caller.scope();
        let base = match self.readable_base(&scope, PERSONAL).await {
            Ok(base) if base.owner == scope.owner() => base,
            Ok(_) | Err(Error::NoSuchKnowledgeBase) => return Ok(vec![]),
            Err(error) => return Err(error),
        };
        let (mut found, mut page) = (vec![], Page::first());
        loop {
            let batch = self.documents.list(&scope, Some(&base.id), &page).await?;
            let more = batch.len() == page.limit;
            page.after = batch
                .last()
                .map(|last| last.id.0.clone())
                .unwrap_or_default();
            found.extend(batch);
            if !more {
                return Ok(found);
            }
        }
    }

    /// A document that the caller may read.
    pub async fn document(&self, caller: &Principal, id: &str) -> Result<Document, Error> {
        if !is_id(id) {
            return Err(Error::NoSuchDocument);
        }
        let id = DocumentId(id.to_owned());
        self.documents
            .get(&caller.scope(), &id)
            .await?
            .ok_or(Error::NoSuchDocument)
    }

    /// A document that the caller may read, by its id or by what its source
    /// calls it in a knowledge base, the caller's own one where none is named.
    pub async fn named_document(
        &self,
        caller: &Principal,
        name: &str,
        base: Option<&str>,
    ) -> Result<Document, Error> {
        match self.document(caller, name).await {
            Err(Error::NoSuchDocument) if is_label(name) => {}
            done => return done,
        }
        let scope = caller.scope();
        let base = match self.readable_base(&scope, base.unwrap_or(PERSONAL)).await {
            Err(Error::NoSuchKnowledgeBase) if base.is_none() => return Err(Error::NoSuchDocument),
            found => found?.id,
        };
        let document = self.documents.named(&scope, &base, name).await?;
        document.ok_or(Error::NoSuchDocument)
    }

    /// Deletes a document, named as in [`App::named_document`]. Once this
    /// returns, no search finds it.
    pub async fn delete_document(
        &self,
        caller: &Principal,
        name: &str,
        base: Option<&str>,
    ) -> Result<(), Error> {
        let scope = caller.scope();
        let id = self.named_document(caller, name, base).await?.id;
        match self.documents.delete(&scope, &id).await {
            Err(Refused::Missing) => return Err(Error::NoSuchDocument),
            done => done?,
        }
        // It can't be found any more; the worker clears its points away.
        self.new_jobs.notify_one();
        Ok(())
    }

    /// The knowledge base of this name or id that a caller may read. One of
    /// their own goes before a public one of the same name, and that before one
    /// of somebody else's, who could shadow it otherwise.
    pub(super) async fn readable_base(
        &self,
        scope: &Scope,
        name: &str,
    ) -> Result<KnowledgeBase, Error> {
        let bases = self.documents.knowledge_bases(scope).await?;
        let named = named_base(&bases, scope, name).cloned();
        named.ok_or(Error::NoSuchKnowledgeBase)
    }
}

/// The knowledge base that [`App::readable_base`] means, among those in a scope.
pub(super) fn named_base<'a>(
    bases: &'a [KnowledgeBase],
    scope: &Scope,
    name: &str,
) -> Option<&'a KnowledgeBase> {
    let fitting = bases
        .iter()
        .filter(|base| base.name == name || base.id.0 == name);
    fitting.min_by_key(|base| (!base.is_own(scope), !base.owner.is_empty()))
}

/// Whether a page can be asked for.
pub(super) fn check(page: &Page) -> Result<(), Error> {
    if !(1..=LARGEST_PAGE).contains(&page.limit) {
        return Err(Error::Limit);
    }
    if !page.after.is_empty() && !is_id(&page.after) {
        return Err(Error::Cursor);
    }
    Ok(())
}
