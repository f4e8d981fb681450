//! Passwords and their hashes: argon2id for new ones, and those that an import
//! brings, all on one bounded pool of threads.

use std::sync::Arc;

use async_trait::async_trait;
use service_kit::clock::Randomness;

use crate::{
    app::ports::{HashError, PasswordHasher, Verdict},
    domain::password::{HashCost, Password},
};

mod argon2;
mod foreign;
mod pool;

use argon2::{Argon2id, Memory};
use foreign::Foreign;
use pool::Pool;

/// Hashes on a bounded number of threads.
pub struct PooledHasher {
    pool: Pool,
    argon2: Arc<Argon2id>,
    randomness: Arc<dyn Randomness>,
    nobodys_hash: String,
}

impl PooledHasher {
    /// Hashes at this cost, on at most `threads` threads at once.
    pub fn new(
        threads: usize,
        cost: HashCost,
        randomness: Arc<dyn Randomness>,
    ) -> Result<Self, HashError> {
        let argon2 = Argon2id::new(cost)?;
        let mut secret = [0; 32];
        randomness.fill(&mut secret);
        let nobodys_hash =
            argon2.hash(&mut Memory::default(), &secret, &salt(randomness.as_ref()))?;
        Ok(Self {
            pool: Pool::new(threads)?,
            argon2: Arc::new(argon2),
            randomness,
            nobodys_hash,
        })
    }
}

#[async_trait]
impl PasswordHasher for PooledHasher {
    async fn hash(&self, password: &Password) -> Result<String, HashError> {
        let (argon2, password) = (Arc::clone(&self.argon2), password.clone());
        let salt = salt(self.randomness.as_ref());
        self.pool
            .run(move |memory| argon2.hash(memory, password.expose().as_bytes(), &salt))
            .await
    }

    async fn verify(&self, password: &Password, hash: Option<&str>) -> Result<Verdict, HashError> {
        let (argon2, password) = (Arc::clone(&self.argon2), password.clone());
        let known = hash.is_some();
        let hash = hash.unwrap_or(&self.nobodys_hash).to_owned();
        let verdict = self
            .pool
            .run(move |memory| match Foreign::parse(&hash) {
                Some(foreign) => foreign.verify(&password),
                None => argon2.verify(memory, &password, &hash),
            })
            .await?;
        Ok(if known { verdict } else { Verdict::Wrong })
    }

    fn reads(&self, hash: &str) -> bool {
        Foreign::parse(hash).is_some() || argon2::is_readable(hash)
    }
}

fn salt(randomness: &dyn Randomness) -> [u8; argon2::SALT_BYTES] {
    let mut salt = [0; argon2::SALT_BYTES];
    randomness.fill(&mut salt);
    salt
}

fn broken(error: impl std::error::Error + Send + Sync + 'static) -> HashError {
    HashError::Broken(Box::new(error))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use service_kit::clock::SystemRandomness;

    use super::*;

    fn hasher() -> PooledHasher {
        PooledHasher::new(1, HashCost::DEFAULT, Arc::new(SystemRandomness)).unwrap()
    }

    async fn verdict(typed: &str, hash: &str) -> Verdict {
        let password = Password::presented(typed);
        hasher().verify(&password, Some(hash)).await.unwrap()
    }

    #[tokio::test]
    async fn hashes_differ_and_hold() {
        let (hasher, password) = (hasher(), Password::presented("correct horse"));
        let first = hasher.hash(&password).await.unwrap();
        let second = hasher.hash(&password).await.unwrap();
        assert!(first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert_ne!(first, second);
        assert!(hasher.reads(&first));
        assert_eq!(verdict("correct horse", &first).await, Verdict::Right);
        assert_eq!(verdict("wrong horse", &first).await, Verdict::Wrong);
        let nobody = hasher.verify(&password, None).await.unwrap();
        assert_eq!(nobody, Verdict::Wrong);
    }

    /// Made by the C reference implementation: `argon2 somesalt -id -v 13 -m 16
    /// -t 2 -p 1` of `password`, from its own tests.
    #[tokio::test]
    async fn the_reference_implementation_agrees() {
        let hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ\
                    $CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        assert_eq!(verdict("password", hash).await, Verdict::RightButOutdated);
        assert_eq!(verdict("Password", hash).await, Verdict::Wrong);
    }

    /// Made by `hashlib.scrypt` with Better Auth's parameters.
    #[tokio::test]
    async fn better_auths_hashes_hold_in_either_spelling() {
        let hash = "00112233445566778899aabbccddeeff:1158106d082f4918feeb054539c8ae77293572a044a4\
                    ecb3bc8f800fb56345d093b8a0ae35305f30895cae118beb63055f6bccc53d02f9ecf83bd1c38\
                    8c6b663";
        let spellings = ["caf\u{e9} au lait", "cafe\u{301} au lait"];
        for typed in spellings {
            assert_eq!(verdict(typed, hash).await, Verdict::RightButOutdated);
        }
        assert_eq!(verdict("cafe au lait", hash).await, Verdict::Wrong);
    }

    /// Made by passlib 1.7.4, which hashes what is typed as it is.
    #[tokio::test]
    async fn passlibs_hashes_hold_as_they_were_typed() {
        let all = [
            "$2a$04$PwIboXVY/VY7P1IbKigDhuUxbeMsJpE0hRO5NAoZ9lwixb2MUdfkm",
            "$2b$04$dZLo6PkrfOviR1MS2o53G.RTYwRJiKgqmzzaYS7F2K8Cj8EZqk8nW",
            "$2y$04$ALrU17wDLMOekA6vPiSIEuYdlKFGmV.Dh.I5kvaueAdC/O2PfHvR6",
        ];
        for hash in all {
            let right = verdict("correct horse battery", hash).await;
            assert_eq!(right, Verdict::RightButOutdated, "{hash}");
            assert_eq!(verdict("wrong horse", hash).await, Verdict::Wrong);
        }
        let decomposed = "$2b$04$Z2W6FgoUTmhCIR3Ji82zaOQdhDKiZGPufytdTxn3Yrd21OL8oyGPm";
        let composed = "$2b$04$o4Yt23bRWrw.hg0XEuklOOnMq4AiqV1K56/d9.uy6vuhrQLu3H2ia";
        let typed = "cafe\u{301} au lait";
        assert_eq!(verdict(typed, decomposed).await, Verdict::RightButOutdated);
        assert_eq!(verdict(typed, composed).await, Verdict::RightButOutdated);
        let cut = "$2b$04$7nA7G.HwM8YBGhMQ/.M88uRkEy9ry/M24jfWJS8F3eh.7pg/U2tFq";
        assert_eq!(
            verdict(&"x".repeat(100), cut).await,
            Verdict::RightButOutdated
        );
        assert_eq!(verdict(&"x".repeat(71), cut).await, Verdict::Wrong);
    }

    #[test]
    fn what_no_one_could_verify_is_not_read() {
        let hasher = hasher();
        let unread = [
            "",
            "password",
            "5f4dcc3b5aa765d61d8327deb882cf99",
            "$argon2id$v=19$m=1,t=1,p=1",
            // Sixteen gibibytes.
            "$argon2id$v=19$m=16777216,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$2b$31$dZLo6PkrfOviR1MS2o53G.RTYwRJiKgqmzzaYS7F2K8Cj8EZqk8nW",
            "$2b$04$dZLo6PkrfOviR1MS2o53G.RTYwRJiKgqmzzaYS7F2K8Cj8EZqk8n",
            "$2x$04$dZLo6PkrfOviR1MS2o53G.RTYwRJiKgqmzzaYS7F2K8Cj8EZqk8nW",
            "$pbkdf2-sha256$29000$abc$abc",
            "00112233445566778899aabbccddeeff:1158",
        ];
        for hash in unread {
            assert!(!hasher.reads(hash), "{hash}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_hash_or_not(
            text in prop_oneof![
                any::<String>(),
                "[$]2[aby][$][0-9]{2}[$][./A-Za-z0-9]{50,56}",
                "[0-9a-f]{30,34}:[0-9a-fA-F]{126,130}",
                "[$]argon2(id|i|d)[$]v=(19|16)[$]m=[0-9]{1,12},t=[0-9]{1,6},p=[0-9]{1,4}[$][A-Za-z0-9+/]{1,90}[$][A-Za-z0-9+/]{1,90}",
            ]
        ) {
            let _ = Foreign::parse(&text);
            let _ = argon2::is_readable(&text);
        }
    }
}
