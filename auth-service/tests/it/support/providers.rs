//! Google and GitHub as far as a client of theirs can tell: the authorization
//! code flow with PKCE, signed id tokens, and who a person is.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::{Url, form_urlencoded};
use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers::any};

use super::NOON;

/// Signs id tokens, and nothing else anywhere.
const KEY: &[u8] = include_bytes!("provider_key.pem");

/// The name under which the key is published.
const KID: &str = "provider-key-1";

const CLIENT: &str = "client-of-ours";
const SECRET: &str = "a-secret-of-the-tests";

/// Google and GitHub.
pub struct Providers {
    server: MockServer,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Who gives consent next.
    person: Value,
    /// What codes stand for: the person and what the token request must fit.
    grants: BTreeMap<String, Grant>,
    /// Whose access and refresh tokens are.
    people: BTreeMap<String, Value>,
    /// How id tokens are wrong.
    forged: &'static str,
    /// What is wrong with the answers of a path.
    faults: BTreeMap<&'static str, Fault>,
    issued: u32,
    /// How often each path was asked.
    asked: BTreeMap<String, u32>,
}

#[derive(Clone)]
struct Grant {
    person: Value,
    challenge: String,
    redirect_uri: String,
}

/// How an answer is wrong.
#[derive(Clone, Copy)]
pub enum Fault {
    Garbage,
    Huge,
    Status(u16),
    Redirect,
    Silence,
}

impl Providers {
    pub async fn start() -> Self {
        let server = MockServer::start().await;
        let state = Arc::new(Mutex::new(State::default()));
        let answering = Arc::clone(&state);
        let respond = move |request: &Request| answering.lock().unwrap().answer(request);
        Mock::given(any())
            .respond_with(respond)
            .mount(&server)
            .await;
        Self { server, state }
    }

    /// The variables that let a service find them.
    pub fn settings(&self) -> Vec<(String, String)> {
        let at = |path: &str| format!("{}{path}", self.server.uri());
        [
            ("GOOGLE_CLIENT_ID", CLIENT.to_owned()),
            ("GOOGLE_CLIENT_SECRET", SECRET.to_owned()),
            ("OAUTH_GOOGLE_AUTHORIZE_URL", at("/google/authorize")),
            ("OAUTH_GOOGLE_TOKEN_URL", at("/google/token")),
            ("OAUTH_GOOGLE_JWKS_URL", at("/google/jwks")),
            ("OAUTH_GOOGLE_USERINFO_URL", at("/google/userinfo")),
            ("GITHUB_CLIENT_ID", CLIENT.to_owned()),
            ("GITHUB_CLIENT_SECRET", SECRET.to_owned()),
            ("OAUTH_GITHUB_AUTHORIZE_URL", at("/github/authorize")),
            ("OAUTH_GITHUB_TOKEN_URL", at("/github/token")),
            ("OAUTH_GITHUB_USERINFO_URL", at("/github/user")),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// `person` gives consent from now on: for Google the claims, for GitHub
    /// `user` and `emails`.
    pub fn sign_in_as(&self, person: Value) {
        self.state.lock().unwrap().person = person;
    }

    /// Id tokens are wrong in this way from now on.
    pub fn forge(&self, forged: &'static str) {
        self.state.lock().unwrap().forged = forged;
    }

    /// The answers of `path` are wrong in this way from now on.
    pub fn break_down(&self, path: &'static str, fault: Fault) {
        self.state.lock().unwrap().faults.insert(path, fault);
    }

    /// All is well again.
    pub fn mend(&self) {
        self.state.lock().unwrap().faults.clear();
    }

    /// How often `path` was asked.
    pub fn asked(&self, path: &str) -> u32 {
        let state = self.state.lock().unwrap();
        state.asked.get(path).copied().unwrap_or_default()
    }

    /// The person gives consent at `url`: gives the code and the state that the
    /// browser brings back.
    pub fn consent(&self, url: &str) -> (String, String) {
        let url = Url::parse(url).unwrap();
        let asked: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        assert_eq!(asked["client_id"], CLIENT);
        assert_eq!(asked["response_type"], "code");
        assert_eq!(asked["code_challenge_method"], "S256");
        let mut state = self.state.lock().unwrap();
        let code = state.issue("code");
        let grant = Grant {
            person: state.person.clone(),
            challenge: asked["code_challenge"].clone(),
            redirect_uri: asked["redirect_uri"].clone(),
        };
        state.grants.insert(code.clone(), grant);
        (code, asked["state"].clone())
    }

    /// An id token about the person, as an app gets it.
    pub fn id_token(&self, nonce: Option<&str>) -> String {
        let state = self.state.lock().unwrap();
        let mut claims = state.person.clone();
        if let Some(nonce) = nonce {
            claims["nonce"] = nonce.into();
        }
        state.id_token(&claims)
    }
}

impl State {
    fn issue(&mut self, kind: &str) -> String {
        self.issued += 1;
        format!("{kind}-{}", self.issued)
    }

    fn answer(&mut self, request: &Request) -> ResponseTemplate {
        let path = request.url.path();
        *self.asked.entry(path.to_owned()).or_default() += 1;
        match self.faults.get(path) {
            Some(Fault::Garbage) => return ResponseTemplate::new(200).set_body_string("<html>"),
            Some(Fault::Huge) => {
                let huge = json!({ "access_token": "a".repeat(300_000), "token_type": "bearer" });
                return ResponseTemplate::new(200).set_body_json(huge);
            }
            Some(Fault::Status(status)) => return ResponseTemplate::new(*status),
            Some(Fault::Redirect) => {
                return ResponseTemplate::new(307).insert_header("location", "/elsewhere");
            }
            Some(Fault::Silence) => {
                return ResponseTemplate::new(200).set_delay(Duration::from_mins(1));
            }
            None => {}
        }
        let found = match path {
            "/google/token" | "/github/token" => self.token(request),
            "/google/jwks" => Some(json!({ "keys": [public_key()] })),
            "/google/userinfo" => self.owner(request),
            "/github/user" => self.owner(request).map(|person| person["user"].clone()),
            "/github/user/emails" => self.owner(request).map(|person| person["emails"].clone()),
            _ => None,
        };
        match found {
            Some(body) => ResponseTemplate::new(200).set_body_json(body),
            // As GitHub says it: with a status of success.
            None if path == "/github/token" => ResponseTemplate::new(200)
                .set_body_json(json!({ "error": "bad_verification_code" })),
            None => ResponseTemplate::new(400).set_body_json(json!({ "error": "invalid_grant" })),
        }
    }

    /// Whose access token the request carries.
    fn owner(&self, request: &Request) -> Option<Value> {
        let token = request.headers.get("authorization")?.to_str().ok()?;
        self.people.get(token.strip_prefix("Bearer ")?).cloned()
    }

    fn token(&mut self, request: &Request) -> Option<Value> {
        let form: BTreeMap<String, String> =
            form_urlencoded::parse(&request.body).into_owned().collect();
        assert_eq!(form["client_id"], CLIENT);
        assert_eq!(form["client_secret"], SECRET);
        let person = if form["grant_type"] == "refresh_token" {
            self.people.remove(&form["refresh_token"])?
        } else {
            let grant = self.grants.remove(&form["code"])?;
            let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&form["code_verifier"]));
            assert_eq!(form["code_verifier"].len(), 128);
            assert_eq!(grant.challenge, challenge);
            assert_eq!(grant.redirect_uri, form["redirect_uri"]);
            grant.person
        };
        let access = self.issue("access");
        self.people.insert(access.clone(), person.clone());
        if person.get("user").is_some() {
            return Some(json!({
                "access_token": access,
                "token_type": "bearer",
                "scope": "read:user,user:email",
            }));
        }
        let refresh = self.issue("refresh");
        self.people.insert(refresh.clone(), person.clone());
        Some(json!({
            "access_token": access,
            "refresh_token": refresh,
            "id_token": self.id_token(&person),
            "expires_in": 3600,
            "token_type": "Bearer",
            "scope": "openid email profile",
        }))
    }

    fn id_token(&self, person: &Value) -> String {
        let now = NOON / 1000;
        let mut claims = person.clone();
        claims["iss"] = "https://accounts.google.com".into();
        claims["aud"] = CLIENT.into();
        claims["azp"] = CLIENT.into();
        claims["iat"] = now.into();
        claims["exp"] = (now + 3600).into();
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(KID.to_owned());
        match self.forged {
            "wrong_issuer" => claims["iss"] = "https://accounts.google.com.evil.test".into(),
            "wrong_audience" => claims["aud"] = "client-of-theirs".into(),
            "two_audiences" => {
                claims["aud"] = json!([CLIENT, "client-of-theirs"]);
                claims["azp"] = "client-of-theirs".into();
            }
            "expired" => claims["exp"] = (now - 61).into(),
            "old" => claims["iat"] = (now - 3661).into(),
            "not_yet" => claims["iat"] = (now + 61).into(),
            "no_expiry" => claims["exp"] = Value::Null,
            "no_subject" => claims["sub"] = Value::Null,
            "unknown_key" => header.kid = Some("nobody's".to_owned()),
            "no_key" => header.kid = None,
            _ => {}
        }
        signed(self.forged, &mut header, &claims)
    }
}

fn signed(forged: &str, header: &mut Header, claims: &Value) -> String {
    let key = EncodingKey::from_rsa_pem(KEY).unwrap();
    let parts = |header: &Value| {
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        format!("{}.{}", encode(header), encode(claims))
    };
    match forged {
        "none" => format!("{}.", parts(&json!({ "alg": "none", "kid": KID }))),
        // The classic: the public key taken for a shared secret.
        "hs256" => {
            header.alg = Algorithm::HS256;
            let public = public_key()["n"].as_str().unwrap().to_owned();
            encode(header, claims, &EncodingKey::from_secret(public.as_bytes())).unwrap()
        }
        "rs512" => {
            header.alg = Algorithm::RS512;
            encode(header, claims, &key).unwrap()
        }
        "tampered" => {
            let good = encode(header, claims, &key).unwrap();
            let mut other = claims.clone();
            other["sub"] = "someone-else".into();
            let header = json!({ "alg": "RS256", "kid": KID });
            let unsigned = parts(&header).split_once('.').unwrap().0.to_owned();
            let payload = URL_SAFE_NO_PAD.encode(other.to_string());
            format!("{unsigned}.{payload}.{}", good.rsplit('.').next().unwrap())
        }
        "garbage" => "x.y.z".to_owned(),
        _ => encode(header, claims, &key).unwrap(),
    }
}

fn public_key() -> Value {
    let key = EncodingKey::from_rsa_pem(KEY).unwrap();
    let mut jwk = Jwk::from_encoding_key(&key, Algorithm::RS256).unwrap();
    jwk.common.key_id = Some(KID.to_owned());
    serde_json::to_value(jwk).unwrap()
}
