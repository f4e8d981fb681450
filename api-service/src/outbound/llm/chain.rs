//! Models that stand in for one another: each is tried again where that may
//! help, and then the next one is asked.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::Stream;
use service_kit::clock::{Clock, Randomness};
use tokio::time::{Instant, timeout_at};

use super::{
    ChainSettings, Failure,
    breaker::Breaker,
    clients::{Clients, NewClient},
    model::Model,
    queue::{Queue, Ticket},
    reply::{Reply, Token},
    tokens::TokenCounter,
};
use crate::{
    app::ports::{Generation, GenerationError, Generator, Piece, Place, Prompt},
    domain::principal::Scope,
};

/// How often one model is asked for one answer.
const ATTEMPTS: u32 = 3;

/// The pause before the second attempt, in milliseconds; it doubles.
const PAUSE: u64 = 250;

/// How soon somebody whom the full queue turned away may try again.
const TURNED_AWAY: Duration = Duration::from_secs(5);

/// The chain.
pub struct ModelChain {
    links: Arc<Links>,
    queue: Arc<Queue>,
    timeout: Duration,
    tokens: TokenCounter,
    window: usize,
}

struct Links {
    models: Vec<Link>,
    randomness: Arc<dyn Randomness>,
}

struct Link {
    model: Model,
    breaker: Arc<Breaker>,
}

/// Somebody's place in the queue.
struct ChainPlace {
    links: Arc<Links>,
    ticket: Arc<Ticket>,
    deadline: Instant,
}

impl ModelChain {
    /// The models of `settings`, over clients of one kind. It may load a tokenizer,
    /// which takes half a second. The error is that of the first client.
    pub fn new(
        settings: ChainSettings,
        client: NewClient,
        clock: &Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
    ) -> reqwest::Result<Self> {
        let clients = Arc::new(Clients::new(client)?);
        let first = settings.models.first();
        let tokens = TokenCounter::of(first.map_or("", |model| &model.model));
        // What any of them can read.
        let windows = settings.models.iter().map(|model| model.window);
        let window = windows.min().unwrap_or_default();
        let link = |model| Link {
            model: Model::new(
                model,
                clients.clone(),
                clock.clone(),
                settings.first_token_timeout,
                settings.max_output,
            ),
            breaker: Arc::new(Breaker::new(clock.clone())),
        };
        Ok(Self {
            links: Arc::new(Links {
                models: settings.models.into_iter().map(link).collect(),
                randomness,
            }),
            queue: Queue::new(settings.at_once, settings.waiting),
            timeout: settings.timeout,
            tokens,
            window,
        })
    }
}

impl Generator for ModelChain {
    fn admit(&self, caller: &Scope) -> Result<Box<dyn Place>, GenerationError> {
        let ticket = self.queue.join(caller.owner());
        let ticket = ticket.ok_or(GenerationError::Busy(TURNED_AWAY))?;
        Ok(Box::new(ChainPlace {
            links: self.links.clone(),
            ticket: Arc::new(ticket),
            deadline: Instant::now() + self.timeout,
        }))
    }

    fn count_tokens(&self, text: &str) -> usize {
        self.tokens.count(text)
    }

    fn window(&self) -> usize {
        self.window
    }
}

#[async_trait]
impl Place for ChainPlace {
    async fn generate(&self, prompt: Prompt) -> Result<Generation, GenerationError> {
        let begun = timeout_at(self.deadline, async {
            self.ticket.turn().await;
            self.links.begin(&prompt, self.deadline).await
        });
        let (reply, link) = begun.await.map_err(|_| GenerationError::TooSlow)??;
        let under_way = UnderWay {
            reply,
            breaker: link.breaker.clone(),
            deadline: self.deadline,
            _ticket: self.ticket.clone(),
        };
        Ok(Generation {
            model: link.model.settings.model.clone(),
            pieces: Box::pin(pieces(under_way)),
        })
    }
}

impl Links {
    /// The first text of the first model that has one.
    async fn begin(
        &self,
        prompt: &Prompt,
        deadline: Instant,
    ) -> Result<(Reply, &Link), GenerationError> {
        let mut last = Failure::LeftAlone;
        for link in &self.models {
            match self.begin_with(link, prompt, deadline).await {
                Ok(reply) => return Ok((reply, link)),
                Err(failure) => {
                    let cause: &dyn std::error::Error = &failure;
                    let settings = &link.model.settings;
                    let (provider, model) = (&settings.provider, &settings.model);
                    tracing::warn!(cause, provider, model, "a language model did not answer");
                    last = failure;
                }
            }
        }
        Err(GenerationError::Failed(Box::new(last)))
    }

    async fn begin_with(
        &self,
        link: &Link,
        prompt: &Prompt,
        deadline: Instant,
    ) -> Result<Reply, Failure> {
        if !link.breaker.lets_through() {
            return Err(Failure::LeftAlone);
        }
        let mut attempt = 0;
        loop {
            attempt += 1;
            let failure = match link.model.begin(prompt).await {
                Ok(reply) => return Ok(reply),
                Err(failure) => failure,
            };
            link.note(&failure);
            let pause = failure.after().unwrap_or_else(|| self.pause(attempt));
            // Half of the time that is left is for who can answer now.
            let left = deadline.saturating_duration_since(Instant::now());
            if !failure.is_passing() || attempt == ATTEMPTS || pause > left / 2 {
                return Err(failure);
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Between a half and the whole of a pause, so that those who failed
    /// together do not come again together.
    fn pause(&self, attempt: u32) -> Duration {
        let whole = PAUSE << (attempt - 1);
        let mut bytes = [0; 8];
        self.randomness.fill(&mut bytes);
        let part = u64::from_be_bytes(bytes) % (whole / 2 + 1);
        Duration::from_millis(whole - part)
    }
}

impl Link {
    fn note(&self, failure: &Failure) {
        if failure.is_of_the_model() {
            self.breaker.failed(failure.after());
        }
    }
}

/// An answer whose first text is there.
struct UnderWay {
    reply: Reply,
    breaker: Arc<Breaker>,
    deadline: Instant,
    /// The turn lasts until the answer ends.
    _ticket: Arc<Ticket>,
}

/// The pieces of an answer, until it ends, fails or is too slow.
fn pieces(under_way: UnderWay) -> impl Stream<Item = Result<Piece, GenerationError>> + Send {
    futures::stream::unfold(Some(under_way), |open| async move {
        let mut open = open?;
        loop {
            let piece = match timeout_at(open.deadline, open.reply.next()).await {
                Err(_) => return Some((Err(GenerationError::TooSlow), None)),
                Ok(Ok(None)) => {
                    open.breaker.succeeded();
                    return None;
                }
                Ok(Err(failure)) => {
                    if failure.is_of_the_model() {
                        open.breaker.failed(failure.after());
                    }
                    return Some((Err(GenerationError::Failed(Box::new(failure))), None));
                }
                Ok(Ok(Some(Token::Thought))) => continue,
                Ok(Ok(Some(Token::Text(text)))) => Piece::Text(text),
                Ok(Ok(Some(Token::Usage(usage)))) => Piece::Usage(usage),
                Ok(Ok(Some(Token::Limit))) => Piece::Limit,
            };
            return Some((Ok(piece), Some(open)));
        }
    })
}
