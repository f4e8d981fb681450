//! How many tokens a text has, by the model's own tokenizer where that is known.

use tiktoken_rs::{CoreBPE, cl100k_base_singleton, o200k_base_singleton};

use crate::outbound::token_estimate;

/// Counts the tokens of texts.
#[derive(Clone, Copy)]
pub(super) enum TokenCounter {
    /// With one of OpenAI's tokenizers.
    Exact(&'static CoreBPE),
    /// By a rule, rather too many than too few.
    Estimate,
}

/// The models of OpenAI's tokenizer o200k, by the beginnings of their names.
const O200K: [&str; 8] = [
    "gpt-4o",
    "gpt-4.1",
    "gpt-4.5",
    "gpt-5",
    "chatgpt-4o",
    "gpt-oss",
    "o1",
    "o3",
];

/// Those of cl100k, which are older.
const CL100K: [&str; 2] = ["gpt-4", "gpt-3.5"];

impl TokenCounter {
    /// The counter for a model. Loading a tokenizer takes about half a second
    /// and 46 MiB, once in a process.
    pub(super) fn of(model: &str) -> Self {
        // As OpenRouter names it: `openai/gpt-4o-mini`.
        let name = model.rsplit('/').next().unwrap_or(model);
        let is_one_of = |names: &[&str]| names.iter().any(|known| name.starts_with(known));
        if is_one_of(&O200K) || name.starts_with("o4") {
            return Self::Exact(o200k_base_singleton());
        }
        if is_one_of(&CL100K) {
            return Self::Exact(cl100k_base_singleton());
        }
        Self::Estimate
    }

    /// How many tokens `text` has.
    pub(super) fn count(self, text: &str) -> usize {
        match self {
            Self::Exact(tokenizer) => tokenizer.count_ordinary(text),
            Self::Estimate => token_estimate::tokens(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_ais_models_count_with_their_own_tokenizer() {
        // What tiktoken 0.12 counts.
        let text = "Die Wärmepumpe läuft, и насос тоже. 泵也在运转。";
        let counts = |model: &str| match TokenCounter::of(model) {
            TokenCounter::Exact(tokenizer) => Some(tokenizer.count_ordinary(text)),
            TokenCounter::Estimate => None,
        };
        assert_eq!(counts("gpt-4o-mini"), counts("openai/gpt-5-nano"));
        assert_ne!(counts("gpt-4o-mini"), counts("gpt-4-turbo"));
        assert_eq!(counts("gpt-3.5-turbo"), counts("gpt-4-turbo"));
        assert_eq!(counts("gemini-2.5-flash"), None);
        assert_eq!(counts("qwen3:8b"), None);
        let estimated = TokenCounter::Estimate.count(text);
        assert!(Some(estimated) >= counts("gpt-4o-mini"), "{estimated}");
    }
}
