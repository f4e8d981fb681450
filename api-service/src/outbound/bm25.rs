//! BM25 weights, computed as Qdrant's own server does it, for both indexes.
//! The IDF part is the index's: it knows all documents.
//!
//! A text is cut into words script by script, so that English words within
//! Chinese prose are English words. Scripts that don't stand for one language,
//! such as the Latin one, take the forms of words from the language of the
//! knowledge base.

use std::collections::BTreeMap;

use qdrant_edge::{
    TokenizerType,
    bm25_embed::{EdgeBm25, EdgeBm25Config},
    external::ordered_float::NotNan,
};
use snowball_stemmers_rs::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;
use unicode_script::{Script, UnicodeScript};
use unicode_segmentation::UnicodeSegmentation;

use crate::{
    app::ports::SparseEmbedder,
    domain::{index::SparseVector, language::Language},
};

/// The mean number of words of a chunk with its context line, where too few are
/// there to tell: what `SciFact` and Cranfield have.
const USUAL_LENGTH: f64 = 110.0;

/// The usual parameters, and the mean number of words of a chunk.
const fn usual(average: f64) -> Parameters {
    Parameters {
        k: 1.2,
        b: 0.75,
        average,
    }
}

/// With such a `k`, and lengths that do not matter, a word's weight is the
/// number of times that it is there.
const COUNTING: Parameters = Parameters {
    k: 1_000_000.0,
    b: 0.0,
    average: 1.0,
};

/// What weights depend on beside the words.
#[derive(Debug, Clone, Copy)]
struct Parameters {
    k: f64,
    b: f64,
    average: f64,
}

/// The languages whose stop words and forms the engine knows, by its names.
const ENGINE_LANGUAGES: &[(&str, &str)] = &[
    ("ar", "arabic"),
    ("da", "danish"),
    ("de", "german"),
    ("el", "greek"),
    ("en", "english"),
    ("es", "spanish"),
    ("fi", "finnish"),
    ("fr", "french"),
    ("hu", "hungarian"),
    ("it", "italian"),
    ("nb", "norwegian"),
    ("nl", "dutch"),
    ("pt", "portuguese"),
    ("ro", "romanian"),
    ("ru", "russian"),
    ("sv", "swedish"),
    ("tr", "turkish"),
];

/// The languages whose forms the engine does not know.
const MORE_LANGUAGES: &[(&str, Algorithm)] = &[
    ("ca", Algorithm::Catalan),
    ("cs", Algorithm::Czech),
    ("et", Algorithm::Estonian),
    ("fa", Algorithm::Persian),
    ("hi", Algorithm::Hindi),
    ("hy", Algorithm::Armenian),
    ("id", Algorithm::Indonesian),
    ("lt", Algorithm::Lithuanian),
    ("ne", Algorithm::Nepali),
    ("pl", Algorithm::Polish),
    ("sr", Algorithm::Serbian),
    ("ta", Algorithm::Tamil),
    ("uk", Algorithm::Ukrainian),
    ("yi", Algorithm::Yiddish),
];

/// Stop words and stemming by language, lower case, accents folded.
pub struct Bm25 {
    /// By code of the language.
    by_language: BTreeMap<&'static str, EdgeBm25>,
    /// For words that were cut and stemmed before.
    plain: EdgeBm25,
}

/// The BM25 model could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the BM25 model can't be made: {0}")]
pub struct Bm25Error(String);

/// Scripts that are cut into words in the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Writing {
    /// Words between spaces, in the language given.
    Spaced(&'static str),
    /// No spaces between words: each two neighbours count as one. It finds what
    /// a dictionary does, and never cuts a question in another way than the text
    /// (so do Lucene's analyzers for Chinese, Japanese and Korean).
    Unspaced,
}

impl Writing {
    /// How a letter is written; `None` for what is in all scripts.
    fn of(letter: char, latin: &'static str, cyrillic: &'static str) -> Option<Self> {
        Some(match letter.script() {
            Script::Common | Script::Inherited | Script::Unknown => return None,
            Script::Latin => Self::Spaced(latin),
            Script::Cyrillic => Self::Spaced(cyrillic),
            Script::Arabic => Self::Spaced("ar"),
            Script::Greek => Self::Spaced("el"),
            Script::Devanagari => Self::Spaced("hi"),
            Script::Tamil => Self::Spaced("ta"),
            Script::Armenian => Self::Spaced("hy"),
            Script::Han
            | Script::Hiragana
            | Script::Katakana
            | Script::Bopomofo
            | Script::Hangul
            | Script::Thai
            | Script::Lao
            | Script::Khmer
            | Script::Myanmar => Self::Unspaced,
            _ => Self::Spaced(""),
        })
    }
}

impl Bm25 {
    /// The model with the usual parameters, `k` 1.2 and `b` 0.75, for chunks as
    /// they usually are.
    pub fn new() -> Result<Self, Bm25Error> {
        Self::with(usual(USUAL_LENGTH))
    }

    /// The model for a corpus, of which these are passages, with their languages.
    pub fn for_corpus(passages: &[(String, Language)]) -> Result<Self, Bm25Error> {
        let counting = Self::with(COUNTING)?;
        let words = passages.iter().map(|(text, language)| {
            let counts = counting.embed(text, *language, EdgeBm25::embed_document);
            counts.values().copied().map(f64::from).sum::<f64>()
        });
        #[expect(clippy::cast_precision_loss, reason = "a number of passages")]
        let average = words.sum::<f64>() / passages.len().max(1) as f64;
        Self::with(usual(average.max(1.0)))
    }

    fn with(parameters: Parameters) -> Result<Self, Bm25Error> {
        let mut by_language = BTreeMap::new();
        for (code, name) in ENGINE_LANGUAGES {
            let config = EdgeBm25Config {
                language: Some((*name).to_owned()),
                ascii_folding: Some(true),
                ..config(parameters)?
            };
            by_language.insert(*code, model(config)?);
        }
        let plain = EdgeBm25Config {
            tokenizer: TokenizerType::Whitespace,
            // A language whose words have one form each.
            language: Some("chinese".to_owned()),
            stopwords: none().map_err(|error| Bm25Error(error.to_string()))?,
            ascii_folding: Some(true),
            ..config(parameters)?
        };
        Ok(Self {
            by_language,
            plain: model(plain)?,
        })
    }

    fn embed(
        &self,
        text: &str,
        language: Language,
        embed: impl Fn(&EdgeBm25, &str) -> qdrant_edge::SparseVector,
    ) -> BTreeMap<u32, f32> {
        let mut weights = BTreeMap::new();
        for (writing, text) in by_writing(text, language) {
            let vector = match writing {
                Writing::Spaced(code) => match self.by_language.get(code) {
                    Some(model) => embed(model, &text),
                    None => embed(&self.plain, &stemmed(&text, code)),
                },
                Writing::Unspaced => embed(&self.plain, &pairs(&text)),
            };
            weights.extend(vector.indices.into_iter().zip(vector.values));
        }
        weights
    }
}

/// No stop words: an empty set, whose type the engine does not export.
fn none<T: serde::de::DeserializeOwned>() -> Result<T, serde_json::Error> {
    serde_json::from_value(serde_json::json!({}))
}

fn config(parameters: Parameters) -> Result<EdgeBm25Config, Bm25Error> {
    let number = |value| NotNan::new(value).map_err(|error| Bm25Error(error.to_string()));
    Ok(EdgeBm25Config {
        k: number(parameters.k)?,
        b: number(parameters.b)?,
        avg_len: number(parameters.average)?,
        ..EdgeBm25Config::default()
    })
}

fn model(config: EdgeBm25Config) -> Result<EdgeBm25, Bm25Error> {
    EdgeBm25::new(config).map_err(|error| Bm25Error(error.to_string()))
}

/// The parts of a text, one for each way of writing.
fn by_writing(text: &str, language: Language) -> BTreeMap<Writing, String> {
    let code = language.code();
    let (latin, cyrillic) = match code {
        "ru" | "uk" | "sr" => ("en", code),
        "ar" | "el" | "hi" | "ne" | "ta" | "hy" | "fa" | "zh" | "ja" | "ko" | "th" => ("en", "ru"),
        _ => (code, "ru"),
    };
    let is_latin = |letter: char| letter.is_ascii() || letter < '\u{250}';
    if text.chars().all(is_latin) {
        return BTreeMap::from([(Writing::Spaced(latin), text.to_owned())]);
    }
    let mut parts: BTreeMap<Writing, String> = BTreeMap::new();
    let mut current = Writing::Spaced(latin);
    for letter in text.nfkc() {
        let writing = match Writing::of(letter, latin, cyrillic) {
            // Other languages in the same script.
            Some(Writing::Spaced("hi")) if code == "ne" => Writing::Spaced("ne"),
            Some(Writing::Spaced("ar")) if code == "fa" => Writing::Spaced("fa"),
            Some(writing) => writing,
            // Numbers are words of their own beside scripts without spaces.
            None if current == Writing::Unspaced && letter.is_numeric() => Writing::Spaced(latin),
            None => current,
        };
        if writing != current {
            parts.entry(current).or_default().push(' ');
            current = writing;
        }
        parts.entry(writing).or_default().push(letter);
    }
    parts
}

/// The words of a text in lower case, in the form that stands for all their
/// forms, between spaces.
fn stemmed(text: &str, code: &str) -> String {
    let known = MORE_LANGUAGES.iter().find(|(other, _)| *other == code);
    let stemmer = known.map(|(_, algorithm)| Stemmer::create(*algorithm));
    let words = text.unicode_words().map(|word| {
        let word = word.to_lowercase();
        match &stemmer {
            Some(stemmer) => stemmer.stem(&word).into_owned(),
            None => word,
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Each two neighbours of a text without spaces between words; a character that
/// stands alone is a word.
fn pairs(text: &str) -> String {
    let mut words = vec![];
    for run in text.split(|c: char| !c.is_alphanumeric() && !is_mark(c)) {
        let letters: Vec<&str> = run.graphemes(true).collect();
        match letters.as_slice() {
            [] => {}
            [one] => words.push((*one).to_owned()),
            many => words.extend(many.windows(2).map(<[&str]>::concat)),
        }
    }
    words.join(" ")
}

/// Whether a character is a part of the letter before it.
fn is_mark(c: char) -> bool {
    unicode_normalization::char::is_combining_mark(c)
}

impl SparseEmbedder for Bm25 {
    fn passage(&self, text: &str, language: Language) -> SparseVector {
        vector(self.embed(text, language, EdgeBm25::embed_document))
    }

    fn question(&self, text: &str, languages: &[Language]) -> SparseVector {
        let mut all = BTreeMap::new();
        for language in languages {
            all.extend(self.embed(text, *language, EdgeBm25::embed_query));
        }
        vector(all)
    }
}

fn vector(weights: BTreeMap<u32, f32>) -> SparseVector {
    let (indices, values) = weights.into_iter().unzip();
    SparseVector { indices, values }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a question has a word in common with each of `found`, and none
    /// with `other`.
    fn finds(code: &str, question: &str, found: &[&str], other: &str) {
        let model = Bm25::new().unwrap();
        let language = Language::from_code(code).unwrap();
        let question = model.question(question, &[language]);
        let shares = |text: &str| {
            let passage = model.passage(text, language);
            passage
                .indices
                .iter()
                .any(|at| question.indices.contains(at))
        };
        for text in found {
            assert!(shares(text), "{text}");
        }
        assert!(!shares(other), "{other}");
    }

    #[test]
    fn forms_of_words_meet_in_every_language() {
        finds(
            "en",
            "indexes",
            &["The index is derived."],
            "Vectors are kept.",
        );
        finds(
            "de",
            "Kündigung",
            &["Kündigungen des Vertrags"],
            "Die Miete ist fällig.",
        );
        finds(
            "de",
            "kundigung",
            &["Die Kündigung"],
            "Die Miete ist fällig.",
        );
        finds(
            "ru",
            "договора",
            &["Срок договоров истёк."],
            "Оплата до пятницы.",
        );
        finds(
            "uk",
            "договору",
            &["Строк договорів минув."],
            "Оплата до суботи.",
        );
        finds(
            "ar",
            "المدارس",
            &["تقع مدارسنا في القاهرة"],
            "الطقس جميل اليوم",
        );
        finds("hi", "लड़कों", &["लड़का स्कूल जाता है"], "मौसम अच्छा है");
        finds(
            "pl",
            "umowy",
            &["Termin umowa minął."],
            "Płatność do piątku.",
        );
        finds("el", "συμβάσεις", &["Η σύμβαση έληξε"], "ο καιρός");
    }

    #[test]
    fn scripts_without_spaces_are_found_within_sentences() {
        finds(
            "zh",
            "向量数据库",
            &["我们使用向量数据库来存储数据。"],
            "今天天气很好。",
        );
        finds(
            "ja",
            "東京大学",
            &["彼は東京大学で学んだ。"],
            "天気がいい。",
        );
        finds("th", "ภาษาไทย", &["ฉันเรียนภาษาไทยทุกวัน"], "อากาศดี");
        finds(
            "ko",
            "데이터베이스",
            &["벡터 데이터베이스는 빠르다."],
            "오늘 날씨",
        );
    }

    #[test]
    fn scripts_mix_in_one_text() {
        let text = "Qdrant 是一个向量数据库，版本 1.20 支持 hybrid searches。";
        finds("zh", "hybrid search", &[text], "今天天气很好。");
        finds("zh", "版本 1.20", &[text], "今天天气很好。");
        finds("de", "Vektordatenbank qdrant", &[text], "今天天气很好。");
    }

    #[test]
    fn english_is_what_the_engine_makes_of_it() {
        let config = EdgeBm25Config {
            ascii_folding: Some(true),
            ..config(usual(USUAL_LENGTH)).unwrap()
        };
        let text = "The quick brown foxes jump over naïve dogs in 2024; x86_64 too.";
        let engine = model(config).unwrap().embed_document(text);
        let ours = Bm25::new().unwrap().passage(text, Language::ENGLISH);
        let engine: BTreeMap<u32, f32> = engine.indices.into_iter().zip(engine.values).collect();
        assert_eq!(ours, vector(engine));
    }

    /// A text as long as the mean has the same weights in each corpus, and the
    /// same text weighs less where the others are shorter.
    #[test]
    fn weights_follow_from_the_mean_length_of_the_corpus() {
        let text = "Pumps move water, and water moves wheels; 水 is water.";
        let model = |texts: &[&str]| {
            let texts = texts
                .iter()
                .map(|text| ((*text).to_owned(), Language::ENGLISH));
            Bm25::for_corpus(&texts.collect::<Vec<_>>()).unwrap()
        };
        let weights = |model: &Bm25| model.passage(text, Language::ENGLISH).values;
        let near = |one: &[f32], other: &[f32]| {
            let mut pairs = one.iter().zip(other);
            pairs.all(|(one, other)| (one - other).abs() < 0.001)
        };
        // Pumps, moves (twice), water (thrice), wheels; and the character.
        let seven = usual(8.0);
        let alone = weights(&model(&[text]));
        assert!(near(&alone, &weights(&Bm25::with(seven).unwrap())));
        let beside_short = weights(&model(&[text, "Water."]));
        let lighter = beside_short.iter().zip(&alone);
        assert!(lighter.clone().all(|(one, other)| one < other));
        assert_eq!(weights(&model(&[])), weights(&model(&["Water."])));
    }

    #[test]
    fn a_question_to_bases_in_two_languages_has_the_words_of_both() {
        let model = Bm25::new().unwrap();
        let languages = ["en", "de"].map(|code| Language::from_code(code).unwrap());
        let both = model.question("Vertragskündigungen", &languages);
        for language in languages {
            let one = model.question("Vertragskündigungen", &[language]);
            assert!(one.indices.iter().all(|at| both.indices.contains(at)));
        }
        assert!(
            both.values
                .iter()
                .all(|weight| (weight - 1.0).abs() < f32::EPSILON)
        );
    }
}
