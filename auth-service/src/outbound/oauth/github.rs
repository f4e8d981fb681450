//! GitHub: OAuth 2.0 alone. Who someone is must be asked for.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use service_kit::clock::Clock;
use url::Url;

use super::{Oauth, Unusable};
use crate::{
    app::social::ports::{ConsentRequest, IdentityProvider, ProviderFailure, ProviderTokens, Told},
    config::social::ClientConfig,
    domain::provider::{Identity, Provider},
};

const SCOPES: &[&str] = &["read:user", "user:email"];

/// Sign-in with GitHub.
pub struct GitHub {
    oauth: Oauth,
    emails_url: Url,
}

impl GitHub {
    /// Asks GitHub through `http`, which needs timeouts and a name, and must
    /// not follow redirects.
    pub fn new(config: &ClientConfig, http: reqwest::Client, clock: Arc<dyn Clock>) -> Self {
        let mut emails_url = config.userinfo_url.clone();
        let path = format!("{}/emails", emails_url.path().trim_end_matches('/'));
        emails_url.set_path(&path);
        Self {
            oauth: Oauth::new(config, http, clock),
            emails_url,
        }
    }

    /// The person's addresses; none where they did not allow us to see them.
    async fn emails(&self, access: &str) -> Result<Vec<Value>, Unusable> {
        match self.oauth.http.json(&self.emails_url, Some(access)).await {
            Ok(Value::Array(emails)) => Ok(emails),
            Ok(_) => Err(Unusable::Unreadable),
            Err(Unusable::Status(400..=499)) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    async fn person(&self, tokens: &ProviderTokens) -> Result<Told, Unusable> {
        let access = tokens.access.as_deref();
        let access = access.ok_or(Unusable::Lacks("an access token"))?;
        let person = self
            .oauth
            .http
            .json(&self.oauth.userinfo_url, Some(access))
            .await?;
        let emails = self.emails(access).await?;
        told(person, &emails)
    }
}

#[async_trait]
impl IdentityProvider for GitHub {
    fn provider(&self) -> Provider {
        Provider::GitHub
    }

    /// GitHub names no issuer in its answers.
    fn is_issuer(&self, _: &str) -> bool {
        true
    }

    fn consent_url(&self, request: &ConsentRequest<'_>) -> String {
        self.oauth.consent_url(request, SCOPES, &[])
    }

    async fn redeem(
        &self,
        code: &str,
        verifier: &str,
        redirect_uri: &str,
    ) -> Result<ProviderTokens, ProviderFailure> {
        Ok(self.oauth.redeem(code, verifier, redirect_uri).await?)
    }

    async fn renew(&self, refresh_token: &str) -> Result<ProviderTokens, ProviderFailure> {
        Ok(self.oauth.renew(refresh_token).await?)
    }

    async fn identify(&self, tokens: &ProviderTokens) -> Result<Told, ProviderFailure> {
        Ok(self.person(tokens).await?)
    }

    async fn recall(&self, tokens: &ProviderTokens) -> Result<Told, ProviderFailure> {
        Ok(self.person(tokens).await?)
    }

    fn takes_id_tokens(&self) -> bool {
        false
    }

    async fn read_id_token(&self, _: &str, _: Option<&str>) -> Result<Told, ProviderFailure> {
        Err(Unusable::Lacks("id tokens").into())
    }
}

/// The address is the public one, else the primary one, else the first; it was
/// verified where the list says so.
fn told(mut person: Value, emails: &[Value]) -> Result<Told, Unusable> {
    let id = person["id"].as_i64().ok_or(Unusable::Lacks("an id"))?;
    let identity = Identity::told(&id.to_string()).ok_or(Unusable::Lacks("an id"))?;
    if person["email"].as_str().is_none_or(str::is_empty) {
        let primary = emails.iter().find(|email| email["primary"] == true);
        let email = primary
            .or(emails.first())
            .map(|email| email["email"].clone());
        person["email"] = email.unwrap_or(Value::Null);
    }
    let address = person["email"].as_str();
    let verified = emails
        .iter()
        .any(|email| email["email"].as_str() == address && email["verified"] == true);
    let name = person["name"]
        .as_str()
        .filter(|name| !name.trim().is_empty());
    Ok(Told {
        identity: identity
            .with_email(address, verified)
            .with_name(name.or(person["login"].as_str()))
            .with_image(person["avatar_url"].as_str()),
        whole: person,
    })
}
