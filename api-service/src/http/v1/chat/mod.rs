//! Questions and their answers.

pub(super) mod stream;
pub(super) mod wire;

use axum::{
    Json,
    extract::State,
    http::Method,
    response::Response,
    routing::{get, post},
};
use proto::api_key::KeyScope::Chat;
use service_kit::problem::{ProblemJson, ProblemQuery};

use super::problem::V1Error;
use crate::{
    app::ask::whole,
    http::{HttpState, Route, extract::Caller},
};
use wire::{AnswerWire, ChatBody, TodayWire};

/// The routes.
pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Method::POST, "/v1/chat", Chat, post(chat)),
        Route::new(Method::GET, "/v1/chat", Chat, get(chat_by_query)),
        Route::new(Method::POST, "/v1/chat/stream", Chat, post(chat_stream)),
        Route::new(Method::GET, "/v1/usage", Chat, get(usage)),
    ]
}

async fn chat(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemJson(body): ProblemJson<ChatBody>,
) -> Result<Json<AnswerWire>, V1Error> {
    let events = state.app.ask(&caller, &body.into()).await?;
    Ok(Json(whole(events).await?.into()))
}

async fn chat_by_query(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemQuery(query): ProblemQuery<ChatBody>,
) -> Result<Json<AnswerWire>, V1Error> {
    let events = state.app.ask(&caller, &query.into()).await?;
    Ok(Json(whole(events).await?.into()))
}

async fn chat_stream(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemJson(body): ProblemJson<ChatBody>,
) -> Result<Response, V1Error> {
    let events = state.app.ask(&caller, &body.into()).await?;
    Ok(stream::events(events))
}

async fn usage(
    State(state): State<HttpState>,
    Caller(caller): Caller,
) -> Result<Json<TodayWire>, V1Error> {
    Ok(Json(state.app.usage(&caller).await?.into()))
}
