//! Blanks out what is markup for a site generator and not text: tags, JSX,
//! imports and exports, admonition fences. Every byte that goes is replaced by
//! a blank, so that places in the result are places in the source.

use std::ops::Range;

/// Blanks tags and admonition fences: what Docusaurus reads in `.md` too.
pub(super) fn blank_tags(source: &str) -> String {
    blank(source, false)
}

/// Blanks what [`blank_tags`] does, and ESM and JSX comments as well.
pub(super) fn blank_mdx(source: &str) -> String {
    blank(source, true)
}

fn blank(source: &str, esm: bool) -> String {
    let mut out = source.as_bytes().to_vec();
    let mut fence: Option<(u8, usize)> = None;
    let mut in_esm = false;
    let mut offset = 0;
    let mut tag_end = 0;
    let mut tags = Tags::new(source);
    for line in source.split_inclusive('\n') {
        let (start, end) = (offset, offset + line.len());
        offset = end;
        if let Some((mark, length)) = fence_mark(line) {
            match fence {
                None => fence = Some((mark, length)),
                Some(open) if open.0 == mark && length >= open.1 => fence = None,
                Some(_) => {}
            }
            continue;
        }
        if fence.is_some() {
            continue;
        }
        in_esm = esm && (begins_esm(line) || (in_esm && !line.trim().is_empty()));
        if in_esm {
            fill(&mut out, start, end);
            continue;
        }
        blank_admonition(&mut out, line, start);
        tag_end = blank_line(&mut out, &mut tags, start.max(tag_end)..end, esm).max(tag_end);
    }
    String::from_utf8(out).unwrap_or_else(|_| source.to_owned())
}

fn begins_esm(line: &str) -> bool {
    let rest = line
        .strip_prefix("import ")
        .or_else(|| line.strip_prefix("export "));
    rest.is_some_and(|rest| {
        let statement = [
            "{",
            "*",
            "'",
            "\"",
            "const ",
            "default ",
            "function ",
            "let ",
        ];
        rest.contains(" from ")
            || statement
                .iter()
                .any(|begin| rest.trim_start().starts_with(begin))
    })
}

/// The mark and length of a code fence, if the line is one.
fn fence_mark(line: &str) -> Option<(u8, usize)> {
    let trimmed = line.trim_start();
    let mark = *trimmed.as_bytes().first()?;
    let length = trimmed.bytes().take_while(|byte| *byte == mark).count();
    ((mark == b'`' || mark == b'~') && length >= 3).then_some((mark, length))
}

/// `:::note Title` becomes `Title`, and a closing `:::` nothing.
fn blank_admonition(out: &mut [u8], line: &str, start: usize) {
    let indent = line.len() - line.trim_start().len();
    let marks = line[indent..]
        .bytes()
        .take_while(|byte| *byte == b':')
        .count();
    if marks >= 3 {
        let word = line[indent + marks..]
            .bytes()
            .take_while(u8::is_ascii_alphabetic)
            .count();
        fill(out, start + indent, start + indent + marks + word);
    }
}

/// Blanks the tags that begin in a line; gives the end of the last one, which
/// may lie in a later line.
fn blank_line(out: &mut [u8], tags: &mut Tags<'_>, range: Range<usize>, esm: bool) -> usize {
    let bytes = tags.source.as_bytes();
    let (mut at, mut last) = (range.start, range.start);
    while at < range.end {
        let end = match bytes[at] {
            b'`' => Some(code_span_end(bytes, at, range.end.min(at + LONGEST_TAG))),
            b'<' => tags.end(at).inspect(|end| fill(out, at, *end)),
            b'{' if esm && bytes[at..].starts_with(b"{/*") => tags
                .jsx_comments
                .end(tags.source, at)
                .inspect(|end| fill(out, at, *end)),
            _ => None,
        };
        at = end.unwrap_or(at + 1);
        last = last.max(end.unwrap_or(last));
    }
    last
}

/// Longer tags and code spans than this are taken for text.
const LONGEST_TAG: usize = 4_000;

/// Looks for the ends of tags and comments, in a time that grows with the
/// source alone, whatever it opens and never closes.
struct Tags<'a> {
    source: &'a str,
    comments: Ends,
    jsx_comments: Ends,
    /// How many bytes may still be looked at in vain.
    patience: usize,
}

impl<'a> Tags<'a> {
    const fn new(source: &'a str) -> Self {
        Self {
            source,
            comments: Ends::of("-->"),
            jsx_comments: Ends::of("*/}"),
            patience: 16 * source.len() + LONGEST_TAG,
        }
    }

    /// The end of the tag or comment that begins at `at`, if one does.
    fn end(&mut self, at: usize) -> Option<usize> {
        let bytes = self.source.as_bytes();
        if bytes[at..].starts_with(b"<!--") {
            return self.comments.end(self.source, at);
        }
        let longest = LONGEST_TAG.min(self.patience);
        let looked_at = tag_end(bytes, at, longest);
        if let Err(vain) = looked_at {
            self.patience -= vain.min(self.patience);
        }
        looked_at.ok()
    }
}

/// Finds the next of some marks, and remembers it.
struct Ends {
    mark: &'static str,
    next: Next,
}

/// Where the next mark ends, for all places before it.
#[derive(Clone, Copy)]
enum Next {
    NotLookedFor,
    Nowhere,
    At(usize),
}

impl Ends {
    const fn of(mark: &'static str) -> Self {
        Self {
            mark,
            next: Next::NotLookedFor,
        }
    }

    /// Where the first mark after `at` ends.
    fn end(&mut self, source: &str, at: usize) -> Option<usize> {
        match self.next {
            Next::Nowhere => None,
            Next::At(end) if end >= at + self.mark.len() => Some(end),
            _ => {
                let place = source[at..].find(self.mark);
                let end = place.map(|place| at + place + self.mark.len());
                self.next = end.map_or(Next::Nowhere, Next::At);
                end
            }
        }
    }
}

/// The end of the tag that begins at `at`, if one does within so many bytes;
/// else how many were looked at.
fn tag_end(bytes: &[u8], at: usize, longest: usize) -> Result<usize, usize> {
    let first = *bytes.get(at + 1).ok_or(0_usize)?;
    // `<https://…>` is a link, not a tag; `<>` is a JSX fragment.
    if !(first.is_ascii_alphabetic() || first == b'/' || first == b'>') {
        return Err(0);
    }
    let name = bytes[at + 1..]
        .iter()
        .take(longest)
        .take_while(|byte| byte.is_ascii_alphanumeric())
        .count();
    if matches!(bytes.get(at + 1 + name), Some(b':' | b'@')) {
        return Err(name);
    }
    let (mut quote, mut braces) = (None, 0_usize);
    for (index, byte) in bytes.iter().enumerate().skip(at + 1).take(longest) {
        match (quote, byte) {
            (Some(open), byte) if open == *byte => quote = None,
            (None, b'"' | b'\'') => quote = Some(*byte),
            (None, b'{') => braces += 1,
            (None, b'}') => braces = braces.saturating_sub(1),
            (None, b'>') if braces == 0 => return Ok(index + 1),
            (None, b'<') if braces == 0 => return Err(index - at),
            _ => {}
        }
    }
    Err(longest)
}

/// The end of the code span that begins at `at`; of its mark, where the span
/// does not end in this line.
fn code_span_end(bytes: &[u8], at: usize, line_end: usize) -> usize {
    let marks = bytes[at..line_end]
        .iter()
        .take_while(|byte| **byte == b'`')
        .count();
    let mut index = at + marks;
    while index < line_end {
        let run = bytes[index..line_end]
            .iter()
            .take_while(|byte| **byte == b'`')
            .count();
        if run == marks {
            return index + run;
        }
        index += run.max(1);
    }
    at + marks
}

fn fill(out: &mut [u8], start: usize, end: usize) {
    for byte in &mut out[start..end] {
        if *byte != b'\n' {
            *byte = b' ';
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(source: &str) -> String {
        let blanked = blank_mdx(source);
        assert_eq!(blanked.len(), source.len());
        super::super::one_line(&blanked)
    }

    #[test]
    fn site_markup_goes_and_text_stays() {
        assert_eq!(folded("import Tabs from '@theme/Tabs';\n\nText"), "Text");
        assert_eq!(folded("export const a = {\n  b: 1,\n};\n\nText"), "Text");
        assert_eq!(
            folded("import this is a sentence."),
            "import this is a sentence."
        );
        assert_eq!(
            folded("<Tabs\n  a={() => { 1 > 0 }}\n  b=\"x>y\">\nin\n</Tabs>"),
            "in"
        );
        assert_eq!(folded("a {/* hidden\nmore */} b"), "a b");
        assert_eq!(folded(":::tip Do this\nText\n:::"), "Do this Text");
        assert_eq!(
            folded("see <https://a.b/c> and 1 < 2"),
            "see <https://a.b/c> and 1 < 2"
        );
    }

    #[test]
    fn code_stays_as_it_is() {
        assert_eq!(
            folded("`Vec<String>` and <b>bold</b>"),
            "`Vec<String>` and bold"
        );
        assert_eq!(
            folded("```jsx\n<Tabs>\nimport a from 'b'\n```"),
            "```jsx <Tabs> import a from 'b' ```"
        );
        assert_eq!(folded("```\nnever closed <b>"), "``` never closed <b>");
    }
}
