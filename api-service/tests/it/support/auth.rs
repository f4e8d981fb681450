//! What api-service sees of auth-service: a key set, and tokens signed with
//! its keys.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use api_service::{
    app::{App, follow_accounts::RefusedTokens},
    outbound::jwks::{JwksSettings, JwksVerifier},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{SigningKey, pkcs8::EncodePrivateKey};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use proto::claims::{Claims, DEFAULT_AUDIENCE, DEFAULT_ISSUER, Role, TOKEN_TYPE};
use serde::Serialize;
use serde_json::{Value, json};
use service_kit::clock::Clock;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::path};

use super::NOON;

/// The key that signs in most tests, and its name.
pub const KID: &str = "key-1";
pub const SEED: [u8; 32] = [7; 32];

/// The session of most tokens.
pub const SESSION: &str = "018bcfe5-6800-7000-8000-0000000000fe";

/// auth-service, as far as its key set goes.
pub struct AuthService {
    server: MockServer,
}

impl AuthService {
    /// Publishes the usual key.
    pub async fn start() -> Self {
        Self::publishing(key_set(&[(KID, SEED)]).to_string()).await
    }

    pub async fn publishing(body: String) -> Self {
        let auth = Self {
            server: MockServer::start().await,
        };
        auth.publish(body).await;
        auth
    }

    /// Publishes this from now on, and forgets what it was asked.
    pub async fn publish(&self, body: String) {
        self.answer(ResponseTemplate::new(200).set_body_raw(body, "application/json"))
            .await;
    }

    pub async fn answer(&self, answer: ResponseTemplate) {
        self.server.reset().await;
        Mock::given(path("/v1/jwks"))
            .respond_with(answer)
            .mount(&self.server)
            .await;
    }

    /// How often it was asked since it last published.
    pub async fn asked(&self) -> usize {
        self.server.received_requests().await.unwrap().len()
    }

    /// The verifier of `app`, with the keys at `url` or here.
    pub fn verifier_of(&self, app: &App, url: Option<String>) -> JwksVerifier {
        let settings = settings(url.unwrap_or_else(|| self.url()), None);
        let refused = app.refused.clone();
        JwksVerifier::new(settings, http_client(), app.clock.clone(), refused)
    }

    fn url(&self) -> String {
        format!("{}/v1/jwks", self.server.uri())
    }

    pub fn verifier(&self, clock: Arc<dyn Clock>, cache: Option<PathBuf>) -> JwksVerifier {
        verifier(self.url(), clock, cache)
    }
}

/// A verifier that asks at `url`.
pub fn verifier(url: String, clock: Arc<dyn Clock>, cache: Option<PathBuf>) -> JwksVerifier {
    let refused = Arc::new(RefusedTokens::default());
    JwksVerifier::new(settings(url, cache), http_client(), clock, refused)
}

fn settings(url: String, cache: Option<PathBuf>) -> JwksSettings {
    JwksSettings {
        url,
        issuer: DEFAULT_ISSUER.to_owned(),
        audience: DEFAULT_AUDIENCE.to_owned(),
        cache,
    }
}

pub fn http_client() -> reqwest::Client {
    // The first one wins: another test of this process was quicker.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder().read_timeout(Duration::from_secs(30));
    builder.build().unwrap()
}

pub fn public_key(seed: [u8; 32]) -> [u8; 32] {
    SigningKey::from_bytes(&seed).verifying_key().to_bytes()
}

pub fn key_set(keys: &[(&str, [u8; 32])]) -> Value {
    let keys = keys.iter().map(|(kid, seed)| {
        let x = URL_SAFE_NO_PAD.encode(public_key(*seed));
        json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": kid, "x": x})
    });
    json!({"keys": keys.collect::<Vec<_>>()})
}

/// The id of the user of this name.
pub fn user_id(name: &str) -> String {
    let number = name.bytes().fold(0_u64, |sum, byte| {
        sum * 31 % 1_000_000_007 + u64::from(byte)
    });
    format!("018bcfe5-6800-7000-8000-{number:012}")
}

pub fn role_of(name: &str) -> Role {
    if name == "admin" {
        Role::Admin
    } else {
        Role::User
    }
}

/// What a token of `name` says that is signed at noon and holds an hour.
pub fn claims_of(name: &str) -> Claims {
    let now = NOON / 1000;
    Claims {
        iss: DEFAULT_ISSUER.to_owned(),
        aud: DEFAULT_AUDIENCE.to_owned(),
        sub: user_id(name),
        iat: now,
        nbf: now,
        exp: now + 3600,
        jti: "018bcfe5-6800-7000-8000-0000000000ff".to_owned(),
        sid: SESSION.to_owned(),
        roles: vec![role_of(name)],
        email: format!("{name}@example.com"),
        name: name.to_owned(),
        more: BTreeMap::new(),
    }
}

pub fn token_of(name: &str) -> String {
    signed(&claims_of(name), KID, SEED)
}

pub fn signed(claims: &Claims, kid: &str, seed: [u8; 32]) -> String {
    signed_as(TOKEN_TYPE, claims, kid, seed)
}

pub fn signed_as(typ: &str, claims: &impl Serialize, kid: &str, seed: [u8; 32]) -> String {
    let mut header = Header::new(Algorithm::EdDSA);
    header.typ = Some(typ.to_owned());
    header.kid = Some(kid.to_owned());
    let key = SigningKey::from_bytes(&seed).to_pkcs8_der().unwrap();
    encode(&header, claims, &EncodingKey::from_ed_der(key.as_bytes())).unwrap()
}
