//! How often something may be tried.

use std::num::NonZeroU32;

use service_kit::environment::{Environment, InvalidVariable, Variable};

use crate::domain::throttling::RateRules;

/// The variables of this section.
pub const VARIABLES: &[Variable] = &[
    Variable::plain(
        "RATE_LIMIT_ENABLED",
        "true",
        "Whether requests are limited by address, and guesses at one account's password: true or \
         false.",
    ),
    Variable::plain(
        "RATE_LIMIT_REQUESTS_PER_MINUTE",
        "10",
        "How often one address may sign in within a minute, and as often sign up or show a \
         password: 1 to 100,000.",
    ),
];

/// The most requests a minute that can be asked for.
const MAX_PER_MINUTE: u32 = 100_000;

/// How often something may be tried.
#[derive(Debug)]
pub struct ThrottlingConfig {
    /// The limits; nothing where there are none.
    pub rates: Option<RateRules>,
}

impl ThrottlingConfig {
    pub(super) fn read(environment: &Environment) -> Result<Self, InvalidVariable> {
        let name = "RATE_LIMIT_REQUESTS_PER_MINUTE";
        let requests_per_minute = environment.text(name)?.parse::<NonZeroU32>();
        let requests_per_minute = requests_per_minute
            .ok()
            .filter(|times| times.get() <= MAX_PER_MINUTE)
            .ok_or_else(|| InvalidVariable::new(name, "must be between 1 and 100000"))?;
        let enabled: bool = environment.parsed("RATE_LIMIT_ENABLED")?;
        Ok(Self {
            rates: enabled.then_some(RateRules {
                requests_per_minute,
            }),
        })
    }
}
