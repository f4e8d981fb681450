//! Who may ask without having signed in, and how often anybody may.

use service_kit::{
    client_address::TrustedProxies,
    environment::{Environment, InvalidVariable, Variable},
};

use crate::app::rates::{QuestionRates, Visitors};

pub(super) const VARIABLES: &[Variable] = &[
    Variable::plain(
        "ANONYMOUS_CHAT",
        "true",
        "Whether people who have not signed in are answered from public knowledge, where their \
         frontend sends no token: true or false.",
    ),
    Variable::plain(
        "ANONYMOUS_RETENTION_DAYS",
        "7",
        "How many days their conversations are kept after the last question: 1 to 3650.",
    ),
    Variable::plain(
        "RATE_LIMIT_ENABLED",
        "true",
        "Whether questions are limited: true or false.",
    ),
    Variable::plain(
        "RATE_LIMIT_REQUESTS_PER_MINUTE",
        "",
        "How many questions a minute each user may ask, and those in one network who have not \
         signed in: 1 to 100,000; default: users any, the others 10.",
    ),
    Variable::plain(
        "TRUSTED_PROXIES",
        "",
        "The addresses and networks of the proxies before api-service, separated by commas, such \
         as 10.0.0.0/8,::1: whose X-Forwarded-For is believed. None where it is not set.",
    ),
];

/// How many questions those in one network may ask who have not signed in.
const VISITORS_RATE: &str = "10";

const DAY: i64 = 24 * 60 * 60 * 1000;

/// Who may ask without having signed in, and how often anybody may.
#[derive(Debug)]
pub struct VisitorsConfig {
    /// What people may do who have not signed in.
    pub visitors: Visitors,
    /// How often questions may come.
    pub rates: QuestionRates,
    /// The proxies that are believed for whom they ask.
    pub trusted_proxies: TrustedProxies,
}

pub(super) fn read(environment: &Environment) -> Result<VisitorsConfig, InvalidVariable> {
    let days: i64 = environment.parsed("ANONYMOUS_RETENTION_DAYS")?;
    if !(1..=3650).contains(&days) {
        let problem = "must be between 1 and 3650";
        return Err(InvalidVariable::new("ANONYMOUS_RETENTION_DAYS", problem));
    }
    let problem = "must hold addresses and networks, such as 10.0.0.0/8,::1";
    let trusted_proxies = environment.text("TRUSTED_PROXIES")?.parse();
    Ok(VisitorsConfig {
        visitors: Visitors {
            welcome: environment.parsed("ANONYMOUS_CHAT")?,
            kept: days * DAY,
        },
        rates: rates(environment)?,
        trusted_proxies: trusted_proxies
            .map_err(|_| InvalidVariable::new("TRUSTED_PROXIES", problem))?,
    })
}

fn rates(environment: &Environment) -> Result<QuestionRates, InvalidVariable> {
    let name = "RATE_LIMIT_REQUESTS_PER_MINUTE";
    let set = environment.optional(name)?;
    let rate = set.as_deref().unwrap_or(VISITORS_RATE).parse().ok();
    let rate = rate.filter(|rate: &std::num::NonZeroU32| rate.get() <= 100_000);
    if rate.is_none() {
        return Err(InvalidVariable::new(name, "must be between 1 and 100000"));
    }
    let enabled: bool = environment.parsed("RATE_LIMIT_ENABLED")?;
    Ok(QuestionRates {
        visitors: rate.filter(|_| enabled),
        users: rate.filter(|_| enabled && set.is_some()),
    })
}
