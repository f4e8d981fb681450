//! Sources: pages and files that documents are taken from again and again.

use service_kit::clock::Millis;
use url::Url;

use super::{
    document::{MAX_LABEL, is_label},
    knowledge_base::KnowledgeBaseId,
};

/// A source's id (UUIDv7).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SourceId(pub String);

/// What a source's addresses name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    /// Pages, each by itself.
    Urls,
    /// A list of pages, or of such lists, as sitemaps.org has it.
    Sitemap,
    /// A git repository.
    Git,
}

impl SourceKind {
    /// The word that stands for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Urls => "urls",
            Self::Sitemap => "sitemap",
            Self::Git => "git",
        }
    }

    /// What a stored word stands for, if anything.
    pub fn from_word(word: &str) -> Option<Self> {
        let all = [Self::Urls, Self::Sitemap, Self::Git];
        all.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// Where a source stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceState {
    /// Nothing is to be done, or the next sync waits.
    Idle,
    /// A sync is under way.
    Syncing,
    /// The last sync could not be done; its error says why.
    Failed,
}

impl SourceState {
    /// The word that stands for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Syncing => "syncing",
            Self::Failed => "failed",
        }
    }

    /// What a stored word stands for, if anything.
    pub fn from_word(word: &str) -> Option<Self> {
        let all = [Self::Idle, Self::Syncing, Self::Failed];
        all.into_iter().find(|state| state.as_str() == word)
    }
}

/// What a source brings, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceSettings {
    /// What its addresses name.
    pub kind: SourceKind,
    /// The addresses: of pages, or the one of a sitemap or a repository.
    pub addresses: Vec<String>,
    /// Only what matches one of these patterns, all where there is none.
    pub include: Vec<String>,
    /// Nothing that matches one of these patterns.
    pub exclude: Vec<String>,
    /// Seconds from one sync to the next; 0 for when it is asked for alone.
    pub every_seconds: i64,
}

/// The most addresses of one source.
pub const MAX_ADDRESSES: usize = 1_000;

/// The most patterns of one list.
pub const MAX_PATTERNS: usize = 100;

/// The most sources of one knowledge base.
pub const MAX_SOURCES: usize = 100;

/// The most pages or files that one source brings.
pub const MAX_PAGES: usize = 5_000;

/// The most refusals that are kept of a sync.
pub const MAX_REFUSALS: usize = 100;

/// The shortest and the longest time between two syncs, in seconds.
const EVERY: std::ops::RangeInclusive<i64> = 300..=366 * 24 * 3600;

impl SourceSettings {
    /// The same settings with addresses as they are compared, or what is wrong
    /// with them and what to do. Whether patterns can be read is not looked at.
    pub fn checked(self) -> Result<Self, &'static str> {
        let most = match self.kind {
            SourceKind::Urls => MAX_ADDRESSES,
            SourceKind::Sitemap | SourceKind::Git => 1,
        };
        if !(1..=most).contains(&self.addresses.len()) {
            return Err(
                "`urls` holds 1 to 1,000 addresses of pages, or the one address of a sitemap \
                 or a git repository.",
            );
        }
        if self.every_seconds != 0 && !EVERY.contains(&self.every_seconds) {
            return Err(
                "`every_seconds` is 0, to sync when it is asked for alone, or from 300 to \
                 31,622,400.",
            );
        }
        let patterns = [&self.include, &self.exclude];
        let fits = |list: &&Vec<String>| {
            list.len() <= MAX_PATTERNS && list.iter().all(|text| is_label(text))
        };
        if !patterns.iter().all(fits) {
            return Err(
                "`include` and `exclude` hold at most 100 patterns of at most 500 characters.",
            );
        }
        let mut addresses = Vec::with_capacity(self.addresses.len());
        for address in &self.addresses {
            let checked = self.kind.address(address)?;
            if !addresses.contains(&checked) {
                addresses.push(checked);
            }
        }
        Ok(Self { addresses, ..self })
    }

    /// Whether it reads the disk of this machine, which is not for everyone.
    pub fn is_local(&self) -> bool {
        self.kind == SourceKind::Git && self.addresses.iter().any(|address| is_path(address))
    }
}

impl SourceKind {
    fn address(self, text: &str) -> Result<String, &'static str> {
        let checked = match self {
            Self::Git if is_path(text) && is_label(text) => return Ok(text.to_owned()),
            Self::Git => page_address(text).filter(|address| address.starts_with("https://")),
            Self::Urls | Self::Sitemap => page_address(text),
        };
        checked.ok_or(
            "An address begins with https:// or http:// (of a git repository, with https://), \
             names a host and no user or password, and has at most 500 characters.",
        )
    }
}

fn is_path(address: &str) -> bool {
    address.starts_with('/')
}

/// The address of a page as it is compared and asked for: normalised, without a
/// fragment. `None` where it is none that may be asked for.
pub fn page_address(text: &str) -> Option<String> {
    let mut url = Url::parse(text.trim()).ok()?;
    url.set_fragment(None);
    (is_web(&url) && url.as_str().len() <= MAX_LABEL).then(|| url.into())
}

/// Whether an address is one of a page and carries no credentials.
pub fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
}

/// A page or file that was not taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedPage {
    /// Its address, or its path.
    pub address: String,
    /// A stable word for programs.
    pub code: String,
    /// What is wrong, and what to do.
    pub detail: String,
}

/// What a sync came to, so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SyncReport {
    /// Pages that were not there before.
    pub created: usize,
    /// Pages whose content changed.
    pub updated: usize,
    /// Pages that stayed as they were.
    pub unchanged: usize,
    /// Documents whose page is gone.
    pub removed: usize,
    /// How many pages were not taken in.
    pub refused_count: usize,
    /// The first [`MAX_REFUSALS`] of these.
    pub refused: Vec<RefusedPage>,
}

impl SyncReport {
    /// Notes a page that was not taken in.
    pub fn refuse(&mut self, address: &str, code: &str, detail: String) {
        self.refused_count += 1;
        if self.refused.len() < MAX_REFUSALS {
            self.refused.push(RefusedPage {
                address: address.chars().take(MAX_LABEL).collect(),
                code: code.to_owned(),
                detail,
            });
        }
    }
}

/// Why a sync could not be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncFailure {
    /// A stable word for programs.
    pub code: String,
    /// What is wrong, and what to do.
    pub detail: String,
}

/// A sync, over or under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceSync {
    /// When it began.
    pub started_at: Millis,
    /// When it ended.
    pub finished_at: Option<Millis>,
    /// What it came to.
    pub report: SyncReport,
    /// Why it could not be done.
    pub failure: Option<SyncFailure>,
}

/// A source as those see it who may change it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its id.
    pub id: SourceId,
    /// The knowledge base that its documents go to.
    pub knowledge_base_id: KnowledgeBaseId,
    /// That knowledge base's name.
    pub knowledge_base: String,
    /// What it brings.
    pub settings: SourceSettings,
    /// Where it stands.
    pub state: SourceState,
    /// When the next sync is due, if one is.
    pub next_sync_at: Option<Millis>,
    /// Its last sync, if there was one.
    pub last_sync: Option<SourceSync>,
    /// When it was made.
    pub created_at: Millis,
}

/// A source that a worker has claimed to sync it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedSource {
    /// Its id.
    pub id: SourceId,
    /// Who has claimed it.
    pub worker: String,
    /// The knowledge base that its documents go to.
    pub knowledge_base_id: KnowledgeBaseId,
    /// What it brings.
    pub settings: SourceSettings,
    /// When this sync began.
    pub started_at: Millis,
}

impl ClaimedSource {
    /// What the document of a file of a repository is called: files of two
    /// repositories may have the same path.
    pub fn file_address(&self, path: &str) -> String {
        let repository = self.settings.addresses.first().map_or("", String::as_str);
        format!("{repository}#{path}")
    }
}

/// What tells whether a page changed, each empty where it is not known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Marks {
    /// The `ETag` of the answer, or the id of a file's content in git.
    pub etag: String,
    /// The answer's `Last-Modified`.
    pub last_modified: String,
    /// The sitemap's `lastmod`.
    pub lastmod: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(kind: SourceKind, addresses: &[&str]) -> SourceSettings {
        SourceSettings {
            kind,
            addresses: addresses.iter().map(|text| (*text).to_owned()).collect(),
            include: vec![],
            exclude: vec![],
            every_seconds: 0,
        }
    }

    #[test]
    fn addresses_are_compared_in_one_form() {
        let addresses = [
            "HTTPS://Example.com:443/a/../b#part",
            "https://example.com/b",
        ];
        let checked = settings(SourceKind::Urls, &addresses).checked().unwrap();
        assert_eq!(checked.addresses, ["https://example.com/b"]);
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("https://example.com/{}", "a".repeat(500));
        for (kind, address) in [
            (SourceKind::Urls, "ftp://example.com/a"),
            (SourceKind::Urls, "file:///etc/passwd"),
            (SourceKind::Urls, "https://user@example.com/"),
            (SourceKind::Urls, "https://:secret@example.com/"),
            (SourceKind::Urls, "https://"),
            (SourceKind::Urls, "example.com"),
            (SourceKind::Urls, "/etc"),
            (SourceKind::Urls, &long),
            (SourceKind::Sitemap, "data:text/plain,a"),
            (SourceKind::Git, "git@github.com:a/b"),
            (SourceKind::Git, "http://example.com/a.git"),
            (SourceKind::Git, "ext::sh -c id"),
            (SourceKind::Git, "--upload-pack=id"),
        ] {
            assert!(settings(kind, &[address]).checked().is_err(), "{address}");
        }
        let two = ["https://example.com/a", "https://example.com/b"];
        assert!(settings(SourceKind::Sitemap, &two).checked().is_err());
        assert!(settings(SourceKind::Urls, &[]).checked().is_err());
    }

    #[test]
    fn the_time_between_two_syncs_is_none_or_long_enough() {
        for (seconds, holds) in [
            (0, true),
            (300, true),
            (299, false),
            (-1, false),
            (1, false),
        ] {
            let wanted = SourceSettings {
                every_seconds: seconds,
                ..settings(SourceKind::Urls, &["https://example.com/a"])
            };
            assert_eq!(wanted.checked().is_ok(), holds, "{seconds}");
        }
    }
}
