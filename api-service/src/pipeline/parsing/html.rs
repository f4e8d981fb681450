//! HTML: blocks from the tokens of a WHATWG tokenizer, without the parts of a
//! page that are not its content.

use std::ops::Range;

use html5gum::{Span, Token, Tokenizer, emitters::default::DefaultEmitter};

use super::{Block, BlockKind, Origin, Parsed, one_line};

/// Elements whose text is never content.
const NO_TEXT: &[&str] = &[
    "script", "style", "template", "noscript", "svg", "iframe", "select", "button", "textarea",
];

/// Elements around a page's content.
const AROUND: &[&str] = &["nav", "footer", "aside", "header", "form", "dialog", "menu"];

/// Elements that end the block before them and after them.
const BLOCKS: &[&str] = &[
    "p",
    "div",
    "section",
    "article",
    "main",
    "ul",
    "ol",
    "dl",
    "dt",
    "dd",
    "blockquote",
    "figure",
    "figcaption",
    "table",
    "hr",
    "body",
    "details",
    "summary",
    "address",
    "fieldset",
];

/// What comes after so many bytes of a title is left out.
const LONGEST_TITLE: usize = 2_000;

/// Parses HTML: the content of `main` or `article` where there is one, else
/// the page without its navigation, else all of its text.
pub(super) fn parse(source: &str) -> Parsed {
    let page = read(source, true);
    let within: Vec<Block> = page
        .blocks
        .iter()
        .filter(|(_, main)| *main)
        .map(|(block, _)| block.clone())
        .collect();
    let all = page.blocks.into_iter().map(|(block, _)| block);
    let blocks = if within.is_empty() {
        all.collect()
    } else {
        within
    };
    if blocks.is_empty() {
        let page = read(source, false);
        let all = page.blocks.into_iter().map(|(block, _)| block);
        return Parsed {
            title: page.title,
            blocks: all.collect(),
            ..Parsed::default()
        };
    }
    Parsed {
        title: page.title,
        blocks,
        ..Parsed::default()
    }
}

struct Page {
    title: Option<String>,
    blocks: Vec<(Block, bool)>,
}

fn read(source: &str, skip_around: bool) -> Page {
    let mut reader = Reader {
        skip_around,
        ..Reader::default()
    };
    let mut emitter = DefaultEmitter::<usize>::new_with_span();
    // In scripts, styles and titles `<` is text, as browsers have it.
    emitter.naively_switch_states(true);
    for Ok(token) in Tokenizer::new_with_emitter(source, emitter) {
        match token {
            Token::StartTag(tag) => {
                let name = String::from_utf8_lossy(&tag.name).into_owned();
                if !tag.self_closing || tag.name.as_slice() == b"br" {
                    reader.start(&name, &range(tag.span, source));
                }
            }
            Token::EndTag(tag) => reader.end(&String::from_utf8_lossy(&tag.name)),
            Token::String(text) => {
                let span = range(text.span, source);
                reader.text(&String::from_utf8_lossy(&text.value), &span);
            }
            Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
    }
    reader.flush();
    Page {
        title: reader.title.filter(|title| !title.is_empty()),
        blocks: reader.blocks,
    }
}

/// A token's span as bytes of the source, on the borders of characters.
fn range(span: Span<usize>, source: &str) -> Range<usize> {
    let start = source.floor_char_boundary(span.start.min(source.len()));
    start..source.ceil_char_boundary(span.end.clamp(start, source.len()))
}

#[derive(Default)]
struct Reader {
    blocks: Vec<(Block, bool)>,
    title: Option<String>,
    in_title: bool,
    skip_around: bool,
    /// The element that is skipped, and how deep it is nested in itself.
    skipped: Option<(String, usize)>,
    /// How deep in `main` or `article`.
    main: usize,
    preformatted: bool,
    table: usize,
    kind: Option<BlockKind>,
    text: String,
    span: Option<Range<usize>>,
    /// Where the text so far stands.
    origins: Vec<Origin>,
}

impl Reader {
    fn start(&mut self, name: &str, span: &Range<usize>) {
        if let Some((skipped, depth)) = &mut self.skipped {
            if skipped == name {
                *depth += 1;
            }
            return;
        }
        if NO_TEXT.contains(&name) || (self.skip_around && AROUND.contains(&name)) {
            self.flush();
            self.skipped = Some((name.to_owned(), 1));
            return;
        }
        match name {
            "title" => self.in_title = self.title.is_none(),
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                self.open(BlockKind::Heading(name.as_bytes()[1] - b'0'));
            }
            "pre" => {
                self.open(BlockKind::Whole);
                self.preformatted = true;
            }
            "li" if self.table == 0 => {
                self.open(BlockKind::Item);
                self.text.push_str("- ");
            }
            "table" => {
                if self.table == 0 {
                    self.open(BlockKind::Whole);
                }
                self.table += 1;
            }
            "tr" | "br" if self.table > 0 || name == "br" => self.text.push('\n'),
            "td" | "th" if !self.text.is_empty() && !self.text.ends_with('\n') => {
                self.text.push_str(" | ");
            }
            "main" | "article" => {
                self.flush();
                self.main += 1;
            }
            name if BLOCKS.contains(&name) => self.border(),
            _ => {}
        }
        if let (Some(_), None) = (self.kind, &self.span) {
            self.span = Some(span.start..span.end);
        }
    }

    fn end(&mut self, name: &str) {
        if let Some((skipped, depth)) = &mut self.skipped {
            if skipped == name {
                *depth -= 1;
                if *depth == 0 {
                    self.skipped = None;
                }
            }
            return;
        }
        match name {
            "title" => self.in_title = false,
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "li" if self.table == 0 => self.flush(),
            "pre" => {
                self.preformatted = false;
                self.border();
            }
            "table" => {
                self.table = self.table.saturating_sub(1);
                self.border();
            }
            "main" | "article" => {
                self.flush();
                self.main = self.main.saturating_sub(1);
            }
            name if BLOCKS.contains(&name) => self.border(),
            _ => {}
        }
    }

    fn text(&mut self, text: &str, span: &Range<usize>) {
        if self.in_title {
            let title = self.title.get_or_insert_default();
            if title.len() < LONGEST_TITLE {
                *title = one_line(&format!("{title} {text}"));
            }
            return;
        }
        if self.skipped.is_some() || (text.trim().is_empty() && self.text.is_empty()) {
            return;
        }
        self.kind.get_or_insert(BlockKind::Prose);
        let begin = self.text.len();
        if self.preformatted {
            self.text.push_str(text);
        } else {
            self.push_folded(text);
        }
        self.origins.push(Origin {
            text: begin..self.text.len(),
            source: span.clone(),
        });
        let known = self.span.get_or_insert_with(|| span.clone());
        known.end = known.end.max(span.end);
    }

    fn push_folded(&mut self, text: &str) {
        let spaced = |text: &str| text.is_empty() || text.ends_with(char::is_whitespace);
        if text.starts_with(char::is_whitespace) && !spaced(&self.text) {
            self.text.push(' ');
        }
        self.text.push_str(&one_line(text));
        if text.ends_with(char::is_whitespace) && !spaced(&self.text) {
            self.text.push(' ');
        }
    }

    /// A block element begins or ends: inside a table that is no border.
    fn border(&mut self) {
        if self.table == 0 && !self.preformatted {
            let empty_item = self.kind == Some(BlockKind::Item) && self.text == "- ";
            if !empty_item {
                self.flush();
            }
        }
    }

    fn open(&mut self, kind: BlockKind) {
        if self.table == 0 {
            self.flush();
            self.kind = Some(kind);
        }
    }

    fn flush(&mut self) {
        let (kind, span) = (self.kind.take(), self.span.take());
        let text = std::mem::take(&mut self.text);
        let mut origins = std::mem::take(&mut self.origins);
        if let (Some(kind), Some(span)) = (kind, span) {
            let lead = text.len() - text.trim_start().len();
            for Origin { text, .. } in &mut origins {
                *text = text.start.saturating_sub(lead)..text.end.saturating_sub(lead);
            }
            let text = match kind {
                BlockKind::Heading(_) => one_line(&text),
                _ => text.trim().to_owned(),
            };
            if !text.is_empty() && text != "-" {
                let block = Block {
                    kind,
                    text,
                    span,
                    origins,
                };
                self.blocks.push((block, self.main > 0));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_stays_and_what_is_around_it_goes() {
        let source = "<html><head><title>A &amp; B</title><style>p{}</style></head><body>\
            <nav><a>Menu</a></nav><main><h1>Head</h1><p>One <b>two</b>&nbsp;three.</p>\
            <script>evil()</script><ul><li>item</li></ul><pre>a\n  b</pre>\
            <table><tr><th>x</th><th>y</th></tr><tr><td>1</td><td>2</td></tr></table></main>\
            <footer>Imprint</footer></body></html>";
        let parsed = parse(source);
        assert_eq!(parsed.title.as_deref(), Some("A & B"));
        let got: Vec<_> = parsed
            .blocks
            .iter()
            .map(|block| (block.kind, block.text.as_str()))
            .collect();
        let expected = [
            (BlockKind::Heading(1), "Head"),
            (BlockKind::Prose, "One two three."),
            (BlockKind::Item, "- item"),
            (BlockKind::Whole, "a\n  b"),
            (BlockKind::Whole, "x | y\n1 | 2"),
        ];
        assert_eq!(got, expected);
        assert!(source[parsed.blocks[1].span.clone()].contains("<b>two</b>"));
    }

    #[test]
    fn a_page_that_is_all_navigation_is_still_text() {
        assert_eq!(parse("<nav>never closed, yet text").blocks.len(), 1);
    }
}
