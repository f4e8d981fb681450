//! Making, looking at, changing, syncing and deleting sources. A source is seen
//! by those who may put documents into its knowledge base.

use service_kit::clock::is_id;

use super::{
    App,
    error::Error,
    knowledge::check,
    ports::{NewSource, Page},
};
use crate::{
    domain::{
        principal::{Principal, Scope},
        source::{Source, SourceId, SourceSettings},
    },
    pipeline::selecting::Selection,
};

/// What is to become of a source; what is missing stays.
#[derive(Debug, Clone, Default)]
pub struct SourceChange {
    /// Its addresses.
    pub addresses: Option<Vec<String>>,
    /// Only what matches one of these patterns.
    pub include: Option<Vec<String>>,
    /// Nothing that matches one of these patterns.
    pub exclude: Option<Vec<String>>,
    /// Seconds from one sync to the next.
    pub every_seconds: Option<i64>,
}

impl App {
    /// Makes a source for a knowledge base that the caller may write to, the
    /// caller's own one where none is named. Its first sync begins at once.
    pub async fn create_source(
        &self,
        caller: &Principal,
        base: Option<&str>,
        settings: SourceSettings,
    ) -> Result<Source, Error> {
        let scope = caller.scope();
        let settings = checked(&scope, settings)?;
        let base = match base {
            Some(name) => self.readable_base(&scope, name).await?,
            None => self.personal_base(caller).await?,
        };
        let source = NewSource {
            id: SourceId(self.new_id()),
            knowledge_base_id: base.id,
            settings,
            created_at: self.clock.now(),
        };
        let id = source.id.clone();
        self.sources.store.create_source(&scope, source).await?;
        self.sources.due.notify_one();
        self.source(caller, &id.0).await
    }

    /// A page of the sources that the caller may change, of one knowledge base
    /// or of all.
    pub async fn list_sources(
        &self,
        caller: &Principal,
        base: Option<&str>,
        page: &Page,
    ) -> Result<Vec<Source>, Error> {
        check(page)?;
        let scope = caller.scope();
        let base = match base {
            Some(name) => Some(self.readable_base(&scope, name).await?.id),
            None => None,
        };
        let sources = self.sources.store.sources(&scope, base.as_ref(), page);
        Ok(sources.await?)
    }

    /// A source that the caller may change.
    pub async fn source(&self, caller: &Principal, id: &str) -> Result<Source, Error> {
        if !is_id(id) {
            return Err(Error::NoSuchSource);
        }
        let id = SourceId(id.to_owned());
        let found = self.sources.store.source(&caller.scope(), &id).await?;
        found.ok_or(Error::NoSuchSource)
    }

    /// Changes a source, and syncs it as it is then.
    pub async fn change_source(
        &self,
        caller: &Principal,
        id: &str,
        change: SourceChange,
    ) -> Result<Source, Error> {
        let scope = caller.scope();
        let source = self.source(caller, id).await?;
        let known = source.settings;
        let settings = SourceSettings {
            kind: known.kind,
            addresses: change.addresses.unwrap_or(known.addresses),
            include: change.include.unwrap_or(known.include),
            exclude: change.exclude.unwrap_or(known.exclude),
            every_seconds: change.every_seconds.unwrap_or(known.every_seconds),
        };
        let settings = checked(&scope, settings)?;
        let now = self.clock.now();
        let store = &self.sources.store;
        if !store
            .change_source(&scope, &source.id, &settings, now)
            .await?
        {
            return Err(Error::NoSuchSource);
        }
        self.sources.due.notify_one();
        self.source(caller, id).await
    }

    /// Has a source synced now, or again when the sync that is under way ends.
    pub async fn request_sync(&self, caller: &Principal, id: &str) -> Result<Source, Error> {
        let source = self.source(caller, id).await?;
        let (scope, now) = (caller.scope(), self.clock.now());
        let store = &self.sources.store;
        if !store.request_sync(&scope, &source.id, now).await? {
            return Err(Error::NoSuchSource);
        }
        self.sources.due.notify_one();
        self.source(caller, id).await
    }

    /// Deletes a source and the documents that it brought. Once this returns, no
    /// search finds them.
    pub async fn delete_source(&self, caller: &Principal, id: &str) -> Result<(), Error> {
        let source = self.source(caller, id).await?;
        let (scope, store) = (caller.scope(), &self.sources.store);
        if !store.delete_source(&scope, &source.id).await? {
            return Err(Error::NoSuchSource);
        }
        self.sources.repositories.forget(&source.id).await;
        // The worker clears the points away.
        self.new_jobs.notify_one();
        Ok(())
    }
}

fn checked(scope: &Scope, settings: SourceSettings) -> Result<SourceSettings, Error> {
    let settings = settings.checked().map_err(Error::Source)?;
    if settings.is_local() && !scope.manages_public() {
        return Err(Error::Source(
            "A repository on the server's own disk is for administrators; use its https:// \
             address.",
        ));
    }
    if Selection::new(&settings.include, &settings.exclude).is_err() {
        return Err(Error::Source(
            "A pattern can't be read; write patterns such as `docs/**` and `*.html`.",
        ));
    }
    Ok(settings)
}
