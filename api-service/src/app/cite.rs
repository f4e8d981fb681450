//! Checking what the sentences of an answer rest on: each against the sources
//! that it cites.

use std::{collections::BTreeMap, ops::Range};

use super::App;
use crate::{
    domain::{
        answer::{Citation, Evidence},
        chunk::Passage,
        principal::Scope,
    },
    pipeline::{
        aligning::align,
        claims::{Claim, Claims},
        supporting::{Comparison, ENOUGH, Ground},
    },
};

/// No more texts are embedded for the sentences that come at once: what is
/// beyond is judged by its words.
const MOST_EMBEDDED: usize = 48;

/// A sentence and one source that it cites.
struct Pair<'a> {
    claim: &'a Claim,
    number: usize,
    cited: &'a Cited<'a>,
    comparison: Comparison,
    nearness: Option<f64>,
}

/// A source that was cited: what is needed of it for each claim.
struct Cited<'a> {
    source: &'a Passage,
    ground: Ground<'a>,
    /// What stands at its place in the document; `None` where that can't be said.
    content: Option<String>,
}

/// Checks an answer as it comes.
pub(super) struct Citing<'a> {
    app: &'a App,
    scope: &'a Scope,
    sources: &'a [Passage],
    /// Those that were cited so far, by their numbers.
    cited: BTreeMap<usize, Cited<'a>>,
    claims: Claims,
    evidence: Evidence,
}

impl<'a> Citing<'a> {
    /// Nothing has come yet.
    pub(super) fn new(app: &'a App, scope: &'a Scope, sources: &'a [Passage]) -> Self {
        Self {
            app,
            scope,
            sources,
            cited: BTreeMap::new(),
            claims: Claims::default(),
            evidence: Evidence::default(),
        }
    }

    /// Takes the next piece of the text; gives the citations of the sentences
    /// that are complete.
    pub(super) async fn push(&mut self, piece: &str) -> Vec<Citation> {
        let claims = self.claims.push(piece);
        self.check(&claims).await
    }

    /// Ends the answer; gives the citations that are left, and all in all.
    pub(super) async fn finish(mut self) -> (Vec<Citation>, Evidence) {
        let claims = std::mem::take(&mut self.claims).finish();
        let last = self.check(&claims).await;
        (last, self.evidence)
    }

    async fn check(&mut self, claims: &[Claim]) -> Vec<Citation> {
        if claims.is_empty() {
            return vec![];
        }
        self.look_at(claims).await;
        let new = self.app.cite(&self.cited, claims).await;
        self.evidence.unsupported.extend(new.unsupported);
        self.evidence.citations.extend(new.citations.clone());
        new.citations
    }

    /// Makes the sources ready that these sentences cite.
    async fn look_at(&mut self, claims: &[Claim]) {
        for &number in claims.iter().flat_map(|claim| &claim.numbers) {
            let source = number.checked_sub(1).and_then(|at| self.sources.get(at));
            let Some(source) = source.filter(|_| !self.cited.contains_key(&number)) else {
                continue;
            };
            let heading = format!("{} {}", source.title, source.heading);
            let cited = Cited {
                source,
                ground: Ground::new(heading, &source.text),
                content: self.app.content_of(self.scope, source).await,
            };
            self.cited.insert(number, cited);
        }
    }
}

impl App {
    /// What these sentences rest on.
    async fn cite(&self, cited: &BTreeMap<usize, Cited<'_>>, claims: &[Claim]) -> Evidence {
        let mut pairs = pairs(cited, claims);
        self.near(&mut pairs).await;
        let citations: Vec<Citation> = pairs.iter().map(citation).collect();
        let rests = |claim: &&Claim| {
            let mut citations = citations.iter();
            citations.any(|citation| citation.supported && citation.sentence == claim.sentence)
        };
        let unsupported = claims.iter().filter(|claim| !rests(claim));
        let unsupported = unsupported.map(|claim| claim.sentence.clone()).collect();
        Evidence {
            citations,
            unsupported,
        }
    }

    /// The citation of what stands at a place in a source's text, in its own
    /// words; the sentence that cites it is left open.
    pub(super) async fn quotation(
        &self,
        scope: &Scope,
        number: usize,
        source: &Passage,
        quote: Range<usize>,
    ) -> Citation {
        let content = self.content_of(scope, source).await;
        quotation(number, source, content.as_deref(), quote)
    }

    /// What stands at a source's place in its document; `None` where that can't be
    /// said.
    async fn content_of(&self, scope: &Scope, source: &Passage) -> Option<String> {
        let content = self.views.quoted(scope, &source.chunk_id, &source.span);
        content.await.unwrap_or_else(|error| {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "a citation has the place of its passage");
            None
        })
    }

    /// Notes how near the meaning of sentences and sources is, where words alone
    /// do not tell.
    async fn near(&self, pairs: &mut [Pair<'_>]) {
        let mut texts = vec![];
        let mut asked = vec![];
        for (index, pair) in pairs.iter().enumerate() {
            let closest = &pair.comparison.closest;
            if pair.comparison.needs_meaning() && texts.len() + closest.len() < MOST_EMBEDDED {
                asked.push((index, closest.len()));
                texts.push(pair.claim.text.clone());
                let said = closest
                    .iter()
                    .map(|range| pair.cited.source.text[range.clone()].to_owned());
                texts.extend(said);
            }
        }
        if texts.is_empty() {
            return;
        }
        let vectors = match self.space().dense.embed_sentences(texts).await {
            Ok(vectors) => vectors,
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "citations are judged by their words alone");
                return;
            }
        };
        let mut vectors = vectors.iter();
        for (index, count) in asked {
            let Some(claim) = vectors.next() else { return };
            let said = vectors.by_ref().take(count);
            let nearest = said
                .map(|said| f64::from(dot(claim, said)))
                .max_by(f64::total_cmp);
            pairs[index].nearness = nearest;
        }
    }
}

fn quotation(
    number: usize,
    source: &Passage,
    content: Option<&str>,
    quote: Range<usize>,
) -> Citation {
    let quote = &source.text[quote];
    let place = content.and_then(|content| align(quote, content));
    let begin = source.span.start;
    Citation {
        number,
        sentence: 0..0,
        span: place.map_or_else(
            || source.span.clone(),
            |place| begin + place.start..begin + place.end,
        ),
        quote: quote.to_owned(),
        support: 1.0,
        supported: true,
    }
}

fn citation(pair: &Pair<'_>) -> Citation {
    let Cited {
        source, content, ..
    } = pair.cited;
    let quote = pair.comparison.quote.clone();
    let support = pair.comparison.support(pair.nearness);
    Citation {
        sentence: pair.claim.sentence.clone(),
        support,
        supported: support >= ENOUGH,
        ..quotation(pair.number, source, content.as_deref(), quote)
    }
}

fn pairs<'a>(cited: &'a BTreeMap<usize, Cited<'a>>, claims: &'a [Claim]) -> Vec<Pair<'a>> {
    let all = claims
        .iter()
        .flat_map(|claim| claim.numbers.iter().map(move |number| (claim, *number)));
    let pairs = all.filter_map(|(claim, number)| {
        let cited = cited.get(&number)?;
        Some(Pair {
            claim,
            number,
            cited,
            comparison: cited.ground.compare(&claim.text),
            nearness: None,
        })
    });
    pairs.collect()
}

/// The cosine of two vectors of length one.
pub(super) fn dot(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}
