//! Reading sitemaps (<https://www.sitemaps.org/protocol.html>): lists of pages,
//! and lists of such lists. No entity but XML's own five is known.

use quick_xml::{
    Reader,
    escape::resolve_predefined_entity,
    events::{BytesRef, Event},
};

use crate::domain::source::page_address;

/// The largest sitemap, inflated, in bytes (the protocol's own limit).
pub const LARGEST: usize = 50 * 1024 * 1024;

/// Elements that may stand in one another.
const DEEPEST: usize = 16;

/// The longest text of an element that is kept.
const LONGEST: usize = 2_048;

/// An entry of a sitemap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The address, as it is compared.
    pub address: String,
    /// When it was changed, as the sitemap writes it; may be empty.
    pub lastmod: String,
}

/// What a sitemap lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sitemap {
    /// Pages.
    Pages(Vec<Entry>),
    /// Other sitemaps.
    Sitemaps(Vec<Entry>),
}

/// The bytes are no sitemap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotASitemap;

impl From<quick_xml::Error> for NotASitemap {
    fn from(_: quick_xml::Error) -> Self {
        Self
    }
}

/// Reads a sitemap, up to `most` entries. Entries whose address is none are
/// left out.
pub fn parse(content: &[u8], most: usize) -> Result<Sitemap, NotASitemap> {
    let text = std::str::from_utf8(content).map_err(|_| NotASitemap)?;
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut reading = Reading::default();
    loop {
        match reader.read_event()? {
            Event::Start(start) => {
                reading.open(start.local_name().as_ref())?;
            }
            Event::End(_) => reading.close(),
            Event::Text(text) => reading.text(&text),
            Event::CData(text) => reading.text(&text),
            Event::GeneralRef(reference) => reading.text(&resolved(&reference)?),
            // Entities could be declared in it.
            Event::DocType(_) => return Err(NotASitemap),
            Event::Eof => break,
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
        if reading.entries.len() >= most {
            break;
        }
    }
    match reading.root.as_str() {
        "urlset" => Ok(Sitemap::Pages(reading.entries)),
        "sitemapindex" => Ok(Sitemap::Sitemaps(reading.entries)),
        _ => Err(NotASitemap),
    }
}

fn resolved(reference: &BytesRef<'_>) -> Result<String, NotASitemap> {
    if let Some(letter) = reference.resolve_char_ref()? {
        return Ok(letter.to_string());
    }
    let known = resolve_predefined_entity(reference);
    Ok(known.ok_or(NotASitemap)?.to_owned())
}

#[derive(Default)]
struct Reading {
    root: String,
    depth: usize,
    /// The element of an entry that is open: `loc` or `lastmod`.
    open: String,
    loc: String,
    lastmod: String,
    entries: Vec<Entry>,
}

impl Reading {
    fn open(&mut self, name: &str) -> Result<(), NotASitemap> {
        self.depth += 1;
        match self.depth {
            1 => name.clone_into(&mut self.root),
            2 => {
                self.loc.clear();
                self.lastmod.clear();
            }
            3 => name.clone_into(&mut self.open),
            depth if depth > DEEPEST => return Err(NotASitemap),
            // Images and the like have addresses of their own.
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str) {
        let field = match (self.depth, self.open.as_str()) {
            (3, "loc") => &mut self.loc,
            (3, "lastmod") => &mut self.lastmod,
            _ => return,
        };
        if field.len() + text.len() <= LONGEST {
            field.push_str(text);
        }
    }

    fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        if self.depth == 1
            && let Some(address) = page_address(&self.loc)
        {
            self.entries.push(Entry {
                address,
                lastmod: self.lastmod.trim().chars().take(64).collect(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(address: &str, lastmod: &str) -> Entry {
        Entry {
            address: address.to_owned(),
            lastmod: lastmod.to_owned(),
        }
    }

    #[test]
    fn pages_are_read_with_their_dates_and_nothing_else() {
        let text = "\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- made -->\n\
            <urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\" xmlns:image=\"x\">\
            <url><loc> https://a.example/?x=1&amp;y=2 </loc><lastmod>2026-01-02</lastmod>\
            <image:image><image:loc>https://a.example/cat.png</image:loc></image:image></url>\
            <url><loc><![CDATA[https://a.example/b]]></loc><priority>1</priority></url>\
            <url><loc>https://a.example/&#x63;</loc></url>\
            <url><lastmod>2026</lastmod></url><url><loc>javascript:alert(1)</loc></url>\
            <url/></urlset>";
        let pages = vec![
            entry("https://a.example/?x=1&y=2", "2026-01-02"),
            entry("https://a.example/b", ""),
            entry("https://a.example/c", ""),
        ];
        assert_eq!(
            parse(text.as_bytes(), 10),
            Ok(Sitemap::Pages(pages.clone()))
        );
        assert_eq!(
            parse(text.as_bytes(), 2),
            Ok(Sitemap::Pages(pages[..2].to_vec()))
        );
    }

    #[test]
    fn an_index_lists_sitemaps() {
        let text = "<s:sitemapindex xmlns:s='x'><s:sitemap><s:loc>https://a.example/1.xml.gz\
            </s:loc></s:sitemap></s:sitemapindex>";
        let listed = vec![entry("https://a.example/1.xml.gz", "")];
        assert_eq!(parse(text.as_bytes(), 10), Ok(Sitemap::Sitemaps(listed)));
    }

    #[test]
    fn entities_depth_and_nonsense_are_refused() {
        let laughs = "<!DOCTYPE u [<!ENTITY a 'aa'>]><urlset><url><loc>&a;</loc></url></urlset>";
        let unknown = "<urlset><url><loc>https://a.example/&a;</loc></url></urlset>";
        let deep = format!("<urlset>{}", "<a>".repeat(100));
        for text in [
            laughs,
            unknown,
            &deep,
            "<html></html>",
            "",
            "<urlset><url></urlset>",
            "{}",
        ] {
            assert_eq!(parse(text.as_bytes(), 10), Err(NotASitemap), "{text}");
        }
        assert_eq!(parse(b"<urlset>\xff</urlset>", 10), Err(NotASitemap));
    }
}
