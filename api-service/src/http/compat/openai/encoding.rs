//! An answer as chat completions tell it: whole, or piece by piece.

use std::{pin::pin, sync::Arc};

use axum::response::sse::Event;
use futures::{Stream, StreamExt};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::wire::{
    AnnotationWire, AnswerWire, ChoiceWire, ChunkChoiceWire, ChunkUsageWire, ChunkWire,
    CompletionBody, CompletionWire, DeltaWire, ErrorBody, Wire,
};
use crate::{
    app::error::Error,
    domain::{
        answer::{Answer, AnswerEvent, Citation, TokenUsage},
        chunk::Passage,
    },
    http::{
        HttpState,
        source_places::{Placed, SourcePlace},
    },
};

/// What begins the list of sources at the end of an answer.
const FOOTER: &str = "\n\n---\n\n**Sources**\n";

/// What the address of a link can't hold in Markdown.
const NOT_IN_LINKS: &AsciiSet = &CONTROLS.add(b' ').add(b'<').add(b'>').add(b'(').add(b')');

/// A completion that comes into being.
pub(super) struct Completion {
    id: String,
    created: i64,
    model: String,
    /// The answer so far, which citations point into.
    text: String,
    sources: Arc<[Passage]>,
    places: Vec<SourcePlace>,
    finish_reason: &'static str,
    usage: TokenUsage,
    includes_usage: bool,
    has_footer: bool,
}

/// What an event adds to a completion.
enum Piece {
    Begin,
    Text(String),
    Annotation(AnnotationWire),
    End,
    Failed(&'static str, String),
}

impl Completion {
    pub(super) fn new(body: &CompletionBody, state: &HttpState) -> Self {
        Self {
            id: String::new(),
            created: state.app.clock.now() / 1000,
            model: body.model.clone(),
            text: String::new(),
            sources: Arc::default(),
            places: vec![],
            finish_reason: "stop",
            usage: TokenUsage::default(),
            includes_usage: body.includes_usage(),
            has_footer: state.sources_footer && body.wants_footer(),
        }
    }

    fn take(&mut self, told: Placed) -> Vec<Piece> {
        match told.event {
            AnswerEvent::Started { message_id, .. } => {
                self.id = format!("chatcmpl-{message_id}");
                vec![Piece::Begin]
            }
            AnswerEvent::Retrieval { sources, .. } => {
                (self.sources, self.places) = (sources, told.places);
                vec![]
            }
            AnswerEvent::Delta(text) => {
                self.text.push_str(&text);
                vec![Piece::Text(text)]
            }
            AnswerEvent::Citation(citation) => {
                let annotation = self.annotation(&citation);
                annotation.map(Piece::Annotation).into_iter().collect()
            }
            AnswerEvent::Notice { code, .. } => {
                if code == "answer_shortened" {
                    self.finish_reason = "length";
                }
                vec![]
            }
            AnswerEvent::Usage(_) => vec![],
            AnswerEvent::Completed(answer) => {
                self.usage = answer.usage;
                let footer = self.footer(&answer).map(Piece::Text);
                footer.into_iter().chain([Piece::End]).collect()
            }
            AnswerEvent::Failed { code, message } => vec![Piece::Failed(code, message)],
        }
    }

    /// The title and the address of the source of this number.
    fn source(&self, number: usize) -> Option<(&str, &str)> {
        let index = number.checked_sub(1)?;
        let source = self.sources.get(index)?;
        let url = self.places.get(index)?.url.as_deref()?;
        Some((source.document_name(), url))
    }

    fn annotation(&self, citation: &Citation) -> Option<AnnotationWire> {
        let (title, url) = self.source(citation.number)?;
        let characters = |bytes: usize| Some(self.text.get(..bytes)?.chars().count());
        let start = characters(citation.sentence.start)?;
        let end = characters(citation.sentence.end)?;
        Some(AnnotationWire::new(
            start,
            end,
            title.to_owned(),
            url.to_owned(),
        ))
    }

    /// The list of the sources that the answer cites.
    fn footer(&self, answer: &Answer) -> Option<String> {
        let cited = answer.cited();
        let lines = cited.into_iter().filter_map(|number| {
            let (title, url) = self.source(number)?;
            let title = title.replace(['[', ']', '\\', '\n'], " ");
            let url = utf8_percent_encode(url, NOT_IN_LINKS);
            Some(format!("\n- [{number}] [{title}]({url})"))
        });
        let lines: String = lines.collect();
        (self.has_footer && !lines.is_empty()).then(|| format!("{FOOTER}{lines}"))
    }

    /// Waits for the whole of it.
    pub(super) async fn whole(
        mut self,
        answer: impl Stream<Item = Placed>,
    ) -> Result<CompletionWire, Error> {
        let mut answer = pin!(answer);
        let (mut content, mut annotations) = (String::new(), vec![]);
        while let Some(told) = answer.next().await {
            for piece in self.take(told) {
                match piece {
                    Piece::Begin => {}
                    Piece::Text(text) => content.push_str(&text),
                    Piece::Annotation(annotation) => annotations.push(annotation),
                    Piece::End => return Ok(self.completed(content, annotations)),
                    Piece::Failed(code, message) => {
                        return Err(Error::AnswerFailed(code, message));
                    }
                }
            }
        }
        Err(Error::broke_off())
    }

    fn completed(self, content: String, annotations: Vec<AnnotationWire>) -> CompletionWire {
        CompletionWire {
            id: self.id,
            object: "chat.completion",
            created: self.created,
            model: self.model,
            choices: [ChoiceWire {
                index: 0,
                message: AnswerWire {
                    role: "assistant",
                    content,
                    refusal: (),
                    annotations,
                },
                finish_reason: self.finish_reason,
                logprobs: (),
            }],
            usage: self.usage.into(),
        }
    }

    fn chunk(&self, delta: DeltaWire, finish_reason: Option<&'static str>) -> ChunkWire {
        let choice = ChunkChoiceWire {
            index: 0,
            delta,
            finish_reason,
        };
        self.bare(vec![choice], ChunkUsageWire::NotYet(()))
    }

    fn bare(&self, choices: Vec<ChunkChoiceWire>, usage: ChunkUsageWire) -> ChunkWire {
        ChunkWire {
            id: self.id.clone(),
            object: "chat.completion.chunk",
            created: self.created,
            model: self.model.clone(),
            choices,
            usage: self.includes_usage.then_some(usage),
        }
    }

    fn events(&self, piece: Piece) -> Vec<Event> {
        let delta = match piece {
            Piece::Begin => DeltaWire {
                role: Some("assistant"),
                content: Some(String::new()),
                ..DeltaWire::default()
            },
            Piece::Text(text) => DeltaWire {
                content: Some(text),
                ..DeltaWire::default()
            },
            Piece::Annotation(annotation) => DeltaWire {
                annotations: vec![annotation],
                ..DeltaWire::default()
            },
            Piece::End => return self.end(),
            // Clients raise it, and read no further.
            Piece::Failed(code, message) => {
                return vec![data(&ErrorBody::new(
                    message,
                    "server_error",
                    None,
                    Some(code),
                ))];
            }
        };
        vec![data(&self.chunk(delta, None))]
    }

    fn end(&self) -> Vec<Event> {
        let mut events = vec![data(
            &self.chunk(DeltaWire::default(), Some(self.finish_reason)),
        )];
        if self.includes_usage {
            events.push(data(
                &self.bare(vec![], ChunkUsageWire::Whole(self.usage.into())),
            ));
        }
        events.push(Event::default().data("[DONE]"));
        events
    }
}

/// What an event of the answer is on the wire.
pub(super) fn streamed(completion: &mut Completion, told: Placed) -> Vec<Event> {
    let pieces = completion.take(told);
    let events = pieces
        .into_iter()
        .flat_map(|piece| completion.events(piece));
    events.collect()
}

fn data(wire: &impl Wire) -> Event {
    Event::default().data(wire.json())
}

/// An answer that a client sends back, without the list of its sources.
pub(super) fn without_footer(mut answer: String) -> String {
    if let Some(at) = answer.rfind(FOOTER) {
        answer.truncate(at);
    }
    answer
}
