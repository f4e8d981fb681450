//! Where sentences begin and end.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

/// Words that end in a full stop without ending a sentence.
const ABBREVIATIONS: &[&str] = &[
    "e.g.", "i.e.", "etc.", "cf.", "vs.", "al.", "fig.", "eq.", "no.", "dr.", "mr.", "mrs.",
    "prof.", "approx.", "resp.", "st.",
];

/// The sentences of `text` as byte ranges, without the white space between
/// them. A line's end ends a sentence.
pub fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = vec![];
    let mut joins_next = false;
    for (start, sentence) in text.split_sentence_bound_indices() {
        let trimmed = sentence.trim();
        if trimmed.is_empty() {
            joins_next = joins_next && !sentence.contains('\n');
            continue;
        }
        let start = start + (sentence.len() - sentence.trim_start().len());
        let range = start..start + trimmed.len();
        match found.last_mut() {
            Some(last) if joins_next => last.end = range.end,
            _ => found.push(range),
        }
        joins_next = ends_in_abbreviation(trimmed) && !sentence.ends_with('\n');
    }
    found
}

fn ends_in_abbreviation(sentence: &str) -> bool {
    let Some(word) = sentence.rsplit(char::is_whitespace).next() else {
        return false;
    };
    let word = word.trim_start_matches(['(', '[', '"']).to_lowercase();
    // A single letter is an initial.
    ABBREVIATIONS.contains(&word.as_str())
        || (word.chars().count() == 2 && word.ends_with('.') && word != "i.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<&str> {
        sentences(text)
            .into_iter()
            .map(|range| &text[range])
            .collect()
    }

    #[test]
    fn sentences_end_where_readers_end_them() {
        assert_eq!(split("One. Two? Three!"), ["One.", "Two?", "Three!"]);
        assert_eq!(
            split("See e.g. Smith et al. 2020. Next."),
            ["See e.g. Smith et al. 2020.", "Next."]
        );
        assert_eq!(
            split("Version 3.5 runs. It is fast."),
            ["Version 3.5 runs.", "It is fast."]
        );
        assert_eq!(split("- one\n- two"), ["- one", "- two"]);
        assert_eq!(split("第一句。第二句。"), ["第一句。", "第二句。"]);
        assert!(split(" \n ").is_empty());
    }
}
