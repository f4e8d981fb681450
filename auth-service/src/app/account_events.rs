//! Tells other services what happens to accounts: from where they stopped
//! listening, and then as it happens.

use std::{convert::Infallible, sync::Arc, time::Duration};

use futures::{Stream, TryStreamExt, stream};
use tokio::sync::watch;

use super::{
    error::{Error, chain},
    ports::AccountEvents,
};
use crate::domain::account_event::AccountEvent;

/// How often the database is asked for news: all that this process or a replica
/// writes is seen so, and by no listener later than this.
const POLL: Duration = Duration::from_millis(150);

/// How many events a listener is given from one query, and so how many wait
/// for a slow one.
const BATCH: i64 = 500;

/// The account events, and whoever listens to them. One poll of a single row
/// serves all listeners of a process.
pub struct EventFeed {
    store: Arc<dyn AccountEvents>,
    newest: watch::Sender<i64>,
}

/// Someone who listens, and how far they are.
struct Listener {
    store: Arc<dyn AccountEvents>,
    newest: watch::Receiver<i64>,
    after: i64,
}

impl EventFeed {
    /// The events of `store`.
    pub fn new(store: Arc<dyn AccountEvents>) -> Self {
        Self {
            store,
            newest: watch::Sender::new(0),
        }
    }

    /// Looks for news for as long as it is polled and somebody listens.
    pub async fn follow(&self) -> Infallible {
        let mut failing = false;
        loop {
            tokio::time::sleep(POLL).await;
            if self.newest.receiver_count() == 0 {
                continue;
            }
            match self.store.newest().await {
                Ok(newest) => {
                    failing = false;
                    self.newest
                        .send_if_modified(|known| std::mem::replace(known, newest) != newest);
                }
                Err(_) if failing => {}
                Err(error) => {
                    failing = true;
                    tracing::warn!(cause = %chain(&error), "account events can't be read");
                }
            }
        }
    }

    /// The events after the one with the number `after`, in order, and then
    /// each new one. The stream ends only with an error.
    pub async fn listen(
        &self,
        after: i64,
    ) -> Result<impl Stream<Item = Result<AccountEvent, Error>> + Send + 'static, Error> {
        if after < 0 {
            return Err(Error::InvalidCursor);
        }
        if after > self.store.newest().await? {
            return Err(Error::CursorAhead);
        }
        let listener = Listener {
            store: Arc::clone(&self.store),
            newest: self.newest.subscribe(),
            after,
        };
        let batches = stream::try_unfold(listener, Listener::next);
        let batches = batches.map_ok(|events| stream::iter(events.into_iter().map(Ok)));
        Ok(batches.try_flatten())
    }
}

impl Listener {
    /// Waits for events, and takes a batch of them.
    async fn next(mut self) -> Result<Option<(Vec<AccountEvent>, Self)>, Error> {
        loop {
            // What is written after this look wakes the wait below.
            self.newest.mark_unchanged();
            let events = self.store.after(self.after, BATCH).await?;
            if let Some(last) = events.last() {
                self.after = last.number;
                return Ok(Some((events, self)));
            }
            if self.newest.changed().await.is_err() {
                return Ok(None);
            }
        }
    }
}
