//! What the service's own secret is good for: signatures on cookies, hashes of
//! tokens, and boxes that only this service can open.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, aead::Aead};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use service_kit::clock::Randomness;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

const NONCE_BYTES: usize = 24;

/// The letters of tokens, as Better Auth makes them.
const ALPHABET: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// The service's secret and what is derived from it.
pub struct Vault {
    secret: SecretString,
    sealing: SecretSlice<u8>,
    deriving: SecretSlice<u8>,
}

/// A box was not made with this secret, or it was tampered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it was not encrypted with this AUTH_SECRET")]
pub struct CannotOpen;

impl Vault {
    /// A vault of this secret.
    pub fn new(secret: SecretString) -> Self {
        let derived = |purpose: &str| {
            let mut key = vec![0; 32];
            // 32 bytes are far below what HKDF can give.
            let _ = Hkdf::<Sha256>::new(None, secret.expose_secret().as_bytes())
                .expand(purpose.as_bytes(), &mut key);
            SecretSlice::from(key)
        };
        Self {
            sealing: derived("lectern sealing 1"),
            deriving: derived("lectern deriving 1"),
            secret,
        }
    }

    /// Standard base64 of HMAC-SHA-256 over `text` with the secret itself as
    /// key: Better Auth's signature on cookies (protocol notes, 1.3).
    pub fn signature(&self, text: &str) -> String {
        STANDARD.encode(hmac(self.secret.expose_secret().as_bytes(), text))
    }

    /// Whether `signature` is the one of `text`, in constant time.
    pub fn is_signature(&self, text: &str, signature: &str) -> bool {
        let expected = self.signature(text);
        expected.as_bytes().ct_eq(signature.as_bytes()).into()
    }

    /// A text of 32 letters and digits that nobody without the secret can
    /// foretell: always the same for the same `purpose` and `text`.
    pub fn derive(&self, purpose: &str, text: &str) -> String {
        let mut letters = String::new();
        for block in 0_u8.. {
            let input = format!("{purpose}\0{block}\0{text}");
            letters.extend(unbiased(&hmac(self.deriving.expose_secret(), &input)));
            if letters.len() >= 32 {
                break;
            }
        }
        letters.truncate(32);
        letters
    }

    /// Encrypts `plain` so that only this vault opens it, and only for the same
    /// `purpose`: XChaCha20-Poly1305 with a random nonce, in base64url.
    pub fn seal(&self, purpose: &str, plain: &[u8], randomness: &dyn Randomness) -> String {
        let mut nonce = [0; NONCE_BYTES];
        randomness.fill(&mut nonce);
        let payload = chacha20poly1305::aead::Payload {
            msg: plain,
            aad: purpose.as_bytes(),
        };
        // It fails for texts of over 256 GiB alone.
        let sealed = self.cipher().encrypt((&nonce).into(), payload);
        let sealed = [&nonce, sealed.unwrap_or_default().as_slice()].concat();
        URL_SAFE_NO_PAD.encode(sealed)
    }

    /// Opens what [`Vault::seal`] made for the same `purpose`.
    pub fn open(&self, purpose: &str, sealed: &str) -> Result<Vec<u8>, CannotOpen> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| CannotOpen)?;
        let (nonce, boxed) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or(CannotOpen)?;
        let payload = chacha20poly1305::aead::Payload {
            msg: boxed,
            aad: purpose.as_bytes(),
        };
        let opened = self.cipher().decrypt(nonce.into(), payload);
        opened.map_err(|_| CannotOpen)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(self.sealing.expose_secret().into())
    }
}

/// What is stored of a random token: base64url of its SHA-256. A token has too
/// many bits to be guessed from it, so nothing slower is needed.
pub fn digest(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(token))
}

/// A random text of `length` letters and digits, 4,000 at most, drawn from 256
/// random bits.
pub fn random_text(randomness: &dyn Randomness, length: usize) -> String {
    let mut seed = [0; 32];
    randomness.fill(&mut seed);
    let mut letters = String::new();
    for block in 0_u8.. {
        letters.extend(unbiased(&hmac(&seed, &block.to_string())));
        if letters.len() >= length {
            break;
        }
    }
    letters.truncate(length);
    letters
}

/// A random text of `length` letters without digits, 1,000 at most: the secret
/// of an API key, as Better Auth makes it.
pub fn random_letters(randomness: &dyn Randomness, length: usize) -> String {
    // Five of six are letters, so that four times as many are plenty.
    let text = random_text(randomness, 4 * length);
    let letters = text.chars().filter(char::is_ascii_alphabetic);
    letters.take(length).collect()
}

/// The letters that bytes stand for; bytes that would favour some are left out.
fn unbiased(bytes: &[u8]) -> impl Iterator<Item = char> {
    let fair = bytes.iter().filter(|byte| **byte < 62 * 4);
    fair.map(|byte| char::from(ALPHABET[usize::from(byte % 62)]))
}

fn hmac(key: &[u8], text: &str) -> [u8; 32] {
    // HMAC takes keys of every length.
    let Ok(mut mac) = <Hmac<Sha256> as Mac>::new_from_slice(key) else {
        return [0; 32];
    };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use service_kit::clock::SystemRandomness;

    use super::*;

    fn vault(secret: &str) -> Vault {
        Vault::new(SecretString::from(secret))
    }

    #[test]
    fn only_the_same_secret_and_purpose_open_a_box() {
        let ours = vault("one");
        let sealed = ours.seal("a", b"plain", &SystemRandomness);
        assert_eq!(ours.open("a", &sealed), Ok(b"plain".to_vec()));
        assert_eq!(ours.open("b", &sealed), Err(CannotOpen));
        assert_eq!(vault("two").open("a", &sealed), Err(CannotOpen));
        assert_eq!(ours.open("a", &sealed[1..]), Err(CannotOpen));
        assert_eq!(ours.open("a", ""), Err(CannotOpen));
        assert_ne!(sealed, ours.seal("a", b"plain", &SystemRandomness));
    }

    /// Computed with Node: `createHmac("sha256", "secret").update("token")`.
    #[test]
    fn the_signature_is_better_auths() {
        let ours = vault("secret");
        let signature = "6UERDj0r/oJiHw4+FDRzDXMF0QbF9oyHFl0LJ6RhGko=";
        assert_eq!(ours.signature("token"), signature);
        assert!(ours.is_signature("token", signature));
        assert!(!ours.is_signature("token", ""));
        assert!(!ours.is_signature("taken", &ours.signature("token")));
    }

    #[test]
    fn texts_are_letters_and_digits() {
        let text = random_text(&SystemRandomness, 32);
        assert_eq!(text.len(), 32);
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_ne!(text, random_text(&SystemRandomness, 32));
        let letters = random_letters(&SystemRandomness, 64);
        assert_eq!(letters.len(), 64);
        assert!(letters.bytes().all(|byte| byte.is_ascii_alphabetic()));
        let ours = vault("secret");
        assert_eq!(ours.derive("p", "t"), ours.derive("p", "t"));
        assert_ne!(ours.derive("p", "t"), ours.derive("q", "t"));
        assert_eq!(ours.derive("p", "t").len(), 32);
    }
}
