//! PPTX: each slide a page with its title as a heading, its text, its tables
//! and the speaker's notes.

use super::{
    BlockKind, ParseError, Parsed,
    archive::Archive,
    decoding::decode,
    flow::Flow,
    xml::{Node, Xml, elements, related},
};

/// Placeholders that say nothing of their own: date, number, foot and head.
const FURNITURE: &[&str] = &["dt", "sldNum", "ftr", "hdr", "sldImg"];

pub(super) fn parse(bytes: &[u8]) -> Result<Parsed, ParseError> {
    let archive = Archive::open(bytes)?;
    let main = "ppt/presentation.xml";
    let parts = related(&archive, main)?;
    let ids = elements(&archive, main)?.into_iter();
    let ids = ids.filter(|element| element.name == "sldId");
    let slides = ids.filter_map(|id| {
        let id = id.prefixed("id")?;
        let part = parts.iter().find(|(known, _, _)| known == id)?;
        Some(part.2.clone())
    });
    let mut flow = Flow::default();
    for slide in slides.collect::<Vec<_>>() {
        flow.kept.page();
        read(archive.need(&slide)?, &mut flow)?;
        let beside = related(&archive, &slide)?;
        if let Some((_, _, notes)) = beside.iter().find(|(_, kind, _)| kind == "notesSlide") {
            read(archive.get(notes)?.unwrap_or_default(), &mut flow)?;
        }
    }
    Ok(flow.kept.finish())
}

fn read(bytes: Vec<u8>, flow: &mut Flow) -> Result<(), ParseError> {
    let text = decode(bytes);
    let mut xml = Xml::new(&text);
    let mut kind = BlockKind::Prose;
    let mut furniture = false;
    while let Some(node) = xml.next()? {
        match node {
            Node::Start(element) => match element.name.as_str() {
                "sp" | "graphicFrame" => (kind, furniture) = (BlockKind::Prose, false),
                "ph" => match element.get("type") {
                    Some("title" | "ctrTitle") => kind = BlockKind::Heading(1),
                    Some(other) if FURNITURE.contains(&other) => furniture = true,
                    _ => {}
                },
                "p" => flow.begin(kind),
                "buChar" | "buAutoNum" => flow.list_item(),
                "t" => {
                    let text = xml.text()?;
                    flow.text(if furniture { "" } else { &text });
                }
                "br" => flow.text("\n"),
                "tbl" => flow.begin_table(),
                "tr" => flow.begin_row(),
                "tc" => flow.begin_cell(),
                "Fallback" => xml.skip()?,
                _ => {}
            },
            Node::End(name) => match name.as_str() {
                "p" => flow.end()?,
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
    fn slides_are_pages_in_the_order_of_the_show() {
        let rels = b"<r><Relationship Id='r1' Type='x/slide' Target='slides/b.xml'/>\
            <Relationship Id='r2' Type='x/slide' Target='slides/a.xml'/></r>";
        let show = b"<p:presentation><p:sldId id='256' r:id='r1'/><p:sldId id='257' r:id='r2'/>\
            </p:presentation>";
        let first = b"<p:sld><p:sp><p:ph type='title'/><a:p><a:t>Hello</a:t></a:p></p:sp>\
            <p:sp><a:p><a:t>World.</a:t></a:p></p:sp>\
            <p:sp><p:ph type='sldNum'/><a:p><a:t>1</a:t></a:p></p:sp></p:sld>";
        let bytes = zip(&[
            ("ppt/presentation.xml", show),
            ("ppt/_rels/presentation.xml.rels", rels),
            ("ppt/slides/b.xml", first),
            (
                "ppt/slides/a.xml",
                b"<p:sld><a:p><a:t>Second.</a:t></a:p></p:sld>",
            ),
        ]);
        let parsed = parse(&bytes).unwrap();
        let texts: Vec<_> = parsed.blocks.iter().map(|block| &block.text).collect();
        assert_eq!(texts, ["Hello", "World.", "Second."]);
        let pages = parsed
            .blocks
            .iter()
            .map(|block| parsed.page_of(block.span.start));
        assert_eq!(pages.collect::<Vec<_>>(), [Some(1), Some(1), Some(2)]);
    }
}
