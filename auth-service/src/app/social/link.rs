//! Links a provider's account to the one that someone is signed in to.

use super::{
    refusal::Refusal,
    sign_in::{Arrival, IdTokenSignIn},
};
use crate::{
    app::{App, client::Client, error::Error, sessions::Current},
    domain::{audit::Act, provider::merged_scopes, user::User},
};

impl App {
    /// Links the account that an id token names.
    pub async fn link_with_id_token(
        &self,
        current: &Current,
        request: IdTokenSignIn,
        client: &Client,
    ) -> Result<(), Error> {
        let arrival = self.arrival(request).await?;
        self.link(&current.user, &arrival, client).await
    }

    /// Links an account, or keeps newer tokens of one that is linked.
    pub(super) async fn link(
        &self,
        user: &User,
        arrival: &Arrival,
        client: &Client,
    ) -> Result<(), Error> {
        let (identity, tokens) = (&arrival.identity, &arrival.tokens);
        if !identity.email_verified {
            return Err(Refusal::CannotLink.into());
        }
        if identity.email.as_ref() != Some(&user.email) {
            return Err(Refusal::EmailDoesNotMatch.into());
        }
        let account_id = &identity.account_id;
        match self.linked.by_key(arrival.provider, account_id).await? {
            None => self.add_link(user, arrival, client).await,
            Some((_, owner)) if owner.id != user.id => Err(Refusal::LinkedToAnother.into()),
            Some((mut account, _)) => {
                account.scopes = merged_scopes(&account.scopes, &tokens.scopes);
                account.updated_at = self.clock.now();
                Ok(self.linked.renew(&account, tokens).await?)
            }
        }
    }

    pub(super) async fn add_link(
        &self,
        user: &User,
        arrival: &Arrival,
        client: &Client,
    ) -> Result<(), Error> {
        let account = self.linked_account(user, arrival);
        let entry = self.entry(Act::ProviderLinked, Some(&user.id), Some(&user.id), client);
        let entry = entry.with_detail(arrival.provider.as_str());
        Ok(self.linked.add(&account, &arrival.tokens, &entry).await?)
    }
}
