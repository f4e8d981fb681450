//! The ways in which people can sign in here, for the page that asks them to.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderName, Method},
};

use super::{FIVE_MINUTES, Route, told, wire::SignInMethodsBody};
use crate::app::App;

pub(super) fn routes() -> Vec<Route> {
    let tells = told("How people can sign in").answers::<SignInMethodsBody>(200);
    vec![Route::new(Method::GET, "/v1/sessions/methods", tell, tells)]
}

async fn tell(
    State(app): State<Arc<App>>,
) -> ([(HeaderName, &'static str); 1], Json<SignInMethodsBody>) {
    (FIVE_MINUTES, Json(SignInMethodsBody::of(&app)))
}
