//! What a content is, whatever its name says.

use super::{ParseError, decoding::utf16_without_mark};
use crate::domain::document::MediaType;

/// How far the names in a zip archive are looked for from its end, where its
/// directory is.
const DIRECTORY: usize = 512 * 1024;

/// How much of a content is looked at for bytes that are in no text.
const HEAD: usize = 64 * 1024;

/// What stands at the begin of files that are no documents.
const OTHERS: &[&[u8]] = &[
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"\x1f\x8b",
    b"BZh",
    b"7z\xbc\xaf",
    b"\x7fELF",
    b"MZ\x90",
    b"Rar!",
    b"\xfd7zXZ",
    b"OggS",
    b"ID3",
    b"RIFF",
    b"SQLite format 3",
];

/// What a zip archive holds tells what it is.
const IN_ARCHIVES: &[(&str, MediaType)] = &[
    ("word/", MediaType::Docx),
    ("ppt/presentation.xml", MediaType::Pptx),
    ("xl/workbook.xml", MediaType::Xlsx),
];

/// A file of old Office programs, and of encrypted ones of all programs.
const COMPOUND: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";

enum Content {
    Known(MediaType),
    Text,
    Encrypted,
    Unknown,
}

/// The format that `content` is parsed as: what it is, where that is what it
/// was `declared` to be, or where nothing was declared. Text without a
/// declaration is Markdown.
pub fn settle(declared: Option<MediaType>, content: &[u8]) -> Result<MediaType, ParseError> {
    match (look(content), declared) {
        (Content::Known(format), None) => Ok(format),
        (Content::Known(format), Some(declared)) if format == declared => Ok(format),
        (Content::Text, None) => Ok(MediaType::Markdown),
        // RTF without its mark is none; other texts are what one takes them for.
        (Content::Text, Some(declared)) if declared.is_text() && declared != MediaType::Rtf => {
            Ok(declared)
        }
        (Content::Encrypted, _) => Err(ParseError::Encrypted),
        (Content::Unknown, None) => Err(ParseError::Unsupported),
        _ => Err(ParseError::Mismatch),
    }
}

fn look(content: &[u8]) -> Content {
    let head = &content[..content.len().min(1_024)];
    let start = head.trim_ascii_start();
    if start.starts_with(b"{\\rtf") {
        return Content::Known(MediaType::Rtf);
    }
    // Readers take a PDF whose mark comes a little late (ISO 32000-1, H.3.4.1).
    if start.starts_with(b"%PDF-") || (holds(head, b"%PDF-") && !is_text(content)) {
        return Content::Known(MediaType::Pdf);
    }
    if content.starts_with(b"PK\x03\x04") {
        return archive(content);
    }
    if content.starts_with(COMPOUND) {
        let name: Vec<u8> = "EncryptedPackage"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        return if holds(content, &name) {
            Content::Encrypted
        } else {
            Content::Unknown
        };
    }
    let other = OTHERS.iter().any(|mark| content.starts_with(mark));
    if other || !is_text(content) {
        return Content::Unknown;
    }
    Content::Text
}

fn archive(content: &[u8]) -> Content {
    // The first entry says what the archive is, not compressed (EPUB 3.3
    // section 4.2.2, OpenDocument 1.3 part 2 section 3.3).
    let head = &content[..content.len().min(256)];
    for format in [MediaType::Epub, MediaType::Odt] {
        let mark = format!("mimetype{}", format.as_str());
        if holds(head, mark.as_bytes()) {
            return Content::Known(format);
        }
    }
    let tail = &content[content.len().saturating_sub(DIRECTORY)..];
    let has = |name: &str| holds(tail, name.as_bytes());
    let is_office = has("[Content_Types].xml") || has("_rels/");
    let found = IN_ARCHIVES.iter().find(|(name, _)| has(name));
    match found {
        Some((_, format)) if is_office => Content::Known(*format),
        _ if has("META-INF/container.xml") => Content::Known(MediaType::Epub),
        _ if has("word/document.xml") => Content::Known(MediaType::Docx),
        _ => Content::Unknown,
    }
}

fn holds(content: &[u8], part: &[u8]) -> bool {
    content.windows(part.len()).any(|window| window == part)
}

/// Whether there is nothing in it that no text has. Zeros are let through
/// where all else is UTF-8.
fn is_text(content: &[u8]) -> bool {
    let marked = content.starts_with(b"\xff\xfe") || content.starts_with(b"\xfe\xff");
    if marked || utf16_without_mark(content).is_some() {
        return true;
    }
    let head = &content[..content.len().min(HEAD)];
    let valid = match str::from_utf8(head) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    let strange = head
        .iter()
        .filter(|byte| matches!(byte, 0..=8 | 14..=26 | 28..=31));
    valid || strange.count() * 100 <= head.len().saturating_sub(100)
}

#[cfg(test)]
mod tests {
    use super::{super::archive::tests::zip, *};

    #[test]
    fn content_decides_and_a_disagreement_is_told() {
        let docx = zip(&[("[Content_Types].xml", b"x"), ("word/document.xml", b"x")]);
        let pdf = b"%PDF-1.7\n";
        assert_eq!(settle(None, &docx), Ok(MediaType::Docx));
        assert_eq!(settle(Some(MediaType::Docx), &docx), Ok(MediaType::Docx));
        assert_eq!(
            settle(Some(MediaType::Plain), &docx),
            Err(ParseError::Mismatch)
        );
        assert_eq!(
            settle(Some(MediaType::Markdown), pdf),
            Err(ParseError::Mismatch)
        );
        assert_eq!(
            settle(Some(MediaType::Docx), b"<html>"),
            Err(ParseError::Mismatch)
        );
        assert_eq!(
            settle(Some(MediaType::Html), b"<html>"),
            Ok(MediaType::Html)
        );
        assert_eq!(settle(None, b"about %PDF- files"), Ok(MediaType::Markdown));
        assert_eq!(settle(None, b"\x89PNG\r\n"), Err(ParseError::Unsupported));
        assert_eq!(
            settle(Some(MediaType::Plain), b"a\0 b"),
            Ok(MediaType::Plain)
        );
        assert_eq!(
            settle(Some(MediaType::Plain), &[0xff, 0, 1, 2, 3, 0x80]),
            Err(ParseError::Mismatch)
        );
        assert_eq!(
            settle(Some(MediaType::Plain), b"Gr\xfc\xdfe"),
            Ok(MediaType::Plain)
        );
        let zip = zip(&[("a.txt", b"x")]);
        assert_eq!(settle(None, &zip), Err(ParseError::Unsupported));
    }
}
