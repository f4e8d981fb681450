//! Search: the question's two vectors, the index within the caller's scope,
//! and the passages as the database has them now.

use std::collections::{BTreeSet, HashMap};

use super::{
    App,
    error::Error,
    knowledge::{LARGEST_PAGE, named_base},
    rerank::RERANKED,
    vector_spaces::VectorSpace,
};
use crate::domain::{
    chunk::{ChunkId, Passage},
    document::DocumentId,
    filter::{DocumentFilter, MAX_NAMED},
    index::{Fusion, Hit, IndexQuery, Mode},
    knowledge_base::{KnowledgeBase, KnowledgeBaseId},
    language::Language,
    principal::{Principal, Scope, SearchScope},
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

/// The index is told of so many documents that pass a filter. Where there are
/// more, which many hits are of then, the hits are looked at instead.
const MOST_DOCUMENTS: usize = 10_000;

/// Where the index is asked.
struct Narrowed {
    scope: SearchScope,
    /// What the hits' documents must be like, where the index does not look.
    filter: Option<DocumentFilter>,
    languages: Vec<Language>,
}

/// What is searched for.
#[derive(Debug, Clone)]
pub struct Search {
    /// The question.
    pub query: String,
    /// How many passages are wanted.
    pub limit: usize,
    /// Where it is searched.
    pub within: Within,
}

/// Where is searched, of all that the caller may read.
#[derive(Debug, Clone, Default)]
pub struct Within {
    /// The knowledge bases, by name or id; all where there is none.
    pub bases: Vec<String>,
    /// What their documents must be like.
    pub filter: DocumentFilter,
}

/// Which passages are wanted, and how they are looked for.
pub(super) struct Wanted<'a> {
    /// Where.
    pub(super) within: &'a Within,
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
        let (scope, within) = (caller.scope(), &search.within);
        let limit = search.limit.max(RERANKED);
        let mut found = self.find(&scope, &question, within, limit).await?;
        found.truncate(search.limit);
        Ok(found)
    }

    /// The passages that fit a question best, in the best order that is known.
    pub(super) async fn find(
        &self,
        scope: &Scope,
        question: &Question,
        within: &Within,
        limit: usize,
    ) -> Result<Vec<Passage>, Error> {
        let wanted = Wanted {
            within,
            limit,
            mode: Mode::Hybrid(self.fusion),
        };
        let found = self.retrieve(scope, question, wanted).await?;
        Ok(self.reranked(question, found).await)
    }

    /// What every search goes through, in a mode of choice.
    pub(super) async fn retrieve(
        &self,
        scope: &Scope,
        question: &Question,
        wanted: Wanted<'_>,
    ) -> Result<Vec<Passage>, Error> {
        let Wanted {
            within,
            limit,
            mode,
        } = wanted;
        let space = self.space();
        let (narrowed, meaning) = tokio::join!(
            self.narrowed(scope, within),
            meaning(&space, question, mode)
        );
        let narrowed = narrowed?;
        if narrowed.scope.documents().is_some_and(<[_]>::is_empty) {
            return Ok(vec![]);
        }
        let (dense, mode) = meaning?;
        let mut query = IndexQuery {
            dense,
            sparse: self.sparse.question(question.text(), &narrowed.languages),
            mode,
            limit: limit + SPARE,
        };
        let mut found = vec![];
        for _ in 0..LOOKS {
            let hits = space
                .index()?
                .search(query.clone(), &narrowed.scope)
                .await?;
            let all = hits.len() < query.limit;
            let scored = hits.into_iter().map(|hit| Hit {
                score: between_0_and_1(hit.score, mode),
                ..hit
            });
            let (hits, filter) = (scored.collect(), narrowed.filter.as_ref());
            found = self.first(scope, hits, filter, limit).await?;
            if found.len() >= limit || all {
                break;
            }
            query.limit *= MORE;
        }
        Ok(found)
    }

    /// The passages of the first hits that pass a filter: `limit` of them, if there
    /// are so many. Those to spare are read only where others can't be found.
    async fn first(
        &self,
        scope: &Scope,
        mut hits: Vec<Hit>,
        filter: Option<&DocumentFilter>,
        limit: usize,
    ) -> Result<Vec<Passage>, Error> {
        let spare = hits.split_off(limit.min(hits.len()));
        let mut found = vec![];
        for hits in [hits, spare] {
            if found.len() >= limit || hits.is_empty() {
                break;
            }
            let mut passages = self.passages_of(scope, hits).await?;
            if let Some(filter) = filter {
                passages = self.filtered(scope, passages, filter).await?;
            }
            found.append(&mut passages);
        }
        found.truncate(limit);
        Ok(found)
    }

    /// What the index is asked for, and what it does not look at itself.
    async fn narrowed(&self, scope: &Scope, within: &Within) -> Result<Narrowed, Error> {
        let filter = &within.filter;
        if !filter.is_sound() || within.bases.len() > MAX_NAMED {
            return Err(Error::Filter);
        }
        let bases = self.bases_within(scope, &within.bases).await?;
        let languages = languages(&bases);
        let ids: Vec<KnowledgeBaseId> = bases.into_iter().map(|base| base.id).collect();
        // None stands for all: a list of all could be too long for a query.
        let listed = if within.bases.is_empty() {
            &[]
        } else {
            ids.as_slice()
        };
        let most = MOST_DOCUMENTS + 1;
        let documents = if filter.is_empty() {
            None
        } else {
            Some(self.documents.matching(scope, listed, filter, most).await?)
        };
        let scope = scope.clone().within(ids);
        let (scope, filter) = match documents {
            None => (scope, None),
            Some(documents) if documents.len() < most => (scope.only(documents), None),
            Some(_) => (scope, Some(filter.clone())),
        };
        Ok(Narrowed {
            scope,
            filter,
            languages,
        })
    }

    pub(super) async fn bases_within(
        &self,
        scope: &Scope,
        names: &[String],
    ) -> Result<Vec<KnowledgeBase>, Error> {
        let bases = self.documents.knowledge_bases(scope).await?;
        if names.is_empty() {
            return Ok(bases);
        }
        let wanted = names.iter().map(|name| named_base(&bases, scope, name));
        let wanted = wanted.collect::<Option<Vec<_>>>();
        Ok(wanted
            .ok_or(Error::NoSuchKnowledgeBase)?
            .into_iter()
            .cloned()
            .collect())
    }

    /// The passages whose documents pass a filter, in their order.
    async fn filtered(
        &self,
        scope: &Scope,
        found: Vec<Passage>,
        filter: &DocumentFilter,
    ) -> Result<Vec<Passage>, Error> {
        let documents: BTreeSet<DocumentId> = found
            .iter()
            .map(|passage| passage.document_id.clone())
            .collect();
        if documents.is_empty() {
            return Ok(found);
        }
        let of_these = DocumentFilter {
            documents: documents.into_iter().collect(),
            ..filter.clone()
        };
        let most = of_these.documents.len();
        let passing = self.documents.matching(scope, &[], &of_these, most).await?;
        let passing: BTreeSet<DocumentId> = passing.into_iter().collect();
        let found = found.into_iter();
        Ok(found
            .filter(|passage| passing.contains(&passage.document_id))
            .collect())
    }

    /// The passages of the hits, in their order, but for those that can't be
    /// found any more, or yet.
    async fn passages_of(&self, scope: &Scope, hits: Vec<Hit>) -> Result<Vec<Passage>, Error> {
        let ids: Vec<ChunkId> = hits.iter().map(|hit| hit.chunk_id.clone()).collect();
        let passages = self.documents.passages(scope, &ids).await?;
        let mut by_id: HashMap<ChunkId, Passage> = passages
            .into_iter()
            .map(|passage| (passage.chunk_id.clone(), passage))
            .collect();
        let found = hits.into_iter().filter_map(|hit| {
            let passage = by_id.remove(&hit.chunk_id)?;
            Some(Passage {
                score: hit.score,
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
    match space.dense.embed_question(question.text().to_owned()).await {
        Ok(vector) => Ok((vector, mode)),
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
