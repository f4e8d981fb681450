//! Language models at providers, and all that these do.

mod budget;
mod failing;
mod queueing;
mod real_server;
mod streaming;

use std::sync::Arc;

use api_service::{
    app::ports::{Generation, GenerationError, Generator, Piece, Prompt},
    domain::conversation::{Speaker, Turn},
};
use futures::StreamExt;
use service_kit::clock::FixedClock;

use crate::support::{NOON, caller};

fn clock() -> Arc<FixedClock> {
    Arc::new(FixedClock::at(NOON))
}

fn prompt() -> Prompt {
    Prompt {
        system: "Answer from the sources.".to_owned(),
        turns: vec![Turn {
            speaker: Speaker::User,
            content: "What does the arm lift?".to_owned(),
        }],
    }
}

/// What `name` is answered.
async fn generate(chain: &dyn Generator, name: &str) -> Result<Generation, GenerationError> {
    let place = chain.admit(&caller(name).scope())?;
    place.generate(prompt()).await
}

/// All pieces of an answer; the last one may be an error.
async fn pieces(generation: Generation) -> Vec<Result<Piece, GenerationError>> {
    generation.pieces.collect().await
}

fn text(pieces: &[Result<Piece, GenerationError>]) -> String {
    let texts = pieces.iter().map(|piece| match piece {
        Ok(Piece::Text(text)) => text.as_str(),
        _ => "",
    });
    texts.collect()
}

/// The whole text of an answer that comes to its end, and the model's name.
async fn whole(chain: &dyn Generator) -> (String, String) {
    let generation = generate(chain, "ada").await.unwrap();
    let model = generation.model.clone();
    let pieces = pieces(generation).await;
    assert!(pieces.iter().all(Result::is_ok), "{pieces:?}");
    (text(&pieces), model)
}

/// Why there was no answer, with its causes.
async fn refusal(chain: &dyn Generator) -> String {
    match generate(chain, "ada").await {
        Ok(generation) => panic!("{} began", generation.model),
        Err(error) => causes(&error),
    }
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut all = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        all.push(error.to_string());
        cause = error.source();
    }
    all.join(": ")
}
