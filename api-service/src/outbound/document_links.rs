//! Links to documents, signed with HMAC-SHA256 (RFC 2104).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::{
    app::ports::LinkSeal,
    domain::{document::DocumentId, link::DocumentLink, principal::UserId},
};

/// The bytes of a signature.
const SIGNATURE: usize = 32;

/// The longest text that is looked at.
const MAX_LENGTH: usize = 2_000;

/// What no other use of the secret signs.
const PURPOSE: &[u8] = b"lectern document link 1\n";

/// Signs links with a secret.
pub struct SignedLinks {
    key: Hmac<Sha256>,
}

impl SignedLinks {
    /// Links that are signed with `secret`: replicas that share it follow one
    /// another's.
    pub fn new(secret: &SecretString) -> Self {
        let bytes = secret.expose_secret().as_bytes();
        let mut key = <Hmac<Sha256> as Mac>::new_from_slice(bytes)
            .unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"));
        key.update(PURPOSE);
        Self { key }
    }

    fn signing(&self, said: &[u8]) -> Hmac<Sha256> {
        let mut key = self.key.clone();
        key.update(said);
        key
    }
}

impl LinkSeal for SignedLinks {
    fn seal(&self, link: &DocumentLink) -> String {
        let said = format!(
            "{}\n{}\n{}\n{}\n{}",
            link.version, link.issued_at, link.expires_at, link.document.0, link.user.0
        );
        let mut bytes = self
            .signing(said.as_bytes())
            .finalize()
            .into_bytes()
            .to_vec();
        bytes.extend(said.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn open(&self, text: &str) -> Option<DocumentLink> {
        if text.len() > MAX_LENGTH {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (signature, said) = bytes.split_at_checked(SIGNATURE)?;
        self.signing(said).verify_slice(signature).ok()?;
        let mut parts = str::from_utf8(said).ok()?.splitn(5, '\n');
        Some(DocumentLink {
            version: parts.next()?.parse().ok()?,
            issued_at: parts.next()?.parse().ok()?,
            expires_at: parts.next()?.parse().ok()?,
            document: DocumentId(parts.next()?.to_owned()),
            user: UserId(parts.next()?.to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link() -> DocumentLink {
        DocumentLink {
            document: DocumentId("018bcfe5-6800-7000-8000-000000000001".to_owned()),
            version: 3,
            user: UserId("a user\nwith an odd id".to_owned()),
            issued_at: 1,
            expires_at: 2,
        }
    }

    fn links(secret: &str) -> SignedLinks {
        SignedLinks::new(&SecretString::from(secret.to_owned()))
    }

    #[test]
    fn what_was_sealed_is_opened_by_the_same_secret_alone() {
        let sealed = links("one").seal(&link());
        assert_eq!(links("one").open(&sealed), Some(link()));
        assert_eq!(links("two").open(&sealed), None);
    }

    #[test]
    fn what_was_changed_anywhere_is_not_opened() {
        let ours = links("one");
        let sealed = ours.seal(&link());
        for place in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(ours.open(&changed), None, "{place}");
            assert_eq!(ours.open(&sealed[..place]), None, "{place}");
        }
        for odd in ["", "é", "====", "A", &"A".repeat(3_000)] {
            assert_eq!(ours.open(odd), None, "{odd}");
        }
    }
}
