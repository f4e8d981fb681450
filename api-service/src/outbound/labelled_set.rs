//! Labelled retrieval sets in BEIR's form: `corpus.jsonl`, `queries.jsonl`,
//! `qrels.tsv`; and, where answers are known to the character, `spans.jsonl`.
//! Questions that are to be answered stand in `questions.jsonl`.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead, BufReader},
    ops::Range,
    path::Path,
};

use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    app::evaluate::{LabelledDocument, LabelledQueries, LabelledQuestion},
    pipeline::scoring::Spans,
};

#[derive(Deserialize)]
struct CorpusLine {
    #[serde(rename = "_id")]
    id: String,
    #[serde(default)]
    title: String,
    text: String,
}

#[derive(Deserialize)]
struct QueryLine {
    #[serde(rename = "_id")]
    id: String,
    text: String,
    #[serde(default)]
    metadata: QueryMetadata,
}

#[derive(Deserialize, Default)]
struct QueryMetadata {
    answerable: Option<bool>,
}

/// A question, and what its answer is to cite.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QuestionLine {
    question: String,
    #[serde(default)]
    sources: Vec<String>,
    #[serde(default)]
    spans: Vec<QuestionSpan>,
    #[serde(default = "yes")]
    answerable: bool,
}

/// Where the answer stands, in characters.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QuestionSpan {
    document: String,
    start: usize,
    end: usize,
}

const fn yes() -> bool {
    true
}

/// A labelled set.
#[derive(Debug)]
pub struct LabelledSet {
    /// The documents.
    pub documents: Vec<LabelledDocument>,
    /// What is searched for; nothing where the set has questions alone.
    pub queries: LabelledQueries,
    /// What is to be answered: what `questions.jsonl` has, else the queries that
    /// tell whether they can be (`metadata.answerable`).
    pub questions: Vec<LabelledQuestion>,
}

/// Where an answer stands, in characters.
#[derive(Deserialize)]
struct SpanLine {
    query_id: String,
    doc_id: String,
    start: usize,
    end: usize,
}

/// Reads the set in `folder`.
pub fn read(folder: &Path) -> io::Result<LabelledSet> {
    let corpus = json_lines::<CorpusLine>(&folder.join("corpus.jsonl"))?;
    let documents = corpus.into_iter().map(|line| LabelledDocument {
        id: line.id,
        title: line
            .title
            .chars()
            .filter(|letter| !letter.is_control())
            .collect(),
        text: line.text,
    });
    let documents: Vec<LabelledDocument> = documents.collect();
    let places = Places::of(&documents);
    let asked = folder.join("questions.jsonl");
    let queries_file = folder.join("queries.jsonl");
    let (queries, answerable) = if asked.exists() && !queries_file.exists() {
        (LabelledQueries::default(), vec![])
    } else {
        queries(folder, &places)?
    };
    let questions = if asked.exists() {
        let lines = json_lines::<QuestionLine>(&asked)?;
        let questions = lines.into_iter().map(|line| question(line, &places));
        questions
            .collect::<Result<_, _>>()
            .map_err(|span| named(&asked, &span))?
    } else {
        questions_of(&queries, &answerable)
    };
    Ok(LabelledSet {
        documents,
        queries,
        questions,
    })
}

/// The queries; and which of them say whether they can be answered.
fn queries(
    folder: &Path,
    places: &Places<'_>,
) -> io::Result<(LabelledQueries, Vec<(String, bool)>)> {
    let lines = json_lines::<QueryLine>(&folder.join("queries.jsonl"))?;
    let told = lines
        .iter()
        .filter_map(|line| Some((line.id.clone(), line.metadata.answerable?)));
    let answerable = told.collect();
    let spans = match folder.join("spans.jsonl") {
        path if path.exists() => spans(json_lines(&path)?, places),
        _ => BTreeMap::new(),
    };
    let queries = LabelledQueries {
        queries: lines.into_iter().map(|line| (line.id, line.text)).collect(),
        judgements: judgements(&folder.join("qrels.tsv"))?,
        spans,
    };
    Ok((queries, answerable))
}

fn questions_of(set: &LabelledQueries, answerable: &[(String, bool)]) -> Vec<LabelledQuestion> {
    let told: BTreeMap<&String, bool> = answerable.iter().map(|(id, told)| (id, *told)).collect();
    let questions = set.queries.iter().filter_map(|(id, text)| {
        let judged = set.judgements.get(id).into_iter().flatten();
        let relevant = judged.filter(|(_, relevance)| **relevance > 0);
        Some(LabelledQuestion {
            text: text.clone(),
            sources: relevant.map(|(document, _)| document.clone()).collect(),
            spans: set.spans.get(id).cloned().unwrap_or_default(),
            answerable: *told.get(id)?,
        })
    });
    questions.collect()
}

fn question(line: QuestionLine, places: &Places<'_>) -> Result<LabelledQuestion, String> {
    let spans = line.spans.iter().map(|span| {
        let bytes = places.bytes(&span.document, span.start, span.end);
        let missing = || {
            format!(
                "{} has no place {}..{}",
                span.document, span.start, span.end
            )
        };
        bytes
            .map(|bytes| (span.document.clone(), bytes))
            .ok_or_else(missing)
    });
    Ok(LabelledQuestion {
        spans: spans.collect::<Result<_, _>>()?,
        text: line.question,
        sources: line.sources,
        answerable: line.answerable,
    })
}

/// Where the characters of documents begin, in bytes, and their ends.
struct Places<'a>(BTreeMap<&'a str, Vec<usize>>);

impl<'a> Places<'a> {
    fn of(documents: &'a [LabelledDocument]) -> Self {
        let offsets = documents.iter().map(|document| {
            let starts = document.text.char_indices().map(|(at, _)| at);
            let ends = starts.chain([document.text.len()]);
            (document.id.as_str(), ends.collect())
        });
        Self(offsets.collect())
    }

    fn bytes(&self, document: &str, start: usize, end: usize) -> Option<Range<usize>> {
        let offsets = self.0.get(document)?;
        Some(*offsets.get(start)?..*offsets.get(end)?)
    }
}

/// The spans in bytes; those beyond a document's end are left out.
fn spans(lines: Vec<SpanLine>, places: &Places<'_>) -> BTreeMap<String, Spans> {
    let mut spans: BTreeMap<String, Spans> = BTreeMap::new();
    for line in lines {
        if let Some(bytes) = places.bytes(&line.doc_id, line.start, line.end) {
            let of_query = spans.entry(line.query_id).or_default();
            of_query.push((line.doc_id, bytes));
        }
    }
    spans
}

fn json_lines<T: DeserializeOwned>(path: &Path) -> io::Result<Vec<T>> {
    let lines = BufReader::new(File::open(path).map_err(|error| named(path, &error))?).lines();
    let lines = lines.filter(|line| line.as_ref().map_or(true, |line| !line.trim().is_empty()));
    lines
        .map(|line| serde_json::from_str(&line?).map_err(|error| named(path, &error)))
        .collect()
}

fn judgements(path: &Path) -> io::Result<BTreeMap<String, BTreeMap<String, u32>>> {
    let mut judgements: BTreeMap<String, BTreeMap<String, u32>> = BTreeMap::new();
    let lines = BufReader::new(File::open(path).map_err(|error| named(path, &error))?).lines();
    // The first line names the columns.
    for line in lines.skip(1) {
        let line = line?;
        let columns: Vec<_> = line.split('\t').collect();
        let &[query, document, relevance] = columns.as_slice() else {
            return Err(named(path, &"a line has not three columns"));
        };
        let relevance = relevance
            .trim()
            .parse()
            .map_err(|error| named(path, &error))?;
        judgements
            .entry(query.to_owned())
            .or_default()
            .insert(document.to_owned(), relevance);
    }
    Ok(judgements)
}

fn named(path: &Path, error: &dyn std::fmt::Display) -> io::Error {
    io::Error::other(format!("{}: {error}", path.display()))
}
