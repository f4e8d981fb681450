//! What must hold of any document, tried on documents made at random: soups of
//! what means something to a parser, and good files with some bytes changed.

use proptest::{collection::vec, prelude::*, sample::select};

use super::{archive::tests::zip, *};
use crate::pipeline::chunking::chunk;

/// What any text may have in it, and what is odd about text.
const TEXT: &[&str] = &[
    "word",
    "Two words. ",
    " ",
    "\n",
    "\n\n",
    "\r\n",
    "\t",
    "é",
    "𝒜",
    "\u{301}",
    "漢字。",
    "שלום",
    "\u{200d}",
    "\u{feff}",
    "\0",
    "\u{b}",
    "12.5",
    "-",
    "\"",
    "'",
    "\\",
    "&amp;",
    "&#0;",
    "&#x1F600;",
    "&",
];

const MARKDOWN: &[&str] = &[
    "# ",
    "## Head\n",
    "###### x\n",
    "- ",
    "1. ",
    "> ",
    "```",
    "~~~rust\n",
    "`",
    "**",
    "_",
    "[",
    "](",
    ")",
    "![",
    "|",
    "|a|b|\n|-|-|\n|c|d|\n",
    "---\n",
    "---\ntitle: x\n---\n",
    "    ",
    ":::note\n",
    ":::\n",
    "<a ",
    "<Tab x={1}>",
    "</Tab>",
    "{/* c */}",
    "{a}",
    "import a from 'b'\n",
    "export const a = 1\n",
    "<!-- ",
    " -->",
    "[^1]",
    "[^1]: note\n",
    "===\n",
];

const HTML: &[&str] = &[
    "<p>",
    "</p>",
    "<h1>",
    "</h1>",
    "<h3 id=a>",
    "<div class='b'>",
    "</div>",
    "<li>",
    "<ul>",
    "</ul>",
    "<pre>",
    "</pre>",
    "<table><tr><td>",
    "<th>",
    "</table>",
    "<script>",
    "</script>",
    "<style>",
    "</style>",
    "<nav>",
    "</nav>",
    "<main>",
    "</main>",
    "<article>",
    "<title>",
    "</title>",
    "<br/>",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<",
    ">",
    "<a href=x>",
    "</a>",
    "<body>",
    "<head>",
    "</head>",
];

const XML: &[&str] = &[
    "<w:p>",
    "</w:p>",
    "<w:r>",
    "</w:r>",
    "<w:t>",
    "</w:t>",
    "<w:tbl>",
    "</w:tbl>",
    "<w:tr>",
    "</w:tr>",
    "<w:tc>",
    "</w:tc>",
    "<w:pStyle w:val='H'/>",
    "<w:numPr/>",
    "<w:del>",
    "</w:del>",
    "<w:outlineLvl w:val='300'/>",
    "<a:p>",
    "</a:p>",
    "<a:t>",
    "</a:t>",
    "<p:sp>",
    "<p:ph type='title'/>",
    "<text:h text:outline-level='2'>",
    "</text:h>",
    "<text:p>",
    "</text:p>",
    "<text:s/>",
    "<table:table>",
    "</table:table>",
    "<table:table-row>",
    "</table:table-row>",
    "<table:table-cell>",
    "<c r='ZZZZ9' t='s'><v>",
    "</v></c>",
    "<c s='1'><v>45000.25",
    "<row r='1'>",
    "</row>",
    "<si>",
    "</si>",
    "<t>",
    "</t>",
    "<x/>",
    "<!DOCTYPE a [<!ENTITY x 'y'>]>",
    "&x;",
];

const JSON: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"a\"",
    "\"cells\":[",
    "\"cell_type\":\"markdown\"",
    "\"source\":",
    "1e999",
    "null",
    "true",
    "\"\\ud800\"",
    "\"# Head\\n\"",
    "{\"a\":[1,{\"b\":\"c\"}]}",
    "{\"nbformat\":4,\"cells\":[",
];

const RTF: &[&str] = &[
    "{\\rtf1",
    "{",
    "}",
    "\\par ",
    "\\pard",
    "\\'e4",
    "\\'",
    "\\u8364?",
    "\\u-10179",
    "\\uc9",
    "\\bin99999 ",
    "\\ansicpg932",
    "\\ansicpg0",
    "{\\*",
    "{\\fonttbl",
    "\\cell",
    "\\row",
    "\\intbl",
    "\\outlinelevel1",
    "\\",
];

const TABLE: &[&str] = &[",", ";", "\t", "|", "\"", "\"\"", "\n", "a,b\n", "\r"];

const MAIL: &[&str] = &[
    "From: a@b.c\r\n",
    "Subject: =?utf-8?q?=C3=A9?=\r\n",
    "Content-Type: multipart/mixed; boundary=x\r\n",
    "\r\n",
    "--x\r\n",
    "--x--\r\n",
    "Content-Type: text/html\r\n",
    "Content-Transfer-Encoding: base64\r\n",
    "w6nDqQ==",
    "Content-Type: message/rfc822\r\n",
    "Date: Mon, 1 Jan 2024 00:00:00 +0000\r\n",
    "=C3=A9",
];

/// The formats whose text is what was sent, or taken from it block by block.
const SOUPS: &[(MediaType, &[&str])] = &[
    (MediaType::Markdown, MARKDOWN),
    (MediaType::Mdx, MARKDOWN),
    (MediaType::Html, HTML),
    (MediaType::Plain, TEXT),
    (MediaType::Code, TEXT),
    (MediaType::Csv, TABLE),
    (MediaType::Tsv, TABLE),
    (MediaType::Json, JSON),
    (MediaType::JsonLines, JSON),
    (MediaType::Notebook, JSON),
    (MediaType::Rtf, RTF),
    (MediaType::Email, MAIL),
];

/// Where the text stands in archives of each format, beside what they need.
const ARCHIVES: &[(MediaType, &str)] = &[
    (MediaType::Docx, "word/document.xml"),
    (MediaType::Pptx, "ppt/slides/a.xml"),
    (MediaType::Xlsx, "xl/worksheets/a.xml"),
    (MediaType::Odt, "content.xml"),
    (MediaType::Epub, "a.xhtml"),
];

const RELATIONS: &[u8] = b"<r><Relationship Id='r1' Type='x/slide' Target='slides/a.xml'/>\
    <Relationship Id='r2' Type='x/worksheet' Target='worksheets/a.xml'/></r>";

/// An archive of any of these formats, whose text is `body`.
fn archive(place: &str, body: &str) -> Vec<u8> {
    let body = format!("<body>{body}</body>");
    zip(&[
        ("ppt/presentation.xml", b"<p><p:sldId r:id='r1'/></p>"),
        ("ppt/_rels/presentation.xml.rels", RELATIONS),
        ("xl/workbook.xml", b"<w><sheet name='S' r:id='r2'/></w>"),
        ("xl/_rels/workbook.xml.rels", RELATIONS),
        (
            "META-INF/container.xml",
            b"<c><rootfile full-path='p.opf'/></c>",
        ),
        (
            "p.opf",
            b"<p><item id='a' href='a.xhtml'/><itemref idref='a'/></p>",
        ),
        (place, body.as_bytes()),
    ])
}

/// A PDF of one page, whose content is `content`.
fn pdf(content: &str) -> Vec<u8> {
    let objects = [
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 5 0 R\
         /Resources<</Font<</F1 4 0 R>>>>>>"
            .to_owned(),
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>".to_owned(),
        format!("<</Length {}>>stream\n{content}\nendstream", content.len()),
    ];
    let (mut out, mut places) = ("%PDF-1.4\n".to_owned(), String::new());
    for (number, object) in (1..).zip(objects) {
        places = format!("{places}{:010} 00000 n \n", out.len());
        out = format!("{out}{number} 0 obj\n{object}\nendobj\n");
    }
    let at = out.len();
    out = format!(
        "{out}xref\n0 6\n0000000000 65535 f \n{places}\
         trailer<</Size 6/Root 1 0 R>>\nstartxref\n{at}\n%%EOF\n"
    );
    out.into_bytes()
}

fn soup(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    let word =
        prop_oneof![3 => select(words), 2 => select(TEXT), 1 => "[a-z]{1,12}".prop_map(leaked)];
    vec(word, 0..60).prop_map(|words| words.concat())
}

/// Words of a test live as long as it does.
fn leaked(word: String) -> &'static str {
    word.leak()
}

/// Changes to bytes: where, counted in thousandths of the whole, and to what.
fn changes() -> impl Strategy<Value = Vec<(usize, u8)>> {
    vec((0_usize..1_000, any::<u8>()), 0..8)
}

fn changed(mut bytes: Vec<u8>, changes: &[(usize, u8)]) -> Vec<u8> {
    let length = bytes.len();
    for (place, byte) in changes {
        if let Some(at) = bytes.get_mut(place * length / 1_000) {
            *at = *byte;
        }
    }
    bytes
}

fn letters(text: &str) -> String {
    text.chars()
        .filter(|letter| letter.is_alphanumeric())
        .collect()
}

/// Whether the text is kept beside the content: what is in it is in blocks.
fn is_kept(format: MediaType) -> bool {
    !matches!(
        format,
        MediaType::Markdown | MediaType::Mdx | MediaType::Html
    )
}

/// What must hold of any document that was read.
fn check(format: MediaType, parsed: &Parsed) -> Result<(), TestCaseError> {
    prop_assert!(parsed.is_sound(), "{:?}", parsed);
    prop_assert!(!parsed.blocks.is_empty());
    let mut covered = vec![false; parsed.source.len()];
    for block in &parsed.blocks {
        prop_assert!(!block.text.contains('\0'));
        prop_assert!(!block.text.trim().is_empty());
        covered[block.span.clone()].fill(true);
        for origin in &block.origins {
            let text = block.text.get(origin.text.clone());
            let source = parsed.source.get(origin.source.clone());
            prop_assert!(text.is_some() && source.is_some(), "{:?}", origin);
            let blanks = |text: &str| text.replace(char::is_whitespace, " ");
            let quoted =
                origin.text.len() != origin.source.len() || text.map(blanks) == source.map(blanks);
            prop_assert!(quoted, "{:?} is not {:?}", text, source);
        }
        if is_kept(format) {
            let source = parsed.source[block.span.clone()].replace('\0', "");
            prop_assert_eq!(&source, &block.text);
        }
    }
    if is_kept(format) {
        let lost = parsed
            .source
            .char_indices()
            .find(|(at, letter)| letter.is_alphanumeric() && !covered[*at]);
        prop_assert_eq!(lost, None);
    }
    check_chunks(format, parsed)
}

/// What must hold of its chunks: they lie in the text, hold all of it, and
/// nothing that is not where they point at.
fn check_chunks(format: MediaType, parsed: &Parsed) -> Result<(), TestCaseError> {
    let count = |text: &str| text.split_whitespace().count() + text.len() / 16;
    for budget in [24, 256] {
        let chunks = chunk(parsed, "A title", budget, &count);
        let mut told = String::new();
        for chunk in &chunks {
            let source = parsed.source.get(chunk.span.clone());
            prop_assert!(source.is_some(), "{:?} is no place", chunk.span);
            prop_assert!(!chunk.text.trim().is_empty());
            told += &letters(&chunk.headings.concat());
            told += &letters(&chunk.text);
            let source = letters(source.unwrap_or_default());
            for word in chunk.text.split_whitespace().filter(|_| is_kept(format)) {
                let word = letters(word);
                let above = chunk.headings.concat().contains(&word) || is_heading(parsed, &word);
                prop_assert!(
                    source.contains(&word) || above,
                    "{} is not in {}",
                    word,
                    source
                );
            }
        }
        for block in &parsed.blocks {
            for word in block.text.split_whitespace() {
                prop_assert!(is_told(&told, &letters(word)), "{:?} is lost", word);
            }
        }
    }
    Ok(())
}

/// Whether a word is there, at least in the parts that a long one is cut into.
fn is_told(told: &str, word: &str) -> bool {
    let mut rest = word;
    for _ in 0..4 {
        let ends = rest
            .char_indices()
            .map(|(at, letter)| at + letter.len_utf8());
        let longest = ends.rev().find(|end| told.contains(&rest[..*end]));
        rest = &rest[longest.unwrap_or(0)..];
    }
    rest.is_empty()
}

fn is_heading(parsed: &Parsed, word: &str) -> bool {
    let headings = parsed
        .blocks
        .iter()
        .filter(|block| matches!(block.kind, BlockKind::Heading(_)));
    headings
        .into_iter()
        .any(|heading| letters(&heading.text).contains(word))
}

fn check_read(format: MediaType, content: Vec<u8>) -> Result<(), TestCaseError> {
    match read(format, content) {
        Ok(parsed) => check(format, &parsed),
        Err(_) => Ok(()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn text_of_any_kind(
        (format, text) in select(SOUPS).prop_flat_map(|(format, words)| (Just(format), soup(words))),
    ) {
        check_read(format, text.into_bytes())?;
    }

    #[test]
    fn text_in_any_encoding(format in select(SOUPS).prop_map(|(format, _)| format), bytes in vec(any::<u8>(), 0..400)) {
        let _ = settle(None, &bytes);
        check_read(format, bytes)?;
    }

    #[test]
    fn archives_of_any_kind(
        (format, place) in select(ARCHIVES), xml in soup(XML), html in soup(HTML), changes in changes(),
    ) {
        let body = if format == MediaType::Epub { html } else { xml };
        let bytes = archive(place, &body);
        check_read(format, bytes.clone())?;
        let bytes = changed(bytes, &changes);
        let _ = settle(None, &bytes);
        check_read(format, bytes)?;
    }

    #[test]
    fn pages_of_any_kind(
        places in vec((0_i32..612, 0_i32..792, 4_i32..30, "[a-zA-Z0-9 .-]{1,30}"), 0..40), changes in changes(),
    ) {
        let lines = places.iter().map(|(x, y, size, text)| {
            format!("BT /F1 {size} Tf {x} {y} Td ({text}) Tj ET\n")
        });
        let bytes = pdf(&lines.collect::<String>());
        check_read(MediaType::Pdf, bytes.clone())?;
        check_read(MediaType::Pdf, changed(bytes, &changes))?;
    }
}

#[test]
fn a_page_that_is_not_changed_is_read() {
    let parsed = read(
        MediaType::Pdf,
        pdf("BT /F1 12 Tf 72 700 Td (Hello there) Tj ET"),
    );
    let parsed = parsed.unwrap();
    assert_eq!(parsed.blocks[0].text, "Hello there");
    assert_eq!(parsed.page_of(0), Some(1));
    for (format, place) in ARCHIVES {
        let body = "<w:p><w:t>text</w:t></w:p><a:p><a:t>text</a:t></a:p><text:p>text</text:p>\
            <row><c t='str'><v>text</v></c></row><p>text</p>";
        let parsed = read(*format, archive(place, body)).unwrap();
        assert!(parsed.source.contains("text"), "{format:?}");
    }
}
