//! Providers over OAuth 2.0: the requests that Google and GitHub have in
//! common. Nothing follows redirects, waits for ever or reads without end, and
//! no error holds what a provider sent, for it may be a secret.

use std::{sync::Arc, time::Duration};

use oauth2::{
    AsyncHttpClient, AuthType, AuthorizationCode, ClientId, ClientSecret, EndpointNotSet,
    EndpointSet, HttpRequest, HttpResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl,
    RefreshToken, RequestTokenError, StandardRevocableToken, TokenResponse, TokenUrl,
    basic::{BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse},
    http::Response,
};
use secrecy::ExposeSecret;
use service_kit::clock::Clock;
use url::Url;

use crate::{
    app::social::ports::{
        ConsentRequest, IdentityProvider, ProviderFailure, ProviderTokens, Providers,
    },
    config::social::{ClientConfig, SocialConfig},
};

mod github;
mod google;
mod id_token;
mod wire;

pub use github::GitHub;
pub use google::Google;

/// The providers that are set up.
pub fn providers(
    config: &SocialConfig,
    clock: &Arc<dyn Clock>,
) -> Result<Providers, reqwest::Error> {
    let mut providers: Vec<Arc<dyn IdentityProvider>> = Vec::new();
    if config.google.is_none() && config.github.is_none() {
        return Ok(Providers(providers));
    }
    // The first one wins; a second call in one process changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("lectern/", env!("CARGO_PKG_VERSION")))
        .build()?;
    if let Some(config) = &config.google {
        providers.push(Arc::new(Google::new(
            config,
            http.clone(),
            Arc::clone(clock),
        )));
    }
    if let Some(config) = &config.github {
        providers.push(Arc::new(GitHub::new(config, http, Arc::clone(clock))));
    }
    Ok(Providers(providers))
}

/// How long a provider may take to be reached.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a provider may take to answer whole.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The most bytes of a provider's answer that are read.
const LARGEST_ANSWER: usize = 256 * 1024;

type OauthClient = oauth2::Client<
    BasicErrorResponse,
    wire::Tokens,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// Why a provider's answer can't be used. It holds nothing that was sent.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("it did not answer")]
    Silent(#[source] reqwest::Error),
    #[error("its answer is larger than {LARGEST_ANSWER} bytes")]
    TooLarge,
    #[error("it answered with status {0}")]
    Status(u16),
    #[error("it refused: {0}")]
    Refused(String),
    #[error("its answer can't be read")]
    Unreadable,
    #[error("its answer lacks {0}")]
    Lacks(&'static str),
    #[error("its id token does not hold: {0}")]
    IdToken(&'static str),
}

impl From<Unusable> for ProviderFailure {
    fn from(problem: Unusable) -> Self {
        Self(Box::new(problem))
    }
}

/// Asks a provider over HTTP.
#[derive(Clone)]
struct Http(reqwest::Client);

impl Http {
    async fn send(&self, request: reqwest::Request) -> Result<HttpResponse, Unusable> {
        let mut answer = self.0.execute(request).await.map_err(Unusable::Silent)?;
        let mut bytes = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(Unusable::Silent)? {
            bytes.extend_from_slice(&piece);
            if bytes.len() > LARGEST_ANSWER {
                return Err(Unusable::TooLarge);
            }
        }
        let mut response = Response::new(bytes);
        *response.status_mut() = answer.status();
        Ok(response)
    }

    /// The JSON at `url`, for whoever has `token`.
    async fn json(&self, url: &Url, token: Option<&str>) -> Result<serde_json::Value, Unusable> {
        let mut request = self.0.get(url.clone());
        request = request.header("accept", "application/json");
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let request = request.build().map_err(Unusable::Silent)?;
        let response = self.send(request).await?;
        if !response.status().is_success() {
            return Err(Unusable::Status(response.status().as_u16()));
        }
        serde_json::from_slice(response.body()).map_err(|_| Unusable::Unreadable)
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = Unusable;
    type Future = futures::future::BoxFuture<'c, Result<HttpResponse, Unusable>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let request = reqwest::Request::try_from(request).map_err(Unusable::Silent)?;
            self.send(request).await
        })
    }
}

/// What every provider does alike.
struct Oauth {
    client: OauthClient,
    authorize_url: Url,
    userinfo_url: Url,
    http: Http,
    clock: Arc<dyn Clock>,
}

impl Oauth {
    fn new(config: &ClientConfig, http: reqwest::Client, clock: Arc<dyn Clock>) -> Self {
        let client = oauth2::Client::new(ClientId::new(config.id.clone()))
            .set_client_secret(ClientSecret::new(config.secret.expose_secret().to_owned()))
            // As Better Auth sends it, and as both providers document it.
            .set_auth_type(AuthType::RequestBody)
            .set_token_uri(TokenUrl::from_url(config.token_url.clone()));
        Self {
            client,
            authorize_url: config.authorize_url.clone(),
            userinfo_url: config.userinfo_url.clone(),
            http: Http(http),
            clock,
        }
    }

    /// The URL with the parameters in Better Auth's order. Extra parameters
    /// never take the place of these.
    fn consent_url(
        &self,
        request: &ConsentRequest<'_>,
        scopes: &[&str],
        defaults: &[(&str, &str)],
    ) -> String {
        let verifier = PkceCodeVerifier::new(request.verifier.to_owned());
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier);
        let more = request.scopes.iter().map(String::as_str);
        let scope = scopes.iter().copied().chain(more).collect::<Vec<_>>();
        let mut ours = vec![
            ("response_type", "code".to_owned()),
            ("client_id", self.client.client_id().as_str().to_owned()),
            ("state", request.state.to_owned()),
            ("scope", scope.join(" ")),
            ("redirect_uri", request.redirect_uri.to_owned()),
        ];
        ours.extend(
            request
                .login_hint
                .map(|hint| ("login_hint", hint.to_owned())),
        );
        ours.push(("code_challenge_method", "S256".to_owned()));
        ours.push(("code_challenge", challenge.as_str().to_owned()));
        let is_ours = |name: &str| name == "nonce" || ours.iter().any(|(own, _)| *own == name);
        let extra = request
            .extra
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let extra: Vec<(&str, &str)> = extra.filter(|(name, _)| !is_ours(name)).collect();
        let unset = |(name, _): &&(&str, &str)| !extra.iter().any(|(other, _)| other == name);
        let mut url = self.authorize_url.clone();
        url.query_pairs_mut()
            .extend_pairs(&ours)
            .extend_pairs(defaults.iter().filter(unset))
            .extend_pairs(&extra);
        url.into()
    }

    async fn redeem(
        &self,
        code: &str,
        verifier: &str,
        redirect_uri: &str,
    ) -> Result<ProviderTokens, Unusable> {
        let redirect_uri = RedirectUrl::new(redirect_uri.to_owned());
        let redirect_uri = redirect_uri.map_err(|_| Unusable::Lacks("a redirect URI"))?;
        let tokens = self
            .client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .set_pkce_verifier(PkceCodeVerifier::new(verifier.to_owned()))
            .set_redirect_uri(std::borrow::Cow::Owned(redirect_uri))
            .request_async(&self.http)
            .await
            .map_err(refused)?;
        Ok(self.tokens(&tokens))
    }

    async fn renew(&self, refresh_token: &str) -> Result<ProviderTokens, Unusable> {
        let refresh_token = RefreshToken::new(refresh_token.to_owned());
        let request = self.client.exchange_refresh_token(&refresh_token);
        let tokens = request.request_async(&self.http).await.map_err(refused)?;
        Ok(self.tokens(&tokens))
    }

    fn tokens(&self, answer: &wire::Tokens) -> ProviderTokens {
        let now = self.clock.now();
        let after = |seconds: u64| {
            let millis = i64::try_from(seconds)
                .unwrap_or(i64::MAX)
                .saturating_mul(1000);
            now.saturating_add(millis)
        };
        // GitHub separates scopes with commas, against RFC 6749, section 3.3.
        let scopes = answer.scopes().into_iter().flatten();
        let scopes = scopes.flat_map(|scope| scope.split(',').map(str::to_owned));
        ProviderTokens {
            access: Some(answer.access_token().secret().clone()),
            refresh: answer.refresh_token().map(|token| token.secret().clone()),
            id: answer.extra_fields().id_token.clone(),
            access_expires_at: answer
                .expires_in()
                .map(|lifetime| after(lifetime.as_secs())),
            refresh_expires_at: answer.extra_fields().refresh_token_expires_in.map(after),
            scopes: scopes.collect(),
        }
    }
}

/// What went wrong, without what the provider sent.
fn refused(error: RequestTokenError<Unusable, BasicErrorResponse>) -> Unusable {
    match error {
        RequestTokenError::ServerResponse(answer) => {
            // The words of RFC 6749, section 5.2, are letters and underscores.
            let word: String = answer.error().to_string().chars().take(64).collect();
            Unusable::Refused(word.escape_default().to_string())
        }
        RequestTokenError::Request(problem) => problem,
        _ => Unusable::Unreadable,
    }
}
