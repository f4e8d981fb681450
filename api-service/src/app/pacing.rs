//! How an answer's pieces go on where many answers are written at a time: the
//! first one at once, those that follow a few at a time. Each piece wakes its
//! reader and is sent on its own, which is what a busy machine does most; who
//! waits for a first word is worth more than how finely the rest is cut.

use std::{pin::Pin, time::Duration};

use futures::{Stream, StreamExt, stream};
use tokio::time::{Instant, sleep_until};

use super::ports::{GenerationError, Piece};

/// Up to so many answers at a time, each piece goes on as it comes.
const FEW: usize = 32;

/// The longest pause between pieces: an answer still grows ten times a second.
const LONGEST: Duration = Duration::from_millis(100);

type Next = Result<Piece, GenerationError>;
type Pieces = Pin<Box<dyn Stream<Item = Next> + Send>>;

struct Paced<F> {
    pieces: Pieces,
    /// How many answers are being written.
    answers: F,
    /// What came after a text, and ends it.
    kept: Option<Next>,
    /// Whether the end came then.
    over: bool,
    /// When a text went on last.
    last: Option<Instant>,
}

/// The pieces of an answer, paced by how many `answers` are being written.
pub(super) fn paced<F>(pieces: Pieces, answers: F) -> impl Stream<Item = Next> + Send
where
    F: Fn() -> usize + Send,
{
    let paced = Paced {
        pieces,
        answers,
        kept: None,
        over: false,
        last: None,
    };
    stream::unfold(paced, |mut paced| async {
        let next = paced.next().await?;
        Some((next, paced))
    })
}

impl<F: Fn() -> usize> Paced<F> {
    async fn next(&mut self) -> Option<Next> {
        if self.kept.is_some() || self.over {
            return self.kept.take();
        }
        match self.pieces.next().await {
            Some(Ok(Piece::Text(text))) => Some(Ok(Piece::Text(self.together(text).await))),
            other => other,
        }
    }

    /// A text with those that come until it is time for the next one.
    async fn together(&mut self, mut text: String) -> String {
        let pause = pause_among((self.answers)());
        if let Some(last) = self.last.filter(|_| !pause.is_zero()) {
            let due = sleep_until(last + pause);
            tokio::pin!(due);
            loop {
                let next = tokio::select! {
                    biased;
                    next = self.pieces.next() => next,
                    () = &mut due => break,
                };
                match next {
                    Some(Ok(Piece::Text(more))) => text += &more,
                    other => {
                        self.over = other.is_none();
                        self.kept = other;
                        break;
                    }
                }
            }
        }
        self.last = Some(Instant::now());
        text
    }
}

fn pause_among(answers: usize) -> Duration {
    if answers <= FEW {
        return Duration::ZERO;
    }
    let millis = u64::try_from(answers / 2).unwrap_or(u64::MAX);
    Duration::from_millis(millis).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::answer::TokenUsage;

    #[test]
    fn few_answers_wait_for_nothing_and_many_not_long() {
        let pauses = [0, 1, 32, 33, 100, 200, 5_000].map(pause_among);
        let millis = pauses.map(|pause| pause.as_millis());
        assert_eq!(millis, [0, 0, 0, 16, 50, 100, 100]);
    }

    /// What goes on of these pieces, until nothing more comes.
    async fn paced_among(answers: usize, pieces: Vec<Piece>) -> Vec<Piece> {
        let pieces = stream::iter(pieces).map(Ok);
        let paced = paced(Box::pin(pieces), move || answers);
        paced.map(Result::unwrap).collect().await
    }

    fn texts(texts: &[&str]) -> Vec<Piece> {
        let owned = texts.iter().map(|text| Piece::Text((*text).to_owned()));
        owned.collect()
    }

    #[tokio::test]
    async fn among_few_answers_each_piece_goes_on_as_it_comes() {
        let said = texts(&["1", "2", "3", "4"]);
        assert_eq!(paced_among(32, said.clone()).await, said);
    }

    #[tokio::test]
    async fn among_many_the_first_waits_for_nothing_and_those_that_follow_go_together() {
        let usage = vec![Piece::Usage(TokenUsage::default())];
        let said = [texts(&["1", "2", "3", "4"]), usage.clone(), texts(&["5"])].concat();
        let heard = [texts(&["1", "234"]), usage, texts(&["5"])].concat();
        assert_eq!(paced_among(33, said).await, heard);
    }

    #[tokio::test]
    async fn a_piece_goes_on_though_no_other_comes() {
        let said = stream::iter(texts(&["1", "2"]))
            .map(Ok)
            .chain(stream::pending());
        let paced = paced(Box::pin(said), || 200).take(2);
        let heard: Vec<Piece> = paced.map(Result::unwrap).collect().await;
        assert_eq!(heard, texts(&["1", "2"]));
    }
}
