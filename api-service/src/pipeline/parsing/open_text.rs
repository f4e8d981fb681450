//! ODT (OpenDocument 1.3): headings, paragraphs, lists, tables and notes.

use super::{
    BlockKind, ParseError, Parsed,
    archive::Archive,
    decoding::decode,
    flow::Flow,
    xml::{Element, Node, Xml},
};

pub(super) fn parse(bytes: &[u8]) -> Result<Parsed, ParseError> {
    let archive = Archive::open(bytes)?;
    let manifest = decode(archive.get("META-INF/manifest.xml")?.unwrap_or_default());
    if manifest.contains(":encryption-data") {
        return Err(ParseError::Encrypted);
    }
    let text = decode(archive.need("content.xml")?);
    let mut xml = Xml::new(&text);
    let mut flow = Flow::default();
    let mut items = 0_usize;
    while let Some(node) = xml.next()? {
        match node {
            Node::Start(element) => match element.name.as_str() {
                "list-item" => items += 1,
                "annotation" | "tracked-changes" | "note-citation" | "automatic-styles" => {
                    xml.skip()?;
                }
                _ => start(&element, items, &mut flow),
            },
            Node::End(name) => match name.as_str() {
                "h" | "p" => flow.end()?,
                "list-item" => items = items.saturating_sub(1),
                "table-row" => flow.end_row(),
                "table" => flow.end_table()?,
                _ => {}
            },
            Node::Text(text) => flow.text(&text),
        }
    }
    Ok(flow.kept.finish())
}

fn start(element: &Element, items: usize, flow: &mut Flow) {
    match element.name.as_str() {
        "h" => {
            let level = element.get("outline-level");
            let level = level.and_then(|level| level.parse().ok()).unwrap_or(1);
            flow.begin(BlockKind::Heading(u8::clamp(level, 1, 6)));
        }
        "p" if items > 0 => flow.begin(BlockKind::Item),
        "p" => flow.begin(BlockKind::Prose),
        "s" | "tab" => flow.text(" "),
        "line-break" => flow.text("\n"),
        "table" => flow.begin_table(),
        "table-row" => flow.begin_row(),
        "table-cell" => flow.begin_cell(),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::{super::archive::tests::zip, *};

    #[test]
    fn text_is_read_and_changes_are_not() {
        let content = b"<o:d><text:tracked-changes><text:p>old</text:p></text:tracked-changes>\
            <text:h text:outline-level='3'>Head</text:h><text:p>a<text:s/>b</text:p>\
            <text:list><text:list-item><text:p>item</text:p></text:list-item></text:list></o:d>";
        let parsed = parse(&zip(&[("content.xml", content)])).unwrap();
        let got = parsed
            .blocks
            .iter()
            .map(|block| (block.kind, block.text.as_str()));
        let expected = [
            (BlockKind::Heading(3), "Head"),
            (BlockKind::Prose, "a b"),
            (BlockKind::Item, "- item"),
        ];
        assert_eq!(got.collect::<Vec<_>>(), expected);
    }
}
