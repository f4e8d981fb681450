//! Looking closely at a document: its chunks, its bytes as they were sent, and
//! links that show these for a short time.

use proto::claims::Role;
use service_kit::clock::{Millis, is_id};

use super::{
    App,
    error::Error,
    knowledge::LARGEST_PAGE,
    ports::{ChunkView, Original},
};
use crate::domain::{
    chunk::{ChunkId, HEADING_SEPARATOR},
    document::DocumentId,
    link::{DocumentLink, LINK_LIFETIME, heading_anchor},
    principal::Principal,
};

/// What a link is asked for.
#[derive(Debug, Clone, Default)]
pub struct LinkWanted {
    /// For how many seconds it is to hold.
    pub lifetime: Option<i64>,
    /// The chunk whose heading it is to lead to.
    pub chunk: Option<String>,
    /// The page it is to lead to, from 1.
    pub page: Option<u32>,
}

/// A link that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeLink {
    /// What stands for it in a URL's path.
    pub token: String,
    /// The place in the document that it leads to; empty for its beginning.
    pub anchor: String,
    /// From when on it is not followed.
    pub expires_at: Millis,
}

impl App {
    /// A page of the chunks of a document that the caller may read; `after` is
    /// a place in the document.
    pub async fn chunks(
        &self,
        caller: &Principal,
        id: &str,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Vec<ChunkView>, Error> {
        if !(1..=LARGEST_PAGE).contains(&limit) {
            return Err(Error::Limit);
        }
        let document = self.document(caller, id).await?.id;
        let (scope, after) = (caller.scope(), after.unwrap_or(-1));
        Ok(self.views.chunks(&scope, &document, after, limit).await?)
    }

    /// The bytes of a document that the caller may read, as they were sent.
    pub async fn original(&self, caller: &Principal, id: &str) -> Result<Original, Error> {
        let (id, version) = self.shown(caller, id).await?;
        let original = self.views.original(&caller.scope(), &id, version).await?;
        original.ok_or(Error::NoSuchDocument)
    }

    /// Makes a link to a document that the caller may read.
    pub async fn link_document(
        &self,
        caller: &Principal,
        id: &str,
        wanted: &LinkWanted,
    ) -> Result<MadeLink, Error> {
        let (document, version) = self.shown(caller, id).await?;
        let lifetime = wanted.lifetime.unwrap_or(LINK_LIFETIME);
        if !(1..=LINK_LIFETIME).contains(&lifetime) {
            return Err(Error::LinkLifetime);
        }
        let anchor = match (&wanted.chunk, wanted.page) {
            (Some(chunk), _) => self.anchor_of(caller, &document, chunk).await?,
            (None, Some(page)) => format!("page={page}"),
            (None, None) => String::new(),
        };
        let issued_at = self.clock.now();
        let link = DocumentLink {
            document,
            version,
            user: caller.user_id().ok_or(Error::NoSuchDocument)?.clone(),
            issued_at,
            expires_at: issued_at + lifetime * 1000,
        };
        Ok(MadeLink {
            token: self.links.seal(&link),
            anchor,
            expires_at: link.expires_at,
        })
    }

    /// What a link shows: what its maker may read now, of that very version.
    pub async fn follow_link(&self, token: &str) -> Result<Original, Error> {
        let link = self.links.open(token).ok_or(Error::InvalidLink)?;
        if link.expires_at <= self.clock.now() {
            return Err(Error::ExpiredLink);
        }
        // What ends the tokens of its maker ends their links.
        if self.refused.refuse(&link.user.0, "", link.issued_at / 1000) {
            return Err(Error::InvalidLink);
        }
        // The role changes nothing about what may be read.
        let scope = Principal::user(link.user, Role::User).scope();
        let original = self.views.original(&scope, &link.document, link.version);
        original.await?.ok_or(Error::InvalidLink)
    }

    async fn shown(&self, caller: &Principal, id: &str) -> Result<(DocumentId, i64), Error> {
        if !is_id(id) {
            return Err(Error::NoSuchDocument);
        }
        let id = DocumentId(id.to_owned());
        let version = self.views.shown_version(&caller.scope(), &id).await?;
        Ok((id, version.ok_or(Error::NoSuchDocument)?))
    }

    async fn anchor_of(
        &self,
        caller: &Principal,
        document: &DocumentId,
        chunk: &str,
    ) -> Result<String, Error> {
        let ids = [ChunkId(chunk.to_owned())];
        let found = self.documents.passages(&caller.scope(), &ids).await?;
        let mut here = found
            .into_iter()
            .filter(|passage| passage.document_id == *document);
        let passage = here.next().ok_or(Error::NoSuchChunk)?;
        let innermost = passage.heading.rsplit(HEADING_SEPARATOR).next();
        Ok(heading_anchor(innermost.unwrap_or_default()))
    }
}
