//! Search: the question's two vectors, the index within the caller's scope,
//! and the passages as the database has them now.

use std::collections::{BTreeSet, HashMap};

use super::{App, error::Error, knowledge::LARGEST_PAGE, vector_spaces::VectorSpace};
use crate::domain::{
    chunk::{ChunkId, Passage},
    index::{Fusion, Hit, IndexQuery, Mode},
    knowledge_base::KnowledgeBase,
    language::Language,
    principal::{Principal, Scope},
    question::Question,
};

/// Hits that are asked for beyond those wanted: some may be of a version that
/// was replaced or deleted a moment ago.
const SPARE: usize = 10;

/// How often the index is asked where such hits leave too few: a long document
/// that was deleted a moment ago hides others.
const LOOKS: usize = 3;

/// By how much more is asked for each time.
const MORE: usize = 4;

/// What is searched for.
#[derive(Debug, Clone)]
pub struct Search {
    /// The question.
    pub query: String,
    /// How many passages are wanted.
    pub limit: usize,
    /// The one knowledge base to search, by name or id.
    pub knowledge_base: Option<String>,
}

/// Which passages are wanted, and how they are looked for.
pub(super) struct Wanted<'a> {
    /// The one knowledge base to search, by name or id.
    pub(super) base: Option<&'a str>,
    /// How many.
    pub(super) limit: usize,
    /// By what.
    pub(super) mode: Mode,
}

impl App {
    /// The passages that fit a question best, best first.
    pub async fn search(&self, caller: &Principal, search: &Search) -> Result<Vec<Passage>, Error> {
        let question = Question::new(&search.query)?;
        if !(1..=LARGEST_PAGE).contains(&search.limit) {
            return Err(Error::Limit);
        }
        let wanted = Wanted {
            base: search.knowledge_base.as_deref(),
            limit: search.limit,
            mode: Mode::Hybrid(self.fusion),
        };
        self.retrieve(&caller.scope(), &question, wanted).await
    }

    /// What every search goes through, in a mode of choice.
    pub(super) async fn retrieve(
        &self,
        scope: &Scope,
        question: &Question,
        wanted: Wanted<'_>,
    ) -> Result<Vec<Passage>, Error> {
        let Wanted { base, limit, mode } = wanted;
        let bases = match base {
            Some(name) => vec![self.readable_base(scope, name).await?],
            None => self.documents.knowledge_bases(scope).await?,
        };
        let space = self.space();
        let (dense, mode) = meaning(&space, question, mode).await?;
        let mut query = IndexQuery {
            dense,
            sparse: self.sparse.question(question.text(), &languages(&bases)),
            mode,
            limit: limit + SPARE,
        };
        let bases = bases.into_iter().map(|base| base.id).collect();
        let within = scope.clone().within(bases);
        let mut found = vec![];
        for _ in 0..LOOKS {
            let hits = space.index()?.search(query.clone(), &within).await?;
            let asked = hits.len();
            found = self.passages_of(scope, hits, mode).await?;
            if found.len() >= limit || found.len() == asked {
                break;
            }
            query.limit *= MORE;
        }
        found.truncate(limit);
        Ok(found)
    }

    /// The passages of the hits, in their order, but for those that can't be
    /// found any more, or yet.
    async fn passages_of(
        &self,
        scope: &Scope,
        hits: Vec<Hit>,
        mode: Mode,
    ) -> Result<Vec<Passage>, Error> {
        let ids: Vec<ChunkId> = hits.iter().map(|hit| hit.chunk_id.clone()).collect();
        let passages = self.documents.passages(scope, &ids).await?;
        let mut by_id: HashMap<ChunkId, Passage> = passages
            .into_iter()
            .map(|passage| (passage.chunk_id.clone(), passage))
            .collect();
        let found = hits.into_iter().filter_map(|hit| {
            let passage = by_id.remove(&hit.chunk_id)?;
            Some(Passage {
                score: between_0_and_1(hit.score, mode),
                ..passage
            })
        });
        Ok(found.collect())
    }
}

/// The question's vector, and what is searched by: words alone where the model
/// can't be asked just now, since that finds more than an error does.
async fn meaning(
    space: &VectorSpace,
    question: &Question,
    mode: Mode,
) -> Result<(Vec<f32>, Mode), Error> {
    if mode == Mode::Sparse {
        return Ok((vec![], mode));
    }
    match space
        .dense
        .embed_question(vec![question.text().to_owned()])
        .await
    {
        Ok(vectors) => Ok((vectors.into_iter().next().unwrap_or_default(), mode)),
        Err(error) if mode != Mode::Dense => {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "searched by words alone");
            Ok((vec![], Mode::Sparse))
        }
        Err(error) => Err(error.into()),
    }
}

/// The languages of knowledge bases, each once.
fn languages(bases: &[KnowledgeBase]) -> Vec<Language> {
    let each = bases
        .iter()
        .map(|base| base.language.unwrap_or(Language::ENGLISH));
    each.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Brings a score of the engine to the range from 0 to 1, keeping the order.
fn between_0_and_1(score: f64, mode: Mode) -> f64 {
    let most = match mode {
        Mode::Dense => 1.0,
        // A BM25 score has no upper bound.
        Mode::Sparse => return score.max(0.0) / (score.max(0.0) + 10.0),
        Mode::Hybrid(Fusion::Dbsf) => 2.0,
        Mode::Hybrid(Fusion::Rrf(k)) => 2.0 / f64::from(k.max(1)),
    };
    (score / most).clamp(0.0, 1.0)
}
