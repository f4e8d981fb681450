//! Telling an answer to who asked, and to who comes back for it.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, stream};
use service_kit::clock::is_id;

use super::{
    App,
    ask::{Events, conversation_id, named_ids},
    error::Error,
    live::{Reader, SILENCE},
    ports::Recorded,
};
use crate::domain::{
    answer::{AnswerEvent, Numbered},
    principal::Principal,
};

/// How often the events are looked for of an answer that another process makes,
/// and whether the reader would still be let in.
const LOOK: Duration = Duration::from_millis(250);

/// A caller who follows an answer that another process makes.
struct Follower {
    app: Arc<App>,
    caller: Principal,
    answer_id: String,
    seen: usize,
    waiting: std::vec::IntoIter<Numbered>,
    over: bool,
}

impl App {
    /// The events of an answer after the one with the number `after`, whether it
    /// is being made here, elsewhere, or over.
    pub async fn resume(
        self: &Arc<Self>,
        caller: &Principal,
        answer_id: &str,
        after: usize,
    ) -> Result<Events, Error> {
        let scope = caller.scope();
        if !is_id(answer_id) {
            return Err(Error::NoSuchMessage);
        }
        if let Some(live) = self.live.get(answer_id, scope.owner()) {
            return Ok(self.told(caller, live.read(after)));
        }
        let now = self.clock.now();
        let recorded = self.runs.recorded(&scope, answer_id, after, now).await?;
        let recorded = recorded.ok_or(Error::NoSuchMessage)?;
        let mut follower = Follower {
            app: Arc::clone(self),
            caller: caller.clone(),
            answer_id: answer_id.to_owned(),
            seen: after,
            waiting: vec![].into_iter(),
            over: false,
        };
        follower.take(recorded);
        let told = stream::unfold(follower, |mut follower| async {
            Some((follower.next().await?, follower))
        });
        Ok(ended_with_last(told.boxed()))
    }

    /// The events of the answer that is being made in a conversation; `None`
    /// where none is.
    pub async fn resume_in(
        self: &Arc<Self>,
        caller: &Principal,
        conversation: &str,
    ) -> Result<Option<Events>, Error> {
        let id = conversation_id(conversation)?;
        let scope = caller.scope_in(&id);
        if let Some(answer) = self.runs.under_way(&scope, &id).await? {
            return Ok(Some(self.resume(caller, &answer, 0).await?));
        }
        let known = self.conversations.conversation(&scope, &id).await?;
        known.map(|_| None).ok_or(Error::NoSuchConversation)
    }

    /// The same for a conversation that may be called by the name that a client
    /// chose; `None`, too, where there is no such conversation yet.
    pub async fn resume_named(
        self: &Arc<Self>,
        caller: &Principal,
        name: &str,
    ) -> Result<Option<Events>, Error> {
        for id in named_ids(&caller.scope(), name) {
            let scope = caller.scope_in(&id);
            if let Some(answer) = self.runs.under_way(&scope, &id).await? {
                return Ok(Some(self.resume(caller, &answer, 0).await?));
            }
        }
        Ok(None)
    }

    /// Stops an answer of the caller's. What came so far is kept.
    pub async fn stop_answer(&self, caller: &Principal, answer_id: &str) -> Result<(), Error> {
        let scope = caller.scope();
        if !is_id(answer_id) {
            return Err(Error::NoSuchMessage);
        }
        if let Some(live) = self.live.get(answer_id, scope.owner()) {
            live.stop.cancel();
            return Ok(());
        }
        let asked = self.runs.ask_to_stop(&scope, answer_id).await?;
        asked.then_some(()).ok_or(Error::NoSuchMessage)
    }

    /// What a reader of an answer that is made here is told, for as long as they
    /// would be let in.
    pub(super) fn told(self: &Arc<Self>, caller: &Principal, reader: Reader) -> Events {
        let (app, caller) = (Arc::clone(self), caller.clone());
        let told = stream::unfold((reader, app, caller), |(mut reader, app, caller)| async {
            let told = loop {
                let next = reader.next(|| app.live.pause());
                let next = tokio::time::timeout(LOOK, next).await;
                if let Some(event) = app.refusal(&caller) {
                    let number = reader.seen() + 1;
                    break Numbered { number, event };
                }
                if let Ok(told) = next {
                    break told?;
                }
            };
            Some((told, (reader, app, caller)))
        });
        ended_with_last(told.boxed())
    }

    /// How a stream ends whose caller's credentials no longer hold.
    fn refusal(&self, caller: &Principal) -> Option<AnswerEvent> {
        let error = self.still_let_in(caller).err()?;
        Some(AnswerEvent::Failed {
            code: error.code(),
            message: error.to_string(),
        })
    }
}

/// The events up to the last one.
fn ended_with_last(events: Events) -> Events {
    let mut over = false;
    let until_over = events.take_while(move |told| {
        let goes_on = !over;
        over = told.event.is_last();
        std::future::ready(goes_on)
    });
    until_over.boxed()
}

impl Follower {
    fn take(&mut self, recorded: Recorded) {
        let now = self.app.clock.now();
        let mut events = recorded.events;
        match recorded.alive_at {
            Some(alive_at) if alive_at + SILENCE < now => {
                let number = events.last().map_or(self.seen, |last| last.number) + 1;
                let event = AnswerEvent::interrupted();
                events.push(Numbered { number, event });
                self.over = true;
            }
            alive_at => self.over = alive_at.is_none(),
        }
        self.waiting = events.into_iter();
    }

    async fn next(&mut self) -> Option<Numbered> {
        loop {
            if let Some(event) = self.app.refusal(&self.caller) {
                let number = self.seen + 1;
                return Some(Numbered { number, event });
            }
            if let Some(told) = self.waiting.next() {
                self.seen = told.number;
                return Some(told);
            }
            if self.over {
                return None;
            }
            tokio::time::sleep(LOOK).await;
            let (scope, now) = (self.caller.scope(), self.app.clock.now());
            let recorded = self
                .app
                .runs
                .recorded(&scope, &self.answer_id, self.seen, now);
            match recorded.await {
                Ok(Some(recorded)) => self.take(recorded),
                // The conversation was deleted.
                Ok(None) => return None,
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(error, "an answer could not be followed");
                    return None;
                }
            }
        }
    }
}
