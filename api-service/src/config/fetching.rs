//! How sources are fetched.

use std::time::Duration;

use ipnet::IpNet;
use service_kit::environment::{Environment, InvalidVariable, Variable};

pub(super) const ALLOWED_NETWORKS: Variable = Variable::plain(
    "FETCH_ALLOWED_NETWORKS",
    "",
    "Networks that sources may be fetched from although they are not public, such as \
     10.1.0.0/16, with commas.",
);

pub(super) const DELAY: Variable = Variable::plain(
    "SOURCE_DELAY",
    "500",
    "The least time between two requests to a host for its pages, in milliseconds.",
);

/// How sources are fetched.
#[derive(Debug)]
pub struct FetchingConfig {
    /// Networks that may be connected to beside what is public.
    pub allowed_networks: Vec<IpNet>,
    /// The least time between two requests to a host.
    pub pause: Duration,
}

pub(super) fn read(environment: &Environment) -> Result<FetchingConfig, InvalidVariable> {
    let listed = environment.optional(ALLOWED_NETWORKS.name)?;
    let listed = listed.unwrap_or_default();
    let networks = listed.split(',').map(str::trim);
    let networks = networks.filter(|network| !network.is_empty());
    let allowed_networks: Result<_, _> = networks.map(str::parse).collect();
    let problem = "lists networks such as 10.1.0.0/16, with commas";
    Ok(FetchingConfig {
        allowed_networks: allowed_networks
            .map_err(|_| InvalidVariable::new(ALLOWED_NETWORKS.name, problem))?,
        pause: Duration::from_millis(environment.parsed(DELAY.name)?),
    })
}
