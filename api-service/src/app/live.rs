//! Answers that are made in this process, as those who read them see them: a
//! log of events that grows, and that each reads at their own pace. A slow
//! reader costs nothing: the log is as long as the answer, whoever reads it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::{
    App,
    ports::{Due, Unrecorded},
};
use crate::domain::answer::{AnswerEvent, Numbered};

/// How long events wait until they are recorded, so that many go at once: as
/// much as a reader on another process is behind.
const COLLECTED: Duration = Duration::from_millis(200);

/// How often it is noted that answers are being made, and looked whether they
/// are to stop.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// How long a reader who has all that was said waits for more of it: so long for
/// each answer that is being made here. Where there are many, what comes meanwhile
/// goes out at once, and where there are few, nobody waits.
const PAUSE: Duration = Duration::from_micros(250);

/// The longest of these waits: twenty times a second, words seem to flow.
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// A shorter wait spares nothing.
const SHORTEST_PAUSE: Duration = Duration::from_millis(5);

/// A maker that was silent for so long is dead, in milliseconds.
pub(super) const SILENCE: i64 = 20_000;

/// For how long an answer that is over can be told again, in milliseconds.
const TOLD_AGAIN: i64 = 3_600_000;

/// The answers that are made in this process.
#[derive(Debug, Default)]
pub struct LiveAnswers {
    open: Mutex<HashMap<String, Arc<LiveAnswer>>>,
    news: Notify,
}

/// An answer that is being made.
#[derive(Debug)]
pub(super) struct LiveAnswer {
    id: String,
    /// Whose it is.
    owner: String,
    log: Mutex<Vec<AnswerEvent>>,
    /// How long the log is. Its receivers are the readers.
    length: watch::Sender<usize>,
    /// How many events are recorded; held while more are.
    recorded: tokio::sync::Mutex<usize>,
    /// Cancelled when the answer is to stop.
    pub(super) stop: CancellationToken,
}

/// A reader's place in a log.
pub(super) struct Reader {
    answer: Arc<LiveAnswer>,
    length: watch::Receiver<usize>,
    seen: usize,
    /// Whether words were given since it last waited.
    had_words: bool,
}

impl LiveAnswers {
    /// Begins a log.
    pub(super) fn open(&self, id: &str, owner: &str) -> Arc<LiveAnswer> {
        let answer = Arc::new(LiveAnswer {
            id: id.to_owned(),
            owner: owner.to_owned(),
            log: Mutex::default(),
            length: watch::Sender::new(0),
            recorded: tokio::sync::Mutex::default(),
            stop: CancellationToken::new(),
        });
        self.all().insert(id.to_owned(), Arc::clone(&answer));
        answer
    }

    /// An answer of this owner that is being made here.
    pub(super) fn get(&self, id: &str, owner: &str) -> Option<Arc<LiveAnswer>> {
        let open = self.all();
        open.get(id)
            .filter(|answer| answer.owner == owner)
            .map(Arc::clone)
    }

    /// Forgets an answer that is over. Who reads it has it still.
    pub(super) fn close(&self, answer: &LiveAnswer) {
        if !answer.is_over() {
            answer.tell(AnswerEvent::interrupted());
        }
        self.all().remove(&answer.id);
    }

    /// How long readers wait for more than one word.
    pub(super) fn pause(&self) -> Duration {
        let open = u32::try_from(self.all().len()).unwrap_or(u32::MAX);
        let pause = PAUSE.saturating_mul(open).min(LONGEST_PAUSE);
        if pause < SHORTEST_PAUSE {
            Duration::ZERO
        } else {
            pause
        }
    }

    /// Adds an event to a log, for its readers and to be recorded.
    pub(super) fn tell(&self, answer: &LiveAnswer, event: AnswerEvent) {
        answer.tell(event);
        self.news.notify_one();
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Arc<LiveAnswer>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LiveAnswer {
    fn log(&self) -> MutexGuard<'_, Vec<AnswerEvent>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_over(&self) -> bool {
        self.log().last().is_some_and(AnswerEvent::is_last)
    }

    fn length(&self) -> usize {
        self.log().len()
    }

    /// The event at this place, if it came, and whether the last one did.
    fn at(&self, place: usize) -> (Option<AnswerEvent>, bool) {
        let log = self.log();
        let over = log.last().is_some_and(AnswerEvent::is_last);
        (log.get(place).cloned(), over)
    }

    fn tell(&self, event: AnswerEvent) {
        let length = {
            let mut log = self.log();
            log.push(event);
            log.len()
        };
        self.length.send_replace(length);
    }

    /// A reader of what comes after the event with the number `after`.
    pub(super) fn read(self: &Arc<Self>, after: usize) -> Reader {
        Reader {
            answer: Arc::clone(self),
            length: self.length.subscribe(),
            seen: after,
            had_words: false,
        }
    }

    pub(super) fn has_readers(&self) -> bool {
        self.length.receiver_count() > 0
    }

    /// Ends when nobody reads it.
    pub(super) async fn is_left(&self) {
        self.length.closed().await;
    }

    /// Nobody records its events while this guard is held.
    pub(super) async fn unrecorded(&self) -> tokio::sync::MutexGuard<'_, usize> {
        self.recorded.lock().await
    }

    /// The events that were not recorded yet, and `last`; nobody else records
    /// them while the guard is held.
    pub(super) async fn rest(
        &self,
        last: AnswerEvent,
    ) -> (tokio::sync::MutexGuard<'_, usize>, Unrecorded) {
        let recorded = self.recorded.lock().await;
        let mut rest = self.after(*recorded);
        rest.events.push(last);
        (recorded, rest)
    }

    fn after(&self, recorded: usize) -> Unrecorded {
        Unrecorded {
            answer_id: self.id.clone(),
            first: recorded + 1,
            events: self.log().get(recorded..).unwrap_or_default().to_vec(),
        }
    }
}

impl Reader {
    /// The number of the last event that was given.
    pub(super) const fn seen(&self) -> usize {
        self.seen
    }

    /// The next event; `None` after the last one. Who was given words, and all that
    /// there are, waits at least for what `pause` says then.
    pub(super) async fn next(&mut self, pause: impl Fn() -> Duration) -> Option<Numbered> {
        loop {
            // Looked at together: the last event may come in between.
            let (event, over) = self.answer.at(self.seen);
            match event {
                Some(event) => {
                    self.seen += 1;
                    self.had_words |= matches!(event, AnswerEvent::Delta(_));
                    let number = self.seen;
                    return Some(Numbered { number, event });
                }
                None if over => return None,
                None if std::mem::take(&mut self.had_words) => {
                    let pause = pause();
                    if !pause.is_zero() {
                        tokio::time::sleep(pause).await;
                    }
                }
                None => self.length.changed().await.ok()?,
            }
        }
    }
}

impl App {
    /// Records the events of answers as they come, until `stop`, and ends those
    /// that a process has left behind.
    pub async fn record_answers(self: Arc<Self>, stop: CancellationToken) {
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        loop {
            tokio::select! {
                () = self.live.news.notified() => self.record(false).await,
                _ = heartbeat.tick() => {
                    self.tidy_up_answers().await;
                    self.record_once().await;
                }
                () = stop.cancelled() => return,
            }
            tokio::time::sleep(COLLECTED).await;
        }
    }

    /// Ends answers that a process has left behind, and forgets old events.
    pub async fn tidy_up_answers(&self) {
        let now = self.clock.now();
        let due = Due {
            silent_since: now - SILENCE,
            over_since: now - TOLD_AGAIN,
            visited_before: now - self.visitors.kept,
        };
        let tidied = self.runs.tidy_up(due).await;
        if let Err(error) = tidied {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "answers that were left behind could not be ended");
        }
    }

    /// Records what was told since the last time, notes that all answers are being
    /// made, and which are to stop.
    pub async fn record_once(&self) {
        self.record(true).await;
    }

    /// Records what was told since the last time: of all answers, or of those
    /// alone that there is something of.
    async fn record(&self, all: bool) {
        let open: Vec<Arc<LiveAnswer>> = self.live.all().values().map(Arc::clone).collect();
        let held = open.iter().filter_map(|answer| {
            // Who holds it ends the answer, and records the rest.
            let recorded = answer.recorded.try_lock().ok()?;
            (all || answer.length() > *recorded).then_some((answer, recorded))
        });
        let mut held: Vec<_> = held.collect();
        if held.is_empty() {
            return;
        }
        let all: Vec<Unrecorded> = held
            .iter()
            .map(|(answer, recorded)| answer.after(**recorded))
            .collect();
        let lengths: Vec<usize> = all.iter().map(|one| one.events.len()).collect();
        match self.runs.record(all, self.clock.now()).await {
            Ok(stopped) => {
                for ((answer, recorded), length) in held.iter_mut().zip(lengths) {
                    if stopped.contains(&answer.id) {
                        answer.stop.cancel();
                    } else {
                        **recorded += length;
                    }
                }
            }
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "events of answers could not be recorded yet");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures::{FutureExt, poll};

    use super::*;

    fn word(text: &str) -> AnswerEvent {
        AnswerEvent::Delta(text.to_owned())
    }

    #[test]
    fn readers_wait_where_many_answers_are_made() {
        let live = LiveAnswers::default();
        let mut pauses = vec![];
        for count in 1..=400 {
            live.open(&count.to_string(), "ada");
            if [1, 19, 20, 100, 400].contains(&count) {
                pauses.push(live.pause().as_millis());
            }
        }
        assert_eq!(pauses, [0, 0, 5, 25, 50]);
    }

    #[tokio::test]
    async fn who_was_given_words_waits_for_more_than_one() {
        let answer = LiveAnswers::default().open("an answer", "ada");
        let mut reader = answer.read(0);
        let long = || Duration::from_hours(1);
        let given = |next: Option<Option<Numbered>>| next.flatten().map(|told| told.event);

        // The first ones, and all that there are, come at once.
        answer.tell(word("It "));
        answer.tell(word("flies"));
        assert_eq!(given(reader.next(long).now_or_never()), Some(word("It ")));
        assert_eq!(given(reader.next(long).now_or_never()), Some(word("flies")));
        {
            let mut next = pin!(reader.next(long));
            assert!(poll!(&mut next).is_pending());
            answer.tell(word(" up"));
            assert!(poll!(&mut next).is_pending());
        }
        let none = || Duration::ZERO;
        assert_eq!(given(reader.next(none).now_or_never()), Some(word(" up")));
        let mut next = pin!(reader.next(none));
        assert!(poll!(&mut next).is_pending());
        answer.tell(AnswerEvent::interrupted());
        assert!(poll!(&mut next).is_ready());
    }

    #[tokio::test]
    async fn nobody_records_what_is_recorded_with_the_last_event() {
        let answer = LiveAnswers::default().open("an answer", "ada");
        answer.tell(AnswerEvent::Delta("It ".to_owned()));
        let last = AnswerEvent::interrupted();
        let (held, rest) = answer.rest(last.clone()).await;
        let told = [AnswerEvent::Delta("It ".to_owned()), last];
        assert_eq!((rest.first, rest.events.as_slice()), (1, told.as_slice()));
        assert!(answer.recorded.try_lock().is_err());
        drop(held);
        assert!(answer.recorded.try_lock().is_ok());
    }
}
