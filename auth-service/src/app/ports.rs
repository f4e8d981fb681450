//! What the use cases need of the world; `outbound/` provides it.

use std::sync::Arc;

use async_trait::async_trait;
use proto::claims::{Claims, Role};

use super::error::Cause;
use crate::domain::{
    Millis,
    account_change::AccountChange,
    account_event::AccountEvent,
    api_key::ApiKey,
    audit::{Act, AuditEntry},
    email::Email,
    mail::Mail,
    one_time_token::OneTimeToken,
    password::Password,
    session::Session,
    signing_key::{PublicKey, SigningKey},
    user::{User, Username},
};

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another row has the value that must not repeat.
    #[error("the value is taken")]
    Taken(Taken),
    /// No administrator who can sign in would be left.
    #[error("no administrator would be left")]
    LastAdmin,
    /// The database does not answer.
    #[error("the database does not answer")]
    Unreachable(#[source] Cause),
    /// The database answered something that must not be.
    #[error("the database can't do this")]
    Broken(#[source] Cause),
}

/// Which value another row has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// The e-mail address.
    Email,
    /// The user name.
    Username,
    /// A provider's account.
    LinkedAccount,
    /// Another one.
    Other,
}

/// An account with what proves its owner.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The account.
    pub user: User,
    /// The password's hash in PHC string format; nothing where the account has
    /// no password.
    pub password_hash: Option<String>,
}

/// The accounts. A method that takes an [`AuditEntry`] stores it with what it
/// does, or neither.
#[async_trait]
pub trait Users: Send + Sync {
    /// Adds an account. [`StoreError::Taken`]: its e-mail address or its user
    /// name has one.
    async fn add(&self, account: &Credentials, entry: &AuditEntry) -> Result<(), StoreError>;
    /// Adds those accounts whose address has none, all in one step, and says of
    /// each in order whether it was added, or which other value is taken.
    async fn import(
        &self,
        accounts: &[(Credentials, AuditEntry)],
    ) -> Result<Vec<Result<bool, Taken>>, StoreError>;
    /// The account with this address, enabled or not.
    async fn by_email(&self, email: &Email) -> Result<Option<Credentials>, StoreError>;
    /// The account with this user name, enabled or not.
    async fn by_username(&self, username: &Username) -> Result<Option<Credentials>, StoreError>;
    /// The account with this id and what proves its owner, enabled or not.
    async fn credentials(&self, id: &str) -> Result<Option<Credentials>, StoreError>;
    /// The account with this id, enabled or not.
    async fn by_id(&self, id: &str) -> Result<Option<User>, StoreError>;
    /// The accounts with these ids, enabled or not, in any order.
    async fn by_ids(&self, ids: &[String]) -> Result<Vec<User>, StoreError>;
    /// Replaces one hash of a password by another, unless the password was
    /// changed meanwhile.
    async fn replace_hash(
        &self,
        id: &str,
        old: &str,
        new: &str,
        now: Millis,
    ) -> Result<(), StoreError>;
    /// Changes an account, and gives it as it is then; nothing where there is
    /// none. Of `entries` those are stored that tell of what really changed. A
    /// disabled account's sessions end; a role that is taken away ends its
    /// access tokens. [`StoreError::Taken`] as in [`Users::add`],
    /// [`StoreError::LastAdmin`] where it would leave no administrator.
    async fn change(
        &self,
        id: &str,
        change: &AccountChange,
        now: Millis,
        entries: &[AuditEntry],
    ) -> Result<Option<User>, StoreError>;
    /// Stores name, picture, address and profile of an account, whatever they
    /// were. Says whether there is such an account. [`StoreError::Taken`] as in
    /// [`Users::add`].
    async fn update(&self, user: &User, entry: &AuditEntry) -> Result<bool, StoreError>;
    /// Gives the account an address that was shown to be its owner's, if its
    /// address is still `old`; the links of mails to it end. Says whether it
    /// was. [`StoreError::Taken`] as in [`Users::add`].
    async fn set_verified_email(
        &self,
        id: &str,
        old: &Email,
        new: &Email,
        entry: &AuditEntry,
    ) -> Result<bool, StoreError>;
    /// Gives the account another password and ends sessions of it in the same
    /// step; the links of mails to it end too.
    async fn set_password(
        &self,
        id: &str,
        hash: &str,
        end: Option<Which<'_>>,
        entry: &AuditEntry,
    ) -> Result<bool, StoreError>;
    /// Deletes the account with all that is stored of it here; the event makes
    /// the other services do likewise. Says whether there was one.
    /// [`StoreError::LastAdmin`] where it would leave no administrator.
    async fn delete(&self, id: &str, entry: &AuditEntry) -> Result<bool, StoreError>;
    /// Whether there is an administrator who can sign in.
    async fn has_admin(&self) -> Result<bool, StoreError>;
    /// The accounts that `filter` lets through, the newest first.
    async fn list(&self, filter: &AccountFilter) -> Result<Vec<User>, StoreError>;
}

/// Which accounts to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountFilter {
    /// A part of the address, the name or the user name, whatever its case.
    pub search: Option<String>,
    /// The role.
    pub role: Option<Role>,
    /// Whether the account is disabled.
    pub disabled: Option<bool>,
    /// Only what comes after the account with this id.
    pub after: Option<String>,
    /// How many at most.
    pub limit: i64,
}

/// Which lines of the audit log to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// To whom it was done.
    pub target: Option<String>,
    /// Who did it.
    pub actor: Option<String>,
    /// What was done.
    pub act: Option<Act>,
    /// Not before this moment.
    pub since: Option<Millis>,
    /// Before this moment.
    pub until: Option<Millis>,
    /// Only what comes after the line with this id.
    pub after: Option<String>,
    /// How many at most.
    pub limit: i64,
}

/// Which sessions of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which<'a> {
    /// The one with this id.
    One(&'a str),
    /// All.
    All,
    /// All but the one with this id.
    AllBut(&'a str),
}

/// The sessions. A session's token is known here by its hash alone.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Begins a session.
    async fn open(
        &self,
        session: &Session,
        token_hash: &str,
        entry: &AuditEntry,
    ) -> Result<(), StoreError>;
    /// The session with this token and its owner, live and enabled or not.
    async fn by_token(&self, token_hash: &str) -> Result<Option<(Session, User)>, StoreError>;
    /// The session with this id and its owner, live and enabled or not.
    async fn by_id(&self, id: &str) -> Result<Option<(Session, User)>, StoreError>;
    /// Lets a session live until `expires_at`.
    async fn prolong(&self, id: &str, expires_at: Millis, now: Millis) -> Result<(), StoreError>;
    /// The sessions of an account that are live at `now`, the newest first.
    async fn of_user(&self, user_id: &str, now: Millis) -> Result<Vec<Session>, StoreError>;
    /// Ends sessions of an account, tells the other services of each, and says
    /// how many there were. Where there was none, nothing is recorded.
    async fn end(
        &self,
        user_id: &str,
        which: Which<'_>,
        entry: &AuditEntry,
    ) -> Result<u64, StoreError>;
}

/// What mails' links and flows through other sites carry. A token is known here
/// by its hash alone.
#[async_trait]
pub trait OneTimeTokens: Send + Sync {
    /// Keeps a token until it is taken. Older ones of the same account and
    /// purpose end.
    async fn put(
        &self,
        token_hash: &str,
        token: &OneTimeToken,
        entry: Option<&AuditEntry>,
    ) -> Result<(), StoreError>;
    /// The token with this hash, expired or not.
    async fn find(&self, token_hash: &str) -> Result<Option<OneTimeToken>, StoreError>;
    /// Ends a token, and gives it to exactly one of all who ask.
    async fn take(&self, token_hash: &str) -> Result<Option<OneTimeToken>, StoreError>;
}

/// Why a mail was not taken by whoever carries it.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct MailError {
    /// Whether it may be taken later.
    pub passing: bool,
    /// What happened, for the log: no address, no link.
    pub reason: String,
}

/// Carries mails.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Hands one mail over, in bounded time.
    async fn send(&self, mail: &Mail) -> Result<(), MailError>;
}

/// What lets programs act for accounts. A key is known here by its hash alone.
#[async_trait]
pub trait ApiKeys: Send + Sync {
    /// Adds a key.
    async fn add(&self, key: &ApiKey, key_hash: &str, entry: &AuditEntry)
    -> Result<(), StoreError>;
    /// The key with this hash and its owner, usable or not.
    async fn by_hash(&self, key_hash: &str) -> Result<Option<(ApiKey, User)>, StoreError>;
    /// The key of this account with this id.
    async fn by_id(&self, user_id: &str, id: &str) -> Result<Option<ApiKey>, StoreError>;
    /// The keys of an account, the newest first.
    async fn of_user(&self, user_id: &str) -> Result<Vec<ApiKey>, StoreError>;
    /// Puts `key` in the place of its own revision, which makes the next one,
    /// and tells the other services that the session `revoked` is over. Says
    /// whether the revision was still there.
    async fn replace(
        &self,
        key: &ApiKey,
        revoked: Option<&str>,
        entry: &AuditEntry,
    ) -> Result<bool, StoreError>;
    /// Deletes a key of this account and tells the other services that its
    /// session is over. Says whether there was one.
    async fn delete(&self, user_id: &str, id: &str, entry: &AuditEntry)
    -> Result<bool, StoreError>;
    /// Counts so many uses of a key, the last one now.
    async fn count(&self, id: &str, uses: i64, now: Millis) -> Result<(), StoreError>;
}

/// A refresh token, as it is stored: its session is its family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// The session that it continues.
    pub session_id: String,
    /// When it stops being good, used or not.
    pub expires_at: Millis,
    /// When it was exchanged for its successor, if it was.
    pub used_at: Option<Millis>,
}

/// A refresh token that is exchanged for its successor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange<'a> {
    /// The hash of the one that is used.
    pub used: &'a str,
    /// The hash of the one that follows.
    pub successor: &'a str,
    /// The session of both, as it is to be from now on.
    pub session: &'a Session,
}

/// The refresh tokens. They are known here by their hashes alone.
#[async_trait]
pub trait RefreshTokens: Send + Sync {
    /// Adds the first one of a session.
    async fn add(&self, token_hash: &str, session: &Session) -> Result<(), StoreError>;
    /// The one with this hash, used or not.
    async fn by_hash(&self, token_hash: &str) -> Result<Option<RefreshToken>, StoreError>;
    /// Stores an exchange and prolongs the session. Where another caller made
    /// the same exchange already, nothing changes. Says whether there still is
    /// the session.
    async fn exchange(&self, exchange: Exchange<'_>) -> Result<bool, StoreError>;
}

/// What was done that bears on security.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Adds a line.
    async fn add(&self, entry: &AuditEntry) -> Result<(), StoreError>;
    /// The addresses from which `act` was done to `target` since then, in any
    /// order: a hundred at most.
    async fn addresses(
        &self,
        act: Act,
        target: &str,
        since: Millis,
    ) -> Result<Vec<String>, StoreError>;
    /// The lines that `filter` lets through, the newest first.
    async fn list(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, StoreError>;
}

/// How often something was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// So many times.
    pub times: i64,
    /// Until then something waits: what, is up to the one who counts.
    pub until: Millis,
    /// When it can be forgotten.
    pub expires_at: Millis,
}

/// Counts by a key, shared by all replicas.
#[async_trait]
pub trait Counts: Send + Sync {
    /// The count of `key`.
    async fn read(&self, key: &str) -> Result<Option<Count>, StoreError>;
    /// Changes the count of `key` from `before` to `after`; says no where it is
    /// no longer `before`.
    async fn swap(
        &self,
        key: &str,
        before: Option<Count>,
        after: Option<Count>,
    ) -> Result<bool, StoreError>;
    /// Forgets the counts of these keys.
    async fn forget(&self, keys: &[String]) -> Result<(), StoreError>;
}

/// What other services must learn about accounts.
#[async_trait]
pub trait AccountEvents: Send + Sync {
    /// The events after the one with the number `after`, in order, at most
    /// `limit`.
    async fn after(&self, after: i64, limit: i64) -> Result<Vec<AccountEvent>, StoreError>;
    /// The number of the newest event; 0 where there is none.
    async fn newest(&self) -> Result<i64, StoreError>;
}

/// What may be removed once it has expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leftover {
    /// Sessions, with their refresh tokens.
    Sessions,
    /// Refresh tokens of sessions that go on.
    RefreshTokens,
    /// What mails carried.
    OneTimeTokens,
    /// Browsers that never came back from a provider.
    OauthFlows,
    /// Counts of what was tried.
    Counts,
    /// Events that void nothing any more.
    AccountEvents,
    /// Old lines of the audit log.
    AuditLog,
}

/// Removes what has expired.
#[async_trait]
pub trait Leftovers: Send + Sync {
    /// Removes at most `limit` of what had expired before `before`, the oldest
    /// first; gives the number of rows.
    async fn remove(
        &self,
        leftover: Leftover,
        before: Millis,
        limit: u64,
    ) -> Result<u64, StoreError>;
}

/// A signing key, as it is stored.
pub struct KeptKey {
    /// The RFC 7638 thumbprint of the public key.
    pub kid: String,
    /// Its place in the order of keys, from 1.
    pub generation: i64,
    /// What it signs with.
    pub private_key: PrivateKey,
    /// When it was made and published.
    pub created_at: Millis,
    /// From when on it signs, until a later key does.
    pub signs_from: Millis,
    /// How long a token can hold that it signed, in milliseconds.
    pub longest_token: Millis,
}

/// A private key, as it is stored.
pub enum PrivateKey {
    /// Encrypted by the vault.
    Sealed(String),
    /// As it is: earlier versions stored it so.
    Clear(Vec<u8>),
}

/// The keys that sign tokens, shared by all replicas.
#[async_trait]
pub trait SigningKeys: Send + Sync {
    /// All keys, in the order of their generations.
    async fn all(&self) -> Result<Vec<KeptKey>, StoreError>;
    /// Adds a key with its line of the audit log, unless there is one of the
    /// same generation; says whether it did.
    async fn add(&self, key: &KeptKey, entry: Option<&AuditEntry>) -> Result<bool, StoreError>;
    /// Replaces a private key in clear by the same one sealed.
    async fn seal(&self, kid: &str, sealed: &str) -> Result<(), StoreError>;
    /// Raises how long a token of the key can hold.
    async fn lengthen(&self, kid: &str, longest_token: Millis) -> Result<(), StoreError>;
    /// Removes the keys up to this generation.
    async fn remove_up_to(&self, generation: i64) -> Result<(), StoreError>;
}

/// Why a password could not be hashed.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// Too many are waiting already.
    #[error("too many passwords are waiting to be hashed")]
    Busy,
    /// The hash can't be made or read.
    #[error("the password can't be hashed")]
    Broken(#[source] Cause),
}

/// Whether a password is the one that was hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is another one, or there is no hash.
    Wrong,
    /// It is.
    Right,
    /// It is, but hashed in a way that is no longer good enough.
    RightButOutdated,
}

/// Turns passwords into what may be stored.
#[async_trait]
pub trait PasswordHasher: Send + Sync {
    /// The hash of a password, in PHC string format.
    async fn hash(&self, password: &Password) -> Result<String, HashError>;
    /// Compares a password with a hash. Without a hash it costs the same and
    /// the answer is [`Verdict::Wrong`].
    async fn verify(&self, password: &Password, hash: Option<&str>) -> Result<Verdict, HashError>;
    /// Whether a hash is of a kind that can be compared with.
    fn reads(&self, hash: &str) -> bool;
}

/// A token was not signed here, or not for this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotOurs;

/// Signs and reads access tokens.
pub trait TokenSigner: Send + Sync {
    /// A signed token.
    fn sign(&self, claims: &Claims) -> Result<String, Cause>;
    /// What a token says, if it was signed here and names our issuer and
    /// audience. Its times are not looked at.
    fn read(&self, token: &str) -> Result<Claims, NotOurs>;
    /// The public keys that tokens can be checked with; none where a shared
    /// secret signs.
    fn public_keys(&self) -> Vec<PublicKey>;
    /// The same as the JSON of a key set (RFC 7517, section 5).
    fn key_set(&self) -> Arc<str>;
}

/// What signs with keys that change.
pub trait KeyRing: Send + Sync {
    /// The name of a new key: the RFC 7638 thumbprint of the public key that
    /// belongs to `seed`.
    fn thumbprint(&self, seed: &[u8; 32]) -> String;
    /// Signs with these keys from now on, each in its time, and publishes all.
    fn install(&self, keys: &[SigningKey]) -> Result<(), Cause>;
}
