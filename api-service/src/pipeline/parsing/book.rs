//! EPUB: the chapters in the order of the spine.

use std::collections::HashMap;

use super::{
    ParseError, Parsed,
    archive::Archive,
    decoding::decode,
    html,
    kept::Kept,
    one_line,
    xml::{Node, Xml, beside, elements},
};

pub(super) fn parse(bytes: &[u8]) -> Result<Parsed, ParseError> {
    let archive = Archive::open(bytes)?;
    let container = elements(&archive, "META-INF/container.xml")?;
    let package = container.iter().find(|element| element.name == "rootfile");
    let package = package.and_then(|element| element.get("full-path"));
    let package = package.ok_or(ParseError::Unreadable)?;
    let text = decode(archive.need(package)?);
    let mut xml = Xml::new(&text);
    let mut kept = Kept::default();
    let mut files: HashMap<String, String> = HashMap::new();
    let mut spine = vec![];
    while let Some(node) = xml.next()? {
        let Node::Start(element) = node else { continue };
        match element.name.as_str() {
            "title" if kept.title.is_none() => kept.title = Some(one_line(&xml.text()?)),
            "item" => {
                if let (Some(id), Some(href)) = (element.get("id"), element.get("href")) {
                    files.insert(id.to_owned(), beside(package, &unescaped(href)));
                }
            }
            "itemref" => spine.extend(element.get("idref").map(str::to_owned)),
            _ => {}
        }
    }
    for id in spine {
        let chapter = files.get(&id).ok_or(ParseError::Unreadable)?;
        let chapter = decode(archive.need(chapter)?);
        kept.append(html::parse(&chapter))?;
    }
    Ok(kept.finish())
}

/// A path of a URL, without its escapes.
fn unescaped(path: &str) -> String {
    let path = path.split('#').next().unwrap_or_default();
    percent_encoding::percent_decode_str(path)
        .decode_utf8_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::{super::archive::tests::zip, *};

    #[test]
    fn chapters_come_in_the_order_of_the_spine() {
        let container = b"<c><rootfile full-path='OEBPS/content.opf'/></c>";
        let package = b"<package><dc:title>A book</dc:title><item id='a' href='text/a%20b.xhtml'/>\
            <item id='b' href='b.xhtml'/><itemref idref='b'/><itemref idref='a'/></package>";
        let bytes = zip(&[
            ("META-INF/container.xml", container),
            ("OEBPS/content.opf", package),
            (
                "OEBPS/text/a b.xhtml",
                b"<html><body><p>Last.</p></body></html>",
            ),
            (
                "OEBPS/b.xhtml",
                b"<html><body><h1>One</h1><p>First.</p></body></html>",
            ),
        ]);
        let parsed = parse(&bytes).unwrap();
        let texts: Vec<_> = parsed.blocks.iter().map(|block| &block.text).collect();
        assert_eq!(texts, ["One", "First.", "Last."]);
        assert_eq!(parsed.title.as_deref(), Some("A book"));
    }
}
