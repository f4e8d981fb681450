//! Writing an answer: prompt → generate → cite → remember, or extracts where
//! no language model answers.

use std::sync::Arc;

use futures::StreamExt;
use service_kit::clock::Millis;
use tokio::sync::mpsc;

use super::{
    App,
    budget::Metered,
    ports::{GenerationError, Piece, Place},
};
use crate::{
    domain::{
        answer::{Answer, AnswerEvent, AnswerKind, Evidence, TokenUsage},
        chunk::Passage,
        conversation::{ConversationId, NewMessage, Speaker, Turn},
        principal::Scope,
        question::Question,
    },
    pipeline::{
        citing::CitationFilter,
        extracting::{candidates, pick},
        prompt::prompt,
    },
};

/// An answer that is being made.
pub(super) struct Answering {
    pub(super) app: Arc<App>,
    pub(super) scope: Scope,
    pub(super) question: Question,
    pub(super) conversation_id: ConversationId,
    pub(super) question_id: String,
    pub(super) message_id: String,
    pub(super) history: Vec<Turn>,
    pub(super) passages: Vec<Passage>,
    pub(super) place: Option<Metered>,
    pub(super) began: Millis,
    pub(super) reader: mpsc::Sender<AnswerEvent>,
}

/// The reader has gone: nobody wants the rest.
struct Gone;

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

/// Why an answer ends whose reader has gone.
const STOPPED: &str = "stopped";

impl Written {
    fn stopped() -> Self {
        Self {
            broken: Some(STOPPED),
            ..Self::of(AnswerKind::Generated, String::new())
        }
    }

    fn of(kind: AnswerKind, text: String) -> Self {
        Self {
            kind,
            text,
            evidence: Evidence::default(),
            model: None,
            usage: TokenUsage {
                prompt: 0,
                completion: 0,
            },
            broken: None,
        }
    }
}

impl Answering {
    /// Writes it, tells the reader, and keeps it.
    pub(super) async fn run(self) {
        let written = match self.write().await {
            Ok(written) => written,
            Err(Gone) => return,
        };
        // The reader went before there was a word of the answer.
        if written.broken == Some(STOPPED) && written.text.is_empty() {
            return;
        }
        let message = NewMessage {
            id: self.message_id.clone(),
            speaker: Speaker::Assistant,
            content: written.text.clone(),
            complete: written.broken.is_none(),
            sources: self.passages.clone(),
            evidence: written.evidence.clone(),
        };
        let kept = self.app.keep(&self.scope, &self.conversation_id, message);
        if let Err(error) = kept.await {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, "an answer could not be kept in its conversation");
        }
        let event = match written.broken {
            Some(code) => AnswerEvent::Failed {
                code,
                message: "The answer broke off; ask again.".to_owned(),
            },
            None => AnswerEvent::Completed(Answer {
                kind: written.kind,
                text: written.text,
                sources: self.passages.clone(),
                evidence: written.evidence,
                model: written.model,
                usage: written.usage,
                processing_time_ms: self.app.clock.now() - self.began,
            }),
        };
        // A reader that has gone by now misses nothing that was not kept.
        let _ = self.reader.send(event).await;
    }

    async fn write(&self) -> Result<Written, Gone> {
        self.tell(AnswerEvent::Started {
            conversation_id: self.conversation_id.clone(),
            question_id: self.question_id.clone(),
            message_id: self.message_id.clone(),
        })
        .await?;
        self.tell(AnswerEvent::Retrieval {
            queries: vec![self.question.text().to_owned()],
            sources: self.passages.clone(),
        })
        .await?;
        if let Some(notice) = self.place.as_ref().and_then(|place| place.notice.clone()) {
            self.tell(notice).await?;
        }
        if let Some(place) = &self.place
            && !self.passages.is_empty()
        {
            match self.generate(place).await {
                Ok(written) => return Ok(written),
                Err(error) => {
                    {
                        let error: &dyn std::error::Error = &error;
                        tracing::warn!(error, "no language model began; the answer is extractive");
                    }
                    self.tell(model_unavailable()).await?;
                }
            }
        }
        self.extract().await
    }

    async fn tell(&self, event: AnswerEvent) -> Result<(), Gone> {
        self.reader.send(event).await.map_err(|_| Gone)
    }

    /// Lets the model write. An error means that it did not begin.
    async fn generate(&self, place: &dyn Place) -> Result<Written, GenerationError> {
        let prompt = prompt(self.question.text(), &self.passages, self.history.clone());
        let mut generation = tokio::select! {
            begun = place.generate(prompt) => begun?,
            () = self.reader.closed() => return Ok(Written::stopped()),
        };
        let mut filter = CitationFilter::new(self.passages.len());
        let (mut text, mut usage, mut broken) = (String::new(), TokenUsage::default(), None);
        loop {
            let next = tokio::select! {
                next = generation.pieces.next() => next,
                () = self.reader.closed() => {
                    broken = Some(STOPPED);
                    break;
                }
            };
            match next {
                Some(Ok(Piece::Text(piece))) => self.show(&mut text, filter.push(&piece)).await,
                Some(Ok(Piece::Usage(used))) => usage = used,
                Some(Ok(Piece::Limit)) => self.show_limit().await,
                Some(Err(error)) if text.is_empty() => return Err(error),
                Some(Err(error)) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(error, "the language model broke off");
                    broken = Some("model_broke_off");
                    break;
                }
                None => break,
            }
        }
        let (rest, cited) = filter.finish();
        self.show(&mut text, rest).await;
        if broken.is_none() && text.trim().is_empty() {
            return Err(GenerationError::Failed("the model said nothing".into()));
        }
        let evidence = self.app.evidence(&text, &cited, &self.passages);
        Ok(Written {
            evidence,
            model: Some(generation.model),
            usage,
            broken,
            ..Written::of(AnswerKind::Generated, text)
        })
    }

    /// A reader that goes is noticed when the next piece is waited for.
    async fn show(&self, text: &mut String, mut piece: String) {
        if text.is_empty() {
            piece = piece.trim_start().to_owned();
        }
        if !piece.is_empty() {
            text.push_str(&piece);
            let _ = self.tell(AnswerEvent::Delta(piece)).await;
        }
    }

    async fn show_limit(&self) {
        let notice = AnswerEvent::Notice {
            code: "answer_shortened",
            message: "The answer is as long as it may be, and ends here.".to_owned(),
        };
        let _ = self.tell(notice).await;
    }

    /// Answers with the sources' own sentences.
    async fn extract(&self) -> Result<Written, Gone> {
        let candidates = candidates(&self.passages);
        let mut texts = vec![self.question.text().to_owned()];
        texts.extend(candidates.iter().map(|candidate| candidate.text.clone()));
        let vectors = match self.app.space().dense.embed_question(texts).await {
            Ok(vectors) => vectors,
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, "sentences could not be embedded");
                return Ok(Written {
                    broken: Some("internal"),
                    ..Written::of(AnswerKind::Extractive, String::new())
                });
            }
        };
        let nearness: Vec<f32> = match vectors.split_first() {
            Some((asked, said)) => said.iter().map(|vector| dot(asked, vector)).collect(),
            None => vec![],
        };
        let picked = pick(self.question.text(), &candidates, &nearness);
        let kind = if picked.is_empty() {
            AnswerKind::NothingFound
        } else {
            AnswerKind::Extractive
        };
        let mut cited: Vec<usize> = picked
            .iter()
            .map(|candidate| candidate.passage + 1)
            .collect();
        cited.dedup();
        let mut lines = vec![introduction(kind).to_owned()];
        lines.extend(
            picked
                .iter()
                .map(|said| format!("- {} [{}]", said.text, said.passage + 1)),
        );
        let text = lines.join("\n");
        let mut told = String::new();
        for piece in text.split_inclusive('\n') {
            if self
                .tell(AnswerEvent::Delta(piece.to_owned()))
                .await
                .is_err()
            {
                return Ok(Written {
                    evidence: self.app.evidence(&told, &cited, &self.passages),
                    broken: Some(STOPPED),
                    ..Written::of(kind, told)
                });
            }
            told.push_str(piece);
        }
        Ok(Written {
            evidence: self.app.evidence(&text, &cited, &self.passages),
            ..Written::of(kind, text)
        })
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

const fn introduction(kind: AnswerKind) -> &'static str {
    match kind {
        AnswerKind::NothingFound => {
            "The documents say nothing that answers this. The sources are the nearest passages."
        }
        _ => "Extracts from the documents, word for word:\n",
    }
}

/// The cosine of two vectors of length one.
fn dot(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}
