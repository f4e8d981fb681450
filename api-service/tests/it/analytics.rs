//! What administrators are told of questions and answers.

use std::time::Duration;

use api_service::{
    app::ports::AccountStore,
    domain::{
        account::{AccountEvent, Happening},
        analytics::{InteractionLog, Price},
        interaction::Logged,
        principal::UserId,
    },
};
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::support::{
    NOON, Parts, TestApp, TestHome, json_request,
    language_model::{LanguageModel, Script},
    plain_request, user_id,
};

const PATIENT: Duration = Duration::from_secs(20);

const COUNTED: &[&str] = &[
    "data: {\"choices\":[{\"delta\":{\"content\":\"The arm lifts ten kilograms [1].\"}}]}\n\n",
    "data: {\"usage\":{\"prompt_tokens\":900,\"completion_tokens\":10}}\n\n",
    "data: [DONE]\n\n",
];

async fn app(home: TestHome, log: InteractionLog, model: &LanguageModel) -> TestApp {
    let parts = Parts {
        generator: Some(model.client(PATIENT)),
        interaction_log: log,
        ..Parts::default()
    };
    let app = TestApp::with(home, parts).await;
    app.add("ada", &json!({"text": "The arm lifts ten kilograms."}))
        .await;
    app.work().await;
    app
}

async fn ask(app: &TestApp, question: &Value) -> Value {
    let (status, answer) = app
        .ask(json_request("ada", "POST /v1/chat", question))
        .await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    app.app.answers.close();
    app.app.answers.wait().await;
    answer
}

async fn told(app: &TestApp) -> Value {
    let (status, told) = app.ask(plain_request("admin", "GET /v1/analytics")).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    told
}

fn percentiles(time: i64) -> Value {
    json!({"p50": time, "p95": time, "p99": time})
}

/// A follow-up is rewritten by the model, whose tokens count too.
#[tokio::test]
async fn all_that_an_answer_takes_is_logged() {
    for home in [TestHome::sqlite(), TestHome::postgres().await] {
        let rewritten = Script::Sends(vec![
            "data: {\"choices\":[{\"delta\":{\"content\":\"How much does the arm weigh?\"}}]}\n\n",
            "data: {\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":5}}\n\n",
            "data: [DONE]\n\n",
        ]);
        let counted = Script::Sends(COUNTED.to_vec());
        let model = LanguageModel::start([counted.clone(), rewritten, counted]).await;
        let price = Price {
            prompt: 0.15,
            completion: 0.6,
        };
        let log = InteractionLog {
            prices: [("test-model".to_owned(), price)].into(),
            ..InteractionLog::default()
        };
        let app = app(home, log, &model).await;
        let first = ask(&app, &json!({"message": "What does the arm lift?"})).await;
        let more = json!({"message": "And its weight?",
            "conversation_id": first["conversation_id"]});
        let second = ask(&app, &more).await;
        let line = format!("PUT /v1/messages/{}/feedback", second["message_id"]);
        let line = line.replace('"', "");
        let down = json_request("ada", &line, &json!({"rating": "down"}));
        assert_eq!(app.ask(down).await.0, StatusCode::NO_CONTENT);
        let asked = |question: &str, down: usize| {
            json!({"question": question, "asked": 1, "unanswered": down, "nothing_found": 0,
                "rated_down": down, "last_asked_at": "2026-11-01T12:00:00.123Z"})
        };
        let weigh = asked("How much does the arm weigh?", 1);
        let expected = json!({
            "from": "2026-10-02T12:00:00.124Z",
            "to": "2026-11-01T12:00:00.124Z",
            "complete": true,
            "answers": {"total": 2, "generated": 2, "extractive": 0, "nothing_found": 0,
                "broken": 0},
            "days": {"2026-11-01": 2},
            "top_questions": [weigh, asked("What does the arm lift?", 0)],
            "unanswered": [weigh],
            // The document is Ada's own: no administrator's.
            "documents": [],
            "latency_ms": {"rewrite": percentiles(0), "retrieve": percentiles(0),
                "first_token": percentiles(0), "total": percentiles(0)},
            "models": [{"model": "test-model", "answers": 2, "prompt_tokens": 1900,
                "completion_tokens": 25, "cost_usd": 0.0003}],
            "cost_usd": 0.0003,
            "feedback": {"up": 0, "down": 1},
        });
        assert_eq!(told(&app).await, expected);
    }
}

#[tokio::test]
async fn an_answer_that_was_stopped_before_a_word_is_logged_too() {
    let model = LanguageModel::start([Script::Silent]).await;
    let app = app(TestHome::sqlite(), InteractionLog::default(), &model).await;
    let question = json!({"message": "What does the arm lift?"});
    let asking = app.ask(json_request("ada", "POST /v1/chat", &question));
    // Who goes away at once is not waited for.
    let _ = tokio::time::timeout(Duration::from_millis(300), asking).await;
    app.app.answers.close();
    app.app.answers.wait().await;
    let told = told(&app).await;
    assert_eq!(told["answers"]["broken"], 1, "{told}");
    assert_eq!(told["latency_ms"]["first_token"], Value::Null);
    assert_eq!(told["latency_ms"]["total"], percentiles(0));
    assert_eq!(told["top_questions"][0]["asked"], 1);
    // The prompt was sent.
    assert_eq!(told["models"][0]["model"], Value::Null);
    assert!(told["models"][0]["prompt_tokens"].as_u64() > Some(0));
    assert_eq!(
        app.count("SELECT COUNT(*) FROM messages WHERE role = 'assistant'")
            .await,
        0
    );
}

#[tokio::test]
async fn what_is_switched_off_is_not_logged() {
    for (logged, interactions) in [(Logged::NoText, 1), (Logged::Nothing, 0)] {
        let model = LanguageModel::start([Script::Sends(COUNTED.to_vec())]).await;
        let log = InteractionLog {
            logged,
            ..InteractionLog::default()
        };
        let app = app(TestHome::sqlite(), log, &model).await;
        ask(&app, &json!({"message": "What does the arm lift?"})).await;
        let told = told(&app).await;
        assert_eq!(told["answers"]["total"], interactions);
        assert_eq!(told["top_questions"], json!([]));
        assert_eq!(told["unanswered"], json!([]));
        let texts = "SELECT COUNT(*) FROM interaction_texts";
        assert_eq!(app.count(texts).await, 0);
    }
}

/// A log that was kept in full until the service was told otherwise.
#[tokio::test]
async fn what_was_logged_is_forgotten_when_its_time_has_come() {
    const DAY: i64 = 24 * 60 * 60 * 1000;
    let counts = [
        "SELECT COUNT(*) FROM interactions",
        "SELECT COUNT(*) FROM interaction_texts",
        "SELECT COUNT(*) FROM messages",
    ];
    for (logged, passed, left) in [
        (Logged::Full, 0, [1, 1, 2]),
        (Logged::Full, DAY, [1, 1, 2]),
        (Logged::Full, DAY + 1, [0, 0, 2]),
        (Logged::NoText, 0, [1, 0, 2]),
        (Logged::Nothing, 0, [1, 0, 2]),
    ] {
        let model = LanguageModel::start([Script::Sends(COUNTED.to_vec())]).await;
        let app = app(TestHome::sqlite(), InteractionLog::default(), &model).await;
        ask(&app, &json!({"message": "What does the arm lift?"})).await;
        let log = InteractionLog {
            logged,
            retention: DAY,
            ..InteractionLog::default()
        };
        let home = app.end().await;
        home.clock.advance(passed);
        let parts = Parts {
            interaction_log: log,
            ..Parts::default()
        };
        let app = TestApp::with(home, parts).await;
        app.app.forget_old_interactions().await;
        for (count, left) in counts.into_iter().zip(left) {
            assert_eq!(app.count(count).await, left, "{logged:?} {passed}: {count}");
        }
    }
}

#[tokio::test]
async fn a_deleted_account_leaves_numbers_alone() {
    for home in [TestHome::sqlite(), TestHome::postgres().await] {
        let model = LanguageModel::start([Script::Sends(COUNTED.to_vec())]).await;
        let app = app(home, InteractionLog::default(), &model).await;
        ask(&app, &json!({"message": "What does the arm lift?"})).await;
        let event = AccountEvent {
            number: 1,
            at: NOON,
            user: UserId(user_id("ada")),
            happening: Happening::Deleted,
        };
        app.store.apply(&[event], NOON).await.unwrap();
        app.app.erase_due().await.unwrap();
        let told = told(&app).await;
        assert_eq!(told["answers"]["generated"], 1);
        assert_eq!(told["top_questions"], json!([]));
        assert!(!told.to_string().contains("arm"), "{told}");
        assert_eq!(app.count("SELECT COUNT(*) FROM interaction_texts").await, 0);
    }
}
