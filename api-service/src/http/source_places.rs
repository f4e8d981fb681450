//! Where the sources of an answer can be seen, for surfaces that show links.

use futures::{Stream, StreamExt};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::HttpState;
use crate::{
    app::{
        ask::Events,
        view_document::{MadeLink, SourceLink},
    },
    domain::{answer::AnswerEvent, chunk::Passage, document::MediaType, principal::Principal},
};

/// What a fragment can't hold (RFC 3986, section 3.5).
const NOT_IN_FRAGMENTS: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`');

/// The path of a link, and the place in the document that it leads to.
pub fn path_of(link: &MadeLink) -> String {
    let mut path = format!("/v1/files/{}", link.token);
    if !link.anchor.is_empty() {
        path.push('#');
        path.extend(utf8_percent_encode(&link.anchor, NOT_IN_FRAGMENTS));
    }
    path
}

/// Where a source can be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourcePlace {
    /// Its URL; none where the reader can't be shown it.
    pub url: Option<String>,
    /// The format of a document that is here; none for a page of the web.
    pub file: Option<MediaType>,
}

/// An event of an answer and, where it tells of sources, their places.
#[derive(Debug)]
pub struct Placed {
    /// The event.
    pub event: AnswerEvent,
    /// The places of its sources, in their order.
    pub places: Vec<SourcePlace>,
}

impl HttpState {
    /// The places of these sources, in their order.
    pub async fn places(&self, caller: &Principal, sources: &[Passage]) -> Vec<SourcePlace> {
        let links = self.app.source_links(caller, sources).await;
        let places = links.into_iter().map(|link| match link {
            SourceLink::Page(url) => SourcePlace {
                url: Some(url),
                file: None,
            },
            SourceLink::File { media_type, link } => SourcePlace {
                url: Some(format!("{}{}", self.public_url, path_of(&link))),
                file: Some(media_type),
            },
            SourceLink::Nowhere => SourcePlace {
                url: None,
                file: Some(MediaType::Plain),
            },
        });
        places.collect()
    }

    /// The events of an answer, with the places of its sources where it tells of
    /// them.
    pub fn placed(&self, caller: Principal, events: Events) -> impl Stream<Item = Placed> + use<> {
        let state = self.clone();
        events.then(move |told| {
            let (state, caller) = (state.clone(), caller.clone());
            async move {
                let places = match &told.event {
                    AnswerEvent::Retrieval { sources, .. } => state.places(&caller, sources).await,
                    _ => vec![],
                };
                Placed {
                    event: told.event,
                    places,
                }
            }
        })
    }
}
