//! Finds the key that signs tokens, or makes the first one.

use service_kit::clock::{Clock, Randomness};

use super::{
    error::Error,
    ports::{KeyNames, SigningKeys},
};
use crate::domain::signing_key::SigningKey;

/// The key that signs. Of several replicas that start on an empty database at
/// once one makes it and all use it.
pub async fn load_or_make(
    keys: &dyn SigningKeys,
    names: &dyn KeyNames,
    clock: &dyn Clock,
    randomness: &dyn Randomness,
) -> Result<SigningKey, Error> {
    if let Some(key) = keys.active().await? {
        return Ok(key);
    }
    let mut seed = [0; 32];
    randomness.fill(&mut seed);
    let candidate = SigningKey {
        kid: names.thumbprint(&seed),
        seed,
        created_at: clock.now(),
    };
    let active = keys.activate_first(&candidate).await?;
    if active.kid == candidate.kid {
        tracing::info!(kid = %active.kid, "made the first signing key");
    }
    Ok(active)
}
