//! Access tokens: JWTs (RFC 7519) signed with Ed25519 (RFC 8037), and nothing
//! else: the algorithm is ours to choose, never the token's.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{SigningKey as Ed25519Key, pkcs8::EncodePrivateKey};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode,
};
use proto::claims::{Claims, TOKEN_TYPE, is_access_token};
use sha2::{Digest, Sha256};

use crate::{
    app::{
        error::Cause,
        ports::{KeyNames, NotOurs, TokenSigner},
    },
    domain::signing_key::{PublicKey, SigningKey},
};

/// The most bytes that are looked at; our own tokens have under two thousand.
const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// Signs and reads tokens with one Ed25519 key.
pub struct JwtSigner {
    header: Header,
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    public: PublicKey,
}

impl JwtSigner {
    /// Signs with `key`, for this `issuer` and `audience`.
    pub fn new(key: &SigningKey, issuer: &str, audience: &str) -> Result<Self, Cause> {
        let ed25519 = Ed25519Key::from_bytes(&key.seed);
        let public = ed25519.verifying_key().to_bytes();
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp", "nbf"]);
        // The library would ask the machine for the time; the app has a Clock.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TOKEN_TYPE.to_owned());
        header.kid = Some(key.kid.clone());
        Ok(Self {
            header,
            encoding: EncodingKey::from_ed_der(ed25519.to_pkcs8_der()?.as_bytes()),
            decoding: DecodingKey::from_ed_der(&public),
            validation,
            public: PublicKey {
                kid: key.kid.clone(),
                bytes: public,
            },
        })
    }
}

impl TokenSigner for JwtSigner {
    fn sign(&self, claims: &Claims) -> Result<String, Cause> {
        Ok(encode(&self.header, claims, &self.encoding)?)
    }

    fn read(&self, token: &str) -> Result<Claims, NotOurs> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(NotOurs);
        }
        let header = decode_header(token).map_err(|_| NotOurs)?;
        // RFC 7515, section 4.1.11: what is critical and not understood is
        // refused, and we understand no extension.
        let is_ours = header.kid.as_deref() == Some(self.public.kid.as_str());
        if !is_ours || !is_access_token(header.typ.as_deref()) || header.crit.is_some() {
            return Err(NotOurs);
        }
        decode::<Claims>(token, &self.decoding, &self.validation)
            .map(|token| token.claims)
            .map_err(|_| NotOurs)
    }

    fn public_keys(&self) -> Vec<PublicKey> {
        vec![self.public.clone()]
    }
}

/// Names Ed25519 keys.
pub struct Ed25519Names;

impl KeyNames for Ed25519Names {
    fn thumbprint(&self, seed: &[u8; 32]) -> String {
        let public = Ed25519Key::from_bytes(seed).verifying_key().to_bytes();
        thumbprint(&public)
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
