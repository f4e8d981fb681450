//! What the use cases need of the world; `outbound/` provides it.

use async_trait::async_trait;
use proto::claims::Claims;

use super::error::Cause;
use crate::domain::{
    Millis,
    email::Email,
    password::Password,
    signing_key::{PublicKey, SigningKey},
    user::User,
};

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another row has the value that must not repeat.
    #[error("the value is taken")]
    Taken,
    /// The database does not answer.
    #[error("the database does not answer")]
    Unreachable(#[source] Cause),
    /// The database answered something that must not be.
    #[error("the database can't do this")]
    Broken(#[source] Cause),
}

/// An account with what proves its owner.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The account.
    pub user: User,
    /// The password's hash in PHC string format.
    pub password_hash: String,
}

/// The accounts.
#[async_trait]
pub trait Users: Send + Sync {
    /// Adds an account. [`StoreError::Taken`]: its e-mail address has one.
    async fn add(&self, account: &Credentials) -> Result<(), StoreError>;
    /// The account with this address, enabled or not.
    async fn by_email(&self, email: &Email) -> Result<Option<Credentials>, StoreError>;
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
    /// Makes the account an administrator.
    async fn grant_admin(&self, id: &str, now: Millis) -> Result<(), StoreError>;
    /// Whether there is an administrator who can sign in.
    async fn has_admin(&self) -> Result<bool, StoreError>;
}

/// The keys that sign tokens, shared by all replicas.
#[async_trait]
pub trait SigningKeys: Send + Sync {
    /// The key that signs, if there is one.
    async fn active(&self) -> Result<Option<SigningKey>, StoreError>;
    /// Makes `key` the one that signs, unless there is one, and gives the one
    /// that signs.
    async fn activate_first(&self, key: &SigningKey) -> Result<SigningKey, StoreError>;
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
}

/// A token was not signed here, or not for this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotOurs;

/// Signs and reads access tokens.
pub trait TokenSigner: Send + Sync {
    /// A signed token.
    fn sign(&self, claims: &Claims) -> Result<String, Cause>;
    /// What a token says, if one of our keys signed it and it names our issuer
    /// and audience. Its times are not looked at.
    fn read(&self, token: &str) -> Result<Claims, NotOurs>;
    /// The public keys that tokens can be checked with.
    fn public_keys(&self) -> Vec<PublicKey>;
}

/// Names a new key after its public half.
pub trait KeyNames: Send + Sync {
    /// The RFC 7638 thumbprint of the public key that belongs to `seed`.
    fn thumbprint(&self, seed: &[u8; 32]) -> String;
}
