//! The tokens that users use, and may use in a day.

use std::{sync::Arc, time::Duration};

use api_service::{
    app::{ask::Asked, ports::Generator},
    domain::{
        answer::AnswerEvent,
        token_budget::{Spent, TokenBudget},
    },
};
use axum::{
    body::Body,
    http::{Response, StatusCode},
};
use futures::StreamExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::{
    Parts, TestApp, TestHome, caller, json_request,
    language_model::{LanguageModel, Script},
    plain_request, read,
};

const PATIENT: Duration = Duration::from_secs(20);

pub(super) async fn app(generator: Arc<dyn Generator>, limit: u64) -> TestApp {
    let parts = Parts {
        generator: Some(generator),
        token_budget: TokenBudget(limit),
        ..Parts::default()
    };
    let app = TestApp::with(TestHome::sqlite(), parts).await;
    for name in ["ada", "ben"] {
        app.add(name, &json!({"text": "The arm lifts ten kilograms."}))
            .await;
    }
    app.work().await;
    app
}

pub(super) fn asked() -> Asked {
    Asked {
        message: "What does the arm lift?".to_owned(),
        ..Asked::default()
    }
}

async fn send(app: &TestApp, name: &str, line: &str) -> Response<Body> {
    let body = json!({"message": "What does the arm lift?"});
    let request = json_request(name, line, &body);
    app.router.clone().oneshot(request).await.unwrap()
}

async fn ask(app: &TestApp, name: &str) -> StatusCode {
    read(send(app, name, "POST /v1/chat").await).await.0
}

/// What `name` has used, once all answers have been counted.
pub(super) async fn usage(app: &TestApp, name: &str) -> Value {
    app.app.answers.close();
    app.app.answers.wait().await;
    under_way(app, name).await
}

async fn under_way(app: &TestApp, name: &str) -> Value {
    let (status, body) = app.ask(plain_request(name, "GET /v1/usage")).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body
}

/// An answer whose model tells that it used this many tokens of the prompt.
fn costs(usage: &'static str) -> Script {
    let text = "data: {\"choices\":[{\"delta\":{\"content\":\"Ten [1].\"}}]}\n\n";
    Script::Sends(vec![text, usage, "data: [DONE]\n\n"])
}

const DEAR: &str = "data: {\"usage\":{\"prompt_tokens\":9000,\"completion_tokens\":10}}\n\n";
const CHEAP: &str = "data: {\"usage\":{\"prompt_tokens\":90,\"completion_tokens\":10}}\n\n";

#[tokio::test]
async fn what_is_used_is_counted_without_a_limit_too() {
    let model = LanguageModel::start([costs(CHEAP), costs(DEAR)]).await;
    let app = app(model.client(PATIENT), 0).await;
    let nothing = json!({
        "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        "answers": 0,
        "reserved_tokens": 0,
        "limit_tokens": null,
        "remaining_tokens": null,
        "resets_at": "2026-11-02T00:00:00.000Z",
    });
    assert_eq!(usage(&app, "ada").await, nothing);
    for _ in 0..2 {
        assert_eq!(ask(&app, "ada").await, StatusCode::OK);
    }
    let expected = json!({
        "usage": {"prompt_tokens": 9090, "completion_tokens": 20, "total_tokens": 9110},
        "answers": 2,
        "reserved_tokens": 0,
        "limit_tokens": null,
        "remaining_tokens": null,
        "resets_at": "2026-11-02T00:00:00.000Z",
    });
    assert_eq!(usage(&app, "ada").await, expected);
    assert_eq!(usage(&app, "ben").await, nothing);
}

#[tokio::test]
async fn who_has_used_all_is_told_until_when() {
    let model = LanguageModel::start([costs(DEAR), costs(CHEAP), costs(CHEAP)]).await;
    let app = app(model.client(PATIENT), 9_000).await;
    assert_eq!(ask(&app, "ada").await, StatusCode::OK);
    let spent = usage(&app, "ada").await;
    assert_eq!(
        (&spent["limit_tokens"], &spent["remaining_tokens"]),
        (&9_000.into(), &0.into())
    );
    for line in ["POST /v1/chat", "POST /v1/chat/stream"] {
        let response = send(&app, "ada", line).await;
        // From noon, and 123 ms, to midnight.
        assert_eq!(response.headers()["retry-after"], "43200");
        let (status, problem) = read(response).await;
        assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(problem["code"], "token_budget_spent");
        assert_eq!(
            problem["detail"],
            "You have used all the tokens that you may use today; ask again after midnight (UTC)."
        );
    }
    assert_eq!(ask(&app, "ben").await, StatusCode::OK);
    app.home.clock.advance(12 * 60 * 60 * 1000);
    let tomorrow = app.app.usage(&caller("ada")).await.unwrap();
    assert_eq!(
        (tomorrow.spent, tomorrow.left),
        (Spent::default(), Some(9_000))
    );
    let mut events = app.app.ask(&caller("ada"), &asked()).await.unwrap();
    while let Some(told) = events.next().await {
        if let AnswerEvent::Completed(answer) = told.event {
            assert_eq!(answer.usage.total(), 100);
            return;
        }
    }
    panic!("no answer on the next day");
}

#[tokio::test]
async fn the_stream_says_when_little_is_left() {
    let model = LanguageModel::start([costs(CHEAP), costs(DEAR), costs(CHEAP)]).await;
    let app = app(model.client(PATIENT), 14_000).await;
    for expected in [
        None,
        None,
        Some("4890 of your 14000 tokens for today are left"),
    ] {
        let (_, stream) = read(send(&app, "ada", "POST /v1/chat/stream").await).await;
        let stream = stream.as_str().unwrap();
        assert_eq!(
            stream.contains("token_budget_low"),
            expected.is_some(),
            "{stream}"
        );
        assert!(stream.contains(expected.unwrap_or_default()), "{stream}");
        usage(&app, "ada").await;
    }
}

/// What is under way counts before it has ended.
#[tokio::test]
async fn who_asks_many_things_at_once_gets_no_more_than_others() {
    let hangs = Script::Hangs(vec!["Ten"]);
    let model = LanguageModel::start([hangs.clone(), hangs]).await;
    let app = app(model.client(PATIENT), 6_000).await;
    let first = send(&app, "ada", "POST /v1/chat/stream").await;
    let second = send(&app, "ada", "POST /v1/chat/stream").await;
    assert_eq!(
        (first.status(), second.status()),
        (StatusCode::OK, StatusCode::OK)
    );
    assert_eq!(ask(&app, "ada").await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(under_way(&app, "ada").await["reserved_tokens"], 8_000);
    drop((first, second));
    assert_eq!(usage(&app, "ada").await["reserved_tokens"], 0);
}

/// A model that tells no usage, and an answer that ends before its end, cost
/// what we count ourselves.
#[tokio::test]
async fn what_is_not_told_is_estimated() {
    let model = LanguageModel::start([
        Script::Says(vec!["The arm lifts ", "ten kilograms [1]."]),
        Script::Sends(vec![
            "data: {\"choices\":[{\"delta\":{\"content\":\"The arm\"}}]}\n\n",
        ]),
        Script::Hangs(vec!["The arm lifts"]),
    ])
    .await;
    let app = app(model.client(PATIENT), 0).await;
    assert_eq!(ask(&app, "ada").await, StatusCode::OK);
    let whole = usage(&app, "ada").await["usage"].clone();
    assert!(whole["prompt_tokens"].as_u64() > Some(150), "{whole}");
    assert!(whole["completion_tokens"].as_u64() >= Some(6), "{whole}");

    assert_eq!(ask(&app, "ada").await, StatusCode::SERVICE_UNAVAILABLE);
    let broken = usage(&app, "ada").await;
    assert_eq!(broken["answers"], 2);

    let mut stream = send(&app, "ada", "POST /v1/chat/stream")
        .await
        .into_body()
        .into_data_stream();
    let mut heard = String::new();
    while !heard.contains("The arm lifts") {
        heard.push_str(std::str::from_utf8(&stream.next().await.unwrap().unwrap()).unwrap());
    }
    drop(stream);
    model.dropped().await;
    let stopped = usage(&app, "ada").await;
    assert_eq!(stopped["answers"], 3);
    let more = |usage: &Value| usage["usage"]["total_tokens"].as_u64();
    assert!(more(&stopped) > more(&broken), "{stopped}");
}

/// What a model never began costs nothing.
#[tokio::test]
async fn extracts_are_free() {
    let model = LanguageModel::start([Script::Refuses(401)]).await;
    let app = app(model.client(PATIENT), 5_000).await;
    let (status, answer) = read(send(&app, "ada", "POST /v1/chat").await).await;
    assert_eq!(
        (status, &answer["kind"]),
        (StatusCode::OK, &"extractive".into())
    );
    let usage = usage(&app, "ada").await;
    assert_eq!(usage["remaining_tokens"], 5_000);
    assert_eq!(usage["answers"], 0);
}
