//! Looks accounts up for other services. A disabled account is as good as none:
//! nobody acts for it any more.

use std::collections::HashMap;

use proto::accounts::MAX_BATCH;
use service_kit::clock::is_id;

use super::{App, error::Error};
use crate::domain::user::User;

impl App {
    /// The account with this id.
    pub async fn user(&self, id: &str) -> Result<User, Error> {
        if !is_id(id) {
            return Err(Error::UnknownUser);
        }
        let user = self.users.by_id(id).await?;
        user.filter(User::is_enabled).ok_or(Error::UnknownUser)
    }

    /// The accounts with these ids, in this order; unknown ones are left out.
    pub async fn users(&self, ids: &[String]) -> Result<Vec<User>, Error> {
        if ids.len() > MAX_BATCH {
            return Err(Error::TooManyIds(MAX_BATCH));
        }
        let asked: Vec<String> = ids.iter().filter(|id| is_id(id)).cloned().collect();
        let found = self.users.by_ids(&asked).await?;
        let known: HashMap<&str, &User> = found
            .iter()
            .filter(|user| user.is_enabled())
            .map(|user| (user.id.as_str(), user))
            .collect();
        let in_order = ids.iter().filter_map(|id| known.get(id.as_str()));
        Ok(in_order.copied().cloned().collect())
    }
}
