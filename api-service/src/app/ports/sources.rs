//! What the verbs about sources need from outside. What callers do takes a
//! [`Scope`], which must be one in which documents may be put into the source's
//! knowledge base; the rest is for who has claimed a source.

use async_trait::async_trait;
use service_kit::clock::Millis;

use super::{Page, Refused, StoreError};
use crate::domain::{
    document::{Change, NewDocument},
    knowledge_base::KnowledgeBaseId,
    principal::Scope,
    quota::Quota,
    source::{ClaimedSource, Marks, Source, SourceId, SourceSettings, SourceSync, SyncReport},
};

/// A source that is to be made.
#[derive(Debug, Clone)]
pub struct NewSource {
    /// Its id.
    pub id: SourceId,
    /// The knowledge base that its documents go to.
    pub knowledge_base_id: KnowledgeBaseId,
    /// What it brings.
    pub settings: SourceSettings,
    /// When it is made, and first due.
    pub created_at: Millis,
}

/// A page that a claimed source brings.
#[derive(Debug, Clone)]
pub struct NewPage {
    /// Its document, whose external id is the page's address.
    pub document: NewDocument,
    /// What tells whether it changed.
    pub marks: Marks,
}

/// What a source brought earlier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPage {
    /// Its address, which is the external id of its document.
    pub address: String,
    /// What tells whether it changed; nothing where its document is gone or
    /// could not be made searchable.
    pub marks: Marks,
}

/// Sources.
#[async_trait]
pub trait SourceStore: Send + Sync {
    /// Makes a source, which is due at once.
    async fn create_source(&self, scope: &Scope, source: NewSource) -> Result<(), Refused>;
    /// The sources in `scope`, of one knowledge base or of all, by id.
    async fn sources(
        &self,
        scope: &Scope,
        base: Option<&KnowledgeBaseId>,
        page: &Page,
    ) -> Result<Vec<Source>, StoreError>;
    /// The source, if it is in `scope`.
    async fn source(&self, scope: &Scope, id: &SourceId) -> Result<Option<Source>, StoreError>;
    /// Gives a source in `scope` other settings, and makes it due; `false` where
    /// there is none.
    async fn change_source(
        &self,
        scope: &Scope,
        id: &SourceId,
        settings: &SourceSettings,
        now: Millis,
    ) -> Result<bool, StoreError>;
    /// Makes a source in `scope` due; `false` where there is none.
    async fn request_sync(
        &self,
        scope: &Scope,
        id: &SourceId,
        now: Millis,
    ) -> Result<bool, StoreError>;
    /// Deletes a source in `scope` and the documents that it brought: from now
    /// on they can't be found. `false` where there is none.
    async fn delete_source(&self, scope: &Scope, id: &SourceId) -> Result<bool, StoreError>;

    /// Claims the source that is due for the longest time, for `lease`
    /// milliseconds. One owner's sources are synced one at a time.
    async fn claim_source(
        &self,
        worker: &str,
        now: Millis,
        lease: Millis,
    ) -> Result<Option<ClaimedSource>, StoreError>;
    /// What a claimed source brought earlier.
    async fn known_pages(&self, source: &ClaimedSource) -> Result<Vec<KnownPage>, StoreError>;
    /// Takes in a page of a claimed source, if what the owner of the knowledge
    /// base has then is within `quota`. Missing is a source that is gone or was taken over.
    async fn take_page(
        &self,
        source: &ClaimedSource,
        page: NewPage,
        quota: Quota,
        now: Millis,
    ) -> Result<Change, Refused>;
    /// Notes what tells whether a page of a claimed source changed; `false`
    /// where the source is gone.
    async fn keep_page(
        &self,
        source: &ClaimedSource,
        address: &str,
        marks: &Marks,
    ) -> Result<bool, StoreError>;
    /// Deletes the document of a page of a claimed source, unless another source
    /// or somebody brings it, too; `false` where it stays or is gone already.
    async fn drop_page(&self, source: &ClaimedSource, address: &str) -> Result<bool, StoreError>;
    /// Notes how far a claimed source is, and renews the claim; `false` where it
    /// was taken over or deleted, and must be left alone.
    async fn renew_source(
        &self,
        source: &ClaimedSource,
        report: &SyncReport,
        lease_until: Millis,
    ) -> Result<bool, StoreError>;
    /// Ends a claim.
    async fn finish_source(
        &self,
        source: &ClaimedSource,
        sync: &SourceSync,
    ) -> Result<(), StoreError>;
    /// Gives back what a worker has claimed, to be begun anew.
    async fn release_sources(&self, worker: &str) -> Result<(), StoreError>;
    /// Gives back what processes that are gone had claimed. Right only for a
    /// process that knows that there is no other one.
    async fn release_all_sources(&self) -> Result<(), StoreError>;
    /// Whether there is such a source, for whoever keeps files of it.
    async fn is_there(&self, id: &SourceId) -> Result<bool, StoreError>;
}

/// Why something was not fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The address, or one it leads to, can't be asked for.
    #[error("This is no address of a page; it begins with https:// or http:// and names no user.")]
    InvalidAddress,
    /// The host is, or leads to, an address that is not public.
    #[error(
        "The host's address is private, local or reserved. Who runs this service can allow own \
         networks in FETCH_ALLOWED_NETWORKS."
    )]
    AddressNotAllowed,
    /// Nobody knows the host.
    #[error("The host's name can't be resolved; look at its spelling.")]
    HostNotFound,
    /// No connection, or a broken one.
    #[error("The host can't be reached, or broke off; it is tried again with the next sync.")]
    Unreachable,
    /// It took too long.
    #[error("The host took too long; it is tried again with the next sync.")]
    TimedOut,
    /// One redirect after the other.
    #[error("The page leads on more than five times; name the address where it ends.")]
    TooManyRedirects,
    /// The page leads to a place that is not one.
    #[error("The page leads to no address; name the one where it is.")]
    BadRedirect,
    /// It is larger than it may be.
    #[error("It is larger than MAX_UPLOAD_BYTES allows, or than a sitemap or repository may be.")]
    TooLarge,
    /// The page is gone.
    #[error("There is no such page (404 or 410); its document is removed.")]
    Gone,
    /// An answer that is no page.
    #[error("The host answers with the status {0} and not with a page.")]
    BadStatus(u16),
    /// The answer is packed in a way that we did not offer, or broken.
    #[error("The answer's content encoding can't be read.")]
    BadEncoding,
    /// The host's `robots.txt` does not want us there.
    #[error("The host's robots.txt keeps programs from this page; ask who runs the host.")]
    Disallowed,
    /// The host's `robots.txt` can't be read, which means: no.
    #[error("The host's robots.txt can't be had just now; it is tried again with the next sync.")]
    RobotsUnavailable,
    /// It is no sitemap.
    #[error("This is no sitemap: XML with a `urlset` or `sitemapindex`, and no DTD.")]
    NotASitemap,
    /// A sitemap names pages of other hosts.
    #[error("A sitemap may name pages of its own host alone; add a source for the other host.")]
    OtherHost,
    /// There are more pages than a source may bring.
    #[error("There are more than 5,000 pages or files; take some with `include` and `exclude`.")]
    TooManyPages,
    /// Sitemaps in sitemaps in sitemaps.
    #[error("A sitemap index lists another index; name that one as a source of its own.")]
    TooDeep,
    /// There is no `git` here.
    #[error("The program `git` is not installed where api-service runs; install it.")]
    NoGit,
    /// `git` says no.
    #[error(
        "The repository can't be fetched: it is not there, is empty, or is not for everyone to \
         read."
    )]
    GitFailed,
}

impl FetchError {
    /// A stable word for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidAddress => "invalid_address",
            Self::AddressNotAllowed => "address_not_allowed",
            Self::HostNotFound => "host_not_found",
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed_out",
            Self::TooManyRedirects => "too_many_redirects",
            Self::BadRedirect => "bad_redirect",
            Self::TooLarge => "too_large",
            Self::Gone => "page_not_found",
            Self::BadStatus(_) => "bad_status",
            Self::BadEncoding => "bad_encoding",
            Self::Disallowed => "robots_disallowed",
            Self::RobotsUnavailable => "robots_unavailable",
            Self::NotASitemap => "not_a_sitemap",
            Self::OtherHost => "other_host",
            Self::TooManyPages => "too_many_pages",
            Self::TooDeep => "sitemap_too_deep",
            Self::NoGit => "git_missing",
            Self::GitFailed => "git_failed",
        }
    }
}

/// A page as its host gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedPage {
    /// Where it was in the end.
    pub address: String,
    /// What its host calls its format.
    pub media_type: Option<String>,
    /// Its bytes.
    pub content: Vec<u8>,
    /// What tells the next time whether it changed.
    pub marks: Marks,
}

/// What was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// It is as it was.
    Unchanged,
    /// A page.
    Page(FetchedPage),
}

/// The web.
pub trait Web: Send + Sync {
    /// Begins to read pages: what hosts ask of programs is looked up once.
    fn visit(&self) -> Box<dyn Visit>;
}

/// Pages that are read one after the other.
#[async_trait]
pub trait Visit: Send + Sync {
    /// Fetches a page of at most `limit` bytes, unless it is as `marks` say.
    /// Waits until the host's turn has come. Bounded in time.
    async fn get(
        &mut self,
        address: &str,
        marks: &Marks,
        limit: usize,
    ) -> Result<Fetched, FetchError>;
}

/// A file of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryFile {
    /// Its path, with `/` between the parts.
    pub path: String,
    /// The id of its content, which changes with it.
    pub blob: String,
    /// Its size in bytes.
    pub bytes: usize,
}

/// Git repositories.
#[async_trait]
pub trait Repositories: Send + Sync {
    /// Fetches what the repository's default branch holds now, into a folder
    /// that belongs to the source, and lists the files.
    async fn update(&self, id: &SourceId, address: &str)
    -> Result<Vec<RepositoryFile>, FetchError>;
    /// The bytes of a file that was listed.
    async fn read(&self, id: &SourceId, file: &RepositoryFile) -> Result<Vec<u8>, FetchError>;
    /// The sources that have a folder here.
    async fn kept(&self) -> Vec<SourceId>;
    /// Removes a source's folder.
    async fn forget(&self, id: &SourceId);
}
