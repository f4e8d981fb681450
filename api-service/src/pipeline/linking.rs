//! Links and images in an answer's text: each leads where a source's own text
//! leads, or goes. A document that gets a model to write an image of a strange
//! address would otherwise have every reader's browser tell a stranger what was
//! asked.

use std::collections::HashSet;

/// Lets an answer's pieces through as they come, without links that no source
/// has, and without HTML. Fenced code is left as it is: nothing in it is a link.
#[derive(Debug)]
pub struct LinkFilter {
    allowed: HashSet<String>,
    /// What may become a link and is held back until that is known.
    held: String,
    /// The line that is being shown, from its beginning.
    line: String,
    /// The last character that was shown.
    before: Option<char>,
    /// How many marks end the code, in code.
    fence: Option<usize>,
}

/// No address is longer, in bytes; what is, is none of a source.
const LONGEST: usize = 2_000;

/// How addresses begin that a page makes links of, or that a link may carry out.
const BEGINNINGS: &[&str] = &[
    "http://",
    "https://",
    "ftp://",
    "ftps://",
    "ws://",
    "wss://",
    "file:",
    "blob:",
    "data:",
    "javascript:",
    "vbscript:",
    "mailto:",
    "tel:",
    "www.",
];

/// What stands in the place of an address that goes.
const REMOVED: &str = "(link removed)";

/// What is known of the text that is held back.
enum Held {
    /// More must come.
    Open,
    /// Its first letter is shown as it is; the rest is judged anew.
    Letter,
    /// So many bytes of it are shown as this text; the rest is judged anew.
    Shown(usize, String),
}

impl LinkFilter {
    /// A filter for an answer from sources with these texts and addresses.
    pub fn new<'a>(sources: impl IntoIterator<Item = &'a str>) -> Self {
        let allowed = sources.into_iter().flat_map(addresses).collect();
        Self {
            allowed,
            held: String::new(),
            line: String::new(),
            before: None,
            fence: None,
        }
    }

    /// Takes the next piece; gives what can be shown now.
    pub fn push(&mut self, piece: &str) -> String {
        let mut shown = String::new();
        for letter in piece.chars() {
            self.held.push(letter);
            self.release(&mut shown, false);
        }
        shown
    }

    /// Ends the answer; gives what was still held back.
    pub fn finish(mut self) -> String {
        let mut shown = String::new();
        self.release(&mut shown, true);
        shown
    }

    /// Shows what is held as far as it is known what it is.
    fn release(&mut self, shown: &mut String, ended: bool) {
        while let Some(first) = self.held.chars().next() {
            let judged = if self.fence.is_some() {
                Held::Letter
            } else {
                self.judge(first, ended)
            };
            match judged {
                Held::Open => return,
                Held::Letter => {
                    self.held.drain(..first.len_utf8());
                    self.follow(first);
                    shown.push(first);
                }
                Held::Shown(taken, text) => {
                    self.held.drain(..taken);
                    for letter in text.chars() {
                        self.follow(letter);
                    }
                    shown.push_str(&text);
                }
            }
        }
    }

    /// Keeps to the lines, and to where code begins and ends.
    fn follow(&mut self, letter: char) {
        self.before = Some(letter);
        if letter != '\n' {
            // Only a line's beginning tells of a fence.
            if self.line.len() < LONGEST {
                self.line.push(letter);
            }
            return;
        }
        let line = std::mem::take(&mut self.line);
        let mark = line.trim_start_matches(' ');
        let ticks = mark.len() - mark.trim_start_matches('`').len();
        if line.len() - mark.len() > 3 || ticks < 3 {
            return;
        }
        match self.fence {
            Some(open) if ticks >= open && mark[ticks..].trim().is_empty() => self.fence = None,
            // A line with more of these marks is a line of text.
            None if !mark[ticks..].contains('`') => self.fence = Some(ticks),
            _ => {}
        }
    }

    fn judge(&self, first: char, ended: bool) -> Held {
        let next = self.held[first.len_utf8()..].chars().next();
        match (first, next) {
            (']' | '<', None) if !ended => Held::Open,
            (']', Some('(')) => self.target(&self.held[2..], ended),
            // What stood between them went, and would have made no link of them.
            ('(', _) if self.before == Some(']') => Held::Shown(1, " (".to_owned()),
            ('<', Some('/' | '!' | '?' | 'a'..='z' | 'A'..='Z')) => {
                Held::Shown(1, "&lt;".to_owned())
            }
            _ => self.address(first, ended),
        }
    }

    /// A link's target, up to its closing parenthesis.
    fn target(&self, target: &str, ended: bool) -> Held {
        let mut depth = 0_usize;
        for (at, letter) in target.char_indices() {
            match letter {
                '(' => depth += 1,
                ')' if depth > 0 => depth -= 1,
                ')' => {
                    let address = target[..at].split_whitespace().next().unwrap_or_default();
                    let address = address.trim_matches(['<', '>']);
                    let link = if self.allowed.contains(&plain(address)) {
                        format!("]({address})")
                    } else {
                        "]".to_owned()
                    };
                    return Held::Shown(at + 3, link);
                }
                _ => {}
            }
        }
        if ended || target.len() > LONGEST || target.contains("\n\n") {
            // A target that does not end is none; what it was is judged as text.
            return Held::Shown(2, "] ".to_owned());
        }
        Held::Open
    }

    /// An address that stands for itself, up to its end, or a letter.
    fn address(&self, first: char, ended: bool) -> Held {
        let inside = self.before.is_some_and(char::is_alphanumeric);
        // Where a word goes on, only what has slashes begins an address.
        let mut beginnings = BEGINNINGS
            .iter()
            .filter(|begin| begin.starts_with(first.to_ascii_lowercase()))
            .filter(|begin| !inside || begin.contains("//"));
        let whole = beginnings.clone().find(|begin| begins(&self.held, begin));
        let Some(begin) = whole else {
            let open = !ended && beginnings.any(|begin| begins(begin, &self.held));
            return if open { Held::Open } else { Held::Letter };
        };
        let end = self.held.find(ends_address);
        if end.is_none() && !ended && self.held.len() <= LONGEST {
            return Held::Open;
        }
        let address = plain(&self.held[..end.unwrap_or(self.held.len())]);
        // Such as the word "data:".
        if address.len() <= begin.len() {
            return Held::Letter;
        }
        let shown = if self.allowed.contains(&address) {
            address.clone()
        } else {
            REMOVED.to_owned()
        };
        Held::Shown(address.len(), shown)
    }
}

/// Whether a text begins so, in upper or lower case.
fn begins(text: &str, begin: &str) -> bool {
    let there = text.get(..begin.len());
    there.is_some_and(|there| there.eq_ignore_ascii_case(begin))
}

fn ends_address(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '<' | '>' | '"' | '`' | '|' | ')' | ']' | '\\')
}

/// An address without the punctuation of the sentence that it ends.
fn plain(address: &str) -> String {
    let end = |letter| matches!(letter, '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | '_');
    address.trim_end_matches(end).to_owned()
}

/// The addresses that stand in a text.
fn addresses(text: &str) -> Vec<String> {
    let mut found = vec![];
    // Each beginning has one of these marks, once, and a text few of them.
    for (at, mark) in text.match_indices([':', '.']) {
        let starts = BEGINNINGS.iter().filter_map(|begin| {
            let address = text.get(at.checked_sub(begin.find(mark)?)?..)?;
            begins(address, begin).then_some(address)
        });
        found.extend(starts.map(|address| {
            let end = address.find(ends_address).unwrap_or(address.len());
            plain(&address[..end])
        }));
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SOURCE: &str = "Read https://docs.example/start. Or write to www.docs.example/x!";

    fn filtered(pieces: &[&str]) -> String {
        let mut filter = LinkFilter::new([SOURCE]);
        let mut text: String = pieces.iter().map(|piece| filter.push(piece)).collect();
        text.push_str(&filter.finish());
        text
    }

    #[test]
    fn links_of_the_sources_stay_and_others_go() {
        for (said, shown) in [
            ("See www.docs.example/x.", "See www.docs.example/x."),
            ("[here](www.docs.example/x)", "[here](www.docs.example/x)"),
            (
                "[here](<https://docs.example/start> 't') b",
                "[here](https://docs.example/start) b",
            ),
            ("[here](https://evil.example/?q=1) b", "[here] b"),
            ("![x](https://evil.example/?q=1)", "![x]"),
            ("[a](/admin) [b](javascript:alert(1)) c", "[a] [b] c"),
            ("https://evil.example/x?y=z, then", "(link removed), then"),
            ("HTTPS://EVIL.EXAMPLE", "(link removed)"),
            ("xhttps://evil.example", "x(link removed)"),
            ("<https://evil.example>", "&lt;(link removed)>"),
            ("[r]: https://evil.example", "[r]: (link removed)"),
            ("<img src=x onerror=y>", "&lt;img src=x onerror=y>"),
            (
                "data: a, metadata:b, file: c",
                "data: a, metadata:b, file: c",
            ),
            ("data:text/html,x", "(link removed)"),
            ("[a](b", "[a] b"),
            ("a[i](j) < 3 && x<3", "a[i] < 3 && x<3"),
            ("`https://evil.example` b", "`(link removed)` b"),
            (
                "```sh\ncurl https://any.example\n```\nhttps://evil.example\n",
                "```sh\ncurl https://any.example\n```\n(link removed)\n",
            ),
            (
                "[www.docs.example/x](https://evil.example)",
                "[www.docs.example/x]",
            ),
        ] {
            assert_eq!(filtered(&[said]), shown);
            let letters: Vec<String> = said.chars().map(String::from).collect();
            let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
            assert_eq!(filtered(&letters), shown, "{said}");
        }
    }

    #[test]
    fn what_goes_leaves_no_link_behind() {
        assert_eq!(filtered(&["[a]()(evil.example)"]), "[a] (evil.example)");
        assert_eq!(filtered(&["[a](b)(", "c)"]), "[a] (c)");
    }

    #[test]
    fn words_are_not_held_back() {
        let mut filter = LinkFilter::new([]);
        assert_eq!(filter.push("The arm"), "The arm");
        assert_eq!(filter.push(" lifts"), " lifts");
    }

    proptest! {
        #[test]
        fn no_other_address_gets_through(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    "https://evil.example/", "http", "s://", "evil", "](", ")", "[", "]", "<", ">",
                    "!", "\\", "`", "~~~\n", " ", "\n", "a", "www.", "evil.example", "(", "//",
                ]),
                0..24,
            )
        ) {
            // Three of them begin code, in which nothing is a link.
            prop_assume!(!parts.concat().contains("```"));
            let text = filtered(&parts).to_lowercase();
            prop_assert!(!text.contains("http://e") && !text.contains("https://e"), "{text}");
            prop_assert!(!text.contains("](e"), "{text}");
        }

        #[test]
        fn nothing_else_is_lost(text in "[a-zäß 0-9.,;\n]{0,60}") {
            prop_assert_eq!(filtered(&[&text]), text);
        }
    }
}
