//! CSV and TSV: each row a line that names its columns, so that it can be
//! understood, and found, without its header.

use std::collections::HashMap;

use csv::ReaderBuilder;

use super::{BlockKind, ParseError, Parsed, kept::Kept, one_line};

/// Parses rows; the first one names the columns.
pub(super) fn parse(text: &str, delimiter: Option<u8>) -> Result<Parsed, ParseError> {
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter.unwrap_or_else(|| likeliest(text)))
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let rows = reader.records().map(|row| {
        let row = row.map_err(|_| ParseError::Unreadable)?;
        Ok(row.iter().map(str::to_owned).enumerate().collect())
    });
    let mut kept = Kept::default();
    push_rows(&mut kept, rows)?;
    Ok(kept.finish())
}

/// The cells of a row that are there, each with its column, from 0.
pub(super) type Row = Vec<(usize, String)>;

/// Adds a table's rows, each with its columns' names.
pub(super) fn push_rows(
    kept: &mut Kept,
    rows: impl Iterator<Item = Result<Row, ParseError>>,
) -> Result<(), ParseError> {
    let mut header: Option<HashMap<usize, String>> = None;
    let mut alone = true;
    for row in rows {
        let row = row?
            .into_iter()
            .map(|(column, cell)| (column, one_line(&cell)));
        let row: Row = row.filter(|(_, cell)| !cell.is_empty()).collect();
        let Some(names) = &header else {
            if !row.is_empty() {
                header = Some(row.into_iter().collect());
            }
            continue;
        };
        let cells = row
            .into_iter()
            .map(|(column, cell)| match names.get(&column) {
                Some(name) => format!("{name}: {cell}"),
                None => cell,
            });
        let line = cells.collect::<Vec<_>>().join(" | ");
        alone &= line.is_empty();
        kept.push(BlockKind::Item, &line)?;
    }
    match header {
        Some(names) if alone => {
            let mut names: Row = names.into_iter().collect();
            names.sort();
            let names: Vec<String> = names.into_iter().map(|(_, name)| name).collect();
            kept.push(BlockKind::Item, &names.join(" | "))
        }
        _ => Ok(()),
    }
}

/// Of the usual delimiters the one that the first line has most of.
fn likeliest(text: &str) -> u8 {
    let line = text.lines().next().unwrap_or_default();
    let count = |delimiter: u8| line.matches(char::from(delimiter)).count();
    let usual = [b'|', b'\t', b';', b','];
    usual
        .into_iter()
        .max_by_key(|delimiter| count(*delimiter))
        .unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_name_their_columns() {
        let source = "\u{feff}name;wheels\n\"a; \"\"b\"\"\";4\n\nbike;2;extra\n";
        let parsed = parse(source, None).unwrap();
        let texts: Vec<_> = parsed.blocks.iter().map(|block| &block.text).collect();
        assert_eq!(
            texts,
            [
                "name: a; \"b\" | wheels: 4",
                "name: bike | wheels: 2 | extra"
            ]
        );
        for block in &parsed.blocks {
            assert_eq!(parsed.source[block.span.clone()], block.text);
        }
        assert_eq!(parse("a,b", None).unwrap().blocks[0].text, "a | b");
    }
}
