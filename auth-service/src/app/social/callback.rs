//! Takes a browser back from a provider.

use subtle::ConstantTimeEq;

use super::{
    begin::Flow,
    ports::{ProviderFailure, ProviderTokens},
    refusal::Refusal,
    sign_in::Arrival,
};
use crate::{
    app::{
        App,
        client::Client,
        error::{Error, chain},
        sessions::Opened,
        vault::digest,
    },
    domain::provider::{Identity, Provider},
};

/// The most characters of what a provider says that are sent on.
const MAX_WORDS: usize = 500;

/// What a browser brings back.
#[derive(Default)]
pub struct Callback {
    /// The provider's word, as the URL has it.
    pub provider: String,
    /// The name of the flow.
    pub state: Option<String>,
    /// What becomes tokens.
    pub code: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
    /// The same for people.
    pub error_description: Option<String>,
    /// Who answers (RFC 9207).
    pub issuer: Option<String>,
    /// The name of the flow that this browser began last.
    pub pinned: Option<String>,
}

/// Where a browser goes on to, and as whom.
#[derive(Debug, Default)]
pub struct Landing {
    /// The URL; the surface's own page for errors where there is none.
    pub url: Option<String>,
    /// Why it failed, if it did.
    pub failure: Option<Failure>,
    /// The session that has begun, if one has.
    pub opened: Option<Opened>,
    /// Whether the flow was this browser's, and is over.
    pub is_over: bool,
}

/// Why a flow failed.
#[derive(Debug)]
pub struct Failure {
    /// A word for programs: ours, or the provider's.
    pub code: String,
    /// The provider's words for people.
    pub description: Option<String>,
}

impl Landing {
    fn failed(url: Option<String>, refusal: Refusal) -> Self {
        Self {
            url,
            failure: Some(Failure {
                code: refusal.code().to_owned(),
                description: None,
            }),
            ..Self::default()
        }
    }
}

impl App {
    /// Finishes the flow that a browser comes back from, once.
    pub async fn finish_social(
        &self,
        callback: Callback,
        client: &Client,
    ) -> Result<Landing, Error> {
        let Some(state) = callback.state.as_deref().filter(|state| !state.is_empty()) else {
            return Ok(Landing::failed(None, Refusal::StateNotFound));
        };
        let Some(flow) = self.flow(state).await? else {
            return Ok(Landing::failed(None, Refusal::StateMismatch));
        };
        // In another browser the flow stays as it is: whoever began it can
        // still finish it.
        let pinned = callback.pinned.as_deref().unwrap_or_default();
        let is_ours = bool::from(pinned.as_bytes().ct_eq(state.as_bytes()));
        if !is_ours || !self.flows.take(&digest(state)).await? {
            return Ok(Landing::failed(flow.error_url, Refusal::StateMismatch));
        }
        let landing = match self.landed(&flow, callback, client).await {
            Err(Error::Social(refusal)) => Landing::failed(flow.error_url, refusal),
            other => other?,
        };
        Ok(Landing {
            is_over: true,
            ..landing
        })
    }

    async fn landed(
        &self,
        flow: &Flow,
        callback: Callback,
        client: &Client,
    ) -> Result<Landing, Error> {
        if let Some(code) = callback.error.filter(|error| !error.is_empty()) {
            let failure = Failure {
                code: cut(&code),
                description: callback.error_description.as_deref().map(cut),
            };
            return Ok(Landing {
                url: flow.error_url.clone(),
                failure: Some(failure),
                ..Landing::default()
            });
        }
        let code = callback.code.filter(|code| !code.is_empty());
        let code = code.ok_or(Refusal::NoCode)?;
        let (identity, tokens) = self
            .identity_for(flow, &callback.provider, &code, callback.issuer.as_deref())
            .await?;
        let arrival = Arrival {
            provider: flow.provider,
            identity,
            tokens,
            wants_account: flow.wants_account,
            callback_url: Some(flow.callback_url.clone()),
        };
        if let Some(session_id) = &flow.link_session {
            let current = self.session_by_id(session_id, self.clock.now()).await?;
            let current = current.ok_or(Refusal::CannotLink)?;
            self.link(&current.user, &arrival, client).await?;
            return Ok(Landing {
                url: Some(flow.callback_url.clone()),
                ..Landing::default()
            });
        }
        let (opened, is_new) = self.sign_in_as(&arrival, client).await?;
        let elsewhere = flow.new_user_url.as_ref().filter(|_| is_new);
        Ok(Landing {
            url: Some(elsewhere.unwrap_or(&flow.callback_url).clone()),
            opened: Some(opened),
            ..Landing::default()
        })
    }

    /// Who the provider says the person is that brings a code.
    async fn identity_for(
        &self,
        flow: &Flow,
        word: &str,
        code: &str,
        issuer: Option<&str>,
    ) -> Result<(Identity, ProviderTokens), Error> {
        let provider = self.identity_provider(word)?;
        // The code of one provider must never go to another.
        if provider.provider() != flow.provider {
            return Err(Refusal::StateMismatch.into());
        }
        if issuer.is_some_and(|issuer| !provider.is_issuer(issuer)) {
            return Err(Refusal::IssuerMismatch.into());
        }
        let redeemed = provider.redeem(code, &flow.verifier, &flow.redirect_uri);
        let tokens = noted(flow.provider, redeemed.await, Refusal::InvalidCode)?;
        let told = provider.identify(&tokens).await;
        let told = noted(flow.provider, told, Refusal::NoUserInfo)?;
        Ok((told.identity, tokens))
    }
}

/// Logs what a provider did wrong, which the caller is told as `refusal`.
pub(super) fn noted<T>(
    provider: Provider,
    result: Result<T, ProviderFailure>,
    refusal: Refusal,
) -> Result<T, Refusal> {
    result.map_err(|ProviderFailure(cause)| {
        let provider = provider.as_str();
        tracing::warn!(provider, cause = %chain(cause.as_ref()), "a provider failed");
        refusal
    })
}

fn cut(words: &str) -> String {
    words.chars().take(MAX_WORDS).collect()
}
