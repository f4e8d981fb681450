//! Keeps to what happens to accounts: tokens are refused as soon as that is
//! told. What a deleted user had is erased elsewhere.

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use futures::StreamExt;
use service_kit::clock::Millis;
use tokio_util::sync::CancellationToken;

use super::{
    App,
    error::Error,
    ports::{AccountFeed, AccountStream, FeedError, UnverifiedKey, UnverifiedToken},
};
use crate::domain::{
    account::{AccountEvent, Happening, Refusals},
    principal::Principal,
};

/// Events that are applied at once, where as many are there.
const BATCH: usize = 500;

/// How long the first attempt after a break waits, in milliseconds, and any
/// later one at most: who comes back is heard within a second.
const FIRST_PAUSE: u64 = 50;
const LONGEST_PAUSE: u64 = 800;

/// For how long nobody needs to know that auth-service is not heard.
const SHORT_SILENCE: Millis = 30_000;

/// Stands for no moment: auth-service is heard.
const HEARD: Millis = Millis::MAX;

/// Which tokens this process refuses, and whether it hears of new ones.
#[derive(Debug)]
pub struct RefusedTokens {
    refusals: RwLock<Refusals>,
    silent_since: AtomicI64,
}

impl Default for RefusedTokens {
    fn default() -> Self {
        Self {
            refusals: RwLock::default(),
            silent_since: AtomicI64::new(HEARD),
        }
    }
}

impl RefusedTokens {
    /// Whether a token of `user` and `session` is refused that was issued at
    /// `issued_at`, in seconds.
    pub fn refuse(&self, user: &str, session: &str, issued_at: i64) -> bool {
        let refusals = self.refusals.read();
        let refusals = refusals.unwrap_or_else(PoisonError::into_inner);
        refusals.refuse(user, session, issued_at)
    }

    /// Whether what a caller showed is refused by now.
    pub fn refuse_caller(&self, caller: &Principal) -> bool {
        let shown = caller.user_id().zip(caller.shown());
        shown.is_some_and(|(user, shown)| self.refuse(&user.0, &shown.session, shown.issued_at))
    }

    /// Whether auth-service was not heard for so long that people should know.
    pub fn is_silent(&self, now: Millis) -> bool {
        now.saturating_sub(SHORT_SILENCE) > self.silent_since.load(Ordering::Relaxed)
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Refusals)) {
        let refusals = self.refusals.write();
        change(&mut refusals.unwrap_or_else(PoisonError::into_inner));
    }

    fn silent_since(&self, moment: Millis) {
        self.silent_since.store(moment, Ordering::Relaxed);
    }
}

/// Who follows the events, and how far. Every process is one: what it refuses
/// stands in its memory, and in the database for the next start.
pub struct Follower {
    app: Arc<App>,
    after: i64,
    /// Attempts since auth-service was last heard.
    attempts: u32,
}

/// Why a stream broke.
type Broken = Box<dyn std::error::Error + Send + Sync>;

impl App {
    /// Whether a caller who was let in would be so still: streams that last ask
    /// again and again.
    pub(super) fn still_let_in(&self, caller: &Principal) -> Result<(), Error> {
        if !self.refused.refuse_caller(caller) {
            return Ok(());
        }
        Err(if caller.is_key() {
            UnverifiedKey::Invalid.into()
        } else {
            UnverifiedToken::Invalid.into()
        })
    }

    /// Begins where the database says that events were applied up to: before
    /// the first request, so that what was refused stays refused.
    pub async fn follower(self: &Arc<Self>) -> Result<Follower, Error> {
        let (after, refusals) = self.accounts.refusals().await?;
        self.refused.change(|known| *known = refusals);
        self.refused.silent_since(self.clock.now());
        Ok(Follower {
            app: Arc::clone(self),
            after,
            attempts: 0,
        })
    }
}

impl Follower {
    /// Follows `feed` until `stop`, over any break.
    pub async fn follow(mut self, feed: Arc<dyn AccountFeed>, stop: CancellationToken) {
        loop {
            let ended = tokio::select! {
                ended = self.listen(feed.as_ref()) => ended,
                () = stop.cancelled() => return,
            };
            // The first attempt that fails is worth a line, the others are not.
            if let (Err(error), 0 | 1) = (ended, self.attempts) {
                let error: &dyn std::error::Error = error.as_ref();
                tracing::warn!(error, "account events are not heard; trying again");
            }
            tokio::select! {
                () = tokio::time::sleep(self.pause()) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// How long to wait before the next attempt: longer each time, and not as
    /// long as others do, so that they don't all come at once.
    fn pause(&self) -> Duration {
        let mut chance = [0; 1];
        self.app.randomness.fill(&mut chance);
        let full = (FIRST_PAUSE << self.attempts.min(8)).min(LONGEST_PAUSE);
        Duration::from_millis(full / 2 + full * u64::from(chance[0]) / 512)
    }

    /// Listens until the stream ends.
    async fn listen(&mut self, feed: &dyn AccountFeed) -> Result<(), Broken> {
        self.attempts = self.attempts.saturating_add(1);
        let app = Arc::clone(&self.app);
        let stream = match feed.listen(self.after).await {
            Ok(stream) => stream,
            Err(FeedError::CursorAhead) => {
                tracing::warn!("auth-service's events begin anew: all are applied again");
                app.accounts.begin_anew().await?;
                app.refused.change(Refusals::enable_all);
                self.after = 0;
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        tracing::info!(after = self.after, "account events are heard");
        self.attempts = 0;
        app.refused.silent_since(HEARD);
        let ended = self.apply_all(stream).await;
        app.refused.silent_since(app.clock.now());
        ended
    }

    async fn apply_all(&mut self, stream: AccountStream) -> Result<(), Broken> {
        let mut batches = stream.ready_chunks(BATCH);
        while let Some(batch) = batches.next().await {
            let mut events = Vec::with_capacity(batch.len());
            let mut broken = None;
            for next in batch {
                match next {
                    Ok(event) => events.push(event),
                    Err(error) => broken = Some(error),
                }
            }
            self.apply(&events).await?;
            if let Some(error) = broken {
                return Err(error.into());
            }
        }
        Ok(())
    }

    /// Refuses first, and then keeps that: what could not be kept is heard
    /// again, since the place moves on last.
    async fn apply(&mut self, events: &[AccountEvent]) -> Result<(), Broken> {
        let Some(last) = events.last() else {
            return Ok(());
        };
        let app = &self.app;
        app.refused
            .change(|refusals| events.iter().for_each(|event| refusals.apply(event)));
        app.accounts.apply(events, app.clock.now()).await?;
        self.after = last.number;
        if events
            .iter()
            .any(|event| event.happening == Happening::Deleted)
        {
            app.new_erasures.notify_one();
        }
        Ok(())
    }
}
