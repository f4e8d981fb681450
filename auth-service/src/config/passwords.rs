//! What passwords must be, and how they are hashed.

use service_kit::environment::{Environment, InvalidVariable, Variable};

use crate::domain::password::{LEAST_MIN_LENGTH, MAX_LENGTH, PasswordRules};

/// The most threads that may hash passwords.
const MAX_HASH_THREADS: usize = 256;

/// The variables of this section.
pub const VARIABLES: &[Variable] = &[
    Variable::plain(
        "PASSWORD_MIN_LENGTH",
        "8",
        "The fewest characters of a new password: 8 to 128.",
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
            rules: PasswordRules { min_length },
            hash_threads: hash_threads(environment)?,
        })
    }
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
