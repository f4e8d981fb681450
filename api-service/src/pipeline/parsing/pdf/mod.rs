//! PDF: letters where they stand, brought into lines, columns and paragraphs.
//! No script is run, nothing that is attached is opened.

mod lines;
mod paragraphs;
mod widths;

use std::panic::{AssertUnwindSafe, catch_unwind};

use pdf_extract::{
    Dictionary, Document, MediaBox, Object, OutputDev, OutputError, Transform, output_doc_page,
};

use self::{
    lines::{Glyph, Line, lines},
    paragraphs::{repeated, write_page},
};
use super::{ParseError, Parsed, kept::Kept, one_line};

/// More letters than this are not on one page.
const MOST_LETTERS: usize = 200_000;

/// More pages than this are not read.
const MOST_PAGES: usize = 20_000;

pub(super) fn parse(bytes: &[u8]) -> Result<Parsed, ParseError> {
    let mut document = Document::load_mem(bytes).map_err(|_| ParseError::Unreadable)?;
    // Many files are encrypted for the password that is none.
    if document.is_encrypted() && document.decrypt("").is_err() {
        return Err(ParseError::Encrypted);
    }
    widths::write_out(&mut document);
    let pages = document.get_pages();
    if pages.len() > MOST_PAGES {
        return Err(ParseError::TooComplex);
    }
    let pages = pages.keys().map(|page| read_page(&document, *page));
    let pages: Vec<Vec<Line>> = pages.collect::<Result<_, _>>()?;
    if pages.is_empty() {
        return Err(ParseError::Unreadable);
    }
    let around = repeated(&pages);
    let body = paragraphs::body_size(&pages);
    let mut kept = Kept::titled(title(&document));
    for page in &pages {
        kept.page();
        write_page(&mut kept, page, &around, body)?;
    }
    Ok(kept.finish())
}

/// The lines of a page. The library panics over what it does not expect; a
/// page of which nothing came before that makes the document unreadable.
fn read_page(document: &Document, page: u32) -> Result<Vec<Line>, ParseError> {
    let mut letters = Letters::default();
    let read = catch_unwind(AssertUnwindSafe(|| {
        output_doc_page(document, &mut letters, page)
    }));
    if letters.glyphs.len() >= MOST_LETTERS {
        return Err(ParseError::TooComplex);
    }
    match read {
        Ok(Ok(())) => Ok(lines(letters.glyphs)),
        Ok(Err(_)) | Err(_) => Err(ParseError::Unreadable),
    }
}

/// The title in the document's properties, where it reads as one.
fn title(document: &Document) -> Option<String> {
    let info = document.trailer.get(b"Info").ok()?;
    let info: &Dictionary = match info {
        Object::Reference(id) => document.get_object(*id).ok()?.as_dict().ok()?,
        info => info.as_dict().ok()?,
    };
    let bytes = info.get(b"Title").ok()?.as_str().ok()?;
    let title = match bytes {
        [0xfe, 0xff, rest @ ..] => encoding_rs::UTF_16BE.decode(rest).0,
        bytes => encoding_rs::WINDOWS_1252.decode(bytes).0,
    };
    let title = one_line(&title);
    let is_file = title.contains(['/', '\\'])
        || title.rsplit_once('.').is_some_and(|(_, end)| {
            (2..=4).contains(&end.len()) && end.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
    let reads = title.contains(' ') && title.chars().any(char::is_alphabetic);
    (reads && !is_file).then_some(title)
}

/// The letters of a page.
#[derive(Default)]
struct Letters {
    glyphs: Vec<Glyph>,
}

impl OutputDev for Letters {
    fn begin_page(
        &mut self,
        _page: u32,
        _media: &MediaBox,
        _art: Option<(f64, f64, f64, f64)>,
    ) -> Result<(), OutputError> {
        Ok(())
    }

    fn end_page(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    fn output_character(
        &mut self,
        at: &Transform,
        width: f64,
        _spacing: f64,
        font_size: f64,
        text: &str,
    ) -> Result<(), OutputError> {
        if self.glyphs.len() >= MOST_LETTERS {
            return Err(OutputError::FormatError(std::fmt::Error));
        }
        let across = at.m11.hypot(at.m12) * font_size.abs();
        let up = at.m21.hypot(at.m22) * font_size.abs();
        // What is turned is a stamp at the margin or a mark across the page.
        let turned = at.m12.abs() > at.m11.abs() * 0.2;
        let glyph = Glyph {
            x: at.m31,
            y: at.m32,
            end: at.m31 + width * across,
            size: up,
            text: text.to_owned(),
            turned,
        };
        if glyph.is_sound() {
            self.glyphs.push(glyph);
        }
        Ok(())
    }

    fn begin_word(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    fn end_word(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    fn end_line(&mut self) -> Result<(), OutputError> {
        Ok(())
    }
}
