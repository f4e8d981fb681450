//! What OpenAI's clients speak: chat completions, models, embeddings
//! (<https://platform.openai.com/docs/api-reference>).
//!
//! A model is a knowledge base that is asked; `lectern` asks all. A client sends
//! the whole conversation each time, so nothing of it stays among the caller's
//! conversations unless `store` is true. What a sampler is told (`temperature`,
//! `max_tokens`, `stop` and others), tools, and fields that are not known are
//! taken and not looked at.

mod encoding;
mod error;
pub mod wire;

use axum::{
    Json,
    extract::State,
    http::Method,
    response::{IntoResponse, Response},
};
use proto::api_key::KeyScope::{Chat, Search};
use serde_json::json;

use crate::http::{
    HttpState, Operation, Route,
    event_stream::{MEDIA_TYPE, described_until_done, encoded},
    extract::CallerOr,
};
use encoding::{Completion, streamed};
use error::{Body, Named, OpenAiError};
use wire::{
    ALL, ChunkWire, CompletionBody, CompletionWire, EmbeddingsBody, EmbeddingsWire, ModelWire,
    ModelsWire,
};

type Caller = CallerOr<OpenAiError>;

/// What the document says of a route of this surface.
fn told(summary: &'static str) -> Operation {
    Operation::new::<OpenAiError>("OpenAI", summary)
}

pub(super) fn routes() -> Vec<Route> {
    let completes = told("Answer a chat")
        .answers::<CompletionWire>(200)
        .answers_as(200, MEDIA_TYPE, described_until_done::<ChunkWire>)
        .fails(&[404])
        .example(json!({
            "model": ALL,
            "messages": [{ "role": "user", "content": "When do you open?" }],
        }));
    let lists = told("The knowledge bases that can be asked, as models");
    let lists = lists.answers::<ModelsWire>(200);
    let shows = told("One of them").answers::<ModelWire>(200);
    let embeds = told("Embed texts as documents are")
        .answers::<EmbeddingsWire>(200)
        .example(json!({ "model": ALL, "input": "When do you open?" }));
    let completions = "/v1/chat/completions";
    vec![
        Route::described(Method::POST, completions, Chat, complete, completes),
        Route::described(Method::GET, "/v1/models", Chat, models, lists),
        Route::described(Method::GET, "/v1/models/{id}", Chat, model, shows),
        Route::described(Method::POST, "/v1/embeddings", Search, embed, embeds),
    ]
}

async fn complete(
    State(state): State<HttpState>,
    Caller { caller, .. }: Caller,
    Body(body): Body<CompletionBody>,
) -> Result<Response, OpenAiError> {
    let events = state.app.ask(&caller, &body.asked()?).await?;
    let completion = Completion::new(&body, &state);
    let answer = state.placed(caller, events);
    if body.streams() {
        return Ok(encoded(answer, completion, streamed));
    }
    Ok(Json(completion.whole(answer).await?).into_response())
}

async fn models(
    State(state): State<HttpState>,
    Caller { caller, .. }: Caller,
) -> Result<Json<ModelsWire>, OpenAiError> {
    Ok(Json(state.app.knowledge_bases(&caller).await?.into()))
}

async fn model(
    State(state): State<HttpState>,
    Caller { caller, .. }: Caller,
    Named(name): Named,
) -> Result<Json<ModelWire>, OpenAiError> {
    if name == ALL {
        return Ok(Json(ModelWire::of_all()));
    }
    let base = state.app.named_knowledge_base(&caller, &name).await?;
    Ok(Json(ModelWire::new(name, &base)))
}

async fn embed(
    State(state): State<HttpState>,
    Caller { caller, .. }: Caller,
    Body(body): Body<EmbeddingsBody>,
) -> Result<Json<EmbeddingsWire>, OpenAiError> {
    let form = body.encoding_format;
    let (texts, dimensions) = (body.input.texts()?, body.dimensions);
    let embedded = state.app.embed_texts(&caller, texts, dimensions).await?;
    Ok(Json(EmbeddingsWire::new(embedded, form)))
}
