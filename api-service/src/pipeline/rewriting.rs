//! Follow-up questions made to stand alone, without a language model: what a
//! question leaves out is taken from the last one that left nothing out. Where
//! it asks the same of something else ("and in Weaviate?"), that takes the place
//! of what was asked of before.

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

/// What stands between such a beginning and the rest.
const AFTER_BEGINNING: [char; 3] = [' ', ',', '，'];

/// What stands for something that was named before.
const POINTERS: &[&str] = &[
    "it", "its", "they", "them", "their", "theirs", "this", "that", "these", "those", "there",
    "he", "she", "him", "her", "his", "one", "ones", "same", "other", "others", "another",
    "former", "latter", "instead", "else", "above", "es", "sie", "dieser", "diese", "dieses",
    "davon", "damit", "dort", "il", "elle", "celui", "cela", "ello", "eso", "esto", "это", "этот",
    "它", "他们", "这", "那", "यह", "वह", "هذا", "ذلك",
];

/// What a word or two hang on: the same one marks the same place in two
/// questions.
const PREPOSITIONS: &[&str] = &[
    "about", "as", "at", "between", "by", "for", "from", "in", "into", "of", "on", "over",
    "through", "to", "using", "via", "with", "without", "auf", "aus", "bei", "für", "mit", "nach",
    "ohne", "von", "über", "avec", "dans", "de", "par", "pour", "sans", "sur", "con", "en", "para",
    "por", "sin", "da", "di", "per", "su", "в", "для", "из", "на", "с",
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
    let Some(topic) = topic else {
        return question.to_owned();
    };
    let (topic, question) = (topic.trim(), question.trim());
    match of_something_else(question) {
        // What is new comes first: it says most of what is meant.
        Some(other) => in_its_place(topic, other).unwrap_or_else(|| format!("{other} {topic}")),
        None => format!("{topic} {question}"),
    }
}

/// What the same is asked of: "and in Weaviate?" asks it of "in Weaviate".
fn of_something_else(question: &str) -> Option<&str> {
    let mut other = None;
    while let Some(rest) = after_beginning(other.unwrap_or(question)) {
        other = Some(rest);
    }
    let other = other?.trim_end_matches(['?', '？', '؟', '.', '!', ' ']);
    (!other.is_empty()).then_some(other)
}

/// What follows the longest beginning of a follow-up, if it begins like one.
fn after_beginning(question: &str) -> Option<&str> {
    let lower = question.to_lowercase();
    let begins = BEGINNINGS.iter().filter(|beginning| {
        let rest = lower.strip_prefix(**beginning);
        rest.is_some_and(|rest| rest.starts_with(AFTER_BEGINNING))
    });
    let length = begins.map(|beginning| beginning.len()).max()?;
    let rest = question.get(length..)?;
    Some(rest.trim_start_matches(AFTER_BEGINNING))
}

/// The topic with what hangs on the other's preposition in the place of what
/// hangs on the same one there; `None` where it has no such place.
fn in_its_place(topic: &str, other: &str) -> Option<String> {
    let is = |word: &str, one: &str| word.to_lowercase() == one;
    let preposition = other.split_whitespace().next()?.to_lowercase();
    let points_back = |word: &str| POINTERS.contains(&word.to_lowercase().as_str());
    if !PREPOSITIONS.contains(&preposition.as_str()) || other.unicode_words().any(points_back) {
        return None;
    }
    let words: Vec<&str> = topic.split_whitespace().collect();
    let from = words.iter().rposition(|word| is(word, &preposition))?;
    let next = words[from + 1..]
        .iter()
        .position(|word| PREPOSITIONS.iter().any(|one| is(word, one)));
    let after = next.map_or(words.len(), |next| from + 1 + next);
    let parts = words[..from].iter().chain([&other]).chain(&words[after..]);
    Some(parts.copied().collect::<Vec<_>>().join(" "))
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
    after_beginning(question.trim()).is_some() || words.iter().any(|word| POINTERS.contains(word))
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
                "for Word files How do I split long documents into sentences?",
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
            (
                "And into pages?",
                "How do I split long documents into pages",
            ),
            (
                "but what about tables?",
                "tables How do I split long documents into sentences?",
            ),
        ] {
            assert_eq!(standalone(question, &history), expected);
        }
    }

    #[test]
    fn what_is_asked_of_something_else_takes_its_place() {
        for (before, question, expected) in [
            (
                "How do I load documents from a web page by its address?",
                "And from Google Drive?",
                "How do I load documents from Google Drive by its address?",
            ),
            (
                "Wie verfolge ich meine Pipelines mit Langfuse?",
                "Und mit Datadog?",
                "Wie verfolge ich meine Pipelines mit Datadog",
            ),
            (
                "How do I store documents?",
                "And is it fast?",
                "is it fast How do I store documents?",
            ),
            (
                "How do I rank documents with Cohere?",
                "And with it in a pipeline?",
                "with it in a pipeline How do I rank documents with Cohere?",
            ),
            (
                "How do I store documents?",
                "and?",
                "How do I store documents? and?",
            ),
        ] {
            assert_eq!(standalone(question, &asked(&[before])), expected);
        }
    }

    #[test]
    fn the_first_question_is_itself() {
        assert_eq!(standalone("And it?", &[]), "And it?");
    }
}
