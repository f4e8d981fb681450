//! Vectors of a caller's own texts, by the model that documents are embedded by.

use std::sync::Arc;

use super::{App, error::Error};
use crate::domain::principal::Principal;

/// The most texts at once.
const MOST: usize = 2_048;

/// The most that they have together, in bytes.
const MOST_BYTES: usize = 2 * 1024 * 1024;

/// As many are embedded before others have their turn.
const AT_ONCE: usize = 32;

/// What texts became.
#[derive(Debug)]
pub struct Embedded {
    /// The model's name.
    pub model: String,
    /// A vector a text, in their order.
    pub vectors: Vec<Vec<f32>>,
    /// How many tokens the texts have.
    pub tokens: usize,
}

impl App {
    /// Embeds texts as passages. What of a text is beyond what the model takes is
    /// cut off. Counts as a question does.
    pub async fn embed_texts(
        &self,
        caller: &Principal,
        texts: Vec<String>,
        dimensions: Option<usize>,
    ) -> Result<Embedded, Error> {
        let space = self.space();
        let wanted = space.dense.dimensions();
        if dimensions.is_some_and(|dimensions| dimensions != wanted) {
            return Err(Error::Texts(
                "The vectors can't have that many dimensions; leave `dimensions` out.",
            ));
        }
        if texts.is_empty() || texts.iter().any(String::is_empty) {
            return Err(Error::Texts("There is an empty text; leave it out."));
        }
        if texts.len() > MOST || texts.iter().map(String::len).sum::<usize>() > MOST_BYTES {
            return Err(Error::Texts(
                "There are at most 2,048 texts of 2 MiB together; send them in parts.",
            ));
        }
        self.rates.count(caller)?;
        let mut vectors = vec![];
        for some in texts.chunks(AT_ONCE) {
            vectors.extend(space.dense.embed_passages(some.to_vec()).await?);
        }
        let model = space.dense.model();
        let counter = Arc::clone(&space.dense);
        let count = move || texts.iter().map(|text| counter.count_tokens(text)).sum();
        let tokens = tokio::task::spawn_blocking(count).await;
        Ok(Embedded {
            model: [model.origin.model, model.fingerprint]
                .into_iter()
                .find(|name| !name.is_empty())
                .unwrap_or_default(),
            vectors,
            tokens: tokens.unwrap_or_default(),
        })
    }
}
