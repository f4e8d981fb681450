//! Reads the audit log.

use super::{
    App,
    error::Error,
    manage_accounts::{Administrator, Page, check_page},
    ports::AuditFilter,
};
use crate::domain::audit::AuditEntry;

/// The most bytes that an actor or a target has.
const MAX_NAME_BYTES: usize = 64;

impl App {
    /// The lines of the audit log that `filter` lets through, the newest first.
    pub async fn audit_log(
        &self,
        _: &Administrator,
        mut filter: AuditFilter,
    ) -> Result<Page<AuditEntry>, Error> {
        let limit = filter.limit;
        check_page(limit, filter.after.as_deref())?;
        for (name, text) in [("target", &filter.target), ("actor", &filter.actor)] {
            let unfit = |text: &String| text.len() > MAX_NAME_BYTES || text.contains('\0');
            if text.as_ref().is_some_and(unfit) {
                return Err(Error::InvalidFilter(name));
            }
        }
        filter.limit += 1;
        let entries = self.audit.list(&filter).await?;
        Ok(Page::new(entries, limit, |entry| &entry.id))
    }
}
