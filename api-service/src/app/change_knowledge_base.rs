//! Renaming a knowledge base, and changing who sees it.

use super::{App, create_knowledge_base::checked_name, error::Error, ports::BaseChange};
use crate::domain::{
    knowledge_base::{KnowledgeBase, KnowledgeBaseId},
    principal::Principal,
};

impl App {
    /// Changes a knowledge base that the caller manages. Only administrators
    /// make one public, and only they take it back.
    pub async fn change_knowledge_base(
        &self,
        caller: &Principal,
        id: &str,
        change: &BaseChange,
    ) -> Result<KnowledgeBase, Error> {
        if let Some(name) = &change.name {
            checked_name(name)?;
        }
        let id = KnowledgeBaseId(id.to_owned());
        Ok(self.bases.change(&caller.scope(), &id, change).await?)
    }
}
