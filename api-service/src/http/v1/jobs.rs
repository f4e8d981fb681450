//! Jobs on the canonical surface: how far they are, and the buttons beside them.

use axum::{
    Json,
    extract::State,
    http::{Method, StatusCode},
    response::{IntoResponse, Response, sse::Event},
};
use futures::StreamExt;
use proto::api_key::KeyScope::{DocumentsRead, DocumentsWrite};
use service_kit::problem::{ProblemPath, ProblemQuery};

use super::{
    super::{
        HttpState, Route,
        event_stream::{MEDIA_TYPE, described, sent},
        extract::Caller,
    },
    chat::wire::EventWire,
    problem::V1Error,
    told,
    wire::{JobWire, JobsQuery, JobsWire},
};
use crate::{
    app::{error::Error, ports::Page},
    domain::job::Job,
};

/// The routes of jobs.
pub(super) fn routes() -> Vec<Route> {
    let lists = told("The jobs, a page at a time").answers::<JobsWire>(200);
    let shows = told("How far a job is").answers::<JobWire>(200);
    let watches =
        told("How a job goes, as it goes").answers_as(200, MEDIA_TYPE, described::<JobWire>);
    let cancels = told("Cancel a job").answers::<JobWire>(200).fails(&[409]);
    let retries = told("Try a failed job again")
        .answers::<JobWire>(202)
        .fails(&[409]);
    vec![
        Route::described(Method::GET, "/v1/jobs", DocumentsRead, list_jobs, lists),
        Route::described(Method::GET, "/v1/jobs/{id}", DocumentsRead, job, shows),
        Route::described(
            Method::GET,
            "/v1/jobs/{id}/events",
            DocumentsRead,
            job_events,
            watches,
        ),
        Route::described(
            Method::POST,
            "/v1/jobs/{id}/cancel",
            DocumentsWrite,
            cancel_job,
            cancels,
        ),
        Route::described(
            Method::POST,
            "/v1/jobs/{id}/retry",
            DocumentsWrite,
            retry_job,
            retries,
        ),
    ]
}

async fn list_jobs(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemQuery(query): ProblemQuery<JobsQuery>,
) -> Result<Json<JobsWire>, V1Error> {
    let page = Page {
        after: query.after,
        limit: query.limit,
    };
    let jobs = state.app.list_jobs(&caller, &page).await?;
    Ok(Json(JobsWire::new(jobs, page.limit)))
}

async fn job(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemPath(id): ProblemPath<String>,
) -> Result<Json<JobWire>, V1Error> {
    Ok(Json(state.app.job(&caller, &id).await?.into()))
}

/// The present state first, whatever `Last-Event-ID` says: a job's state holds
/// all that came before it.
async fn job_events(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemPath(id): ProblemPath<String>,
) -> Result<Response, V1Error> {
    let sights = state.app.watch_job(caller, id).await?;
    Ok(sent(sights.map(encode)))
}

fn encode(sight: Result<Job, Error>) -> Event {
    match sight {
        Ok(job) => {
            let name = if job.state.is_over() {
                "done"
            } else {
                "progress"
            };
            // What an EventSource sends back as Last-Event-ID.
            let place = format!("{}-{}-{}", job.attempt, job.state.as_str(), job.done);
            let data = serde_json::to_string(&JobWire::from(job)).unwrap_or_default();
            Event::default().id(place).event(name).data(data)
        }
        Err(error) => {
            let event = EventWire::Failed {
                code: error.code(),
                detail: error.to_string(),
            };
            let data = serde_json::to_string(&event).unwrap_or_default();
            Event::default().event("error").data(data)
        }
    }
}

async fn cancel_job(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemPath(id): ProblemPath<String>,
) -> Result<Json<JobWire>, V1Error> {
    Ok(Json(state.app.cancel_job(&caller, &id).await?.into()))
}

async fn retry_job(
    State(state): State<HttpState>,
    Caller(caller): Caller,
    ProblemPath(id): ProblemPath<String>,
) -> Result<Response, V1Error> {
    let job = JobWire::from(state.app.retry_job(&caller, &id).await?);
    Ok((StatusCode::ACCEPTED, Json(job)).into_response())
}
