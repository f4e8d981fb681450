//! Looking closely at a document: its chunks, its bytes as they were sent, and
//! links that show these for a short time.

use proto::claims::Role;
use service_kit::clock::{Millis, is_id};

use super::{
    App,
    error::Error,
    knowledge::LARGEST_PAGE,
    ports::{ChunkView, Original, ShownVersion},
};
use crate::domain::{
    chunk::{ChunkId, HEADING_SEPARATOR, Passage},
    document::{Document, DocumentId, MediaType},
    link::{DocumentLink, LINK_LIFETIME, heading_anchor, page_anchor},
    principal::{Principal, Shown, UserId},
};

/// No more of a document's text is given at once, in bytes.
const LONGEST_TEXT: usize = 256 * 1024;

/// What a link is asked for.
#[derive(Debug, Clone, Default)]
pub struct LinkWanted {
    /// For how many seconds it is to hold.
    pub lifetime: Option<i64>,
    /// The chunk that it is to lead to: to its page in a PDF, else to its heading.
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

/// Where a reader of an answer sees one of its sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceLink {
    /// At the address on the web that the document came from.
    Page(String),
    /// Here, by a link that holds for a short time.
    File {
        /// The document's format.
        media_type: MediaType,
        /// The link.
        link: MadeLink,
    },
    /// Nowhere: the document is gone, or the reader is a visitor.
    Nowhere,
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

    /// A document that the caller may read, and the text that can be found in it:
    /// its chunks, each under its headings. Of a long one, the beginning.
    pub async fn document_text(
        &self,
        caller: &Principal,
        id: &str,
    ) -> Result<(Document, String), Error> {
        let document = self.document(caller, id).await?;
        let (scope, mut after) = (caller.scope(), -1);
        let (mut text, mut heading) = (String::new(), String::new());
        while text.len() < LONGEST_TEXT {
            let chunks = self.views.chunks(&scope, &document.id, after, LARGEST_PAGE);
            let chunks = chunks.await?;
            let Some(last) = chunks.last() else { break };
            after = last.ordinal;
            for chunk in chunks {
                if chunk.heading != heading {
                    text.extend([&chunk.heading, "\n\n"]);
                    heading = chunk.heading;
                }
                text.extend([&chunk.text, "\n\n"]);
            }
        }
        text.truncate(text.floor_char_boundary(LONGEST_TEXT));
        text.truncate(text.trim_end().len());
        Ok((document, text))
    }

    /// The bytes of a document that the caller may read, as they were sent.
    pub async fn original(&self, caller: &Principal, id: &str) -> Result<Original, Error> {
        let (id, shown) = self.shown(caller, id).await?;
        let (scope, version) = (caller.scope(), shown.version);
        let original = self.views.original(&scope, &id, version).await?;
        original.ok_or(Error::NoSuchDocument)
    }

    /// Makes a link to a document that the caller may read.
    pub async fn link_document(
        &self,
        caller: &Principal,
        id: &str,
        wanted: &LinkWanted,
    ) -> Result<MadeLink, Error> {
        let (document, shown) = self.shown(caller, id).await?;
        let lifetime = wanted.lifetime.unwrap_or(LINK_LIFETIME);
        if !(1..=LINK_LIFETIME).contains(&lifetime) {
            return Err(Error::LinkLifetime);
        }
        let anchor = match (&wanted.chunk, wanted.page) {
            (Some(chunk), _) => {
                let passage = self.passage_in(caller, &document, chunk).await?;
                anchor_of(&passage, shown.media_type)
            }
            (None, Some(page)) => page_anchor(page),
            (None, None) => String::new(),
        };
        let user = caller.user_id().ok_or(Error::NoSuchDocument)?;
        let link = self.made_link(user, (document, shown.version), lifetime);
        Ok(MadeLink { anchor, ..link })
    }

    /// Where each of these passages can be seen, in their order. What can't be
    /// told just now is left open: an answer does not fail for it.
    pub async fn source_links(&self, caller: &Principal, sources: &[Passage]) -> Vec<SourceLink> {
        let mut links = vec![];
        for source in sources {
            let link = self.source_link(caller, source).await;
            links.push(link.unwrap_or_else(|error| {
                error.log();
                SourceLink::Nowhere
            }));
        }
        links
    }

    async fn source_link(&self, caller: &Principal, source: &Passage) -> Result<SourceLink, Error> {
        let names = [&source.path, &source.external_id];
        if let Some(url) = names.into_iter().find(|name| is_web_page(name)) {
            return Ok(SourceLink::Page(url.clone()));
        }
        let Some(user) = caller.user_id() else {
            return Ok(SourceLink::Nowhere);
        };
        let (scope, id) = (caller.scope(), &source.document_id);
        let Some(shown) = self.views.shown_version(&scope, id).await? else {
            return Ok(SourceLink::Nowhere);
        };
        let link = self.made_link(user, (id.clone(), shown.version), LINK_LIFETIME);
        Ok(SourceLink::File {
            media_type: shown.media_type,
            link: MadeLink {
                anchor: anchor_of(source, shown.media_type),
                ..link
            },
        })
    }

    /// A link to a version of a document, for so many seconds.
    fn made_link(&self, user: &UserId, shows: (DocumentId, i64), lifetime: i64) -> MadeLink {
        let issued_at = self.clock.now();
        let link = DocumentLink {
            document: shows.0,
            version: shows.1,
            user: user.clone(),
            issued_at,
            expires_at: issued_at + lifetime * 1000,
        };
        MadeLink {
            token: self.links.seal(&link),
            anchor: String::new(),
            expires_at: link.expires_at,
        }
    }

    /// What a link shows: what its maker may read now, of that very version.
    pub async fn follow_link(&self, token: &str) -> Result<Original, Error> {
        let link = self.links.open(token).ok_or(Error::InvalidLink)?;
        if link.expires_at <= self.clock.now() {
            return Err(Error::ExpiredLink);
        }
        let shown = Shown {
            session: String::new(),
            issued_at: link.issued_at / 1000,
        };
        // The role changes nothing about what may be read.
        let maker = Principal::user(link.user, Role::User, shown);
        // What ends the tokens of its maker ends their links.
        if self.refused.refuse_caller(&maker) {
            return Err(Error::InvalidLink);
        }
        let scope = maker.scope();
        let original = self.views.original(&scope, &link.document, link.version);
        original.await?.ok_or(Error::InvalidLink)
    }

    async fn shown(
        &self,
        caller: &Principal,
        id: &str,
    ) -> Result<(DocumentId, ShownVersion), Error> {
        if !is_id(id) {
            return Err(Error::NoSuchDocument);
        }
        let id = DocumentId(id.to_owned());
        let shown = self.views.shown_version(&caller.scope(), &id).await?;
        Ok((id, shown.ok_or(Error::NoSuchDocument)?))
    }

    async fn passage_in(
        &self,
        caller: &Principal,
        document: &DocumentId,
        chunk: &str,
    ) -> Result<Passage, Error> {
        let ids = [ChunkId(chunk.to_owned())];
        let found = self.documents.passages(&caller.scope(), &ids).await?;
        let mut here = found
            .into_iter()
            .filter(|passage| passage.document_id == *document);
        here.next().ok_or(Error::NoSuchChunk)
    }
}

/// Whether a document's name is an address that browsers open as a page.
fn is_web_page(name: &str) -> bool {
    ["https://", "http://"]
        .iter()
        .any(|scheme| name.starts_with(scheme))
}

/// What leads to a passage of a document of this format.
fn anchor_of(passage: &Passage, format: MediaType) -> String {
    if let (MediaType::Pdf, Some(page)) = (format, passage.page) {
        return page_anchor(page);
    }
    let innermost = passage.heading.rsplit(HEADING_SEPARATOR).next();
    heading_anchor(innermost.unwrap_or_default())
}
