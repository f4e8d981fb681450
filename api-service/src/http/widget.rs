//! The widget for pages of others: a script, and a page to put into a frame.

use axum::{
    extract::State,
    http::{
        HeaderMap, Method,
        header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY},
    },
    response::{IntoResponse, Response},
};
use service_kit::problem::{Problem, ProblemQuery, unknown_route};

use super::{
    HttpState, Operation, Route, documents,
    page::{SHARED, policy_of, sent},
    page_files::file,
    v1::{problem::V1Error, wire::EmbedQuery},
};
use crate::app::error::Error;

/// The routes.
pub(super) fn routes() -> Vec<Route> {
    let told = |summary| Operation::new::<Problem>("Service", summary);
    let script = told("The script of the widget `<lectern-chat>`")
        .answers_as(200, "text/javascript", documents::text)
        .answers_nothing(304);
    let page = told("The widget as a page, for the frames of a publishable key's pages")
        .answers_as(200, "text/html", documents::text)
        .answers_nothing(304)
        .fails(&[400]);
    vec![
        Route::public(Method::GET, "/widget.js", widget, script),
        Route::public(Method::GET, "/embed", embed, page),
    ]
}

async fn widget(headers: HeaderMap) -> Response {
    match file("widget/widget.js") {
        Some(script) => (SHARED, sent(script, "no-cache", &headers)).into_response(),
        None => unknown_route().await.into_response(),
    }
}

/// The page shows itself inside of the key's pages, and nowhere else; without a
/// key that holds, in no other page.
async fn embed(
    State(state): State<HttpState>,
    headers: HeaderMap,
    ProblemQuery(query): ProblemQuery<EmbedQuery>,
) -> Result<Response, V1Error> {
    let ancestors = match state.app.publishable.held(&query.key).await {
        Ok(key) => key.origins.join(" "),
        Err(Error::Publishable(_)) => "'none'".to_owned(),
        Err(error) => return Err(error.into()),
    };
    let policy = policy_of("'self'", "'none'", &ancestors);
    let guards = [
        (CONTENT_SECURITY_POLICY, policy.as_str()),
        (REFERRER_POLICY, "same-origin"),
    ];
    Ok(match file("widget/embed.html") {
        Some(page) => (guards, sent(page, "no-cache", &headers)).into_response(),
        None => unknown_route().await.into_response(),
    })
}
