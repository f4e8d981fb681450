//! Answers that one goes away from, comes back to, or stops: here, and where
//! another replica makes them.

use std::time::Duration;

use api_service::{
    app::ask::{Asked, Events, Otherwise},
    domain::answer::{AnswerEvent, Numbered},
};
use axum::http::StatusCode;
use futures::StreamExt;
use serde_json::{Value, json};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::support::{
    Parts, TestApp, TestHome,
    accounts::Both,
    caller, json_request,
    language_model::{LanguageModel, Script},
    plain_request,
};

const PATIENT: Duration = Duration::from_mins(1);

async fn app_with(home: TestHome, model: &LanguageModel, grace: Duration) -> TestApp {
    let parts = Parts {
        generator: Some(model.client(PATIENT)),
        grace: Some(grace),
        ..Parts::default()
    };
    let app = TestApp::with(home, parts).await;
    app.add("ada", &json!({"text": "The arm lifts ten kilograms."}))
        .await;
    app.work().await;
    app
}

fn asked() -> Asked {
    Asked {
        message: "What does the arm lift?".to_owned(),
        ..Asked::default()
    }
}

async fn ask(app: &TestApp) -> Events {
    app.app.ask(&caller("ada"), &asked()).await.unwrap()
}

/// Listens until this text has come; gives the answer's id where it was told.
async fn listen_until(events: &mut Events, text: &str) -> (String, usize) {
    let (mut heard, mut id) = (String::new(), String::new());
    loop {
        let told = events.next().await.unwrap();
        match told.event {
            AnswerEvent::Started { message_id, .. } => id = message_id,
            AnswerEvent::Delta(piece) => heard.push_str(&piece),
            _ => {}
        }
        if heard == text {
            return (id, told.number);
        }
    }
}

async fn rest(events: Events) -> Vec<Numbered> {
    events.collect().await
}

fn numbers(events: &[Numbered]) -> Vec<usize> {
    events.iter().map(|told| told.number).collect()
}

fn last_code(events: &[Numbered]) -> &'static str {
    match &events.last().unwrap().event {
        AnswerEvent::Failed { code, .. } => code,
        other => panic!("{other:?} at the end"),
    }
}

#[tokio::test]
async fn any_number_of_readers_hear_all_of_an_answer() {
    let model = LanguageModel::start([Script::Hangs(vec!["Ten ", "kilograms"])]).await;
    let app = app_with(TestHome::sqlite(), &model, PATIENT).await;
    let mut first = ask(&app).await;
    let (id, seen) = listen_until(&mut first, "Ten kilograms").await;
    let ada = caller("ada");
    let all = app.app.resume(&ada, &id, 0).await.unwrap();
    let from_there = app.app.resume(&ada, &id, seen - 1).await.unwrap();
    app.app.stop_answer(&ada, &id).await.unwrap();
    let (first, all, late) = futures::join!(rest(first), rest(all), rest(from_there));
    assert_eq!(last_code(&first), "stopped");
    assert_eq!(numbers(&all), (1..=all.len()).collect::<Vec<_>>());
    assert_eq!(all[seen..], first);
    assert_eq!(all[seen - 1..], late);
    // And once more when it is over, out of the database.
    app.app.answers.close();
    app.app.answers.wait().await;
    let again = app.app.resume(&ada, &id, 0).await.unwrap();
    assert_eq!(rest(again).await, all);
}

#[tokio::test]
async fn who_comes_back_in_time_finds_the_answer_going_on() {
    let model = LanguageModel::start([Script::Hangs(vec!["Ten ", "kilograms"])]).await;
    let app = app_with(TestHome::sqlite(), &model, PATIENT).await;
    let mut events = ask(&app).await;
    let (id, seen) = listen_until(&mut events, "Ten ").await;
    drop(events);
    let line = format!("GET /v1/messages/{id}/events?after=2");
    let mut request = plain_request("ada", &line);
    let last = seen.to_string().parse().unwrap();
    // What an EventSource sends goes before what stands in its address.
    request.headers_mut().insert("last-event-id", last);
    let told = app.ask(request);
    let stopped = async {
        let mut events = app.app.resume(&caller("ada"), &id, seen).await.unwrap();
        listen_until(&mut events, "kilograms").await;
        let line = format!("POST /v1/messages/{id}/stop");
        let (status, _) = app.ask(plain_request("ada", &line)).await;
        assert_eq!(status, StatusCode::NO_CONTENT);
    };
    let ((status, told), ()) = futures::join!(told, stopped);
    assert_eq!(status, StatusCode::OK);
    let told: Vec<&str> = told.as_str().unwrap().trim_end().split("\n\n").collect();
    let first = format!(
        "id: {}\nevent: delta\ndata: {{\"text\":\"kilograms\"}}",
        seen + 1
    );
    assert_eq!(told[0], first);
    assert!(told[1].contains("\"code\":\"stopped\""), "{told:?}");
}

/// Another process over the same database.
async fn beside(app: &TestApp) -> TestApp {
    let (url, clock) = (app.home.server_url(), app.home.clock.clone());
    TestApp::on(TestHome::sharing(url, clock)).await
}

/// Two processes over one database: one makes the answer, the other tells it.
#[tokio::test]
async fn another_replica_tells_an_answer_and_stops_it() {
    let model = LanguageModel::start([Script::Hangs(vec!["Ten ", "kilograms"])]).await;
    let maker = app_with(TestHome::postgres().await, &model, Duration::ZERO).await;
    let stop = CancellationToken::new();
    let recorder = TaskTracker::new();
    recorder.spawn(maker.app.clone().record_answers(stop.clone()));
    recorder.close();
    let other = beside(&maker).await;
    let mut events = ask(&maker).await;
    let (id, _) = listen_until(&mut events, "Ten kilograms").await;
    let ada = caller("ada");
    let mut followed = other.app.resume(&ada, &id, 0).await.unwrap();
    listen_until(&mut followed, "Ten kilograms").await;
    other.app.stop_answer(&ada, &id).await.unwrap();
    let (made, followed) = futures::join!(rest(events), rest(followed));
    assert_eq!(
        (last_code(&made), last_code(&followed)),
        ("stopped", "stopped")
    );
    stop.cancel();
    recorder.wait().await;
}

#[tokio::test]
async fn an_answer_whose_maker_is_gone_is_ended_by_whoever_notices() {
    let model = LanguageModel::start([Script::Hangs(vec!["Ten ", "kilograms"])]).await;
    let maker = app_with(TestHome::postgres().await, &model, PATIENT).await;
    let mut events = ask(&maker).await;
    let (id, _) = listen_until(&mut events, "Ten kilograms").await;
    let conversation: (String,) = sqlx::query_as("SELECT id FROM conversations")
        .fetch_one(&maker.database.pool)
        .await
        .unwrap();
    maker.app.record_once().await;
    // It hangs from now on: nobody hears of it.
    maker.home.clock.advance(21_000);
    let app = beside(&maker).await;
    let ada = caller("ada");
    let told = rest(app.app.resume(&ada, &id, 0).await.unwrap()).await;
    assert_eq!(last_code(&told), "interrupted");
    app.app.tidy_up_answers().await;
    let again = rest(app.app.resume(&ada, &id, 0).await.unwrap()).await;
    assert_eq!(again, told);
    let line = format!("GET /v1/conversations/{}", conversation.0);
    let (_, whole) = app.ask(plain_request("ada", &line)).await;
    let kept = &whole["messages"][1];
    let kept = (
        &kept["content"],
        &kept["broken"],
        &kept["sources"][0]["number"],
    );
    let expected = (&json!("Ten kilograms"), &json!("interrupted"), &json!(1));
    assert_eq!(kept, expected);
}

#[tokio::test]
async fn a_stream_ends_with_the_session_of_its_reader() {
    let model = LanguageModel::start([Script::Hangs(vec!["Ten ", "kilograms"])]).await;
    let parts = Parts {
        generator: Some(model.client(PATIENT)),
        grace: Some(PATIENT),
        ..Parts::default()
    };
    let both = Both::with(TestHome::sqlite(), parts).await;
    let ada = both.auth.sign_up("ada").await;
    let authorization = format!("Bearer {}", both.auth.token(&ada));
    let request = |line: &str, body: Value| {
        let mut request = json_request("ada", line, &body);
        let header = authorization.parse().unwrap();
        request.headers_mut().insert("authorization", header);
        request
    };
    let document = json!({"text": "The arm lifts ten kilograms."});
    both.app.ask(request("POST /v1/documents", document)).await;
    both.app.work().await;
    let body = json!({"message": "What does the arm lift?"});
    let stream = both.app.ask(request("POST /v1/chat/stream", body));
    let sign_out = async {
        while model.requests().is_empty() {
            tokio::task::yield_now().await;
        }
        both.auth.sign_out(&ada).await;
    };
    let within = Duration::from_secs(2);
    let ((_, told), ()) = tokio::time::timeout(within, futures::future::join(stream, sign_out))
        .await
        .expect("the stream goes on");
    let last = told.as_str().unwrap().trim_end().rsplit("\n\n").next();
    assert!(last.unwrap().contains("invalid_token"), "{told}");
    both.ears.cover().await;
}

/// A reader that takes nothing holds nobody up.
#[tokio::test]
async fn a_slow_reader_does_not_hold_the_answer_up() {
    let words: Vec<&'static str> = vec!["word "; 5_000];
    let model = LanguageModel::start([Script::Says(words)]).await;
    let app = app_with(TestHome::sqlite(), &model, PATIENT).await;
    let slow = ask(&app).await;
    app.app.answers.close();
    app.app.answers.wait().await;
    let told = rest(slow).await;
    let deltas = told.iter().filter_map(|told| match &told.event {
        AnswerEvent::Delta(piece) => Some(piece.as_str()),
        _ => None,
    });
    assert_eq!(deltas.collect::<String>().len(), 5 * 5_000);
}

#[tokio::test]
async fn answers_anew_and_edited_questions_take_the_place_of_what_was() {
    let scripts = ["One [1].", "Two [1].", "Three [1]."];
    let model = LanguageModel::start(scripts.map(|text| Script::Says(vec![text]))).await;
    let app = app_with(TestHome::sqlite(), &model, PATIENT).await;
    let ada = caller("ada");
    let first = rest(ask(&app).await).await;
    let AnswerEvent::Started {
        conversation_id,
        question_id,
        message_id,
    } = &first[0].event
    else {
        panic!("{first:?}");
    };
    let anew = Asked {
        replaces: Some(message_id.clone()),
        ..Asked::default()
    };
    rest(app.app.ask(&ada, &anew).await.unwrap()).await;
    let edited = Asked {
        message: "What else does the arm lift?".to_owned(),
        replaces: Some(question_id.clone()),
        ..Asked::default()
    };
    rest(app.app.ask(&ada, &edited).await.unwrap()).await;
    let line = format!("GET /v1/conversations/{}", conversation_id.0);
    let (_, whole) = app.ask(plain_request("ada", &line)).await;
    let contents: Vec<&str> = whole["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["content"].as_str().unwrap())
        .collect();
    assert_eq!(contents, ["What else does the arm lift?", "Three [1]."]);
    // The model is told of nothing that was replaced.
    for request in model.requests() {
        assert_eq!(request["messages"].as_array().unwrap().len(), 2);
    }
}

#[tokio::test]
async fn all_conversations_can_be_taken_away_as_lines() {
    let model = LanguageModel::start([
        Script::Says(vec!["One [1]."]),
        Script::Says(vec!["Two [1]."]),
    ])
    .await;
    let app = app_with(TestHome::sqlite(), &model, PATIENT).await;
    for _ in 0..2 {
        rest(ask(&app).await).await;
    }
    let mut ben = ask_as(&app, "ben").await;
    while ben.next().await.is_some() {}
    let request = plain_request("ada", "GET /v1/conversations/export");
    let (status, text) = app.ask(request).await;
    let text = text.as_str().unwrap();
    assert_eq!(status, StatusCode::OK);
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let answers: Vec<&str> = lines
        .iter()
        .map(|line| line["messages"][1]["content"].as_str().unwrap())
        .collect();
    assert_eq!(answers, ["Two [1].", "One [1]."]);
}

async fn ask_as(app: &TestApp, name: &str) -> Events {
    app.app.ask(&caller(name), &asked()).await.unwrap()
}

/// A conversation that is deleted takes the answer with it that is being made.
#[tokio::test]
async fn deleting_a_conversation_stops_what_is_written_in_it() {
    let model = LanguageModel::start([Script::Hangs(vec!["Ten "])]).await;
    let app = app_with(TestHome::sqlite(), &model, PATIENT).await;
    let mut events = ask(&app).await;
    listen_until(&mut events, "Ten ").await;
    let body = json!({});
    let (status, deleted) = app
        .ask(json_request("ada", "DELETE /v1/conversations", &body))
        .await;
    assert_eq!((status, deleted), (StatusCode::OK, json!({"deleted": 1})));
    app.app.record_once().await;
    let told = rest(events).await;
    assert_eq!(last_code(&told), "stopped");
    app.app.answers.close();
    app.app.answers.wait().await;
    assert_eq!(app.count("SELECT COUNT(*) FROM messages").await, 0);
}

#[tokio::test]
async fn the_first_words_do_not_wait_until_the_question_is_kept() {
    let model = LanguageModel::start([Script::Hangs(vec!["Ten ", "kilograms"])]).await;
    let app = app_with(TestHome::sqlite(), &model, PATIENT).await;
    let line = app.home.database().await.begin().await.unwrap();
    let mut events = ask(&app).await;
    let (id, _) = listen_until(&mut events, "Ten kilograms").await;
    line.rollback().await.unwrap();
    app.app.stop_answer(&caller("ada"), &id).await.unwrap();
    assert_eq!(last_code(&rest(events).await), "stopped");
    app.app.answers.close();
    app.app.answers.wait().await;
    let again = app.app.resume(&caller("ada"), &id, 0).await.unwrap();
    assert_eq!(last_code(&rest(again).await), "stopped");
    assert_eq!(app.count("SELECT COUNT(*) FROM messages").await, 2);
}

#[tokio::test]
async fn an_answer_whose_question_can_not_be_kept_is_stopped() {
    let scripts = [
        Script::Hangs(vec!["Ten "]),
        // The question as it stands alone.
        Script::Says(vec!["What does the arm lift?"]),
        Script::Hangs(vec!["Twelve "]),
    ];
    let model = LanguageModel::start(scripts).await;
    let app = app_with(TestHome::sqlite(), &model, PATIENT).await;
    let (ada, asked) = (
        caller("ada"),
        Asked {
            conversation_id: Some("lesson".to_owned()),
            otherwise: Otherwise::BeginNamed,
            ..asked()
        },
    );
    let mut events = app.app.ask(&ada, &asked).await.unwrap();
    let (id, _) = listen_until(&mut events, "Ten ").await;
    app.app.stop_answer(&ada, &id).await.unwrap();
    rest(events).await;
    let mut line = app.home.database().await.begin().await.unwrap();
    let mut events = app.app.ask(&ada, &asked).await.unwrap();
    listen_until(&mut events, "Twelve ").await;
    sqlx::query("DELETE FROM conversations")
        .execute(&mut *line)
        .await
        .unwrap();
    line.commit().await.unwrap();
    assert_eq!(last_code(&rest(events).await), "stopped");
    app.app.answers.close();
    app.app.answers.wait().await;
    assert_eq!(app.count("SELECT COUNT(*) FROM messages").await, 0);
}
