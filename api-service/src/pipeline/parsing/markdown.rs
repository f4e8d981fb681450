//! Markdown: blocks from the events of a `CommonMark` parser.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::{Block, BlockKind, Origin, Parsed, one_line};

/// More tags of one document are not looked at.
const MOST_TAGS: usize = 100;

/// Parses `text`, which is `source` with markup blanked out, byte for byte.
pub(super) fn parse(source: &str, text: &str) -> Parsed {
    let (matter, body) = front_matter(source);
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_GFM;
    let mut builder = Builder {
        offset: body,
        ..Builder::default()
    };
    let blanked = text.get(body..).unwrap_or_default();
    for (event, span) in Parser::new_ext(blanked, options).into_offset_iter() {
        builder.take(event, &span);
    }
    builder.flush();
    Parsed {
        title: matter.title,
        tags: matter.tags,
        blocks: builder.blocks,
        ..Parsed::default()
    }
}

/// What YAML front matter says that is of use.
#[derive(Default)]
struct FrontMatter {
    title: Option<String>,
    tags: Vec<String>,
}

/// The front matter, and where the body begins. The matter is read line by line
/// and never expanded: it comes from strangers.
fn front_matter(source: &str) -> (FrontMatter, usize) {
    let lead = source.len() - source.trim_start_matches('\u{feff}').len();
    let mut lines = source[lead..].split_inclusive('\n');
    if lines.next().is_none_or(|line| line.trim_end() != "---") {
        return (FrontMatter::default(), lead);
    }
    let mut end = lead + source[lead..].find('\n').map_or(0, |newline| newline + 1);
    let mut matter = FrontMatter::default();
    let mut listing = false;
    for line in lines {
        end += line.len();
        if line.trim_end() == "---" {
            return (matter, end);
        }
        let item = line.trim_start().strip_prefix("- ");
        if let Some(item) = item.filter(|_| listing && matter.tags.len() < MOST_TAGS) {
            matter.tags.push(unquoted(item).to_owned());
            continue;
        }
        let tags = ["tags:", "keywords:"];
        let tags = tags.into_iter().find_map(|key| line.strip_prefix(key));
        listing = tags.is_some_and(|value| value.trim().is_empty());
        matter.tags.extend(tags.into_iter().flat_map(listed));
        if let Some(value) = line.strip_prefix("title:") {
            let title = one_line(unquoted(value));
            matter.title = Some(title).filter(|title| !title.is_empty());
        }
    }
    // It never ends: no front matter, but a thematic break.
    (FrontMatter::default(), lead)
}

/// The tags of one line: with commas, in brackets or without.
fn listed(value: &str) -> impl Iterator<Item = String> {
    let value = value.trim().trim_start_matches('[').trim_end_matches(']');
    let tags = value.split(',').map(|tag| unquoted(tag).to_owned());
    tags.filter(|tag| !tag.is_empty()).take(MOST_TAGS)
}

fn unquoted(value: &str) -> &str {
    let value = value.trim();
    let quoted = ['"', '\''].into_iter().find_map(|quote| {
        let rest = value.strip_prefix(quote)?;
        rest.strip_suffix(quote)
    });
    quoted.unwrap_or(value)
}

#[derive(Default)]
struct Builder {
    blocks: Vec<Block>,
    /// Where the parsed text begins in the source.
    offset: usize,
    kind: Option<BlockKind>,
    text: String,
    span: Option<Range<usize>>,
    /// Where the text so far stands, counted from where parsing began.
    origins: Vec<Origin>,
    /// Depth of lists, for the marks of their items.
    lists: usize,
    table: bool,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: &Range<usize>) {
        match event {
            Event::Start(tag) => self.start(&tag, span),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => self.push(&text, span),
            Event::Code(code) => self.push(&format!("`{code}`"), span),
            Event::InlineMath(math) | Event::DisplayMath(math) => self.push(&math, span),
            Event::SoftBreak => self.push(" ", span),
            Event::HardBreak => self.push("\n", span),
            // Tags were blanked out; what is left of HTML is no text.
            Event::Html(_)
            | Event::InlineHtml(_)
            | Event::FootnoteReference(_)
            | Event::Rule
            | Event::TaskListMarker(_) => {}
        }
    }

    fn start(&mut self, tag: &Tag<'_>, span: &Range<usize>) {
        match tag {
            Tag::Heading { level, .. } => self.open(BlockKind::Heading(depth(*level)), span),
            Tag::CodeBlock(CodeBlockKind::Fenced(_)) => self.open(BlockKind::Whole, span),
            Tag::Table(_) => {
                self.open(BlockKind::Whole, span);
                self.table = true;
            }
            Tag::List(_) => {
                self.flush();
                self.lists += 1;
            }
            Tag::Item => {
                self.open(BlockKind::Item, span);
                self.text = format!("{}- ", "  ".repeat(self.lists.clamp(1, 8) - 1));
            }
            // The first paragraph of an item goes on in the line of its mark.
            Tag::Paragraph if self.kind == Some(BlockKind::Item) && self.text.ends_with("- ") => {}
            Tag::Paragraph if self.kind == Some(BlockKind::Item) => self.text.push('\n'),
            Tag::Paragraph | Tag::CodeBlock(CodeBlockKind::Indented) => {
                self.open(BlockKind::Prose, span);
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(_) | TagEnd::CodeBlock | TagEnd::Item => self.flush(),
            TagEnd::Paragraph if self.kind == Some(BlockKind::Prose) => self.flush(),
            TagEnd::List(_) => {
                self.flush();
                self.lists = self.lists.saturating_sub(1);
            }
            TagEnd::Table => {
                self.flush();
                self.table = false;
            }
            TagEnd::TableCell => self.text.push_str(" | "),
            TagEnd::TableRow | TagEnd::TableHead => {
                let row = self.text.trim_end_matches([' ', '|']).len();
                self.text.truncate(row);
                self.origins.retain(|origin| origin.text.start < row);
                self.text.push('\n');
            }
            _ => {}
        }
    }

    fn open(&mut self, kind: BlockKind, span: &Range<usize>) {
        self.flush();
        self.kind = Some(kind);
        self.span = Some(span.start..span.start);
    }

    fn push(&mut self, text: &str, span: &Range<usize>) {
        // Text outside of any block that was opened, such as after a nested list.
        self.kind.get_or_insert(BlockKind::Prose);
        let begin = self.text.len();
        self.text.push_str(text);
        self.origins.push(Origin {
            text: begin..self.text.len(),
            source: span.clone(),
        });
        let known = self.span.get_or_insert(span.start..span.start);
        known.end = known.end.max(span.end);
    }

    fn flush(&mut self) {
        let (kind, span) = (self.kind.take(), self.span.take());
        let text = std::mem::take(&mut self.text);
        let origins = std::mem::take(&mut self.origins);
        let (Some(kind), Some(span)) = (kind, span) else {
            return;
        };
        let text = match kind {
            BlockKind::Heading(_) => one_line(&text),
            _ => text.trim_end().to_owned(),
        };
        if !text.trim().is_empty() && span.end > span.start {
            let span = span.start + self.offset..span.end + self.offset;
            let origins = origins.into_iter().map(|Origin { text, source }| Origin {
                text,
                source: source.start + self.offset..source.end + self.offset,
            });
            self.blocks.push(Block {
                kind,
                text,
                span,
                origins: origins.collect(),
            });
        }
    }
}

const fn depth(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(source: &str) -> Vec<(BlockKind, String)> {
        let parsed = parse(source, source);
        for block in &parsed.blocks {
            assert!(source.get(block.span.clone()).is_some(), "{block:?}");
        }
        parsed
            .blocks
            .into_iter()
            .map(|block| (block.kind, block.text))
            .collect()
    }

    #[test]
    fn blocks_keep_their_kind_and_lose_their_markup() {
        let source = "# A *b*\n\nSome [link](http://x) and `code`.\n\n- one\n- two\n  - deep\n\n\
                      ```rust\n# no heading\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n";
        let expected = [
            (BlockKind::Heading(1), "A b"),
            (BlockKind::Prose, "Some link and `code`."),
            (BlockKind::Item, "- one"),
            (BlockKind::Item, "- two"),
            (BlockKind::Item, "  - deep"),
            (BlockKind::Whole, "# no heading"),
            (BlockKind::Whole, "a | b\n1 | 2"),
        ];
        let got = kinds(source);
        let got: Vec<_> = got
            .iter()
            .map(|(kind, text)| (*kind, text.as_str()))
            .collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn front_matter_gives_the_title_and_is_no_text() {
        let source = "---\ntitle: \"The: title\"\nid: x\n---\n\nText.";
        let parsed = parse(source, source);
        assert_eq!(parsed.title.as_deref(), Some("The: title"));
        assert_eq!(&source[parsed.blocks[0].span.clone()], "Text.");
        assert_eq!(kinds("---\ntitle: never ends\n").len(), 1);
    }

    #[test]
    fn front_matter_gives_tags_in_all_the_ways_they_are_written() {
        for (matter, tags) in [
            ("tags: [a, \"b c\", 'd']", vec!["a", "b c", "d"]),
            ("keywords: a, b", vec!["a", "b"]),
            ("tags: a", vec!["a"]),
            (
                "tags:\n- a\n- 'b: c'\ntitle: T\nlist:\n- no",
                vec!["a", "b: c"],
            ),
            ("tags:\n  - a\nkeywords: [b]", vec!["a", "b"]),
            ("tags: []", vec![]),
            ("tags:\nother: [a]", vec![]),
        ] {
            let source = format!("---\n{matter}\n---\n\nText.");
            assert_eq!(parse(&source, &source).tags, tags, "{matter}");
        }
        let many = format!("---\ntags:\n{}---\n\nText.", "- a\n".repeat(1_000));
        assert_eq!(parse(&many, &many).tags.len(), MOST_TAGS);
    }
}
