//! What the sentences of an answer rest on.

use super::App;
use crate::domain::{answer::Citation, chunk::Passage};

impl App {
    /// The citations of a text whose markers name these sources.
    #[expect(clippy::unused_self, reason = "support is scored by the model")]
    pub(super) fn citations(
        &self,
        text: &str,
        numbers: &[usize],
        sources: &[Passage],
    ) -> Vec<Citation> {
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
        cited.collect()
    }
}
