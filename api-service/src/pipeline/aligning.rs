//! Where a quotation stands in the content of a document, which has markup that
//! the quotation has not.

use std::ops::Range;

/// How much longer than the quotation its place may be for markup: so many times
/// and so many letters more.
const MARKUP_FACTOR: usize = 3;
const MARKUP: usize = 500;

/// More places where the quotation may begin are not looked at.
const MOST_PLACES: usize = 100;

/// The narrowest place in `content` that has the letters and digits of `quote`
/// in their order, in bytes; `None` where there is none that is not mostly
/// something else.
pub fn align(quote: &str, content: &str) -> Option<Range<usize>> {
    let wanted: Vec<char> = quote
        .chars()
        .filter(|letter| letter.is_alphanumeric())
        .collect();
    let first_word: String = quote
        .chars()
        .skip_while(|letter| !letter.is_alphanumeric())
        .take_while(|letter| letter.is_alphanumeric())
        .collect();
    if first_word.is_empty() {
        return None;
    }
    let places = content.match_indices(&first_word).map(|(at, _)| at);
    let found = places
        .take(MOST_PLACES)
        .filter_map(|start| Some(start..end_of(&wanted, content, start)?))
        .min_by_key(Range::len)?;
    Some(with_punctuation(quote, content, found))
}

/// The end of the first letters of `content` from `start` on that are the wanted
/// ones, with others between them.
fn end_of(wanted: &[char], content: &str, start: usize) -> Option<usize> {
    let most = wanted.len() * MARKUP_FACTOR + MARKUP;
    let mut left = wanted.iter();
    let mut next = left.next()?;
    for (at, letter) in content[start..].char_indices().take(most) {
        if letter == *next {
            match left.next() {
                Some(letter) => next = letter,
                None => return Some(start + at + letter.len_utf8()),
            }
        }
    }
    None
}

/// The place with the quotation's first and last marks, where they stand there.
fn with_punctuation(quote: &str, content: &str, place: Range<usize>) -> Range<usize> {
    let is_mark = |letter: char| !letter.is_alphanumeric() && !letter.is_whitespace();
    let Range { mut start, mut end } = place;
    let quote = quote.trim();
    let before = quote.trim_start_matches(is_mark);
    let marks = &quote[..quote.len() - before.len()];
    if content[..start].ends_with(marks) {
        start -= marks.len();
    }
    let marks = &quote[quote.trim_end_matches(is_mark).len()..];
    if content[end..].starts_with(marks) {
        end += marks.len();
    }
    start..end
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found<'a>(quote: &str, content: &'a str) -> Option<&'a str> {
        align(quote, content).map(|place| &content[place])
    }

    #[test]
    fn markup_and_white_space_do_not_matter() {
        for (quote, content, expected) in [
            (
                "The arm lifts.",
                "x The **arm**\n lifts. y",
                "The **arm**\n lifts.",
            ),
            ("See the arm.", "See [the arm](/a/b.md).", "See [the arm"),
            ("It’s “so”.", "<p>It’s <b>“so”</b>.</p>", "It’s <b>“so"),
            ("A don't b", "A don&#39;t b", "A don&#39;t b"),
            ("(Über uns)", "a (Über&nbsp;uns)", "(Über&nbsp;uns)"),
            ("The end", "The start of it. The end", "The end"),
            ("第一句。", "零。第一句。二", "第一句。"),
        ] {
            assert_eq!(found(quote, content), Some(expected), "{quote}");
        }
    }

    #[test]
    fn what_is_not_there_has_no_place() {
        for (quote, content) in [
            ("The arm", "An arm"),
            ("The arm", ""),
            ("…", "a … b"),
            ("", "a"),
            ("ab cd", &format!("ab{}cd", "x".repeat(600))),
        ] {
            assert_eq!(found(quote, content), None, "{quote}");
        }
    }

    proptest! {
        #[test]
        fn the_place_has_the_words_in_their_order(
            words in proptest::collection::vec("[a-cé李]{1,4}", 1..8),
            before in "\\PC{0,20}",
            gaps in proptest::collection::vec("( |\n|\\*\\*|<b>|\\]\\(/x\\)|&nbsp;){1,3}", 8),
            after in "\\PC{0,20}",
        ) {
            let marked: String = words.iter().zip(&gaps).flat_map(|(word, gap)| [word.as_str(), gap]).collect();
            let content = format!("{before} {marked}{after}");
            let place = align(&words.join(" "), &content).unwrap();
            let mut rest = content.get(place).unwrap().chars();
            for letter in words.concat().chars() {
                prop_assert!(rest.any(|other| other == letter));
            }
        }

        #[test]
        fn anything_is_taken(quote in "\\PC{0,30}", content in "\\PC{0,60}") {
            if let Some(place) = align(&quote, &content) {
                prop_assert!(content.get(place).is_some());
            }
        }
    }
}
