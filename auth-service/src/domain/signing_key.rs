//! Keys that sign access tokens, and when each of them does what.

use std::fmt;

use super::Millis;

/// How long a key is published before it signs: longer than any verifier keeps
/// a key set, and than any replica takes to learn of a new key.
pub const LEAD: Millis = 10 * 60 * 1000;

/// An Ed25519 key with the name under which its public half is published.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// The RFC 7638 thumbprint of the public key.
    pub kid: String,
    /// Its place in the order of keys, from 1.
    pub generation: i64,
    /// The private key's 32 bytes (RFC 8032, section 5.1.5).
    pub seed: [u8; 32],
    /// When it was made and published.
    pub created_at: Millis,
    /// From when on it signs, until a later key does: whole seconds, as tokens
    /// tell the time.
    pub signs_from: Millis,
    /// How long a token can hold that it signed, in milliseconds.
    pub longest_token: Millis,
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

/// The place among `keys`, which are in order, of the one that signs at `now`.
/// A time that goes wrong never leaves a service without one.
pub fn signer(keys: &[SigningKey], now: Millis) -> Option<usize> {
    let signing = keys.iter().rposition(|key| key.signs_from <= now);
    signing.or(if keys.is_empty() { None } else { Some(0) })
}

/// How many of the first of `keys` can be forgotten at `now`: every token that
/// they signed has expired.
pub fn retired(keys: &[SigningKey], now: Millis) -> usize {
    let over = |pair: &[SigningKey]| pair[1].signs_from + pair[0].longest_token + LEAD <= now;
    keys.windows(2).take_while(|pair| over(pair)).count()
}

/// Whether it is time to publish another key, so that it signs when the newest
/// of `keys` has done so for `interval` milliseconds.
pub fn is_rotation_due(keys: &[SigningKey], now: Millis, interval: Millis) -> bool {
    let newest = keys.last();
    newest.is_none_or(|key| key.signs_from + interval <= now + LEAD)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Millis = 60 * 60 * 1000;

    fn keys(starts: &[Millis]) -> Vec<SigningKey> {
        let keys = starts
            .iter()
            .zip(1..)
            .map(|(start, generation)| SigningKey {
                kid: generation.to_string(),
                generation,
                seed: [0; 32],
                created_at: start - LEAD,
                signs_from: *start,
                longest_token: HOUR,
            });
        keys.collect()
    }

    #[test]
    fn the_newest_key_whose_time_has_come_signs() {
        let two = keys(&[HOUR, 2 * HOUR]);
        assert_eq!(signer(&two, HOUR), Some(0));
        assert_eq!(signer(&two, 2 * HOUR - 1), Some(0));
        assert_eq!(signer(&two, 2 * HOUR), Some(1));
        assert_eq!(signer(&two, 0), Some(0), "a time that can't be");
        assert_eq!(signer(&[], 0), None);
    }

    #[test]
    fn a_key_is_kept_while_a_token_of_it_can_live() {
        let three = keys(&[HOUR, 2 * HOUR, 9 * HOUR]);
        assert_eq!(retired(&three, 3 * HOUR + LEAD - 1), 0);
        assert_eq!(retired(&three, 3 * HOUR + LEAD), 1);
        assert_eq!(retired(&three, 10 * HOUR + LEAD), 2, "never the last");
        assert_eq!(retired(&[], 0), 0);
    }

    #[test]
    fn the_next_key_is_made_ahead_of_its_time() {
        let one = keys(&[HOUR]);
        assert!(!is_rotation_due(&one, 5 * HOUR - LEAD - 1, 4 * HOUR));
        assert!(is_rotation_due(&one, 5 * HOUR - LEAD, 4 * HOUR));
        assert!(is_rotation_due(&[], 0, HOUR));
    }
}
