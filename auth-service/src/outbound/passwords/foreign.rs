//! Hashes that other systems made: they hold, and are replaced by our own at
//! the next sign-in.

use scrypt::Params;
use subtle::ConstantTimeEq;

use super::broken;
use crate::{
    app::ports::{HashError, Verdict},
    domain::password::Password,
};

const SCRYPT_SALT_DIGITS: usize = 32;
const SCRYPT_KEY_BYTES: usize = 64;

/// The length of a bcrypt hash with its version, cost, salt and key.
const BCRYPT_BYTES: usize = 60;

/// The costs of bcrypt that are computed: at 15 it takes about two seconds.
const BCRYPT_COSTS: std::ops::RangeInclusive<u32> = 4..=15;

/// A hash that another system made.
pub(super) enum Foreign<'a> {
    /// Better Auth's: the salt, and the key in hexadecimal digits, with a colon
    /// between them.
    Scrypt {
        salt: &'a str,
        key: [u8; SCRYPT_KEY_BYTES],
    },
    /// Passlib's and many others'.
    Bcrypt(&'a str),
}

impl<'a> Foreign<'a> {
    /// Reads a hash; nothing where no other system made it.
    pub(super) fn parse(hash: &'a str) -> Option<Self> {
        if hash.starts_with("$2") {
            return is_bcrypt(hash).then_some(Self::Bcrypt(hash));
        }
        let (salt, key) = hash.split_once(':')?;
        let is_hex = |text: &str| text.bytes().all(|digit| digit.is_ascii_hexdigit());
        let fits = salt.len() == SCRYPT_SALT_DIGITS && key.len() == 2 * SCRYPT_KEY_BYTES;
        if !fits || !is_hex(salt) || !is_hex(key) {
            return None;
        }
        let mut bytes = [0; SCRYPT_KEY_BYTES];
        for (byte, digits) in bytes.iter_mut().zip(key.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(Self::Scrypt { salt, key: bytes })
    }

    /// Compares a password with the hash. It is never just right: our own hash
    /// is to take its place.
    pub(super) fn verify(&self, password: &Password) -> Result<Verdict, HashError> {
        let is_right = match self {
            Self::Scrypt { salt, key } => is_scrypt_of(password, salt, key)?,
            Self::Bcrypt(hash) => is_bcrypt_of(password, hash)?,
        };
        Ok(if is_right {
            Verdict::RightButOutdated
        } else {
            Verdict::Wrong
        })
    }
}

/// Better Auth's scrypt (protocol notes, 1.7): N = 2^14, r = 16, p = 1 over the
/// password in NFKC; the salt is not what its digits mean but the digits.
fn is_scrypt_of(
    password: &Password,
    salt: &str,
    key: &[u8; SCRYPT_KEY_BYTES],
) -> Result<bool, HashError> {
    let params = Params::new(14, 16, 1, SCRYPT_KEY_BYTES).map_err(told)?;
    let mut found = [0; SCRYPT_KEY_BYTES];
    let password = password.expose().as_bytes();
    scrypt::scrypt(password, salt.as_bytes(), &params, &mut found).map_err(told)?;
    Ok(found.ct_eq(key).into())
}

/// The errors of `scrypt` are none that another could have as its cause.
fn told(error: impl std::fmt::Display) -> HashError {
    HashError::Broken(error.to_string().into())
}

/// The password's first 72 bytes, as bcrypt has it. Others hash what is typed
/// as it is: that is tried too where NFKC spells it in another way.
fn is_bcrypt_of(password: &Password, hash: &str) -> Result<bool, HashError> {
    for spelling in password.spellings() {
        if bcrypt::verify(spelling, hash).map_err(broken)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_bcrypt(hash: &str) -> bool {
    let version = ["$2a$", "$2b$", "$2y$"];
    let cost = hash.get(4..6).and_then(|cost| cost.parse().ok());
    hash.len() == BCRYPT_BYTES
        && version.iter().any(|version| hash.starts_with(version))
        && cost.is_some_and(|cost| BCRYPT_COSTS.contains(&cost))
        && hash.parse::<bcrypt::HashParts>().is_ok()
}
