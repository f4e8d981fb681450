//! Labelled retrieval sets in BEIR's form: `corpus.jsonl`, `queries.jsonl`,
//! `qrels.tsv`; and, where answers are known to the character, `spans.jsonl`.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead, BufReader},
    path::Path,
};

use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    app::evaluate::{LabelledDocument, LabelledQueries},
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
pub fn read(folder: &Path) -> io::Result<(Vec<LabelledDocument>, LabelledQueries)> {
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
    let queries = json_lines::<QueryLine>(&folder.join("queries.jsonl"))?;
    let queries = queries
        .into_iter()
        .map(|line| (line.id, line.text))
        .collect();
    let judgements = judgements(&folder.join("qrels.tsv"))?;
    let documents: Vec<LabelledDocument> = documents.collect();
    let spans = match folder.join("spans.jsonl") {
        path if path.exists() => spans(json_lines(&path)?, &documents),
        _ => BTreeMap::new(),
    };
    let set = LabelledQueries {
        queries,
        judgements,
        spans,
    };
    Ok((documents, set))
}

/// The spans in bytes; those beyond a document's end are left out.
fn spans(lines: Vec<SpanLine>, documents: &[LabelledDocument]) -> BTreeMap<String, Spans> {
    let offsets: BTreeMap<&str, Vec<usize>> = documents
        .iter()
        .map(|document| {
            let starts = document.text.char_indices().map(|(at, _)| at);
            let ends = starts.chain([document.text.len()]);
            (document.id.as_str(), ends.collect())
        })
        .collect();
    let mut spans: BTreeMap<String, Spans> = BTreeMap::new();
    for line in lines {
        let at = |place: usize| offsets.get(line.doc_id.as_str())?.get(place).copied();
        if let (Some(start), Some(end)) = (at(line.start), at(line.end)) {
            let of_query = spans.entry(line.query_id.clone()).or_default();
            of_query.push((line.doc_id.clone(), start..end));
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
