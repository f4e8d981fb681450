//! argon2id, at the cost that is configured.

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
}

impl Argon2id {
    /// Hashes at this cost.
    pub(super) fn new(cost: HashCost) -> Result<Self, HashError> {
        let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, None);
        let params = params.map_err(broken)?;
        let today = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        Ok(Self { today })
    }

    /// The hash of a password, in PHC string format.
    pub(super) fn hash(
        &self,
        memory: &mut Memory,
        password: &[u8],
        salt: &[u8],
    ) -> Result<String, HashError> {
        hash_now(&self.today, memory, password, salt)
    }

    /// Compares a password with a hash in PHC string format.
    pub(super) fn verify(
        &self,
        memory: &mut Memory,
        password: &Password,
        hash: &str,
    ) -> Result<Verdict, HashError> {
        let verdict = verify_now(&self.today, memory, password, hash);
        // A hash from elsewhere may have asked for more than ours do.
        memory.keep(self.today.params().block_count());
        verdict
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

/// The blocks for which room is asked, 33 MiB of addresses. From 32 MiB on glibc
/// takes memory from the system and gives it back at once; less would stay with
/// the process. Blocks that are not written to take no memory.
const ROOM: usize = 33 * 1024;

/// The working memory of a thread.
#[derive(Default)]
pub(super) struct Memory(Vec<Block>);

impl Memory {
    /// So many blocks, whatever they hold.
    pub(super) fn blocks(&mut self, count: usize) -> &mut [Block] {
        if self.0.is_empty() {
            self.0.reserve_exact(count.max(ROOM));
        }
        self.0.resize(count, Block::new());
        &mut self.0
    }

    /// Gives all of it back if it is more than so many blocks.
    fn keep(&mut self, most: usize) {
        if self.0.len() > most {
            *self = Self::default();
        }
    }

    /// How many blocks it has.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
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
    let blocks = memory.blocks(argon2.params().block_count());
    Output::init_with(length, |output| {
        argon2
            .hash_password_into_with_memory(password, salt, output, blocks)
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
            let hash = hasher.hash(&mut Memory::default(), b"correct horse", &[7; 16]);
            hash.unwrap()
        };
        let hasher = Argon2id::new(HashCost::DEFAULT).unwrap();
        let password = Password::presented("correct horse");
        let mut memory = Memory::default();
        let mut verdict = |hash: &str| hasher.verify(&mut memory, &password, hash).unwrap();
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
        let mut memory = Memory::default();
        let verdict = hasher.verify(&mut memory, &password, hash).unwrap();
        assert_eq!(verdict, Verdict::RightButOutdated);
        assert_eq!(memory.len(), 0);
        let cut = hasher.verify(&mut memory, &password, "$argon2id$v=19$m=1,t=1,p=1");
        assert!(cut.is_err());
    }
}
