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
    routing::{get, post},
};
use proto::api_key::KeyScope::{Chat, Search};

use crate::http::{HttpState, Route, event_stream::encoded, extract::CallerOr};
use encoding::{Completion, streamed};
use error::{Body, Named, OpenAiError};
use wire::{ALL, CompletionBody, EmbeddingsBody, EmbeddingsWire, ModelWire, ModelsWire};

type Caller = CallerOr<OpenAiError>;

pub(super) fn routes() -> Vec<Route> {
    let route = |method, path, scope, handler| Route::new(method, path, scope, handler);
    vec![
        route(Method::POST, "/v1/chat/completions", Chat, post(complete)),
        route(Method::GET, "/v1/models", Chat, get(models)),
        route(Method::GET, "/v1/models/{id}", Chat, get(model)),
        route(Method::POST, "/v1/embeddings", Search, post(embed)),
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
