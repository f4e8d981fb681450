//! Making a knowledge base.

use super::{App, error::Error, ports::WantedBase};
use crate::domain::{
    knowledge_base::{KnowledgeBase, KnowledgeBaseId, Visibility, is_name},
    language::Language,
    principal::Principal,
};

impl App {
    /// Makes a knowledge base of the caller's own, or, by an administrator, a
    /// public one, which belongs to nobody.
    pub async fn create_knowledge_base(
        &self,
        caller: &Principal,
        name: &str,
        visibility: Visibility,
        language: Option<Language>,
    ) -> Result<KnowledgeBase, Error> {
        checked_name(name)?;
        let scope = caller.scope();
        let owner = match visibility {
            Visibility::Public if !scope.manages_public() => return Err(Error::ReadOnly),
            Visibility::Public => String::new(),
            Visibility::Members | Visibility::Private => scope.owner().to_owned(),
        };
        let wanted = WantedBase {
            id: KnowledgeBaseId(self.new_id()),
            name: name.to_owned(),
            visibility,
            language,
            owner,
            created_at: self.clock.now(),
        };
        Ok(self.bases.create(&scope, wanted).await?)
    }
}

/// Refuses what can't name a knowledge base.
pub(super) fn checked_name(name: &str) -> Result<(), Error> {
    if is_name(name) {
        return Ok(());
    }
    Err(Error::Label(
        "A knowledge base's name has 1 to 100 characters, no control characters, \
         and no white space around it.",
    ))
}
