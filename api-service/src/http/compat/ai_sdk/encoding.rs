//! An answer as parts of a message.

use axum::response::sse::Event;

use super::wire::{
    BegunWire, CitationWire, LinkWire, NoticeWire, OursWire, PartWire, RetrievalWire,
};
use crate::{
    domain::{
        answer::{AnswerEvent, Citation},
        chunk::Passage,
        document::MediaType,
    },
    http::source_places::{Placed, SourcePlace},
};

/// The only text of a message.
const TEXT: &str = "text";

/// A message that comes into being.
#[derive(Default)]
pub(super) struct Message {
    /// The text so far, which citations point into.
    text: String,
    citations: usize,
}

impl Message {
    fn take(&mut self, told: Placed) -> Vec<PartWire> {
        match told.event {
            AnswerEvent::Started {
                conversation_id,
                message_id,
                ..
            } => {
                let start = PartWire::Start {
                    message_id,
                    message_metadata: BegunWire {
                        conversation_id: conversation_id.0,
                    },
                };
                vec![start, PartWire::StartStep]
            }
            AnswerEvent::Retrieval { queries, sources } => {
                let retrieval = PartWire::DataRetrieval {
                    data: RetrievalWire {
                        query: queries.join("\n"),
                        hits: sources.len(),
                    },
                    transient: true,
                };
                let each = sources.iter().zip(told.places).enumerate();
                let each = each.map(|(index, (passage, place))| source(index + 1, passage, place));
                [retrieval].into_iter().chain(each).collect()
            }
            AnswerEvent::Delta(delta) => {
                let begins = self
                    .text
                    .is_empty()
                    .then_some(PartWire::TextStart { id: TEXT });
                self.text.push_str(&delta);
                let delta = PartWire::TextDelta { id: TEXT, delta };
                begins.into_iter().chain([delta]).collect()
            }
            AnswerEvent::Citation(citation) => vec![self.citation(citation)],
            AnswerEvent::Notice { code, message } => {
                let data = NoticeWire { code, message };
                vec![PartWire::DataNotice { data }]
            }
            AnswerEvent::Usage(_) => vec![],
            AnswerEvent::Completed(answer) => {
                let ends = (!self.text.is_empty()).then_some(PartWire::TextEnd { id: TEXT });
                let finish = PartWire::Finish {
                    message_metadata: answer.into(),
                };
                ends.into_iter()
                    .chain([PartWire::FinishStep, finish])
                    .collect()
            }
            AnswerEvent::Failed { message, .. } => vec![PartWire::Error {
                error_text: message,
            }],
        }
    }

    fn citation(&mut self, citation: Citation) -> PartWire {
        self.citations += 1;
        let units = |bytes| {
            let before = self.text.get(..bytes).unwrap_or(&self.text);
            before.encode_utf16().count()
        };
        PartWire::DataCitation {
            id: format!("citation-{}", self.citations),
            data: CitationWire {
                source_id: source_id(citation.number),
                start: units(citation.sentence.start),
                end: units(citation.sentence.end),
                quote: citation.quote,
                supported: citation.supported,
            },
        }
    }
}

fn source_id(number: usize) -> String {
    format!("source-{number}")
}

/// The source of this number: a page of the web, or a document that is here.
fn source(number: usize, passage: &Passage, place: SourcePlace) -> PartWire {
    let source_id = source_id(number);
    let title = passage.document_name().to_owned();
    match (place.file, place.url) {
        (None, Some(url)) => PartWire::SourceUrl {
            source_id,
            url,
            title,
        },
        (file, url) => PartWire::SourceDocument {
            source_id,
            media_type: file.unwrap_or(MediaType::Plain).as_str(),
            title,
            filename: file_name(&passage.path),
            provider_metadata: url.map(|url| OursWire {
                lectern: LinkWire { url },
            }),
        },
    }
}

fn file_name(path: &str) -> Option<String> {
    let name = path.rsplit(['/', '\\']).next();
    name.filter(|name| !name.is_empty()).map(str::to_owned)
}

/// What an event of the answer is on the wire.
pub(super) fn streamed(message: &mut Message, told: Placed) -> Vec<Event> {
    let is_last = told.event.is_last();
    let parts = message.take(told).into_iter();
    let events = parts.map(|part| Event::default().data(part.json()));
    let done = is_last.then(|| Event::default().data("[DONE]"));
    events.chain(done).collect()
}
