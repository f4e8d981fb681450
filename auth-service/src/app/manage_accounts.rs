//! What administrators, and operators at the command line, do to accounts.

use proto::claims::Role;
use service_kit::clock::is_id;

use super::{
    App,
    client::Client,
    create_admin::random_password,
    error::Error,
    ports::{AccountFilter, Which},
    sessions::Current,
    sign_up::SignUp,
};
use crate::domain::{
    account_change::AccountChange,
    audit::{Act, AuditEntry},
    session::Session,
    user::User,
};

/// Whom the audit log names where a person at the command line did it.
pub const OPERATOR: &str = "operator";

/// The most items that a page has.
pub const MAX_PAGE: i64 = 100;

/// The items of a page where nobody says how many.
pub const DEFAULT_PAGE: i64 = 50;

/// The most bytes of a text to search for: as long as the longest address.
const MAX_SEARCH_BYTES: usize = 254;

/// Someone who may manage other people's accounts.
#[derive(Debug, Clone)]
pub struct Administrator {
    actor: String,
    client: Client,
}

impl Administrator {
    /// The owner of a session, if they are one.
    pub fn of(current: &Current, client: Client) -> Result<Self, Error> {
        if current.user.role != Role::Admin {
            return Err(Error::Forbidden);
        }
        Ok(Self {
            actor: current.user.id.clone(),
            client,
        })
    }

    /// The person at the command line of the service.
    pub fn operator() -> Self {
        Self {
            actor: OPERATOR.to_owned(),
            client: Client::default(),
        }
    }
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// After which id the next page begins; nothing on the last one.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// A page of at most `limit` items, of which one more was asked for.
    pub(super) fn new(mut items: Vec<T>, limit: i64, id: impl Fn(&T) -> &str) -> Self {
        let limit = usize::try_from(limit).unwrap_or_default();
        let more = items.len() > limit;
        items.truncate(limit);
        let last = items.last().filter(|_| more);
        Self {
            next: last.map(|item| id(item).to_owned()),
            items,
        }
    }
}

/// Checks what every list takes.
pub(super) fn check_page(limit: i64, after: Option<&str>) -> Result<(), Error> {
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(Error::InvalidFilter("limit"));
    }
    if after.is_some_and(|id| !is_id(id)) {
        return Err(Error::InvalidFilter("after"));
    }
    Ok(())
}

impl App {
    /// The accounts that `filter` lets through, the newest first.
    pub async fn list_accounts(
        &self,
        _: &Administrator,
        mut filter: AccountFilter,
    ) -> Result<Page<User>, Error> {
        let limit = filter.limit;
        check_page(limit, filter.after.as_deref())?;
        let unfit = |text: &String| text.len() > MAX_SEARCH_BYTES || text.contains('\0');
        if filter.search.as_ref().is_some_and(unfit) {
            return Err(Error::InvalidFilter("search"));
        }
        filter.limit += 1;
        let users = self.users.list(&filter).await?;
        Ok(Page::new(users, limit, |user| &user.id))
    }

    /// The account with this id, enabled or not.
    pub async fn account(&self, _: &Administrator, id: &str) -> Result<User, Error> {
        if !is_id(id) {
            return Err(Error::UnknownUser);
        }
        self.users.by_id(id).await?.ok_or(Error::UnknownUser)
    }

    /// The account with this address or user name, enabled or not.
    pub async fn account_named(&self, _: &Administrator, login: &str) -> Result<User, Error> {
        let account = self.account_of(login).await?;
        account.map(|known| known.user).ok_or(Error::UnknownUser)
    }

    /// Makes an account that nobody is signed in to. `verified` vouches for its
    /// address.
    pub async fn make_account(
        &self,
        by: &Administrator,
        request: SignUp,
        role: Role,
        verified: bool,
    ) -> Result<User, Error> {
        let mut account = self.new_account(request, role).await?;
        account.user.email_verified = verified;
        let entry = self.done_by(by, Act::AccountMade, &account.user.id);
        let entry = entry.with_detail(role.as_str());
        self.users.add(&account, &entry).await?;
        Ok(account.user)
    }

    /// Changes an account, and gives it as it is then.
    pub async fn change(
        &self,
        by: &Administrator,
        id: &str,
        change: &AccountChange,
    ) -> Result<User, Error> {
        if !is_id(id) {
            return Err(Error::UnknownUser);
        }
        let entry = |act| self.done_by(by, act, id);
        let mut entries = vec![
            entry(Act::ProfileChanged),
            entry(Act::EmailChanged),
            entry(Act::EmailVerified),
            entry(Act::AccountDisabled),
            entry(Act::AccountEnabled),
        ];
        if let Some(role) = change.role {
            entries.push(entry(Act::RoleChanged).with_detail(role.as_str()));
        }
        let now = self.clock.now();
        let changed = self.users.change(id, change, now, &entries).await?;
        changed.ok_or(Error::UnknownUser)
    }

    /// Deletes an account with all that belongs to it.
    pub async fn remove_account(&self, by: &Administrator, id: &str) -> Result<(), Error> {
        let entry = self.done_by(by, Act::AccountDeleted, id);
        let deleted = is_id(id) && self.users.delete(id, &entry).await?;
        deleted.then_some(()).ok_or(Error::UnknownUser)
    }

    /// The live sessions of an account, the newest first.
    pub async fn account_sessions(
        &self,
        by: &Administrator,
        id: &str,
    ) -> Result<Vec<Session>, Error> {
        let user = self.account(by, id).await?;
        Ok(self.sessions.of_user(&user.id, self.clock.now()).await?)
    }

    /// Ends every session of an account, and says how many there were.
    pub async fn end_account_sessions(&self, by: &Administrator, id: &str) -> Result<u64, Error> {
        let user = self.account(by, id).await?;
        let entry = self.done_by(by, Act::SessionsRevoked, id);
        Ok(self.sessions.end(&user.id, Which::All, &entry).await?)
    }

    /// Gives an account another password, and ends its sessions. Without a
    /// password it makes one at random and gives it: it can't be told again.
    pub async fn give_password(
        &self,
        by: &Administrator,
        id: &str,
        password: Option<String>,
    ) -> Result<Option<String>, Error> {
        let user = self.account(by, id).await?;
        let random = password
            .is_none()
            .then(|| random_password(self.randomness.as_ref()));
        let text = password.or_else(|| random.clone()).unwrap_or_default();
        let password = self.chosen_password(&text)?;
        let hash = self.hasher.hash(&password).await?;
        let entry = self.done_by(by, Act::PasswordReset, id);
        let done = self
            .users
            .set_password(id, &hash, Some(Which::All), &entry)
            .await?;
        if !done {
            return Err(Error::UnknownUser);
        }
        self.forget_failures(&user, &by.client).await?;
        Ok(random)
    }

    /// A line of the audit log about what an administrator does to an account.
    fn done_by(&self, by: &Administrator, act: Act, target: &str) -> AuditEntry {
        self.entry(act, Some(&by.actor), Some(target), &by.client)
    }
}
