//! Google: OpenID Connect. Who someone is stands in the id token.

use std::sync::Arc;

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use service_kit::clock::Clock;

use super::{
    Oauth, Unusable,
    id_token::{IdTokens, Presenter},
};
use crate::{
    app::social::ports::{ConsentRequest, IdentityProvider, ProviderFailure, ProviderTokens, Told},
    config::social::GoogleConfig,
    domain::provider::{Identity, Provider},
};

const SCOPES: &[&str] = &["email", "profile", "openid"];

/// Sign-in with Google.
pub struct Google {
    oauth: Oauth,
    id_tokens: IdTokens,
}

impl Google {
    /// Asks Google through `http`, which needs timeouts and must not follow
    /// redirects.
    pub fn new(config: &GoogleConfig, http: reqwest::Client, clock: Arc<dyn Clock>) -> Self {
        let oauth = Oauth::new(&config.client, http, Arc::clone(&clock));
        // Google has signed as both, with and without the scheme.
        let bare = config.issuer.trim_start_matches("https://").to_owned();
        let id_tokens = IdTokens::new(
            config.jwks_url.clone(),
            vec![config.issuer.clone(), bare],
            config.client.id.clone(),
            oauth.http.clone(),
            clock,
        );
        Self { oauth, id_tokens }
    }

    /// The claims with what the userinfo endpoint adds to them, where they lack
    /// the address. It must speak of the same person (OpenID Connect Core,
    /// section 5.3.2).
    async fn completed(&self, claims: Value, access: Option<&str>) -> Result<Value, Unusable> {
        let (Some(access), true) = (access, claims["email"].is_null()) else {
            return Ok(claims);
        };
        let told = self
            .oauth
            .http
            .json(&self.oauth.userinfo_url, Some(access))
            .await?;
        if told["sub"] != claims["sub"] {
            return Err(Unusable::IdToken(
                "the userinfo endpoint tells of another person",
            ));
        }
        let (Value::Object(mut all), Value::Object(claims)) = (told, claims) else {
            return Err(Unusable::Unreadable);
        };
        all.extend(claims);
        Ok(Value::Object(all))
    }
}

#[async_trait]
impl IdentityProvider for Google {
    fn provider(&self) -> Provider {
        Provider::Google
    }

    fn is_issuer(&self, issuer: &str) -> bool {
        self.id_tokens.is_issuer(issuer)
    }

    fn consent_url(&self, request: &ConsentRequest<'_>) -> String {
        let defaults = [("include_granted_scopes", "true")];
        self.oauth.consent_url(request, SCOPES, &defaults)
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
        let token = tokens.id.as_deref().ok_or(Unusable::Lacks("an id token"))?;
        let claims = self.id_tokens.claims(token, Presenter::Us, None).await?;
        let claims = self.completed(claims, tokens.access.as_deref()).await?;
        Ok(told(claims)?)
    }

    /// The id token was checked when it came, and nobody else could open the
    /// box it lay in; it may be over since.
    async fn recall(&self, tokens: &ProviderTokens) -> Result<Told, ProviderFailure> {
        let token = tokens.id.as_deref().ok_or(Unusable::Lacks("an id token"))?;
        let payload = token.split('.').nth(1).unwrap_or_default();
        let payload = URL_SAFE_NO_PAD.decode(payload).unwrap_or_default();
        let claims = serde_json::from_slice(&payload).map_err(|_| Unusable::Unreadable)?;
        let claims = self.completed(claims, tokens.access.as_deref()).await?;
        Ok(told(claims)?)
    }

    fn takes_id_tokens(&self) -> bool {
        true
    }

    async fn read_id_token(
        &self,
        token: &str,
        nonce: Option<&str>,
    ) -> Result<Told, ProviderFailure> {
        Ok(told(
            self.id_tokens.claims(token, Presenter::App, nonce).await?,
        )?)
    }
}

fn told(claims: Value) -> Result<Told, Unusable> {
    let account_id = claims["sub"].as_str().unwrap_or_default();
    let identity = Identity::told(account_id).ok_or(Unusable::Lacks("a sub"))?;
    // Google has sent it as a text, too.
    let verified = claims["email_verified"] == true || claims["email_verified"] == "true";
    Ok(Told {
        identity: identity
            .with_email(claims["email"].as_str(), verified)
            .with_name(claims["name"].as_str())
            .with_image(claims["picture"].as_str()),
        whole: claims,
    })
}
