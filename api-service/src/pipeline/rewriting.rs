//! Follow-up questions made to stand alone, without a language model: what a
//! question leaves out is taken from the last one that left nothing out.

use unicode_segmentation::UnicodeSegmentation;

use crate::domain::conversation::{Speaker, Turn};

/// How many questions are looked back.
const LOOK_BACK: usize = 6;

/// A question with fewer words that say what it is about leans on others.
const STANDS_ALONE: usize = 3;

/// A question that is longer stands alone whatever words it begins with.
const LONG: usize = 14;

/// How follow-ups begin.
const BEGINNINGS: &[&str] = &[
    "and",
    "but",
    "or",
    "so",
    "also",
    "then",
    "what about",
    "how about",
    "what if",
    "why not",
    "und",
    "aber",
    "oder",
    "was ist mit",
    "wie ist es mit",
    "et",
    "mais",
    "y",
    "pero",
    "e",
    "ma",
    "а",
    "и",
    "но",
    "那",
    "那么",
    "और",
    "و",
    "ماذا عن",
];

/// What stands for something that was named before.
const POINTERS: &[&str] = &[
    "it", "its", "they", "them", "their", "theirs", "this", "that", "these", "those", "there",
    "he", "she", "him", "her", "his", "one", "ones", "same", "other", "others", "another",
    "former", "latter", "instead", "else", "above", "es", "sie", "dieser", "diese", "dieses",
    "davon", "damit", "dort", "il", "elle", "celui", "cela", "ello", "eso", "esto", "это", "этот",
    "它", "他们", "这", "那", "यह", "वह", "هذا", "ذلك",
];

/// Words that say nothing of what a question is about.
const EMPTY: &[&str] = &[
    "a", "about", "all", "am", "an", "any", "are", "as", "at", "be", "been", "by", "can", "could",
    "did", "do", "does", "for", "from", "get", "give", "had", "has", "have", "how", "i", "if",
    "in", "into", "is", "just", "many", "may", "me", "mean", "more", "much", "my", "need", "no",
    "not", "now", "of", "on", "only", "our", "out", "please", "show", "should", "some", "tell",
    "than", "the", "there's", "to", "use", "used", "using", "want", "was", "we", "were", "what",
    "what's", "when", "where", "which", "who", "whom", "whose", "why", "will", "with", "would",
    "you", "your", "der", "die", "das", "ein", "eine", "ist", "sind", "wie", "was", "wo", "wann",
    "warum", "für", "mit", "le", "la", "les", "un", "une", "est", "comment", "pour", "avec",
];

/// What to search for: the question, and where it leans on what was asked
/// before, that as well.
pub fn standalone(question: &str, history: &[Turn]) -> String {
    if !leans(question) {
        return question.to_owned();
    }
    let asked = history
        .iter()
        .rev()
        .filter(|turn| turn.speaker == Speaker::User)
        .take(LOOK_BACK);
    let mut topic = None;
    for turn in asked {
        topic = Some(turn.content.as_str());
        if !leans(&turn.content) {
            break;
        }
    }
    match topic {
        Some(topic) => format!("{} {}", topic.trim(), question.trim()),
        None => question.to_owned(),
    }
}

/// Whether a question can't be understood alone.
fn leans(question: &str) -> bool {
    let lower = question.to_lowercase();
    let words: Vec<&str> = lower.unicode_words().collect();
    let about = words
        .iter()
        .filter(|word| !EMPTY.contains(word) && !POINTERS.contains(word))
        .count();
    if about < STANDS_ALONE {
        return true;
    }
    if words.len() > LONG {
        return false;
    }
    let begins = BEGINNINGS.iter().any(|beginning| {
        let rest = lower.trim_start().strip_prefix(beginning);
        rest.is_some_and(|rest| rest.starts_with([' ', ',', '，']))
    });
    begins || words.iter().any(|word| POINTERS.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(questions: &[&str]) -> Vec<Turn> {
        let turns = questions.iter().flat_map(|question| {
            [
                (Speaker::User, *question),
                (Speaker::Assistant, "It is so."),
            ]
        });
        turns
            .map(|(speaker, content)| Turn {
                speaker,
                content: content.to_owned(),
            })
            .collect()
    }

    #[test]
    fn a_follow_up_takes_its_topic_from_the_last_whole_question() {
        let history = asked(&[
            "How do I split long documents into sentences?",
            "And for PDFs?",
        ]);
        for (question, expected) in [
            (
                "and for Word files?",
                "How do I split long documents into sentences? and for Word files?",
            ),
            (
                "How fast is it with many pages?",
                "How do I split long documents into sentences? How fast is it with many pages?",
            ),
            (
                "Which retrievers work with the Qdrant document store?",
                "Which retrievers work with the Qdrant document store?",
            ),
            ("why?", "How do I split long documents into sentences? why?"),
        ] {
            assert_eq!(standalone(question, &history), expected);
        }
    }

    #[test]
    fn the_first_question_is_itself() {
        assert_eq!(standalone("And it?", &[]), "And it?");
    }
}
