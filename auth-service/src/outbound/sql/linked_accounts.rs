//! Linked accounts in SQL. Their tokens are encrypted, each for its own row and
//! column: one that is copied elsewhere can't be opened.

use std::sync::Arc;

use async_trait::async_trait;
use service_kit::{clock::Randomness, database::Database};
use sqlx::{AnyConnection, AssertSqlSafe, FromRow};

use super::{
    BadRow, failed,
    record::record,
    user_row::{COLUMNS, UserRow},
    users::insert as insert_user,
};
use crate::{
    app::{
        ports::{Credentials, StoreError},
        social::ports::{LinkedAccounts, ProviderTokens, Unlinked},
        vault::Vault,
    },
    domain::{
        audit::AuditEntry,
        provider::{LinkedAccount, Provider},
        user::User,
    },
};

/// The linked accounts of one database.
#[derive(Clone)]
pub struct SqlLinkedAccounts {
    database: Database,
    vault: Arc<Vault>,
    randomness: Arc<dyn Randomness>,
}

const ACCOUNT_COLUMNS: &str = "l.id, l.user_id AS owner_id, l.provider, l.provider_account_id, \
     l.scopes, l.created_at, l.updated_at";

#[derive(FromRow)]
struct AccountRow {
    id: String,
    owner_id: String,
    provider: String,
    provider_account_id: String,
    scopes: String,
    created_at: i64,
    updated_at: i64,
}

impl AccountRow {
    fn into_account(self) -> Result<LinkedAccount, BadRow> {
        let provider = Provider::from_word(&self.provider).ok_or_else(|| BadRow {
            table: "linked_accounts",
            id: self.id.clone(),
            column: "provider",
        })?;
        let scopes = self.scopes.split(' ').filter(|scope| !scope.is_empty());
        Ok(LinkedAccount {
            provider,
            scopes: scopes.map(str::to_owned).collect(),
            id: self.id,
            user_id: self.owner_id,
            provider_account_id: self.provider_account_id,
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

#[derive(FromRow)]
struct OwnedRow {
    #[sqlx(flatten)]
    account: AccountRow,
    #[sqlx(flatten)]
    owner: UserRow,
}

#[derive(FromRow)]
struct TokenRow {
    access_token: Option<String>,
    refresh_token: Option<String>,
    id_token: Option<String>,
    access_token_expires_at: Option<i64>,
    refresh_token_expires_at: Option<i64>,
    scopes: String,
}

impl SqlLinkedAccounts {
    /// Reads and writes the linked accounts of `database`; `vault` encrypts
    /// their tokens.
    pub const fn new(
        database: Database,
        vault: Arc<Vault>,
        randomness: Arc<dyn Randomness>,
    ) -> Self {
        Self {
            database,
            vault,
            randomness,
        }
    }

    fn sealed(&self, id: &str, column: &str, token: Option<&String>) -> Option<String> {
        let seal = |token: &String| {
            let purpose = purpose(id, column);
            self.vault
                .seal(&purpose, token.as_bytes(), self.randomness.as_ref())
        };
        token.map(seal)
    }

    fn opened(&self, id: &str, column: &str, sealed: Option<&String>) -> Option<String> {
        let opened = self.vault.open(&purpose(id, column), sealed?);
        if let Err(error) = &opened {
            tracing::warn!(%error, id, column, "a linked account's token is lost");
        }
        String::from_utf8(opened.ok()?).ok()
    }

    async fn insert(
        &self,
        connection: &mut AnyConnection,
        account: &LinkedAccount,
        tokens: &ProviderTokens,
    ) -> Result<(), StoreError> {
        let id = &account.id;
        sqlx::query(
            "INSERT INTO linked_accounts (id, user_id, provider, provider_account_id, \
             access_token, refresh_token, id_token, access_token_expires_at, \
             refresh_token_expires_at, scopes, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        )
        .bind(id)
        .bind(&account.user_id)
        .bind(account.provider.as_str())
        .bind(&account.provider_account_id)
        .bind(self.sealed(id, "access_token", tokens.access.as_ref()))
        .bind(self.sealed(id, "refresh_token", tokens.refresh.as_ref()))
        .bind(self.sealed(id, "id_token", tokens.id.as_ref()))
        .bind(tokens.access_expires_at)
        .bind(tokens.refresh_expires_at)
        .bind(account.scopes.join(" "))
        .bind(account.created_at)
        .bind(account.updated_at)
        .execute(connection)
        .await
        .map_err(failed)?;
        Ok(())
    }
}

fn purpose(id: &str, column: &str) -> String {
    format!("{column} of linked account {id}")
}

#[async_trait]
impl LinkedAccounts for SqlLinkedAccounts {
    async fn by_key(
        &self,
        provider: Provider,
        provider_account_id: &str,
    ) -> Result<Option<(LinkedAccount, User)>, StoreError> {
        // Safe: the names of columns are constants of this folder.
        let sql = AssertSqlSafe(format!(
            "SELECT {ACCOUNT_COLUMNS}, {COLUMNS} FROM linked_accounts l \
             JOIN users u ON u.id = l.user_id \
             WHERE l.provider = $1 AND l.provider_account_id = $2"
        ));
        let row: Option<OwnedRow> = sqlx::query_as(sql)
            .bind(provider.as_str())
            .bind(provider_account_id)
            .fetch_optional(&self.database.pool)
            .await
            .map_err(failed)?;
        let Some(row) = row else {
            return Ok(None);
        };
        let owner = row.owner.into_credentials()?.user;
        Ok(Some((row.account.into_account()?, owner)))
    }

    async fn of_user(&self, user_id: &str) -> Result<Vec<LinkedAccount>, StoreError> {
        // Safe: the names of columns are constants of this file.
        let sql = AssertSqlSafe(format!(
            "SELECT {ACCOUNT_COLUMNS} FROM linked_accounts l \
             WHERE l.user_id = $1 ORDER BY l.created_at, l.id"
        ));
        let rows: Vec<AccountRow> = sqlx::query_as(sql)
            .bind(user_id)
            .fetch_all(&self.database.pool)
            .await
            .map_err(failed)?;
        let accounts = rows.into_iter().map(AccountRow::into_account);
        Ok(accounts.collect::<Result<_, _>>()?)
    }

    async fn tokens(&self, id: &str) -> Result<ProviderTokens, StoreError> {
        let row: Option<TokenRow> = sqlx::query_as(
            "SELECT access_token, refresh_token, id_token, access_token_expires_at, \
             refresh_token_expires_at, scopes FROM linked_accounts WHERE id = $1",
        )
        .bind(id)
        .fetch_optional(&self.database.pool)
        .await
        .map_err(failed)?;
        let Some(row) = row else {
            return Ok(ProviderTokens::default());
        };
        Ok(ProviderTokens {
            access: self.opened(id, "access_token", row.access_token.as_ref()),
            refresh: self.opened(id, "refresh_token", row.refresh_token.as_ref()),
            id: self.opened(id, "id_token", row.id_token.as_ref()),
            access_expires_at: row.access_token_expires_at,
            refresh_expires_at: row.refresh_token_expires_at,
            scopes: row.scopes.split(' ').map(str::to_owned).collect(),
        })
    }

    async fn add(
        &self,
        account: &LinkedAccount,
        tokens: &ProviderTokens,
        entry: &AuditEntry,
    ) -> Result<(), StoreError> {
        let mut transaction = self.database.begin().await.map_err(failed)?;
        self.insert(&mut transaction, account, tokens).await?;
        record(&mut transaction, entry).await?;
        transaction.commit().await.map_err(failed)
    }

    async fn add_with_user(
        &self,
        user: &Credentials,
        account: &LinkedAccount,
        tokens: &ProviderTokens,
        entry: &AuditEntry,
    ) -> Result<(), StoreError> {
        let mut transaction = self.database.begin().await.map_err(failed)?;
        insert_user(&mut transaction, user).await?;
        self.insert(&mut transaction, account, tokens).await?;
        record(&mut transaction, entry).await?;
        transaction.commit().await.map_err(failed)
    }

    async fn renew(
        &self,
        account: &LinkedAccount,
        tokens: &ProviderTokens,
    ) -> Result<(), StoreError> {
        let id = &account.id;
        sqlx::query(
            "UPDATE linked_accounts SET access_token = COALESCE($1, access_token), \
             refresh_token = COALESCE($2, refresh_token), id_token = COALESCE($3, id_token), \
             access_token_expires_at = \
             CASE WHEN $1 IS NULL THEN access_token_expires_at ELSE $4 END, \
             refresh_token_expires_at = \
             CASE WHEN $2 IS NULL THEN refresh_token_expires_at ELSE $5 END, \
             scopes = $6, updated_at = $7 WHERE id = $8",
        )
        .bind(self.sealed(id, "access_token", tokens.access.as_ref()))
        .bind(self.sealed(id, "refresh_token", tokens.refresh.as_ref()))
        .bind(self.sealed(id, "id_token", tokens.id.as_ref()))
        .bind(tokens.access_expires_at)
        .bind(tokens.refresh_expires_at)
        .bind(account.scopes.join(" "))
        .bind(account.updated_at)
        .bind(id)
        .execute(&self.database.pool)
        .await
        .map_err(failed)?;
        Ok(())
    }

    async fn remove(
        &self,
        user_id: &str,
        id: &str,
        entry: &AuditEntry,
    ) -> Result<Unlinked, StoreError> {
        let mut transaction = self.database.begin().await.map_err(failed)?;
        // The row of the account stays locked until the commit, so that two
        // callers don't remove the last two.
        let password: Option<(i64,)> = sqlx::query_as(
            "UPDATE users SET updated_at = $1 WHERE id = $2 \
             RETURNING CASE WHEN password_hash IS NULL THEN 0 ELSE 1 END",
        )
        .bind(entry.at)
        .bind(user_id)
        .fetch_optional(&mut *transaction)
        .await
        .map_err(failed)?;
        let (linked,): (i64,) =
            sqlx::query_as("SELECT COUNT(*) FROM linked_accounts WHERE user_id = $1")
                .bind(user_id)
                .fetch_one(&mut *transaction)
                .await
                .map_err(failed)?;
        let has_password = password == Some((1,));
        if linked + i64::from(has_password) == 1 {
            return Ok(Unlinked::Last);
        }
        let removal = if id == user_id {
            "UPDATE users SET password_hash = NULL WHERE id = $1 AND id = $2 \
             AND password_hash IS NOT NULL"
        } else {
            "DELETE FROM linked_accounts WHERE id = $1 AND user_id = $2"
        };
        let done = sqlx::query(removal)
            .bind(id)
            .bind(user_id)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        if done.rows_affected() == 0 {
            return Ok(Unlinked::Unknown);
        }
        record(&mut transaction, entry).await?;
        transaction.commit().await.map_err(failed)?;
        Ok(Unlinked::Done)
    }
}
