//! How an answer's pieces go on where many answers are written at a time: the
//! first one at once, those that follow a few at a time. Each piece wakes its
//! reader and is sent on its own, which is what a busy machine does most; who
//! waits for a first word is worth more than how finely the rest is cut.

use std::{pin::Pin, time::Duration};

use futures::{FutureExt, Stream, StreamExt, stream};

use super::{
    App,
    ports::{GenerationError, Piece},
};

/// Up to so many answers at a time, each piece goes on as it comes.
const FEW: usize = 32;

/// The longest pause between pieces: an answer still grows ten times a second.
const LONGEST: Duration = Duration::from_millis(100);

type Next = Result<Piece, GenerationError>;
type Pieces = Pin<Box<dyn Stream<Item = Next> + Send>>;

struct Paced<'a> {
    app: &'a App,
    pieces: Pieces,
    /// What came after a text, and ends it.
    kept: Option<Next>,
    /// Whether the end came then.
    over: bool,
    /// Whether a text went on already.
    began: bool,
}

/// The pieces of an answer, paced by how many answers are written here.
pub(super) fn paced(app: &App, pieces: Pieces) -> impl Stream<Item = Next> + Send + '_ {
    let paced = Paced {
        app,
        pieces,
        kept: None,
        over: false,
        began: false,
    };
    stream::unfold(paced, |mut paced| async {
        let next = paced.next().await?;
        Some((next, paced))
    })
}

impl Paced<'_> {
    async fn next(&mut self) -> Option<Next> {
        if self.kept.is_some() || self.over {
            return self.kept.take();
        }
        let pause = pause_among(self.app.live.count());
        if !self.began || pause.is_zero() {
            let next = self.pieces.next().await;
            self.began |= matches!(next, Some(Ok(Piece::Text(_))));
            return next;
        }
        tokio::time::sleep(pause).await;
        match self.pieces.next().await {
            Some(Ok(Piece::Text(text))) => Some(Ok(Piece::Text(self.with_ready(text)))),
            other => other,
        }
    }

    /// A text together with those that are there already.
    fn with_ready(&mut self, mut text: String) -> String {
        while let Some(next) = self.pieces.next().now_or_never() {
            match next {
                Some(Ok(Piece::Text(more))) => text += &more,
                other => {
                    self.over = other.is_none();
                    self.kept = other;
                    break;
                }
            }
        }
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

    #[test]
    fn few_answers_wait_for_nothing_and_many_not_long() {
        let pauses = [0, 1, 32, 33, 100, 200, 5_000].map(pause_among);
        let millis = pauses.map(|pause| pause.as_millis());
        assert_eq!(millis, [0, 0, 0, 16, 50, 100, 100]);
    }
}
