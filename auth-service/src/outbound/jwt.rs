//! Access tokens: JWTs (RFC 7519) signed with Ed25519 keys (RFC 8037), or with
//! HS256 and a shared secret. One service does one of the two, and never asks
//! the token which.

use std::sync::{Arc, PoisonError, RwLock};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{SigningKey as Ed25519Key, pkcs8::EncodePrivateKey};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode,
};
use proto::claims::{Claims, TOKEN_TYPE, is_access_token};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{
    app::{
        error::Cause,
        ports::{KeyRing, NotOurs, TokenSigner},
    },
    domain::signing_key::{PublicKey, SigningKey, signer},
};

/// The most bytes that are looked at; our own tokens have under eight thousand.
const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// What every token of ours names.
pub struct TokenNames {
    issuer: String,
    audience: String,
}

impl TokenNames {
    /// Tokens of `issuer` for `audience`.
    pub fn new(issuer: &str, audience: &str) -> Self {
        Self {
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
        }
    }

    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[&self.audience]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp", "nbf"]);
        // The library would ask the machine for the time; the app has a Clock.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation
    }
}

fn header(algorithm: Algorithm) -> Header {
    let mut header = Header::new(algorithm);
    header.typ = Some(TOKEN_TYPE.to_owned());
    header
}

/// The header of `token`, if it is one of an access token.
fn read_header(token: &str) -> Result<Header, NotOurs> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(NotOurs);
    }
    let header = decode_header(token).map_err(|_| NotOurs)?;
    // RFC 7515, section 4.1.11: what is critical and not understood is
    // refused, and we understand no extension.
    if !is_access_token(header.typ.as_deref()) || header.crit.is_some() {
        return Err(NotOurs);
    }
    Ok(header)
}

fn read(token: &str, key: &DecodingKey, validation: &Validation) -> Result<Claims, NotOurs> {
    decode::<Claims>(token, key, validation)
        .map(|token| token.claims)
        .map_err(|_| NotOurs)
}

/// Signs and reads tokens with Ed25519 keys that change.
pub struct Ed25519Signer {
    validation: Validation,
    ring: RwLock<Arc<Ring>>,
}

/// The keys of one moment, ready for use.
struct Ring {
    keys: Vec<SigningKey>,
    /// For each key, in the same order.
    tools: Vec<Tools>,
    key_set: Arc<str>,
}

struct Tools {
    header: Header,
    encoding: EncodingKey,
    decoding: DecodingKey,
    public: PublicKey,
}

impl Tools {
    fn new(key: &SigningKey) -> Result<Self, Cause> {
        let ed25519 = Ed25519Key::from_bytes(&key.seed);
        let public = ed25519.verifying_key().to_bytes();
        let mut header = header(Algorithm::EdDSA);
        header.kid = Some(key.kid.clone());
        Ok(Self {
            header,
            encoding: EncodingKey::from_ed_der(ed25519.to_pkcs8_der()?.as_bytes()),
            decoding: DecodingKey::from_ed_der(&public),
            public: PublicKey {
                kid: key.kid.clone(),
                bytes: public,
            },
        })
    }
}

impl Ring {
    fn new(keys: &[SigningKey]) -> Result<Self, Cause> {
        let tools: Vec<Tools> = keys.iter().map(Tools::new).collect::<Result<_, _>>()?;
        let set = tools.iter().map(|tools| {
            // RFC 8037, section 2.
            json!({
                "alg": "EdDSA",
                "crv": "Ed25519",
                "kid": tools.public.kid,
                "kty": "OKP",
                "use": "sig",
                "x": URL_SAFE_NO_PAD.encode(tools.public.bytes),
            })
        });
        Ok(Self {
            key_set: json!({"keys": set.collect::<Vec<_>>()}).to_string().into(),
            keys: keys.to_vec(),
            tools,
        })
    }
}

impl Ed25519Signer {
    /// Signs nothing before [`KeyRing::install`].
    pub fn new(names: &TokenNames) -> Self {
        let none = Ring {
            keys: Vec::new(),
            tools: Vec::new(),
            key_set: r#"{"keys":[]}"#.into(),
        };
        Self {
            validation: names.validation(Algorithm::EdDSA),
            ring: RwLock::new(Arc::new(none)),
        }
    }

    fn ring(&self) -> Arc<Ring> {
        let ring = self.ring.read();
        Arc::clone(&ring.unwrap_or_else(PoisonError::into_inner))
    }
}

impl TokenSigner for Ed25519Signer {
    fn sign(&self, claims: &Claims) -> Result<String, Cause> {
        let ring = self.ring();
        let place = signer(&ring.keys, claims.iat.saturating_mul(1000));
        let tools = place.and_then(|place| ring.tools.get(place));
        let tools = tools.ok_or("there is no signing key")?;
        Ok(encode(&tools.header, claims, &tools.encoding)?)
    }

    fn read(&self, token: &str) -> Result<Claims, NotOurs> {
        let kid = read_header(token)?.kid.ok_or(NotOurs)?;
        let ring = self.ring();
        let named = ring.tools.iter().find(|tools| tools.public.kid == kid);
        read(token, &named.ok_or(NotOurs)?.decoding, &self.validation)
    }

    fn public_keys(&self) -> Vec<PublicKey> {
        let ring = self.ring();
        ring.tools.iter().map(|key| key.public.clone()).collect()
    }

    fn key_set(&self) -> Arc<str> {
        Arc::clone(&self.ring().key_set)
    }
}

impl KeyRing for Ed25519Signer {
    fn thumbprint(&self, seed: &[u8; 32]) -> String {
        thumbprint(&Ed25519Key::from_bytes(seed).verifying_key().to_bytes())
    }

    fn install(&self, keys: &[SigningKey]) -> Result<(), Cause> {
        let ring = Arc::new(Ring::new(keys)?);
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring;
        Ok(())
    }
}

/// Signs and reads tokens with HS256 and a secret that both services share.
pub struct SharedSecretSigner {
    header: Header,
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

impl SharedSecretSigner {
    /// Signs with `secret`, of 32 bytes or more (RFC 7518, section 3.2).
    pub fn new(secret: &SecretString, names: &TokenNames) -> Self {
        let secret = secret.expose_secret().as_bytes();
        Self {
            header: header(Algorithm::HS256),
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
            validation: names.validation(Algorithm::HS256),
        }
    }
}

impl TokenSigner for SharedSecretSigner {
    fn sign(&self, claims: &Claims) -> Result<String, Cause> {
        Ok(encode(&self.header, claims, &self.encoding)?)
    }

    fn read(&self, token: &str) -> Result<Claims, NotOurs> {
        read_header(token)?;
        read(token, &self.decoding, &self.validation)
    }

    fn public_keys(&self) -> Vec<PublicKey> {
        Vec::new()
    }

    fn key_set(&self) -> Arc<str> {
        r#"{"keys":[]}"#.into()
    }
}

/// RFC 7638 with the members that RFC 8037, section 2, names.
fn thumbprint(public: &[u8; 32]) -> String {
    let x = URL_SAFE_NO_PAD.encode(public);
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    URL_SAFE_NO_PAD.encode(Sha256::digest(members))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8037, appendix A.3.
    #[test]
    fn the_thumbprint_is_the_rfcs() {
        let x = URL_SAFE_NO_PAD
            .decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
            .unwrap();
        assert_eq!(
            thumbprint(&x.try_into().unwrap()),
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
        );
    }
}
