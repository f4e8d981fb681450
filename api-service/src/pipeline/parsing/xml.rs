//! XML, element by element. No entity is defined or fetched: other than the
//! five of XML and numbers, references are dropped.

use quick_xml::{
    Reader, XmlVersion,
    escape::resolve_predefined_entity,
    events::{BytesStart, Event},
};

use super::{ParseError, archive::Archive, decoding::decode};

/// What comes next in a document.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// An element begins.
    Start(Element),
    /// The element of this name ends; also one without content.
    End(String),
    /// Text, with references resolved.
    Text(String),
}

/// An element's name and attributes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Element {
    /// Its name without prefix.
    pub(super) name: String,
    attributes: Vec<(String, String)>,
}

impl Element {
    /// The first attribute of this name, whatever its prefix.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let local = |key: &str| key.rsplit(':').next() == Some(name);
        let found = self.attributes.iter().find(|(key, _)| local(key));
        found.map(|(_, value)| value.as_str())
    }

    /// The attribute of this name that has a prefix, as `r:id` beside `id`.
    pub(super) fn prefixed(&self, name: &str) -> Option<&str> {
        let wanted = |key: &str| key.rsplit_once(':').is_some_and(|(_, local)| local == name);
        let found = self.attributes.iter().find(|(key, _)| wanted(key));
        found.map(|(_, value)| value.as_str())
    }
}

/// A document that is read from its begin to its end.
pub(super) struct Xml<'a> {
    reader: Reader<&'a [u8]>,
    ended: Option<String>,
}

impl<'a> Xml<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let mut reader = Reader::from_str(text);
        reader.config_mut().allow_dangling_amp = true;
        Self {
            reader,
            ended: None,
        }
    }

    /// The next node; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Node>, ParseError> {
        if let Some(name) = self.ended.take() {
            return Ok(Some(Node::End(name)));
        }
        loop {
            let event = self.reader.read_event();
            let node = match event.map_err(|_| ParseError::Unreadable)? {
                Event::Start(start) => Node::Start(element(&start)),
                Event::Empty(start) => {
                    let element = element(&start);
                    self.ended = Some(element.name.clone());
                    Node::Start(element)
                }
                Event::End(end) => Node::End(end.local_name().as_ref().to_owned()),
                Event::Text(text) => Node::Text(text.xml10_content().into_owned()),
                Event::CData(text) => Node::Text(text.xml10_content().into_owned()),
                Event::GeneralRef(reference) => {
                    let letter = reference.resolve_char_ref().ok().flatten();
                    let known = || resolve_predefined_entity(&reference.xml10_content());
                    match (letter, known()) {
                        (Some(letter), _) => Node::Text(letter.to_string()),
                        (None, Some(text)) => Node::Text(text.to_owned()),
                        (None, None) => continue,
                    }
                }
                Event::Eof => return Ok(None),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => continue,
            };
            return Ok(Some(node));
        }
    }

    /// Goes behind the end of the element that just began.
    pub(super) fn skip(&mut self) -> Result<(), ParseError> {
        let mut depth = 1_usize;
        while depth > 0 {
            match self.next()? {
                Some(Node::Start(_)) => depth += 1,
                Some(Node::End(_)) => depth -= 1,
                Some(Node::Text(_)) => {}
                None => return Err(ParseError::Unreadable),
            }
        }
        Ok(())
    }

    /// The text up to the end of the element that just began.
    pub(super) fn text(&mut self) -> Result<String, ParseError> {
        let (mut depth, mut text) = (1_usize, String::new());
        while depth > 0 {
            match self.next()? {
                Some(Node::Start(_)) => depth += 1,
                Some(Node::End(_)) => depth -= 1,
                Some(Node::Text(part)) => text.push_str(&part),
                None => return Err(ParseError::Unreadable),
            }
        }
        Ok(text)
    }
}

fn element(start: &BytesStart<'_>) -> Element {
    let attributes = start.attributes().flatten().filter_map(|attribute| {
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).ok()?;
        Some((attribute.key.as_ref().to_owned(), value.into_owned()))
    });
    Element {
        name: start.local_name().as_ref().to_owned(),
        attributes: attributes.collect(),
    }
}

/// All elements of a part of an archive; none where there is no such part.
pub(super) fn elements(archive: &Archive<'_>, part: &str) -> Result<Vec<Element>, ParseError> {
    let Some(bytes) = archive.get(part)? else {
        return Ok(vec![]);
    };
    let text = decode(bytes);
    let mut xml = Xml::new(&text);
    let mut elements = vec![];
    while let Some(node) = xml.next()? {
        if let Node::Start(element) = node {
            elements.push(element);
        }
    }
    Ok(elements)
}

/// A path beside, below or above the folder of `base`; an absolute one begins
/// at the archive's root.
pub(super) fn beside(base: &str, target: &str) -> String {
    let folder = base.rsplit_once('/').map_or("", |(folder, _)| folder);
    let from = if target.starts_with('/') { "" } else { folder };
    let mut parts: Vec<&str> = from.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// What the relationships of an Office part point at: id, kind, path.
pub(super) fn related(
    archive: &Archive<'_>,
    part: &str,
) -> Result<Vec<(String, String, String)>, ParseError> {
    let (folder, file) = part.rsplit_once('/').unwrap_or(("", part));
    let rels = beside(&format!("{folder}/x"), &format!("_rels/{file}.rels"));
    let elements = elements(archive, &rels)?.into_iter();
    let inside = elements.filter(|element| element.get("TargetMode") != Some("External"));
    let found = inside.filter_map(|element| {
        let kind = element.get("Type")?.rsplit('/').next()?;
        let target = beside(part, element.get("Target")?);
        Some((element.get("Id")?.to_owned(), kind.to_owned(), target))
    });
    Ok(found.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_are_neither_defined_nor_fetched() {
        let text = "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>\
            <a:b r:id='1' id=\"2\">&x;&lt;&#233;<c/></a:b>";
        let mut xml = Xml::new(text);
        let Some(Node::Start(element)) = xml.next().unwrap() else {
            panic!("an element");
        };
        assert_eq!(
            (element.name.as_str(), element.prefixed("id")),
            ("b", Some("1"))
        );
        assert_eq!(xml.text().unwrap(), "<é");
        assert_eq!(xml.next(), Ok(None));
        assert!(Xml::new("<a>").text().is_err());
    }

    #[test]
    fn paths_stay_in_the_archive() {
        assert_eq!(
            beside("word/document.xml", "media/a.png"),
            "word/media/a.png"
        );
        assert_eq!(
            beside("ppt/slides/a.xml", "../notes/b.xml"),
            "ppt/notes/b.xml"
        );
        assert_eq!(beside("a/b", "/c.xml"), "c.xml");
        assert_eq!(beside("a", "../../etc/passwd"), "etc/passwd");
    }
}
