//! One sync of one source.

use std::collections::{HashMap, HashSet};

use url::Url;

use super::{
    App,
    add_document::Upload,
    error::Error,
    ports::{
        FetchError, Fetched, FetchedPage, NewPage, Refused, RepositoryFile, StoreError, Visit,
    },
    sync_sources::LEASE,
};
use crate::{
    domain::{
        document::{Change, MediaType, NewDocument, Origin},
        source::{ClaimedSource, MAX_PAGES, Marks, SourceKind, SyncReport},
    },
    pipeline::{
        gzip::{NotInflated, gunzip, is_gzip},
        selecting::Selection,
        sitemap::{self, Entry, Sitemap},
    },
};

/// The most entries of one sitemap (the protocol's own limit).
const MOST_ENTRIES: usize = 50_000;

/// Why a sync ends before its end.
pub(super) enum Halt {
    /// Somebody else syncs the source by now, or it is gone.
    TakenOver,
    /// What lists the pages can't be had.
    Unfetched(FetchError),
    /// It is our own fault.
    Failed(Error),
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

/// A sync under way.
pub(super) struct Syncing<'a> {
    app: &'a App,
    source: &'a ClaimedSource,
    report: SyncReport,
    visit: Box<dyn Visit>,
    /// What the source brought earlier and was not seen in this sync.
    known: HashMap<String, Marks>,
}

impl<'a> Syncing<'a> {
    pub(super) fn new(app: &'a App, source: &'a ClaimedSource) -> Self {
        Self {
            app,
            source,
            report: SyncReport::default(),
            visit: app.sources.web.visit(),
            known: HashMap::new(),
        }
    }

    pub(super) fn into_report(self) -> SyncReport {
        self.report
    }

    /// Takes in what is new or changed. What was there before and is listed no
    /// more goes, if the whole list could be read.
    pub(super) async fn run(&mut self) -> Result<(), Halt> {
        let settings = &self.source.settings;
        let selection = Selection::new(&settings.include, &settings.exclude).unwrap_or_default();
        let known = self.app.sources.store.known_pages(self.source).await?;
        let known = known.into_iter().map(|page| (page.address, page.marks));
        self.known = known.collect();
        let whole = match settings.kind {
            SourceKind::Urls => self.pages(listed(&settings.addresses), &selection).await?,
            SourceKind::Sitemap => self.sitemap(&selection).await?,
            SourceKind::Git => self.repository(&selection).await?,
        };
        if whole {
            for address in std::mem::take(&mut self.known).into_keys() {
                self.renew().await?;
                self.remove(&address).await?;
            }
        }
        Ok(())
    }

    async fn renew(&self) -> Result<(), Halt> {
        let (store, until) = (&self.app.sources.store, self.app.clock.now() + LEASE);
        let renewed = store.renew_source(self.source, &self.report, until);
        if renewed.await? {
            Ok(())
        } else {
            Err(Halt::TakenOver)
        }
    }

    /// Takes in pages that are wanted; `false` where there are too many.
    async fn pages(&mut self, entries: Vec<Entry>, selection: &Selection) -> Result<bool, Halt> {
        let mut seen = HashSet::new();
        let wanted = entries
            .into_iter()
            .filter(|entry| wants(selection, &entry.address))
            .filter(|entry| seen.insert(entry.address.clone()));
        let mut wanted: Vec<Entry> = wanted.collect();
        let whole = self.within_limit(&mut wanted);
        for entry in wanted {
            self.page(entry).await?;
        }
        Ok(whole)
    }

    fn within_limit<T>(&mut self, wanted: &mut Vec<T>) -> bool {
        if wanted.len() <= MAX_PAGES {
            return true;
        }
        wanted.truncate(MAX_PAGES);
        self.refuse_list(FetchError::TooManyPages);
        false
    }

    fn refuse_list(&mut self, error: FetchError) {
        let address = self.source.settings.addresses.first();
        self.refuse(address.map_or("", String::as_str), error);
    }

    fn refuse(&mut self, address: &str, error: FetchError) {
        self.report.refuse(address, error.code(), error.to_string());
    }

    async fn page(&mut self, entry: Entry) -> Result<(), Halt> {
        let Entry { address, lastmod } = entry;
        let known = self.known.remove(&address);
        let marks = known.clone().unwrap_or_default();
        if !lastmod.is_empty() && marks.lastmod == lastmod {
            self.report.unchanged += 1;
            return Ok(());
        }
        self.renew().await?;
        let limit = self.app.sources.max_bytes;
        match self.visit.get(&address, &marks, limit).await {
            Ok(Fetched::Unchanged) => {
                self.report.unchanged += 1;
                self.keep(&address, &Marks { lastmod, ..marks }).await?;
            }
            Ok(Fetched::Page(page)) => {
                let FetchedPage {
                    media_type,
                    content,
                    marks,
                    ..
                } = page;
                let upload = Upload {
                    external_id: Some(address.clone()),
                    path: Some(address),
                    media_type,
                    content,
                    ..Upload::default()
                };
                let marks = Marks { lastmod, ..marks };
                self.take(upload, marks).await?;
            }
            Err(error) => {
                if error == FetchError::Gone && known.is_some() {
                    self.remove(&address).await?;
                }
                self.refuse(&address, error);
            }
        }
        Ok(())
    }

    /// Takes a document in, unless it is refused for a reason of its own.
    async fn take(&mut self, upload: Upload, marks: Marks) -> Result<(), Halt> {
        let address = upload.external_id.clone().unwrap_or_default();
        let base = self.source.knowledge_base_id.clone();
        let taken = match self.app.sound(base, upload, Origin::Source) {
            Ok(document) => self.put(document, marks).await?,
            Err(error) => Err(error),
        };
        match taken {
            Ok(change) => {
                match change {
                    Change::Created => self.report.created += 1,
                    Change::Updated => self.report.updated += 1,
                    Change::Unchanged => self.report.unchanged += 1,
                }
                Ok(())
            }
            Err(error) => {
                let (code, detail) = (error.code(), error.to_string());
                self.report.refuse(&address, code, detail);
                Ok(())
            }
        }
    }

    async fn put(
        &self,
        document: NewDocument,
        marks: Marks,
    ) -> Result<Result<Change, Error>, Halt> {
        let page = NewPage { document, marks };
        let (app, now) = (self.app, self.app.clock.now());
        let store = &app.sources.store;
        let put = store.take_page(self.source, page, app.quota, now);
        match put.await {
            Ok(change) => {
                app.new_jobs.notify_one();
                Ok(Ok(change))
            }
            Err(Refused::Missing) => Err(Halt::TakenOver),
            Err(Refused::Store(error)) => Err(error.into()),
            Err(refused) => Ok(Err(refused.into())),
        }
    }

    async fn keep(&self, address: &str, marks: &Marks) -> Result<(), Halt> {
        let store = &self.app.sources.store;
        if store.keep_page(self.source, address, marks).await? {
            Ok(())
        } else {
            Err(Halt::TakenOver)
        }
    }

    async fn remove(&mut self, address: &str) -> Result<(), Halt> {
        let removed = self.app.sources.store.drop_page(self.source, address);
        self.report.removed += usize::from(removed.await?);
        // The worker clears its points away.
        self.app.new_jobs.notify_one();
        Ok(())
    }

    /// Reads a sitemap, or an index and the sitemaps that it lists, and takes in
    /// their pages; `false` where not all could be listed.
    async fn sitemap(&mut self, selection: &Selection) -> Result<bool, Halt> {
        let address = self.source.settings.addresses.first();
        let address = address.cloned().unwrap_or_default();
        let mut room = sitemap::LARGEST;
        let mut whole = true;
        let read = self.read_sitemap(&address, &mut room).await?;
        let (listed, place) = read.map_err(Halt::Unfetched)?;
        let hosts = [host(&address), host(&place)];
        let mut entries = match listed {
            Sitemap::Pages(entries) => entries,
            Sitemap::Sitemaps(sitemaps) => {
                let mut entries = vec![];
                for sitemap in sitemaps {
                    match self
                        .read_listed(&sitemap.address, &hosts, &mut room)
                        .await?
                    {
                        Ok(more) => entries.extend(more),
                        Err(error) => {
                            self.refuse(&sitemap.address, error);
                            whole = false;
                        }
                    }
                    if entries.len() > MOST_ENTRIES {
                        break;
                    }
                }
                entries
            }
        };
        entries.retain(|entry| {
            let own = hosts.contains(&host(&entry.address));
            if !own {
                self.refuse(&entry.address, FetchError::OtherHost);
            }
            own
        });
        Ok(self.pages(entries, selection).await? && whole)
    }

    /// The pages of a sitemap that an index lists.
    async fn read_listed(
        &mut self,
        address: &str,
        hosts: &[Option<String>],
        room: &mut usize,
    ) -> Result<Result<Vec<Entry>, FetchError>, Halt> {
        if !hosts.contains(&host(address)) {
            return Ok(Err(FetchError::OtherHost));
        }
        Ok(match self.read_sitemap(address, room).await? {
            Ok((Sitemap::Pages(entries), _)) => Ok(entries),
            Ok((Sitemap::Sitemaps(_), _)) => Err(FetchError::TooDeep),
            Err(error) => Err(error),
        })
    }

    /// A sitemap, and where it was in the end.
    async fn read_sitemap(
        &mut self,
        address: &str,
        room: &mut usize,
    ) -> Result<Result<(Sitemap, String), FetchError>, Halt> {
        self.renew().await?;
        let fetched = self.visit.get(address, &Marks::default(), *room).await;
        let page = match fetched {
            Ok(Fetched::Page(page)) => page,
            Ok(Fetched::Unchanged) => return Ok(Err(FetchError::BadStatus(304))),
            Err(error) => return Ok(Err(error)),
        };
        let (content, most) = (page.content, *room);
        let reading = tokio::task::spawn_blocking(move || read_xml(content, most));
        Ok(match reading.await {
            Ok(Ok((listed, bytes))) => {
                *room = room.saturating_sub(bytes);
                Ok((listed, page.address))
            }
            Ok(Err(error)) => Err(error),
            Err(_) => Err(FetchError::NotASitemap),
        })
    }

    /// Takes in the files of a repository that changed; `false` where there are
    /// too many.
    async fn repository(&mut self, selection: &Selection) -> Result<bool, Halt> {
        let address = self.source.settings.addresses.first();
        let address = address.map_or("", String::as_str);
        let repositories = &self.app.sources.repositories;
        let files = repositories.update(&self.source.id, address).await;
        let mut files = files.map_err(Halt::Unfetched)?;
        files.retain(|file| {
            MediaType::from_path(&file.path).is_some() && selection.wants(&file.path)
        });
        let whole = self.within_limit(&mut files);
        for file in files {
            self.file(file).await?;
        }
        Ok(whole)
    }

    async fn file(&mut self, file: RepositoryFile) -> Result<(), Halt> {
        let address = self.source.file_address(&file.path);
        let known = self.known.remove(&address);
        let marks = Marks {
            etag: file.blob.clone(),
            ..Marks::default()
        };
        if known.as_ref() == Some(&marks) {
            self.report.unchanged += 1;
            return Ok(());
        }
        self.renew().await?;
        if file.bytes > self.app.sources.max_bytes {
            self.refuse(&address, FetchError::TooLarge);
            return Ok(());
        }
        let repositories = &self.app.sources.repositories;
        match repositories.read(&self.source.id, &file).await {
            Ok(content) => {
                let upload = Upload {
                    external_id: Some(address),
                    path: Some(file.path),
                    content,
                    ..Upload::default()
                };
                self.take(upload, marks).await
            }
            Err(error) => {
                self.refuse(&address, error);
                Ok(())
            }
        }
    }
}

fn listed(addresses: &[String]) -> Vec<Entry> {
    let entry = |address: &String| Entry {
        address: address.clone(),
        lastmod: String::new(),
    };
    addresses.iter().map(entry).collect()
}

fn wants(selection: &Selection, address: &str) -> bool {
    Url::parse(address).is_ok_and(|url| selection.wants(url.path()))
}

fn host(address: &str) -> Option<String> {
    Url::parse(address).ok()?.host_str().map(str::to_owned)
}

/// A sitemap, packed or not, and its size when it is not.
fn read_xml(content: Vec<u8>, most: usize) -> Result<(Sitemap, usize), FetchError> {
    let content = if is_gzip(&content) {
        gunzip(&content, most).map_err(|error| match error {
            NotInflated::TooLarge => FetchError::TooLarge,
            NotInflated::Broken => FetchError::NotASitemap,
        })?
    } else {
        content
    };
    let listed = sitemap::parse(&content, MOST_ENTRIES);
    Ok((listed.map_err(|_| FetchError::NotASitemap)?, content.len()))
}
