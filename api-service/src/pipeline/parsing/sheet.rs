//! XLSX: each sheet a heading and its rows, cell by cell: what a sheet says of
//! its size is not believed.

use std::collections::BTreeSet;

use chrono::{Duration, NaiveDate};

use super::{
    BlockKind, ParseError, Parsed,
    archive::Archive,
    decoding::decode,
    delimited::{Row, push_rows},
    kept::{Kept, MOST_TEXT},
    xml::{Element, Node, Xml, elements, related},
};

/// The number formats that stand for dates and times without a definition
/// (ECMA-376 part 1, 18.8.30).
const DATE_FORMATS: &[u32] = &[14, 15, 16, 17, 18, 19, 20, 21, 22, 45, 46, 47];

/// The last column that a sheet can have.
const MOST_COLUMNS: usize = 16_384;

struct Workbook {
    shared: Vec<String>,
    /// The cell styles that show a number as a date.
    dates: BTreeSet<usize>,
}

pub(super) fn parse(bytes: &[u8]) -> Result<Parsed, ParseError> {
    let archive = Archive::open(bytes)?;
    let main = "xl/workbook.xml";
    let parts = related(&archive, main)?;
    let part = |wanted: &str| parts.iter().find(|(_, kind, _)| kind == wanted);
    let workbook = Workbook {
        shared: match part("sharedStrings") {
            Some((_, _, path)) => shared(archive.get(path)?.unwrap_or_default())?,
            None => vec![],
        },
        dates: match part("styles") {
            Some((_, _, path)) => dates(&elements(&archive, path)?),
            None => BTreeSet::new(),
        },
    };
    let mut kept = Kept::default();
    for sheet in elements(&archive, main)? {
        let id = sheet.prefixed("id").filter(|_| sheet.name == "sheet");
        let Some((_, kind, path)) = parts
            .iter()
            .find(|(known, _, _)| Some(known.as_str()) == id)
        else {
            continue;
        };
        if kind == "worksheet" {
            let rows = rows(archive.need(path)?, &workbook)?;
            if !rows.is_empty() {
                let name = sheet.get("name").unwrap_or_default();
                kept.push(BlockKind::Heading(2), name)?;
            }
            push_rows(&mut kept, rows.into_iter().map(Ok))?;
        }
    }
    Ok(kept.finish())
}

fn shared(bytes: Vec<u8>) -> Result<Vec<String>, ParseError> {
    let text = decode(bytes);
    let mut xml = Xml::new(&text);
    let mut strings = vec![];
    while let Some(node) = xml.next()? {
        match node {
            Node::Start(element) => match element.name.as_str() {
                "si" => strings.push(String::new()),
                "t" => {
                    let text = xml.text()?;
                    if let Some(string) = strings.last_mut() {
                        string.push_str(&text);
                    }
                }
                // How it is pronounced.
                "rPh" => xml.skip()?,
                _ => {}
            },
            Node::End(_) | Node::Text(_) => {}
        }
    }
    Ok(strings)
}

fn dates(styles: &[Element]) -> BTreeSet<usize> {
    let number = |element: &Element, name: &str| element.get(name)?.parse::<u32>().ok();
    let made = styles.iter().filter(|element| {
        let code = element.get("formatCode").unwrap_or_default().to_lowercase();
        let code = code.replace("[red]", "");
        element.name == "numFmt" && code.contains(['y', 'd', 'h']) && !code.contains("general")
    });
    let made: BTreeSet<u32> = made
        .filter_map(|element| number(element, "numFmtId"))
        .collect();
    // Formats of cells stand behind those of styles, in an element of their own.
    let cells = styles
        .iter()
        .skip_while(|element| element.name != "cellXfs");
    let cells = cells
        .skip(1)
        .take_while(|element| element.name != "cellStyles");
    let formats = cells.filter(|element| element.name == "xf").enumerate();
    let dates = formats.filter(|(_, format)| {
        let id = number(format, "numFmtId").unwrap_or_default();
        DATE_FORMATS.contains(&id) || made.contains(&id)
    });
    dates.map(|(place, _)| place).collect()
}

fn rows(bytes: Vec<u8>, workbook: &Workbook) -> Result<Vec<Row>, ParseError> {
    let text = decode(bytes);
    let mut xml = Xml::new(&text);
    let mut rows: Vec<Row> = vec![];
    let mut size = 0;
    while let Some(node) = xml.next()? {
        let Node::Start(element) = node else { continue };
        match element.name.as_str() {
            "row" => rows.push(Row::new()),
            "c" => {
                let value = cell(&mut xml, &element, workbook)?;
                let row = rows.last_mut().ok_or(ParseError::Unreadable)?;
                let next = row.last().map_or(0, |(column, _)| column + 1);
                let column = element.get("r").and_then(column).unwrap_or(next);
                size += value.len();
                // One string may stand in a million cells.
                if size > MOST_TEXT {
                    return Err(ParseError::TooComplex);
                }
                if !value.trim().is_empty() {
                    row.push((column, value));
                }
            }
            _ => {}
        }
    }
    rows.retain(|row| !row.is_empty());
    Ok(rows)
}

/// The column of a reference such as `AB12`, from 0.
fn column(reference: &str) -> Option<usize> {
    let letters = reference.bytes().take_while(u8::is_ascii_uppercase);
    let column = letters
        .take(4)
        .fold(0, |sum, letter| sum * 26 + usize::from(letter - b'A') + 1);
    (1..=MOST_COLUMNS).contains(&column).then(|| column - 1)
}

fn cell(xml: &mut Xml<'_>, cell: &Element, workbook: &Workbook) -> Result<String, ParseError> {
    let (mut value, mut depth) = (String::new(), 1_usize);
    while depth > 0 {
        match xml.next()? {
            Some(Node::Start(element)) => match element.name.as_str() {
                "v" | "t" => value.push_str(&xml.text()?),
                "f" | "rPh" => xml.skip()?,
                _ => depth += 1,
            },
            Some(Node::End(_)) => depth -= 1,
            Some(Node::Text(_)) => {}
            None => return Err(ParseError::Unreadable),
        }
    }
    Ok(match cell.get("t") {
        Some("s") => {
            let place: usize = value.trim().parse().map_err(|_| ParseError::Unreadable)?;
            let string = workbook.shared.get(place);
            string.ok_or(ParseError::Unreadable)?.clone()
        }
        Some("b") if value == "1" => "TRUE".to_owned(),
        Some("b") => "FALSE".to_owned(),
        Some("str" | "inlineStr" | "e" | "d") => value,
        _ => {
            let style = cell.get("s").and_then(|style| style.parse().ok());
            let is_date = style.is_some_and(|style: usize| workbook.dates.contains(&style));
            date(&value).filter(|_| is_date).unwrap_or(value)
        }
    })
}

/// The day, and the time if there is one, of a number of days since the end
/// of 1899.
fn date(value: &str) -> Option<String> {
    let days: f64 = value.parse().ok()?;
    if !(0.0..3_000_000.0).contains(&days) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "below 3,000,000 days")]
    let seconds = (days * 86_400.0).round() as i64;
    let time = NaiveDate::from_ymd_opt(1899, 12, 30)?
        .and_hms_opt(0, 0, 0)?
        .checked_add_signed(Duration::seconds(seconds))?;
    let form = match (days < 1.0, seconds % 86_400 == 0) {
        (true, _) => "%H:%M:%S",
        (false, true) => "%Y-%m-%d",
        (false, false) => "%Y-%m-%d %H:%M:%S",
    };
    Some(time.format(form).to_string())
}

#[cfg(test)]
mod tests {
    use super::{super::archive::tests::zip, *};

    #[test]
    fn rows_name_their_columns_and_dates_are_dates() {
        let rels = b"<r><Relationship Id='r1' Type='x/worksheet' Target='worksheets/sheet1.xml'/>\
            <Relationship Id='r2' Type='x/sharedStrings' Target='sharedStrings.xml'/>\
            <Relationship Id='r3' Type='x/styles' Target='styles.xml'/></r>";
        let sheet = b"<worksheet><dimension ref='A1:XFD1048576'/><sheetData>\
            <row r='1'><c r='A1' t='s'><v>0</v></c><c r='C1' t='inlineStr'><is><t>when</t></is></c></row>\
            <row r='9'><c r='A9'><f>1+1</f><v>2</v></c><c r='C9' s='1'><v>45000.5</v></c></row>\
            </sheetData></worksheet>";
        let bytes = zip(&[
            (
                "xl/workbook.xml",
                b"<w><sheet name='Wheels' r:id='r1'/></w>",
            ),
            ("xl/_rels/workbook.xml.rels", rels),
            ("xl/worksheets/sheet1.xml", sheet),
            (
                "xl/sharedStrings.xml",
                b"<sst><si><r><t>how </t></r><r><t>many</t></r></si></sst>",
            ),
            (
                "xl/styles.xml",
                b"<s><cellStyleXfs><xf numFmtId='14'/></cellStyleXfs>\
                <cellXfs><xf numFmtId='0'/><xf numFmtId='22'/></cellXfs></s>",
            ),
        ]);
        let parsed = parse(&bytes).unwrap();
        let texts: Vec<_> = parsed.blocks.iter().map(|block| &block.text).collect();
        assert_eq!(texts, ["Wheels", "how many: 2 | when: 2023-03-15 12:00:00"]);
        assert_eq!(
            (column("A1"), column("XFD1"), column("XFE1")),
            (Some(0), Some(16_383), None)
        );
    }
}
