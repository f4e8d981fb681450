//! Sharing a knowledge base with a named user, and no longer.

use super::{App, error::Error, ports::Refused};
use crate::domain::{
    knowledge_base::{KnowledgeBaseId, Share, ShareRole, is_user_id},
    principal::{Principal, UserId},
};

impl App {
    /// With whom a knowledge base is shared that the caller manages.
    pub async fn shares(&self, caller: &Principal, id: &str) -> Result<Vec<Share>, Error> {
        let id = KnowledgeBaseId(id.to_owned());
        Ok(self.bases.shares(&caller.scope(), &id).await?)
    }

    /// How a knowledge base that the caller manages is shared with a user.
    pub async fn share_with(
        &self,
        caller: &Principal,
        id: &str,
        user: &str,
    ) -> Result<Share, Error> {
        let shares = self.shares(caller, id).await?;
        let mut named = shares.into_iter().filter(|share| share.user.0 == user);
        named.next().ok_or(Error::NoSuchShare)
    }

    /// Shares a knowledge base that the caller manages with a user.
    pub async fn share(
        &self,
        caller: &Principal,
        id: &str,
        user: &str,
        role: ShareRole,
    ) -> Result<Share, Error> {
        let share = Share {
            user: UserId(user.to_owned()),
            role,
            created_at: self.clock.now(),
        };
        let (scope, id) = (caller.scope(), KnowledgeBaseId(id.to_owned()));
        if !is_user_id(user) {
            // What the caller may not see is not there, whatever the user is.
            self.bases.shares(&scope, &id).await?;
            return Err(Error::UnknownUser);
        }
        match self.bases.share(&scope, &id, &share).await {
            Err(Refused::NoAccount) => Err(Error::UnknownUser),
            done => Ok(done?),
        }
    }

    /// Shares a knowledge base with a user no longer: by who manages it, or by
    /// that user.
    pub async fn unshare(&self, caller: &Principal, id: &str, user: &str) -> Result<(), Error> {
        let (id, user) = (KnowledgeBaseId(id.to_owned()), UserId(user.to_owned()));
        if self.bases.unshare(&caller.scope(), &id, &user).await? {
            Ok(())
        } else {
            Err(Error::NoSuchShare)
        }
    }
}
