//! Signs someone in whom a provider has named. A provider's account opens one
//! of ours if it was linked to it before, or if both have the same address and
//! both sides have seen that it is the person's: else whoever takes an address
//! first, there or here, would get into the other account.

use proto::claims::Role;
use service_kit::clock::new_id;

use super::{callback::noted, ports::ProviderTokens, refusal::Refusal};
use crate::{
    app::{App, client::Client, error::Error, ports::Credentials, sessions::Opened},
    domain::{
        audit::Act,
        email::Email,
        profile::Profile,
        provider::{Identity, LinkedAccount, Provider, merged_scopes},
        user::{DisplayName, User},
    },
};

/// How often a sign-in is tried again that lost against another one of the
/// same person: once the other has won, there is an account to be found.
const TRIES: u32 = 3;

/// Someone whom a provider has named.
pub(super) struct Arrival {
    pub(super) provider: Provider,
    pub(super) identity: Identity,
    pub(super) tokens: ProviderTokens,
    pub(super) wants_account: bool,
    /// Where the link leads in the end that verifies the address, if one is
    /// sent.
    pub(super) callback_url: Option<String>,
}

/// An id token that an app got of a provider by itself.
#[derive(Default)]
pub struct IdTokenSignIn {
    /// The provider's word.
    pub provider: String,
    /// The token.
    pub token: String,
    /// What the app gave the provider to put into it.
    pub nonce: Option<String>,
    /// What opens the provider's APIs, to be kept.
    pub access_token: Option<String>,
    /// What gets another of those, to be kept.
    pub refresh_token: Option<String>,
    /// Whether the person asks for an account, and does not merely sign in.
    pub wants_account: bool,
    /// Where the link leads in the end that verifies the address.
    pub callback_url: Option<String>,
}

impl App {
    /// Signs in with an id token.
    pub async fn sign_in_with_id_token(
        &self,
        request: IdTokenSignIn,
        client: &Client,
    ) -> Result<Opened, Error> {
        let arrival = self.arrival(request).await?;
        let (opened, _) = self.sign_in_as(&arrival, client).await?;
        Ok(opened)
    }

    /// Whom an id token names.
    pub(super) async fn arrival(&self, request: IdTokenSignIn) -> Result<Arrival, Error> {
        let provider = self.identity_provider(&request.provider)?;
        if !provider.takes_id_tokens() {
            return Err(Refusal::NoIdTokens.into());
        }
        let read = provider.read_id_token(&request.token, request.nonce.as_deref());
        let told = noted(provider.provider(), read.await, Refusal::InvalidIdToken)?;
        Ok(Arrival {
            provider: provider.provider(),
            identity: told.identity,
            tokens: ProviderTokens {
                access: request.access_token,
                refresh: request.refresh_token,
                id: Some(request.token),
                ..ProviderTokens::default()
            },
            wants_account: request.wants_account,
            callback_url: request.callback_url,
        })
    }

    /// Begins a session for someone whom a provider has named, and says whether
    /// the account is new.
    pub(super) async fn sign_in_as(
        &self,
        arrival: &Arrival,
        client: &Client,
    ) -> Result<(Opened, bool), Error> {
        let (user, is_new) = self.owner_of_arrival(arrival, client).await?;
        if self.policy.mail.require_verified && !user.email_verified {
            self.mail_verification(&user, arrival.callback_url.clone(), client)?;
            return Err(Refusal::EmailNotVerified.into());
        }
        tracing::info!(user_id = %user.id, provider = arrival.provider.as_str(), "signed in");
        let entry = self.entry(Act::SignedIn, Some(&user.id), Some(&user.id), client);
        let entry = entry.with_detail(arrival.provider.as_str());
        let opened = self.open_session(user, true, client, &entry).await?;
        Ok((opened, is_new))
    }

    async fn owner_of_arrival(
        &self,
        arrival: &Arrival,
        client: &Client,
    ) -> Result<(User, bool), Error> {
        let mut tries = 1;
        loop {
            let account_id = &arrival.identity.account_id;
            let known = self.linked.by_key(arrival.provider, account_id).await?;
            if let Some((account, user)) = known {
                return Ok((self.returning(arrival, account, user, client).await?, false));
            }
            let arrived = self.first_time(arrival, client).await;
            let lost = matches!(
                arrived,
                Err(Error::EmailTaken | Error::Social(Refusal::LinkedToAnother))
            );
            if !lost || tries == TRIES {
                return arrived;
            }
            tries += 1;
        }
    }

    async fn returning(
        &self,
        arrival: &Arrival,
        mut account: LinkedAccount,
        mut user: User,
        client: &Client,
    ) -> Result<User, Error> {
        if !user.is_enabled() {
            return Err(Refusal::Disabled.into());
        }
        account.updated_at = self.clock.now();
        self.linked.renew(&account, &arrival.tokens).await?;
        let identity = &arrival.identity;
        let is_same = identity.email.as_ref() == Some(&user.email);
        if identity.email_verified && is_same && !user.email_verified {
            user.email_verified = true;
            user.updated_at = self.clock.now();
            let entry = self.entry(Act::EmailVerified, Some(&user.id), Some(&user.id), client);
            let entry = entry.with_detail(arrival.provider.as_str());
            self.users.update(&user, &entry).await?;
        }
        Ok(user)
    }

    /// The account that someone gets into who was never here with this one of
    /// the provider's, and whether it is new.
    async fn first_time(&self, arrival: &Arrival, client: &Client) -> Result<(User, bool), Error> {
        let identity = &arrival.identity;
        let email = identity.email.as_ref().ok_or(Refusal::NoEmail)?;
        if let Some(known) = self.users.by_email(email).await? {
            let user = known.user;
            if !(identity.email_verified && user.email_verified) {
                return Err(Refusal::NotLinked.into());
            }
            if !user.is_enabled() {
                return Err(Refusal::Disabled.into());
            }
            self.add_link(&user, arrival, client).await?;
            return Ok((user, false));
        }
        if !self.policy.provider_sign_up.allows(arrival.wants_account) {
            return Err(Refusal::SignUpClosed.into());
        }
        let user = self.named(identity, email)?;
        let account = self.linked_account(&user, arrival);
        let entry = self.entry(Act::SignedUp, Some(&user.id), Some(&user.id), client);
        let entry = entry.with_detail(arrival.provider.as_str());
        let made = Credentials {
            user,
            password_hash: None,
        };
        self.linked
            .add_with_user(&made, &account, &arrival.tokens, &entry)
            .await?;
        Ok((made.user, true))
    }

    /// A new account for a person. Where the provider knows no name, the
    /// address gives one.
    fn named(&self, identity: &Identity, email: &Email) -> Result<User, Error> {
        let (local, _) = email.as_str().split_once('@').unwrap_or_default();
        let name = DisplayName::parse(&identity.name).or_else(|_| DisplayName::parse(local))?;
        let now = self.clock.now();
        Ok(User {
            id: new_id(self.clock.as_ref(), self.randomness.as_ref()),
            email: email.clone(),
            username: None,
            name,
            role: Role::User,
            email_verified: identity.email_verified,
            image: identity.image.clone(),
            profile: Profile::default(),
            created_at: now,
            updated_at: now,
            disabled_at: None,
        })
    }

    /// A link that is not stored yet.
    pub(super) fn linked_account(&self, user: &User, arrival: &Arrival) -> LinkedAccount {
        let now = self.clock.now();
        LinkedAccount {
            id: new_id(self.clock.as_ref(), self.randomness.as_ref()),
            user_id: user.id.clone(),
            provider: arrival.provider,
            provider_account_id: arrival.identity.account_id.clone(),
            scopes: merged_scopes(&arrival.tokens.scopes, &[]),
            created_at: now,
            updated_at: now,
        }
    }
}
