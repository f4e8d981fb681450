//! What administrators are told of questions and answers.

mod wire;

use axum::{Json, extract::State, http::Method, routing::get};
use proto::api_key::KeyScope::KnowledgeAdmin;
use service_kit::problem::ProblemQuery;

use super::problem::V1Error;
use crate::http::{HttpState, Route, extract::Caller};
use wire::{AnalyticsQuery, AnalyticsWire};

/// The route.
pub(super) fn routes() -> Vec<Route> {
    let path = "/v1/analytics";
    vec![Route::new(
        Method::GET,
        path,
        KnowledgeAdmin,
        get(analytics),
    )]
}

async fn analytics(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemQuery(query): ProblemQuery<AnalyticsQuery>,
) -> Result<Json<AnalyticsWire>, V1Error> {
    let told = state.app.analytics(&caller, query.into()).await?;
    Ok(Json(told.into()))
}
