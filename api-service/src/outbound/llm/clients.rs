//! The HTTP clients that answers come over. A client keeps one connection of HTTP/2
//! to a provider, and providers let through no more than so many answers there at
//! a time: what is beyond would wait inside the client, where no queue is fair and
//! no timeout knows why.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use reqwest::Client;

/// Answers over one client at a time: no less than any provider should let through
/// (RFC 9113, section 6.5.2).
const AT_ONCE: usize = 100;

/// Makes another client, with the same settings.
pub type NewClient = Box<dyn Fn() -> reqwest::Result<Client> + Send + Sync>;

/// As many clients as are needed.
pub(super) struct Clients {
    /// Each is held by those who use it, and by this list.
    all: Mutex<Vec<Arc<Client>>>,
    new: Arc<NewClient>,
    /// Held by whoever makes another one.
    making: tokio::sync::Mutex<()>,
}

impl Clients {
    /// One client, for a beginning.
    pub(super) fn new(new: NewClient) -> reqwest::Result<Self> {
        Ok(Self {
            all: Mutex::new(vec![Arc::new(new()?)]),
            new: Arc::new(new),
            making: tokio::sync::Mutex::default(),
        })
    }

    /// A client with room for another answer, which has it as long as this is held.
    pub(super) async fn take(&self) -> reqwest::Result<Arc<Client>> {
        if let Some(free) = self.free() {
            return Ok(free);
        }
        let _making = self.making.lock().await;
        // Somebody may have made one meanwhile.
        if let Some(free) = self.free() {
            return Ok(free);
        }
        // It reads the machine's certificates.
        let new = Arc::clone(&self.new);
        let made = tokio::task::spawn_blocking(move || new()).await;
        let Ok(client) = made else {
            return Ok(Arc::clone(&self.all()[0]));
        };
        let client = Arc::new(client?);
        self.all().push(Arc::clone(&client));
        Ok(client)
    }

    fn free(&self) -> Option<Arc<Client>> {
        let all = self.all();
        let free = all
            .iter()
            .find(|client| Arc::strong_count(client) <= AT_ONCE);
        free.map(Arc::clone)
    }

    fn all(&self) -> MutexGuard<'_, Vec<Arc<Client>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn answers_beyond_what_a_connection_carries_have_another_one() {
        // Another test may have been the first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let clients = Clients::new(Box::new(|| Client::builder().build())).unwrap();
        let mut taken = vec![];
        for _ in 0..=AT_ONCE {
            taken.push(clients.take().await.unwrap());
        }
        assert!(
            taken[1..AT_ONCE]
                .iter()
                .all(|one| Arc::ptr_eq(one, &taken[0]))
        );
        assert!(!Arc::ptr_eq(&taken[0], &taken[AT_ONCE]));
        // Who is done makes room.
        taken.remove(0);
        assert!(Arc::ptr_eq(&taken[0], &clients.take().await.unwrap()));
        assert_eq!(clients.all().len(), 2);
    }

    #[tokio::test]
    async fn those_who_ask_at_once_share_what_is_made() {
        // Another test may have been the first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let clients = Clients::new(Box::new(|| Client::builder().build())).unwrap();
        let taken = futures::future::join_all((0..=2 * AT_ONCE).map(|_| clients.take())).await;
        assert!(taken.iter().all(Result::is_ok));
        assert_eq!(clients.all().len(), 3);
    }
}
