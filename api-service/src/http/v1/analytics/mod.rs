//! What administrators are told of questions and answers.

mod wire;

use axum::{Json, extract::State, http::Method};
use proto::api_key::KeyScope::KnowledgeAdmin;
use service_kit::problem::ProblemQuery;

use super::{problem::V1Error, told};
use crate::http::{HttpState, Route, extract::Caller};
use wire::{AnalyticsQuery, AnalyticsWire};

/// The route.
pub(super) fn routes() -> Vec<Route> {
    let tells = told("What was asked, and how it was answered; for administrators")
        .answers::<AnalyticsWire>(200)
        .fails(&[404]);
    vec![Route::described(
        Method::GET,
        "/v1/analytics",
        KnowledgeAdmin,
        analytics,
        tells,
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
