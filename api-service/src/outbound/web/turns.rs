//! Turns at hosts: one request at a time a host, and a pause after each.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::OwnedMutexGuard, time::Instant};

/// Hosts that are remembered; more than these are looked through for some that
/// wait for nothing.
const MANY: usize = 1_000;

type Host = Arc<tokio::sync::Mutex<Instant>>;

/// The turns of all hosts, for all who read in this process.
#[derive(Default, Clone)]
pub(super) struct Turns {
    hosts: Arc<Mutex<HashMap<String, Host>>>,
}

/// A turn: nobody else asks the host until it ends.
pub(super) struct Turn(OwnedMutexGuard<Instant>);

impl Turns {
    /// Waits for the host's turn.
    pub(super) async fn wait(&self, host: &str) -> Turn {
        let host = self.host(host);
        let turn = host.lock_owned().await;
        tokio::time::sleep_until(*turn).await;
        Turn(turn)
    }

    fn host(&self, name: &str) -> Host {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if hosts.len() >= MANY {
            let now = Instant::now();
            let waits = |host: &Host| host.try_lock().map_or(true, |next| *next > now);
            hosts.retain(|_, host| Arc::strong_count(host) > 1 || waits(host));
        }
        let new = || Arc::new(tokio::sync::Mutex::new(Instant::now()));
        hosts.entry(name.to_owned()).or_insert_with(new).clone()
    }
}

impl Turn {
    /// Ends the turn; the next one begins after `pause`.
    pub(super) fn end(mut self, pause: Duration) {
        *self.0 = Instant::now() + pause;
    }
}
