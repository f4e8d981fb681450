//! DOCX (ECMA-376, transitional and strict): the body, its lists and tables,
//! and the notes. Page headers and footers are parts of their own, left out.

use std::collections::HashMap;

use super::{
    BlockKind, ParseError, Parsed,
    archive::Archive,
    decoding::decode,
    flow::Flow,
    one_line,
    xml::{Node, Xml, related},
};

/// What paragraphs of a style are.
type Styles = HashMap<String, BlockKind>;

/// The style of a document's title, which is no heading.
const TITLE: BlockKind = BlockKind::Whole;

pub(super) fn parse(bytes: &[u8]) -> Result<Parsed, ParseError> {
    let archive = Archive::open(bytes)?;
    let root = related(&archive, "")?;
    let main = root.iter().find(|(_, kind, _)| kind == "officeDocument");
    let main = main.map_or("word/document.xml", |(_, _, path)| path);
    let parts = related(&archive, main)?;
    let part = |wanted: &str| parts.iter().find(|(_, kind, _)| kind == wanted);
    let styles = match part("styles") {
        Some((_, _, path)) => styles(archive.get(path)?.unwrap_or_default())?,
        None => Styles::new(),
    };
    let mut flow = Flow::default();
    read(archive.need(main)?, &styles, &mut flow)?;
    for notes in ["footnotes", "endnotes"] {
        if let Some((_, _, path)) = part(notes) {
            read(archive.get(path)?.unwrap_or_default(), &styles, &mut flow)?;
        }
    }
    Ok(flow.kept.finish())
}

/// Which styles are headings: by their outline level or name, or by the style
/// that they are based on.
fn styles(bytes: Vec<u8>) -> Result<Styles, ParseError> {
    let text = decode(bytes);
    let mut xml = Xml::new(&text);
    let (mut known, mut based) = (Styles::new(), vec![]);
    let mut id = String::new();
    while let Some(node) = xml.next()? {
        let Node::Start(element) = node else { continue };
        let value = element.get("val");
        match element.name.as_str() {
            "style" => element
                .get("styleId")
                .unwrap_or_default()
                .clone_into(&mut id),
            "basedOn" => based.push((id.clone(), value.unwrap_or_default().to_owned())),
            "name" => {
                let name = value.unwrap_or_default().to_lowercase();
                let level = name
                    .strip_prefix("heading ")
                    .and_then(|level| level.parse().ok());
                if let Some(level) = level {
                    known.insert(id.clone(), heading(level));
                } else if name == "title" {
                    known.insert(id.clone(), TITLE);
                }
            }
            "outlineLvl" => {
                if let Some(kind) = outline(value) {
                    known.entry(id.clone()).or_insert(kind);
                }
            }
            _ => {}
        }
    }
    for _ in 0..10 {
        for (id, parent) in &based {
            if let (Some(kind), false) = (known.get(parent).copied(), known.contains_key(id)) {
                known.insert(id.clone(), kind);
            }
        }
    }
    Ok(known)
}

/// Levels are counted from 0 here; 9 is text.
fn outline(level: Option<&str>) -> Option<BlockKind> {
    let level: u8 = level?.parse().ok()?;
    (level < 9).then(|| heading(level + 1))
}

fn heading(level: u8) -> BlockKind {
    BlockKind::Heading(level.clamp(1, 6))
}

fn read(bytes: Vec<u8>, styles: &Styles, flow: &mut Flow) -> Result<(), ParseError> {
    let text = decode(bytes);
    let mut xml = Xml::new(&text);
    let mut title: Option<String> = None;
    while let Some(node) = xml.next()? {
        match node {
            Node::Start(element) => match element.name.as_str() {
                "p" => flow.begin(BlockKind::Prose),
                "pStyle" => match element.get("val").and_then(|style| styles.get(style)) {
                    Some(&TITLE) => title = title.or_else(|| Some(String::new())),
                    Some(kind) => flow.set_kind(*kind),
                    None => {}
                },
                "outlineLvl" => {
                    if let Some(kind) = outline(element.get("val")) {
                        flow.set_kind(kind);
                    }
                }
                "numPr" => flow.list_item(),
                // Fractions, indices and roots of formulas (part 1, 22.1).
                "den" => flow.text("/"),
                "sup" => flow.text("^"),
                "sub" => flow.text("_"),
                "rad" => flow.text("√"),
                // Math has its text in elements of this name too.
                "t" => {
                    let text = xml.text()?;
                    if let Some(title) = title.as_mut().filter(|_| flow.kept.title.is_none()) {
                        title.push_str(&text);
                    }
                    flow.text(&text);
                }
                "tab" => flow.text("\t"),
                "br" | "cr" => flow.text("\n"),
                "tbl" => flow.begin_table(),
                "tr" => flow.begin_row(),
                "tc" => flow.begin_cell(),
                // What was deleted, tab stops, and what repeats a drawing's
                // text for programs that can't draw it.
                "del" | "moveFrom" | "tabs" | "Fallback" | "sectPr" => xml.skip()?,
                _ => {}
            },
            Node::End(name) => match name.as_str() {
                "p" => {
                    flow.end()?;
                    if let Some(text) = title.take_if(|title| !title.trim().is_empty()) {
                        flow.kept.title.get_or_insert_with(|| one_line(&text));
                    }
                }
                "tr" => flow.end_row(),
                "tbl" => flow.end_table()?,
                _ => {}
            },
            Node::Text(_) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{super::archive::tests::zip, *};

    #[test]
    fn headings_lists_tables_and_notes_come_in_order() {
        let rels = b"<Relationships><Relationship Id='1' Type='x/styles' Target='styles.xml'/>\
            <Relationship Id='2' Type='x/footnotes' Target='footnotes.xml'/></Relationships>";
        let styles = b"<w:styles><w:style w:styleId='H'><w:name w:val='heading 2'/></w:style>\
            <w:style w:styleId='T'><w:name w:val='Title'/></w:style>\
            <w:style w:styleId='Mine'><w:basedOn w:val='H'/></w:style></w:styles>";
        let body = "<w:document><w:body>\
            <w:p><w:pPr><w:pStyle w:val='T'/></w:pPr><w:r><w:t>The title</w:t></w:r></w:p>\
            <w:p><w:pPr><w:pStyle w:val='Mine'/></w:pPr><w:r><w:t>Head</w:t></w:r></w:p>\
            <w:p><w:r><w:t>One </w:t></w:r><w:del><w:r><w:t>gone</w:t></w:r></w:del>\
            <w:r><w:t>two &amp; thrée.</w:t></w:r></w:p>\
            <w:p><w:pPr><w:numPr/></w:pPr><w:r><w:t>item</w:t></w:r></w:p>\
            <w:tbl><w:tr><w:tc><w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc>\
            <w:tc><w:p><w:r><w:t>b</w:t></w:r></w:p></w:tc></w:tr></w:tbl>\
            </w:body></w:document>";
        let notes = b"<w:footnotes><w:footnote><w:p><w:r><w:t>A note.</w:t></w:r></w:p>\
            </w:footnote></w:footnotes>";
        let bytes = zip(&[
            ("word/document.xml", body.as_bytes()),
            ("word/_rels/document.xml.rels", rels),
            ("word/styles.xml", styles),
            ("word/footnotes.xml", notes),
        ]);
        let parsed = parse(&bytes).unwrap();
        let got: Vec<_> = parsed
            .blocks
            .iter()
            .map(|block| (block.kind, block.text.as_str()))
            .collect();
        let expected = [
            (BlockKind::Prose, "The title"),
            (BlockKind::Heading(2), "Head"),
            (BlockKind::Prose, "One two & thrée."),
            (BlockKind::Item, "- item"),
            (BlockKind::Whole, "a | b"),
            (BlockKind::Prose, "A note."),
        ];
        assert_eq!(got, expected);
        assert_eq!(parsed.title.as_deref(), Some("The title"));
        for block in &parsed.blocks {
            assert_eq!(parsed.source[block.span.clone()], block.text);
        }
    }
}
