//! Answers that wait for their turn at a language model, or are turned away.

use std::{sync::Arc, time::Duration};

use api_service::{
    app::ports::{GenerationError, Generator},
    outbound::llm::{ChainSettings, ModelChain},
};
use axum::http::StatusCode;
use serde_json::json;
use tower::ServiceExt;

use super::{clock, generate, pieces, prompt, text};
use crate::support::{
    Parts, TestApp, TestHome, caller, json_request,
    language_model::{LanguageModel, Script, chain, model, settings},
    read,
};

fn narrow(server: &LanguageModel, at_once: usize, waiting: usize) -> Arc<ModelChain> {
    let settings = ChainSettings {
        at_once,
        waiting,
        ..settings(vec![model(&server.base_url(), "m")])
    };
    chain(settings, &clock())
}

#[tokio::test]
async fn one_request_waits_for_the_other() {
    let server =
        LanguageModel::start([Script::Hangs(vec!["One"]), Script::Says(vec!["Two"])]).await;
    let chain = narrow(&server, 1, 4);
    let first = generate(chain.as_ref(), "ada").await.unwrap();
    let place = chain.admit(&caller("ben").scope()).unwrap();
    let mut second = Box::pin(place.generate(prompt()));
    assert!(futures::poll!(&mut second).is_pending());
    assert_eq!(server.requests().len(), 1);
    drop(first);
    let second = second.await.unwrap();
    assert_eq!(text(&pieces(second).await), "Two");
}

#[tokio::test]
async fn waiting_takes_from_the_time_of_an_answer() {
    let server = LanguageModel::start([Script::Hangs(vec!["One"])]).await;
    let settings = ChainSettings {
        at_once: 1,
        timeout: Duration::from_millis(300),
        ..settings(vec![model(&server.base_url(), "m")])
    };
    let chain = chain(settings, &clock());
    let _first = generate(chain.as_ref(), "ada").await.unwrap();
    let late = generate(chain.as_ref(), "ben").await;
    assert!(matches!(late, Err(GenerationError::TooSlow)));
    assert_eq!(server.requests().len(), 1);
}

/// Several requests of one answer, such as for a question that goes on from
/// another one, take one turn.
#[tokio::test]
async fn a_place_serves_for_the_whole_answer() {
    let server = LanguageModel::start([Script::Says(vec!["One"]), Script::Says(vec!["Two"])]).await;
    let chain = narrow(&server, 1, 0);
    let place = chain.admit(&caller("ada").scope()).unwrap();
    for expected in ["One", "Two"] {
        let generation = place.generate(prompt()).await.unwrap();
        assert_eq!(text(&pieces(generation).await), expected);
    }
    let turned_away = chain.admit(&caller("ben").scope());
    assert!(matches!(turned_away, Err(GenerationError::Busy(_))));
    drop(place);
    assert!(chain.admit(&caller("ben").scope()).is_ok());
}

/// Before anything of it is streamed or kept, a question is turned away.
#[tokio::test]
async fn a_full_queue_is_told_at_once() {
    let server = LanguageModel::start([Script::Hangs(vec!["One"])]).await;
    let parts = Parts {
        generator: Some(narrow(&server, 1, 0)),
        ..Parts::default()
    };
    let app = TestApp::with(TestHome::sqlite(), parts).await;
    app.add("ada", &json!({"text": "The arm lifts ten kilograms."}))
        .await;
    app.work().await;
    let body = json!({"message": "What does the arm lift?"});
    let ask = |line| json_request("ada", line, &body);
    let first = app.router.clone().oneshot(ask("POST /v1/chat/stream"));
    let first = first.await.unwrap();
    assert_eq!(first.status(), StatusCode::OK);
    for line in ["POST /v1/chat", "POST /v1/chat/stream"] {
        let response = app.router.clone().oneshot(ask(line)).await.unwrap();
        assert_eq!(response.headers()["retry-after"], "5");
        let (status, problem) = read(response).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(problem["code"], "answers_busy");
        assert_eq!(
            problem["detail"],
            "Too many answers are being written just now; try again in 5 s."
        );
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM conversations").await, 1);
    drop(first);
}
