//! What passwords must be, and how they are hashed.

use service_kit::environment::{Environment, InvalidVariable, Variable};

use crate::domain::password::{HashCost, LEAST_MIN_LENGTH, MAX_LENGTH, PasswordRules};

/// The most threads that may hash passwords.
const MAX_HASH_THREADS: usize = 256;

/// The most memory, passes and lanes of a hash.
const MAX_MEMORY_KIB: u32 = 262_144;
const MAX_PASSES: u32 = 16;
const MAX_LANES: u32 = 16;

/// The variables of this section.
pub const VARIABLES: &[Variable] = &[
    Variable::plain(
        "PASSWORD_MIN_LENGTH",
        "8",
        "The fewest characters of a new password: 4 to 128. Less than 8 is for those who must.",
    ),
    Variable::plain(
        "PASSWORD_BLOCKLIST",
        "on",
        "Whether the most common passwords are refused: on or off.",
    ),
    Variable::plain(
        "PASSWORD_ARGON2_MEMORY_KIB",
        "19456",
        "The memory of a password's hash, in KiB: with the passes at least one of OWASP's minima, \
         at most 262,144. A change reaches an account at its next sign-in.",
    ),
    Variable::plain(
        "PASSWORD_ARGON2_PASSES",
        "2",
        "The passes of a password's hash over its memory: 1 to 16.",
    ),
    Variable::plain(
        "PASSWORD_ARGON2_LANES",
        "1",
        "The lanes of a password's hash: 1 to 16.",
    ),
    Variable::plain(
        "PASSWORD_HASH_THREADS",
        "",
        "How many passwords are hashed at once; as many as there are cores where it is not set.",
    ),
];

/// What passwords must be, and how they are hashed.
#[derive(Debug)]
pub struct PasswordConfig {
    /// What a new one must meet.
    pub rules: PasswordRules,
    /// What a hash costs.
    pub cost: HashCost,
    /// How many are hashed at once.
    pub hash_threads: usize,
}

impl PasswordConfig {
    pub(super) fn read(environment: &Environment) -> Result<Self, InvalidVariable> {
        let min_length: usize = environment.parsed("PASSWORD_MIN_LENGTH")?;
        if !(LEAST_MIN_LENGTH..=MAX_LENGTH).contains(&min_length) {
            let problem = format!("must be between {LEAST_MIN_LENGTH} and {MAX_LENGTH}");
            return Err(InvalidVariable::new("PASSWORD_MIN_LENGTH", problem));
        }
        Ok(Self {
            rules: PasswordRules {
                min_length,
                blocklist: blocklist(environment)?,
            },
            cost: cost(environment)?,
            hash_threads: hash_threads(environment)?,
        })
    }
}

fn blocklist(environment: &Environment) -> Result<bool, InvalidVariable> {
    match environment.text("PASSWORD_BLOCKLIST")?.as_str() {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(InvalidVariable::new(
            "PASSWORD_BLOCKLIST",
            "must be on or off",
        )),
    }
}

fn cost(environment: &Environment) -> Result<HashCost, InvalidVariable> {
    let cost = HashCost {
        memory_kib: environment.parsed("PASSWORD_ARGON2_MEMORY_KIB")?,
        passes: environment.parsed("PASSWORD_ARGON2_PASSES")?,
        lanes: environment.parsed("PASSWORD_ARGON2_LANES")?,
    };
    let refused = |name, problem| Err(InvalidVariable::new(name, problem));
    if !(1..=MAX_PASSES).contains(&cost.passes) {
        return refused("PASSWORD_ARGON2_PASSES", "must be between 1 and 16");
    }
    if !(1..=MAX_LANES).contains(&cost.lanes) {
        return refused("PASSWORD_ARGON2_LANES", "must be between 1 and 16");
    }
    if !cost.is_enough() || cost.memory_kib > MAX_MEMORY_KIB {
        return refused(
            "PASSWORD_ARGON2_MEMORY_KIB",
            "must be at most 262144, and at least 47104 with one pass, 19456 with two, 12288 with \
             three, 9216 with four, 7168 with five",
        );
    }
    Ok(cost)
}

fn hash_threads(environment: &Environment) -> Result<usize, InvalidVariable> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let Some(text) = environment.optional("PASSWORD_HASH_THREADS")? else {
        return Ok(cores);
    };
    match text.parse() {
        Ok(threads @ 1..=MAX_HASH_THREADS) => Ok(threads),
        _ => Err(InvalidVariable::new(
            "PASSWORD_HASH_THREADS",
            format!("must be between 1 and {MAX_HASH_THREADS}"),
        )),
    }
}
