//! Keys that sign access tokens.

use std::fmt;

use super::Millis;

/// An Ed25519 key with the name under which its public half is published.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// The RFC 7638 thumbprint of the public key.
    pub kid: String,
    /// The private key's 32 bytes (RFC 8032, section 5.1.5).
    pub seed: [u8; 32],
    /// When it was made.
    pub created_at: Millis,
}

/// The private half is never shown.
impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SigningKey({})", self.kid)
    }
}

/// The public half of a [`SigningKey`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// The RFC 7638 thumbprint.
    pub kid: String,
    /// The public key's 32 bytes.
    pub bytes: [u8; 32],
}
