//! Questions and their answers.

pub(super) mod stream;
pub(super) mod wire;

use axum::{Json, extract::State, http::Method, response::Response};
use proto::api_key::KeyScope::Chat;
use serde_json::json;
use service_kit::problem::{ProblemJson, ProblemQuery};

use super::{problem::V1Error, told};
use crate::{
    app::ask::whole,
    http::{
        HttpState, Route,
        event_stream::{MEDIA_TYPE, described},
        extract::Caller,
    },
};
use wire::{AnswerWire, ChatBody, EventWire, TodayWire};

/// The routes.
pub(super) fn routes() -> Vec<Route> {
    let question = json!({ "message": "When do you open?" });
    let answers = |summary| told(summary).answers::<AnswerWire>(200).fails(&[404]);
    let asks = answers("Ask; the whole answer at once").example(question.clone());
    let asks_by_query = answers("The same by a query");
    let streams = told("Ask; the answer as it comes")
        .answers_as(200, MEDIA_TYPE, described::<EventWire>)
        .fails(&[404])
        .example(question);
    let used = told("What you have used of language models today").answers::<TodayWire>(200);
    vec![
        Route::described(Method::POST, "/v1/chat", Chat, chat, asks),
        Route::described(Method::GET, "/v1/chat", Chat, chat_by_query, asks_by_query),
        Route::described(Method::POST, "/v1/chat/stream", Chat, chat_stream, streams),
        Route::described(Method::GET, "/v1/usage", Chat, usage, used),
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
