//! What a `ChatKit` page is told when a question is not answered, or not whole.

use std::num::NonZeroU32;

use api_service::app::rates::QuestionRates;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::support::{
    Parts, TestApp, TestHome, json_request,
    language_model::{LanguageModel, Script, chain, model, settings},
};

async fn asked(app: &TestApp) -> (StatusCode, Vec<Value>) {
    let input = json!({
        "content": [{"type": "input_text", "text": "When does the vault open?"}],
        "attachments": [],
        "inference_options": {},
    });
    let body = json!({"type": "threads.create", "params": {"input": input}});
    let (status, told) = app.ask(json_request("ada", "POST /chatkit", &body)).await;
    let lines = told.as_str().unwrap_or_default().lines();
    let events = lines.filter_map(|line| line.strip_prefix("data: "));
    let events = events.map(|event| serde_json::from_str(event).unwrap());
    (status, events.collect())
}

#[tokio::test]
async fn questions_that_come_too_often_are_told_to_who_asks() {
    let parts = Parts {
        rates: QuestionRates {
            visitors: None,
            users: NonZeroU32::new(1),
        },
        ..Parts::default()
    };
    let app = TestApp::with(TestHome::sqlite(), parts).await;
    assert!(asked(&app).await.1.len() > 3);
    let refusal = json!({
        "type": "error",
        "code": "custom",
        "message": "You ask too often; ask again in 60 s.",
        "allow_retry": true,
    });
    assert_eq!(asked(&app).await, (StatusCode::OK, vec![refusal]));
}

#[tokio::test]
async fn a_model_that_fails_is_told_before_and_within_an_answer() {
    let server = LanguageModel::start([
        Script::Refuses(400),
        Script::Sends(vec![
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"At nine\"}}]}\n\n",
        ]),
    ])
    .await;
    let home = TestHome::sqlite();
    let models = settings(vec![model(&server.base_url(), "test")]);
    let parts = Parts {
        generator: Some(chain(models, &home.clock)),
        ..Parts::default()
    };
    let app = TestApp::with(home, parts).await;
    let document = json!({"text": "The vault opens at nine."});
    app.add("ada", &document).await;
    app.work().await;
    let (_, before) = asked(&app).await;
    let notices = before.iter().filter(|event| event["type"] == "notice");
    assert_eq!(notices.count(), 1, "{before:?}");
    assert_eq!(before.last().unwrap()["type"], "thread.item.done");
    let (_, within) = asked(&app).await;
    let [.., done, failed] = &within[..] else {
        panic!("{within:?}");
    };
    assert_eq!(done["item"]["content"][0]["text"], "At nine");
    let told = json!({
        "type": "error",
        "code": "custom",
        "message": "The answer broke off; ask again.",
        "allow_retry": true,
    });
    assert_eq!(*failed, told);
}
