//! Password hashes: argon2id with OWASP's parameters, off the async threads and
//! never more at once than there are cores, so that a flood of sign-ins starves
//! nothing else.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use argon2::{
    Algorithm, Argon2, Block, Params, PasswordHash, Version,
    password_hash::{Output, ParamsString, SaltString},
};
use async_trait::async_trait;
use service_kit::clock::Randomness;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    app::ports::{HashError, PasswordHasher, Verdict},
    domain::password::Password,
};

/// OWASP Password Storage Cheat Sheet, argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

const SALT_BYTES: usize = 16;
const MAX_SALT_BYTES: usize = 64;
const HASH_BYTES: usize = 32;

/// How many may wait for a thread. At twenty milliseconds each the last one
/// waits about a second.
const MAX_WAITING: usize = 64;

/// Hashes on a bounded number of blocking threads.
pub struct Argon2Hasher {
    argon2: Argon2<'static>,
    randomness: Arc<dyn Randomness>,
    threads: Arc<Semaphore>,
    waiting: AtomicUsize,
    memories: Arc<Memories>,
    nobodys_hash: String,
}

impl Argon2Hasher {
    /// Hashes on at most `threads` threads at once.
    pub fn new(threads: usize, randomness: Arc<dyn Randomness>) -> Result<Self, HashError> {
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(broken)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut secret = [0; 32];
        randomness.fill(&mut secret);
        let memories = Memories::default();
        let nobodys_hash = memories.lend(|memory| {
            let salt = salt(randomness.as_ref());
            hash_now(&argon2, memory, &secret, &salt)
        })?;
        Ok(Self {
            argon2,
            randomness,
            threads: Arc::new(Semaphore::new(threads.max(1))),
            waiting: AtomicUsize::new(0),
            memories: Arc::new(memories),
            nobodys_hash,
        })
    }

    /// Waits for a thread, unless too many do.
    async fn turn(&self) -> Result<OwnedSemaphorePermit, HashError> {
        if let Ok(permit) = Arc::clone(&self.threads).try_acquire_owned() {
            return Ok(permit);
        }
        let place = Place::take(&self.waiting).ok_or(HashError::Busy)?;
        let permit = Arc::clone(&self.threads).acquire_owned().await;
        drop(place);
        permit.map_err(broken)
    }

    /// Runs `work` on a thread of its own. The permit goes with it: a caller
    /// that goes away does not free a thread that still hashes.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Memory) -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashError> {
        let permit = self.turn().await?;
        let memories = Arc::clone(&self.memories);
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            memories.lend(work)
        });
        done.await.map_err(broken)?
    }
}

type Memory = Vec<Block>;

/// The working memory of the threads, kept between hashes: given back to the
/// allocator each time, it would stay with every thread that ever hashed.
#[derive(Default)]
struct Memories(Mutex<Vec<Memory>>);

impl Memories {
    fn lend<T>(&self, work: impl FnOnce(&mut Memory) -> T) -> T {
        let mut memory = self.idle().pop().unwrap_or_default();
        let done = work(&mut memory);
        // A hash from elsewhere may have asked for more than ours do.
        if memory.len() <= MEMORY_KIB as usize {
            self.idle().push(memory);
        }
        done
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Memory>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the queue, given back when its holder goes on or goes away.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Option<Self> {
        let place = Self(waiting);
        let before = waiting.fetch_add(1, Ordering::SeqCst);
        (before < MAX_WAITING).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl PasswordHasher for Argon2Hasher {
    async fn hash(&self, password: &Password) -> Result<String, HashError> {
        let (argon2, password) = (self.argon2.clone(), password.clone());
        let salt = salt(self.randomness.as_ref());
        self.run(move |memory| hash_now(&argon2, memory, password.expose().as_bytes(), &salt))
            .await
    }

    async fn verify(&self, password: &Password, hash: Option<&str>) -> Result<Verdict, HashError> {
        let (argon2, password) = (self.argon2.clone(), password.clone());
        let known = hash.is_some();
        let hash = hash.unwrap_or(&self.nobodys_hash).to_owned();
        let verdict = self
            .run(move |memory| verify_now(&argon2, memory, &password, &hash))
            .await?;
        Ok(if known { verdict } else { Verdict::Wrong })
    }
}

fn salt(randomness: &dyn Randomness) -> [u8; SALT_BYTES] {
    let mut salt = [0; SALT_BYTES];
    randomness.fill(&mut salt);
    salt
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

fn broken(error: impl std::error::Error + Send + Sync + 'static) -> HashError {
    HashError::Broken(Box::new(error))
}

#[cfg(test)]
mod tests {
    use service_kit::clock::SystemRandomness;

    use super::*;

    fn hasher(threads: usize) -> Arc<Argon2Hasher> {
        Arc::new(Argon2Hasher::new(threads, Arc::new(SystemRandomness)).unwrap())
    }

    #[tokio::test]
    async fn hashes_differ_and_hold() {
        let (hasher, password) = (hasher(1), Password::presented("correct horse"));
        let first = hasher.hash(&password).await.unwrap();
        let second = hasher.hash(&password).await.unwrap();
        assert!(first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert_ne!(first, second);
        let other = Password::presented("wrong horse");
        assert_eq!(
            hasher.verify(&password, Some(&first)).await.unwrap(),
            Verdict::Right
        );
        assert_eq!(
            hasher.verify(&other, Some(&first)).await.unwrap(),
            Verdict::Wrong
        );
        assert_eq!(
            hasher.verify(&password, None).await.unwrap(),
            Verdict::Wrong
        );
    }

    #[tokio::test]
    async fn a_cheaper_hash_holds_but_is_outdated() {
        let cheap = Argon2::new(
            Algorithm::Argon2id,
            Version::V0x13,
            Params::new(8_192, 1, 1, None).unwrap(),
        );
        let hash = hash_now(&cheap, &mut Vec::new(), b"correct horse", &[7; 16]).unwrap();
        let password = Password::presented("correct horse");
        let verdict = hasher(1).verify(&password, Some(&hash)).await.unwrap();
        assert_eq!(verdict, Verdict::RightButOutdated);
    }

    /// Made by the C reference implementation: `argon2 somesalt -id -v 13 -m 16
    /// -t 2 -p 1` of `password`, from its own tests.
    #[tokio::test]
    async fn the_reference_implementation_agrees() {
        let hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ\
                    $CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let (hasher, password) = (hasher(1), Password::presented("password"));
        let verdict = hasher.verify(&password, Some(hash)).await.unwrap();
        assert_eq!(verdict, Verdict::RightButOutdated);
        // Its 64 MiB were not kept.
        assert_eq!(hasher.memories.idle().len(), 0);
        assert!(
            hasher
                .verify(&password, Some("$argon2id$v=19$m=1,t=1,p=1"))
                .await
                .is_err()
        );
    }

    #[tokio::test]
    async fn a_flood_is_turned_away_and_the_queue_empties() {
        let hasher = hasher(1);
        let all = Arc::clone(&hasher.threads).acquire_owned().await.unwrap();
        let mut waiting = tokio::task::JoinSet::new();
        for _ in 0..MAX_WAITING + 6 {
            let hasher = Arc::clone(&hasher);
            waiting.spawn(async move { hasher.turn().await.is_ok() });
        }
        for _ in 0..6 {
            assert!(!waiting.join_next().await.unwrap().unwrap());
        }
        drop(all);
        let mut served = 0;
        while let Some(turn) = waiting.join_next().await {
            served += usize::from(turn.unwrap());
        }
        assert_eq!(served, MAX_WAITING);
        assert_eq!(hasher.waiting.load(Ordering::SeqCst), 0);
    }
}
