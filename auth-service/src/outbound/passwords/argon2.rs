//! argon2id, at the cost that is configured.

use std::sync::{Mutex, PoisonError};

use argon2::{
    Algorithm, Argon2, Block, Params, PasswordHash, Version,
    password_hash::{Output, ParamsString, SaltString},
};

use super::broken;
use crate::{
    app::ports::{HashError, Verdict},
    domain::password::{HashCost, Password},
};

/// The bytes of a new salt.
pub(super) const SALT_BYTES: usize = 16;

const MAX_SALT_BYTES: usize = 64;
const HASH_BYTES: usize = 32;

/// The most that a hash from elsewhere may cost: 256 MiB, sixteen passes,
/// sixteen lanes.
const MAX_COST: HashCost = HashCost {
    memory_kib: 262_144,
    passes: 16,
    lanes: 16,
};

/// Hashes with argon2id.
pub(super) struct Argon2id {
    today: Argon2<'static>,
    memories: Memories,
}

impl Argon2id {
    /// Hashes at this cost.
    pub(super) fn new(cost: HashCost) -> Result<Self, HashError> {
        let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, None);
        let params = params.map_err(broken)?;
        Ok(Self {
            memories: Memories {
                largest: params.block_count(),
                idle: Mutex::default(),
            },
            today: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
        })
    }

    /// The hash of a password, in PHC string format.
    pub(super) fn hash(&self, password: &[u8], salt: &[u8]) -> Result<String, HashError> {
        self.memories
            .lend(|memory| hash_now(&self.today, memory, password, salt))
    }

    /// Compares a password with a hash in PHC string format.
    pub(super) fn verify(&self, password: &Password, hash: &str) -> Result<Verdict, HashError> {
        self.memories
            .lend(|memory| verify_now(&self.today, memory, password, hash))
    }
}

/// Whether a text is an argon2 hash that can be verified in bounded time and
/// memory.
pub(super) fn is_readable(hash: &str) -> bool {
    let Ok(hash) = PasswordHash::new(hash) else {
        return false;
    };
    let mut salt = [0; MAX_SALT_BYTES];
    let params = Params::try_from(&hash);
    Algorithm::try_from(hash.algorithm).is_ok()
        && hash
            .version
            .is_none_or(|version| Version::try_from(version).is_ok())
        && hash
            .salt
            .is_some_and(|text| text.decode_b64(&mut salt).is_ok_and(|salt| salt.len() >= 8))
        && hash.hash.is_some()
        && params.is_ok_and(|params| {
            params.m_cost() <= MAX_COST.memory_kib
                && params.t_cost() <= MAX_COST.passes
                && params.p_cost() <= MAX_COST.lanes
        })
}

type Memory = Vec<Block>;

/// The working memory of the threads, kept between hashes: given back to the
/// allocator each time, it would stay with every thread that ever hashed.
struct Memories {
    largest: usize,
    idle: Mutex<Vec<Memory>>,
}

impl Memories {
    fn lend<T>(&self, work: impl FnOnce(&mut Memory) -> T) -> T {
        let mut memory = self.idle().pop().unwrap_or_default();
        let done = work(&mut memory);
        // A hash from elsewhere may have asked for more than ours do.
        if memory.len() <= self.largest {
            self.idle().push(memory);
        }
        done
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Memory>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hash_now(
    argon2: &Argon2<'_>,
    memory: &mut Memory,
    password: &[u8],
    salt: &[u8],
) -> Result<String, HashError> {
    let output = fill(argon2, memory, password, salt, HASH_BYTES)?;
    let salt = SaltString::encode_b64(salt).map_err(broken)?;
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(argon2.params()).map_err(broken)?,
        salt: Some(salt.as_salt()),
        hash: Some(output),
    };
    Ok(hash.to_string())
}

fn verify_now(
    today: &Argon2<'_>,
    memory: &mut Memory,
    password: &Password,
    hash: &str,
) -> Result<Verdict, HashError> {
    let hash = PasswordHash::new(hash).map_err(broken)?;
    let (Some(salt), Some(expected)) = (hash.salt, hash.hash) else {
        return Err(HashError::Broken("the stored hash is cut short".into()));
    };
    let algorithm = Algorithm::try_from(hash.algorithm).map_err(broken)?;
    let version = hash.version.unwrap_or_else(|| Version::V0x13.into());
    let version = Version::try_from(version).map_err(broken)?;
    let params = Params::try_from(&hash).map_err(broken)?;
    let is_current = algorithm == Algorithm::Argon2id
        && version == Version::V0x13
        && params.m_cost() == today.params().m_cost()
        && params.t_cost() == today.params().t_cost()
        && params.p_cost() == today.params().p_cost();
    let mut salt_bytes = [0; MAX_SALT_BYTES];
    let salt = salt.decode_b64(&mut salt_bytes).map_err(broken)?;
    let then = Argon2::new(algorithm, version, params);
    let password = password.expose().as_bytes();
    // `Output` compares in constant time.
    match fill(&then, memory, password, salt, expected.len())? == expected {
        true if is_current => Ok(Verdict::Right),
        true => Ok(Verdict::RightButOutdated),
        false => Ok(Verdict::Wrong),
    }
}

fn fill(
    argon2: &Argon2<'_>,
    memory: &mut Memory,
    password: &[u8],
    salt: &[u8],
    length: usize,
) -> Result<Output, HashError> {
    memory.resize(argon2.params().block_count(), Block::new());
    Output::init_with(length, |output| {
        argon2
            .hash_password_into_with_memory(password, salt, output, memory.as_mut_slice())
            .map_err(Into::into)
    })
    .map_err(broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cheaper_hash_holds_but_is_outdated() {
        let hash_with = |passes| {
            let cost = HashCost {
                passes,
                ..HashCost::DEFAULT
            };
            let hasher = Argon2id::new(cost).unwrap();
            hasher.hash(b"correct horse", &[7; 16]).unwrap()
        };
        let hasher = Argon2id::new(HashCost::DEFAULT).unwrap();
        let password = Password::presented("correct horse");
        let verdict = |hash: &str| hasher.verify(&password, hash).unwrap();
        assert_eq!(verdict(&hash_with(2)), Verdict::Right);
        assert_eq!(verdict(&hash_with(1)), Verdict::RightButOutdated);
        assert_eq!(verdict(&hash_with(3)), Verdict::RightButOutdated);
    }

    #[test]
    fn the_memory_of_a_larger_hash_is_not_kept() {
        let hasher = Argon2id::new(HashCost::DEFAULT).unwrap();
        let hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ\
                    $CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let password = Password::presented("password");
        assert_eq!(
            hasher.verify(&password, hash).unwrap(),
            Verdict::RightButOutdated
        );
        assert_eq!(hasher.memories.idle().len(), 0);
        assert!(
            hasher
                .verify(&password, "$argon2id$v=19$m=1,t=1,p=1")
                .is_err()
        );
    }
}
