//! Writing an answer: prompt → generate → cite → remember, or extracts where
//! no language model answers.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures::StreamExt;
use service_kit::clock::Millis;

use super::{
    App,
    budget::Metered,
    cite::Citing,
    extract::Asking,
    live::LiveAnswer,
    ports::{Ended, Generation, GenerationError, Piece, Place, Prompt},
};
use crate::{
    domain::{
        answer::{Answer, AnswerEvent, AnswerKind, Citation, Evidence, TokenUsage},
        chunk::Passage,
        conversation::{Answered, NewAnswer, Opening, Turn},
        interaction::{AskedTexts, Grounds, Interaction, Logged, Timings},
        principal::Scope,
        question::Question,
    },
    pipeline::{
        citing::CitationFilter,
        linking::LinkFilter,
        prompt::{Wishes, last_turns, prompt},
    },
};

/// How many tokens of the conversation the model is shown at most.
const MOST_OF_HISTORY: usize = 2_000;

/// No answer is longer, in bytes: a model that can't stop is stopped.
const LONGEST_ANSWER: usize = 64 * 1024;

/// An answer that is being made.
pub(super) struct Answering {
    pub(super) app: Arc<App>,
    pub(super) scope: Scope,
    pub(super) question: Question,
    /// The question as it stands alone, which was searched for.
    pub(super) query: Question,
    pub(super) opening: Opening,
    pub(super) history: Vec<Turn>,
    /// How the frontend wishes the answer to be written; may be empty.
    pub(super) wish: String,
    /// Whether the conversation is forgotten once the answer is made.
    pub(super) passing: bool,
    pub(super) passages: Arc<[Passage]>,
    /// The place at the language model, if there is one.
    pub(super) place: Option<Metered>,
    pub(super) began: Millis,
    /// How long it took to come so far.
    pub(super) timings: Timings,
    /// When the first word came.
    pub(super) first_word: OnceLock<Millis>,
    pub(super) live: Arc<LiveAnswer>,
}

/// What became of the text of an answer.
struct Written {
    kind: AnswerKind,
    text: String,
    evidence: Evidence,
    model: Option<String>,
    usage: TokenUsage,
    /// Why it ends before its end, if it does.
    broken: Option<&'static str>,
}

impl Written {
    fn of(kind: AnswerKind, text: String) -> Self {
        Self {
            kind,
            text,
            evidence: Evidence::default(),
            model: None,
            usage: TokenUsage::default(),
            broken: None,
        }
    }
}

/// Why an answer ends that was stopped, or that nobody reads any more.
const STOPPED: &str = "stopped";

/// An answer whose making ends in a panic must not keep its readers waiting.
struct Unfinished(Arc<App>, Arc<LiveAnswer>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        self.0.live.close(&self.1);
    }
}

impl Answering {
    /// Writes it, tells its readers, and keeps it.
    pub(super) async fn run(self) {
        let _unfinished = Unfinished(Arc::clone(&self.app), Arc::clone(&self.live));
        let written = self.write().await;
        self.finish(written).await;
    }

    async fn finish(&self, written: Written) {
        let last = self.last_event(&written);
        let counters = &self.app.counters;
        counters.count(written.kind, written.broken.is_some(), &written.evidence);
        let interaction = self.interaction(&written);
        // Where it was stopped before there was a word of it, there is nothing.
        let answer = (written.broken.is_none() || !written.text.is_empty()).then(|| NewAnswer {
            id: self.opening.answer_id.clone(),
            conversation_id: self.opening.conversation_id.clone(),
            content: written.text,
            answered: Answered {
                kind: written.kind,
                broken: written.broken.map(str::to_owned),
                model: written.model,
                usage: written.usage,
                sources: self.passages.to_vec(),
                evidence: written.evidence,
                feedback: None,
            },
        });
        let (_held, rest) = self.live.rest(last.clone()).await;
        let settled = self.place.as_ref().and_then(Metered::settled);
        let ended = Ended {
            answer,
            interaction,
            settled,
            last: rest,
        };
        let now = self.app.clock.now();
        let kept = self.app.runs.close(&self.scope, ended, now).await;
        if let Err(error) = &kept {
            let error: &dyn std::error::Error = error;
            tracing::error!(error, "an answer could not be kept in its conversation");
        }
        if kept.is_err() {
            self.app.settle(&self.scope, settled).await;
        }
        if self.passing {
            self.forget().await;
        }
        self.tell(last);
    }

    async fn forget(&self) {
        let id = &self.opening.conversation_id;
        if let Err(error) = self.app.conversations.delete(&self.scope, id).await {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, "a conversation that was to pass is kept");
        }
    }

    /// What is logged of it, unless that is switched off.
    fn interaction(&self, written: &Written) -> Option<Interaction> {
        let logged = self.app.interaction_log.logged;
        let asked = || AskedTexts {
            conversation_id: self.opening.conversation_id.clone(),
            question: self.question.text().to_owned(),
            rewritten: Some(self.query.text())
                .filter(|query| *query != self.question.text())
                .map(str::to_owned),
        };
        let first_word = self.first_word.get().map(|at| at - self.began);
        (logged != Logged::Nothing).then(|| Interaction {
            answer_id: self.opening.answer_id.clone(),
            asked_at: self.began,
            texts: (logged == Logged::Full).then(asked),
            kind: written.kind,
            broken: written.broken,
            grounds: Grounds::of(&self.passages, &written.evidence),
            timings: Timings {
                first_word,
                total: self.app.clock.now() - self.began,
                ..self.timings
            },
            model: written.model.clone(),
            usage: self.place.as_ref().map(Metered::used).unwrap_or_default(),
        })
    }

    fn last_event(&self, written: &Written) -> AnswerEvent {
        let message = match written.broken {
            None => {
                return AnswerEvent::Completed(Answer {
                    kind: written.kind,
                    text: written.text.clone(),
                    sources: Arc::clone(&self.passages),
                    evidence: written.evidence.clone(),
                    model: written.model.clone(),
                    usage: written.usage,
                    processing_time_ms: self.app.clock.now() - self.began,
                });
            }
            Some(STOPPED) => "The answer was stopped; what came so far is kept.",
            Some(_) => "The answer broke off; ask again.",
        };
        AnswerEvent::Failed {
            code: written.broken.unwrap_or_default(),
            message: message.to_owned(),
        }
    }

    async fn write(&self) -> Written {
        self.tell(AnswerEvent::Started {
            conversation_id: self.opening.conversation_id.clone(),
            question_id: self.opening.question_id.clone(),
            message_id: self.opening.answer_id.clone(),
        });
        self.tell(AnswerEvent::Retrieval {
            queries: vec![self.query.text().to_owned()],
            sources: Arc::clone(&self.passages),
        });
        if let Some(place) = &self.place
            && !self.passages.is_empty()
        {
            if let Some(notice) = &place.notice {
                self.tell(notice.clone());
            }
            match self.generate(place).await {
                Ok(written) => return written,
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(error, "no language model began; the answer is extractive");
                    self.tell(model_unavailable());
                }
            }
        }
        self.extract().await
    }

    fn tell(&self, event: AnswerEvent) {
        if matches!(event, AnswerEvent::Delta(_)) {
            self.first_word.get_or_init(|| self.app.clock.now());
        }
        self.app.live.tell(&self.live, event);
    }

    /// Ends when the answer is to stop: somebody said so, or nobody has listened
    /// for as long as one may be away.
    async fn stopped(&self) {
        let left = async {
            loop {
                self.live.is_left().await;
                let grace = self.app.grace;
                tokio::time::sleep(grace).await;
                if !self.live.has_readers() && !self.is_listened_to(grace).await {
                    return;
                }
            }
        };
        tokio::select! {
            () = self.live.stop.cancelled() => {}
            () = left => {}
        }
    }

    /// Whether another process tells this answer to somebody.
    async fn is_listened_to(&self, within: Duration) -> bool {
        let within = Millis::try_from(within.as_millis()).unwrap_or(Millis::MAX);
        let since = self.app.clock.now().saturating_sub(within);
        let runs = &self.app.runs;
        let listened = runs.is_listened_to(&self.opening.answer_id, since).await;
        // Who may be there is not left alone.
        listened.unwrap_or(true)
    }

    async fn prompt(&self) -> Prompt {
        let reader = self.app.profiles.of(&self.scope).await;
        let history = match &self.app.generator {
            Some(generator) => {
                let budget = (generator.window() / 4).min(MOST_OF_HISTORY);
                let count = |text: &str| generator.count_tokens(text);
                last_turns(self.history.clone(), budget, count)
            }
            None => vec![],
        };
        let wishes = Wishes {
            reader: &reader,
            frontend: &self.wish,
        };
        prompt(self.question.text(), &wishes, &self.passages, history)
    }

    /// What lets links through that the sources have.
    fn link_filter(&self) -> LinkFilter {
        let texts = self.passages.iter().flat_map(|passage| {
            [&passage.text, &passage.path, &passage.external_id].map(String::as_str)
        });
        LinkFilter::new(texts)
    }

    /// Lets the model write. An error means that it did not begin.
    async fn generate(&self, place: &dyn Place) -> Result<Written, GenerationError> {
        let prompt = self.prompt().await;
        let stopped = self.stopped();
        tokio::pin!(stopped);
        let generation = tokio::select! {
            begun = place.generate(prompt) => begun?,
            () = &mut stopped => return Ok(Written {
                broken: Some(STOPPED),
                ..Written::of(AnswerKind::Generated, String::new())
            }),
        };
        let Generation { model, mut pieces } = generation;
        let mut links = self.link_filter();
        let mut filter = CitationFilter::new(self.passages.len());
        let mut citing = Citing::new(&self.app, &self.scope, &self.passages);
        let mut written = Written::of(AnswerKind::Generated, String::new());
        loop {
            let next = tokio::select! {
                next = pieces.next() => next,
                () = &mut stopped => {
                    written.broken = Some(STOPPED);
                    break;
                }
            };
            match next {
                Some(Ok(Piece::Text(piece))) => {
                    let piece = filter.push(&links.push(&piece));
                    let shown = self.show(&mut written.text, piece);
                    self.tell_citations(citing.push(&shown).await);
                }
                Some(Ok(Piece::Usage(used))) => {
                    written.usage = used;
                    self.tell(AnswerEvent::Usage(used));
                }
                Some(Ok(Piece::Limit)) => self.tell(shortened()),
                Some(Err(error)) if written.text.is_empty() => return Err(error),
                Some(Err(error)) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(error, "the language model broke off");
                    written.broken = Some("model_broke_off");
                    break;
                }
                None => break,
            }
            if written.text.len() > LONGEST_ANSWER {
                written.broken = Some("answer_too_long");
                break;
            }
        }
        let held = filter.push(&links.finish());
        let rest = self.show(&mut written.text, held + &filter.finish());
        self.tell_citations(citing.push(&rest).await);
        if written.broken.is_none() && written.text.trim().is_empty() {
            return Err(GenerationError::Failed("the model said nothing".into()));
        }
        let (last, evidence) = citing.finish().await;
        self.tell_citations(last);
        written.evidence = evidence;
        written.model = Some(model);
        Ok(written)
    }

    /// Shows a piece; gives what of it was shown.
    fn show(&self, text: &mut String, mut piece: String) -> String {
        if text.is_empty() {
            piece.drain(..piece.len() - piece.trim_start().len());
        }
        if !piece.is_empty() {
            text.push_str(&piece);
            self.tell(AnswerEvent::Delta(piece.clone()));
        }
        piece
    }

    fn tell_citations(&self, citations: Vec<Citation>) {
        for citation in citations {
            self.tell(AnswerEvent::Citation(citation));
        }
    }

    /// Answers with the sources' own sentences.
    async fn extract(&self) -> Written {
        let asked = Asking {
            question: self.question.text(),
            query: self.query.text(),
        };
        let extracts = self.app.extract(&self.scope, asked, &self.passages).await;
        let mut citations = extracts.evidence.citations.clone().into_iter().peekable();
        let mut told = 0;
        for piece in extracts.text.split_inclusive('\n') {
            self.tell(AnswerEvent::Delta(piece.to_owned()));
            told += piece.len();
            while let Some(citation) = citations.next_if(|next| next.sentence.end <= told) {
                self.tell(AnswerEvent::Citation(citation));
            }
        }
        Written {
            evidence: extracts.evidence,
            ..Written::of(extracts.kind, extracts.text)
        }
    }
}

fn model_unavailable() -> AnswerEvent {
    AnswerEvent::Notice {
        code: "model_unavailable",
        message: "The language model does not answer just now; these are extracts of the \
                  documents."
            .to_owned(),
    }
}

fn shortened() -> AnswerEvent {
    AnswerEvent::Notice {
        code: "answer_shortened",
        message: "The answer is as long as it may be, and ends here.".to_owned(),
    }
}
