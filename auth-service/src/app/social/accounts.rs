//! What someone can sign in with, and what a provider lets us do for them.

use service_kit::clock::is_id;

use super::{
    callback::noted,
    ports::{ProviderTokens, Told, Unlinked},
    refusal::Refusal,
};
use crate::{
    app::{App, client::Client, error::Error, sessions::Current},
    domain::{Millis, audit::Act, provider::LinkedAccount},
};

/// What stands for a provider where someone signs in with a password, as Better
/// Auth calls it.
pub const PASSWORD: &str = "credential";

/// An access token is renewed that ends within this time.
const ALMOST_OVER: Millis = 5_000;

/// One way to sign in to an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInMethod {
    /// What it is unlinked by: the account's own id for the password.
    pub id: String,
    /// The provider's word, or [`PASSWORD`].
    pub provider: &'static str,
    /// What the provider calls the account.
    pub account_id: String,
    /// Whose account it is here.
    pub user_id: String,
    /// What the person allowed us there.
    pub scopes: Vec<String>,
    /// Since when.
    pub created_at: Millis,
    /// When it last changed.
    pub updated_at: Millis,
}

impl From<LinkedAccount> for SignInMethod {
    fn from(account: LinkedAccount) -> Self {
        Self {
            provider: account.provider.as_str(),
            id: account.id,
            account_id: account.provider_account_id,
            user_id: account.user_id,
            scopes: account.scopes,
            created_at: account.created_at,
            updated_at: account.updated_at,
        }
    }
}

impl App {
    /// All that opens the account `user_id`, the password first.
    pub async fn sign_in_methods(&self, user_id: &str) -> Result<Vec<SignInMethod>, Error> {
        let credentials = self.users.credentials(user_id).await?;
        let with_password = credentials.filter(|known| known.password_hash.is_some());
        let password = with_password.map(|known| SignInMethod {
            id: known.user.id.clone(),
            provider: PASSWORD,
            account_id: known.user.id.clone(),
            user_id: known.user.id,
            scopes: Vec::new(),
            created_at: known.user.created_at,
            updated_at: known.user.updated_at,
        });
        let linked = self.linked.of_user(user_id).await?;
        let linked = linked.into_iter().map(SignInMethod::from);
        Ok(password.into_iter().chain(linked).collect())
    }

    /// Takes a way to sign in from an account, unless it is the last one.
    pub async fn unlink(&self, current: &Current, id: &str, client: &Client) -> Result<(), Error> {
        self.require_fresh(&current.session)?;
        let user_id = &current.user.id;
        let id = if is_id(id) { id } else { "" };
        let methods = self.sign_in_methods(user_id).await?;
        let method = methods.iter().find(|method| method.id == id);
        let entry = self.entry(Act::ProviderUnlinked, Some(user_id), Some(user_id), client);
        let entry = entry.with_detail(method.map_or("", |method| method.provider));
        match self.linked.remove(user_id, id, &entry).await? {
            Unlinked::Done => Ok(()),
            Unlinked::Last => Err(Refusal::LastAccount.into()),
            Unlinked::Unknown => Err(Refusal::UnknownAccount.into()),
        }
    }

    /// The tokens of a linked account, renewed if they are about to end.
    pub async fn provider_tokens(
        &self,
        user_id: &str,
        id: &str,
    ) -> Result<(LinkedAccount, ProviderTokens), Error> {
        let account = self.linked_account_of(user_id, id).await?;
        let tokens = self.linked.tokens(&account.id).await?;
        let now = self.clock.now();
        let is_over = |end: Millis| end - now < ALMOST_OVER;
        let renewable = tokens.refresh.is_some() && tokens.access_expires_at.is_some_and(is_over);
        if !renewable {
            return Ok((account, tokens));
        }
        self.renewed(account, tokens, Refusal::NoValidToken).await
    }

    /// Renews the tokens of a linked account.
    pub async fn renew_provider_tokens(
        &self,
        user_id: &str,
        id: &str,
    ) -> Result<(LinkedAccount, ProviderTokens), Error> {
        let account = self.linked_account_of(user_id, id).await?;
        let tokens = self.linked.tokens(&account.id).await?;
        self.renewed(account, tokens, Refusal::RefreshFailed).await
    }

    /// What the provider tells of the owner of a linked account.
    pub async fn provider_told(
        &self,
        user_id: &str,
        id: &str,
    ) -> Result<(LinkedAccount, Told), Error> {
        let (account, tokens) = self.provider_tokens(user_id, id).await?;
        if tokens.access.is_none() {
            return Err(Refusal::NoAccessToken.into());
        }
        let provider = self.identity_provider(account.provider.as_str())?;
        let told = provider.recall(&tokens).await;
        let told = noted(account.provider, told, Refusal::NoUserInfo)?;
        Ok((account, told))
    }

    /// The linked account of `user_id` with this id, if its provider is set up.
    async fn linked_account_of(&self, user_id: &str, id: &str) -> Result<LinkedAccount, Error> {
        let methods = self.linked.of_user(user_id).await?;
        let Some(account) = methods.into_iter().find(|account| account.id == id) else {
            // The password is a way to sign in, but no provider's account.
            let is_password = id == user_id;
            let refusal = if is_password {
                Refusal::NoProvider
            } else {
                Refusal::UnknownAccount
            };
            return Err(refusal.into());
        };
        let provider = self.providers.get(account.provider);
        provider.ok_or(Refusal::NoProvider)?;
        Ok(account)
    }

    async fn renewed(
        &self,
        mut account: LinkedAccount,
        tokens: ProviderTokens,
        refusal: Refusal,
    ) -> Result<(LinkedAccount, ProviderTokens), Error> {
        let refresh = tokens.refresh.as_deref().ok_or(Refusal::NoRefreshToken)?;
        let provider = self.identity_provider(account.provider.as_str())?;
        let renewed = provider.renew(refresh).await;
        let newer = noted(account.provider, renewed, refusal)?;
        account.updated_at = self.clock.now();
        self.linked.renew(&account, &newer).await?;
        let merged = ProviderTokens {
            access: newer.access.or(tokens.access),
            refresh: newer.refresh.or(tokens.refresh),
            id: newer.id.or(tokens.id),
            access_expires_at: newer.access_expires_at,
            refresh_expires_at: newer.refresh_expires_at.or(tokens.refresh_expires_at),
            scopes: tokens.scopes,
        };
        Ok((account, merged))
    }
}
