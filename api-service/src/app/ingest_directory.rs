//! Bringing a knowledge base to what a directory holds: changed files in,
//! removed files out, all others left alone.

use std::collections::HashMap;

use super::{App, add_document::content_hash, error::Error, ports::Refused};
use crate::domain::{
    document::{Change, DocumentId, MediaType, NewDocument, Origin},
    knowledge_base::KnowledgeBase,
    principal::{Principal, Scope},
    tags::Tags,
};
use crate::pipeline::parsing::{ParseError, settle};

/// Files that are taken in at once, all or none.
const BATCH: usize = 100;

/// A file that was found.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Its path below the directory, with `/` between the parts.
    pub path: String,
    /// Its bytes.
    pub content: Vec<u8>,
}

/// What a run came to before the worker began.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DirectoryReport {
    /// The run's id, by which its jobs are counted.
    pub run_id: String,
    /// Files that were not there before.
    pub created: usize,
    /// Files whose content changed.
    pub updated: usize,
    /// Files that stayed as they were.
    pub unchanged: usize,
    /// Documents whose file is gone.
    pub removed: usize,
    /// Documents that are still to be made searchable, those that an earlier
    /// run left behind among them.
    pub open: usize,
    /// Files that can't be taken in: path and error code.
    pub refused: Vec<(String, &'static str)>,
}

impl DirectoryReport {
    /// Whether there was nothing to do.
    pub const fn is_quiet(&self) -> bool {
        self.created + self.updated + self.removed + self.open == 0 && self.refused.is_empty()
    }
}

impl App {
    /// Brings the public knowledge base `name` to what `files` holds. Files
    /// whose format is not understood are to be left out by the caller.
    pub async fn ingest_directory(
        &self,
        caller: &Principal,
        name: &str,
        files: &mut (dyn Iterator<Item = SourceFile> + Send),
    ) -> Result<DirectoryReport, Error> {
        let base = self.public_base(caller, name).await?;
        let scope = caller.scope();
        let there = self.documents.directory_hashes(&scope, &base.id).await?;
        let mut there: HashMap<String, (DocumentId, String)> = there
            .into_iter()
            .map(|(id, path, hash)| (path, (id, hash)))
            .collect();
        let mut report = DirectoryReport {
            run_id: self.new_id(),
            ..DirectoryReport::default()
        };
        let mut changed = vec![];
        for file in files {
            let hash = content_hash(&file.content);
            if there
                .remove(&file.path)
                .is_some_and(|(_, known)| known == hash)
            {
                report.unchanged += 1;
                continue;
            }
            match new_document(self, &base, file, hash, &report.run_id) {
                Ok(document) => changed.push(document),
                Err(refused) => report.refused.push(refused),
            }
            if changed.len() >= BATCH {
                self.put_files(&scope, &mut changed, &mut report).await?;
            }
        }
        self.put_files(&scope, &mut changed, &mut report).await?;
        for (id, _) in there.into_values() {
            match self.documents.delete(&scope, &id).await {
                Ok(()) => report.removed += 1,
                // Somebody else was quicker.
                Err(Refused::Missing) => {}
                Err(refused) => return Err(refused.into()),
            }
        }
        report.open = self.jobs.adopt(&scope, &base.id, &report.run_id).await?;
        self.new_jobs.notify_one();
        Ok(report)
    }

    async fn put_files(
        &self,
        scope: &Scope,
        changed: &mut Vec<NewDocument>,
        report: &mut DirectoryReport,
    ) -> Result<(), Error> {
        let (quota, now) = (self.quota, self.clock.now());
        let changed = std::mem::take(changed);
        for taken in self.documents.put(scope, changed, quota, now).await? {
            match taken.change {
                Change::Created => report.created += 1,
                Change::Updated => report.updated += 1,
                Change::Unchanged => report.unchanged += 1,
            }
        }
        Ok(())
    }
}

fn new_document(
    app: &App,
    base: &KnowledgeBase,
    file: SourceFile,
    content_hash: String,
    run_id: &str,
) -> Result<NewDocument, (String, &'static str)> {
    let settled = MediaType::from_path(&file.path)
        .ok_or(ParseError::Unsupported)
        .and_then(|declared| settle(Some(declared), &file.content));
    let media_type = match settled {
        Ok(media_type) => media_type,
        Err(error) => return Err((file.path, error.code())),
    };
    Ok(NewDocument {
        id: DocumentId(app.new_id()),
        job_id: app.new_id(),
        knowledge_base_id: base.id.clone(),
        external_id: file.path.clone(),
        title: String::new(),
        path: file.path,
        tags: Tags::default(),
        origin: Origin::Directory,
        media_type,
        content_hash,
        content: file.content,
        run_id: run_id.to_owned(),
    })
}
