//! Sends a browser to a provider, and remembers why.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    ports::{ConsentRequest, IdentityProvider},
    refusal::Refusal,
};
use crate::{
    app::{
        App,
        error::Error,
        sessions::Current,
        vault::{digest, random_text},
    },
    domain::{Millis, provider::Provider},
};

/// The letters of a flow's name: 190 random bits.
const STATE_LENGTH: usize = 32;

/// The letters of a verifier: the most that RFC 7636, section 4.1, allows.
const VERIFIER_LENGTH: usize = 128;

/// How long the way there and back may take.
const LIFETIME: Millis = 10 * 60 * 1000;

/// The purpose under which a flow is encrypted.
const SEALED: &str = "oauth flow";

/// What a person wants of a provider. The surface has checked the URLs.
#[derive(Default)]
pub struct Begin {
    /// The provider's word.
    pub provider: String,
    /// Where the provider sends the browser back to.
    pub redirect_uri: String,
    /// Where the browser ends up.
    pub callback_url: String,
    /// Where it ends up instead if the person has a new account.
    pub new_user_url: Option<String>,
    /// Where it ends up instead if it fails.
    pub error_url: Option<String>,
    /// Whether the person asks for an account, and does not merely sign in.
    pub wants_account: bool,
    /// What is wanted beyond who the person is.
    pub scopes: Vec<String>,
    /// Who the person probably is.
    pub login_hint: Option<String>,
    /// Parameters that only the provider understands.
    pub extra: Vec<(String, String)>,
}

/// A flow that has begun.
#[derive(Debug)]
pub struct Begun {
    /// Where the browser goes.
    pub url: String,
    /// The flow's name, to be pinned to the browser.
    pub state: String,
}

/// A flow, as it is remembered until the browser comes back.
pub(super) struct Flow {
    pub(super) provider: Provider,
    pub(super) verifier: String,
    pub(super) redirect_uri: String,
    pub(super) callback_url: String,
    pub(super) new_user_url: Option<String>,
    pub(super) error_url: Option<String>,
    pub(super) wants_account: bool,
    /// The session to whose account the provider's is to be linked.
    pub(super) link_session: Option<String>,
}

impl App {
    /// Begins a flow: to link what comes of it to the account of `link_to`, or
    /// to sign in with it.
    pub async fn begin_social(
        &self,
        request: Begin,
        link_to: Option<&Current>,
    ) -> Result<Begun, Error> {
        let provider = self.identity_provider(&request.provider)?;
        let state = random_text(self.randomness.as_ref(), STATE_LENGTH);
        let flow = Flow {
            provider: provider.provider(),
            verifier: random_text(self.randomness.as_ref(), VERIFIER_LENGTH),
            redirect_uri: request.redirect_uri,
            callback_url: request.callback_url,
            new_user_url: request.new_user_url,
            error_url: request.error_url,
            wants_account: request.wants_account,
            link_session: link_to.map(|current| current.session.id.clone()),
        };
        let url = provider.consent_url(&ConsentRequest {
            state: &state,
            verifier: &flow.verifier,
            redirect_uri: &flow.redirect_uri,
            scopes: &request.scopes,
            login_hint: request.login_hint.as_deref(),
            extra: &request.extra,
        });
        self.remember(&state, &flow).await?;
        Ok(Begun { url, state })
    }

    /// The provider that a word stands for, if it is set up.
    pub(super) fn identity_provider(
        &self,
        word: &str,
    ) -> Result<&Arc<dyn IdentityProvider>, Refusal> {
        let provider = Provider::from_word(word).ok_or(Refusal::UnknownProvider)?;
        let found = self.providers.get(provider);
        found.ok_or(Refusal::UnknownProvider)
    }

    async fn remember(&self, state: &str, flow: &Flow) -> Result<(), Error> {
        let plain = flow.to_json().to_string();
        let sealed = self
            .vault
            .seal(SEALED, plain.as_bytes(), self.randomness.as_ref());
        let expires_at = self.clock.now() + LIFETIME;
        Ok(self.flows.put(&digest(state), &sealed, expires_at).await?)
    }

    /// The flow of this name, if it is not over.
    pub(super) async fn flow(&self, state: &str) -> Result<Option<Flow>, Error> {
        if state.len() != STATE_LENGTH {
            return Ok(None);
        }
        let found = self.flows.find(&digest(state), self.clock.now()).await?;
        let Some(sealed) = found else {
            return Ok(None);
        };
        // Begun under another AUTH_SECRET, it can't be finished.
        let plain = self.vault.open(SEALED, &sealed).unwrap_or_default();
        let told: Value = serde_json::from_slice(&plain).unwrap_or_default();
        Ok(Flow::from_json(&told))
    }
}

impl Flow {
    fn to_json(&self) -> Value {
        json!({
            "provider": self.provider.as_str(),
            "verifier": self.verifier,
            "redirect_uri": self.redirect_uri,
            "callback_url": self.callback_url,
            "new_user_url": self.new_user_url,
            "error_url": self.error_url,
            "wants_account": self.wants_account,
            "link_session": self.link_session,
        })
    }

    fn from_json(told: &Value) -> Option<Self> {
        let text = |name: &str| told[name].as_str().map(str::to_owned);
        Some(Self {
            provider: Provider::from_word(told["provider"].as_str()?)?,
            verifier: text("verifier")?,
            redirect_uri: text("redirect_uri")?,
            callback_url: text("callback_url")?,
            new_user_url: text("new_user_url"),
            error_url: text("error_url"),
            wants_account: told["wants_account"] == true,
            link_session: text("link_session"),
        })
    }
}
