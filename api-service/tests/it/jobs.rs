//! Jobs under way: watched, cancelled, put off, taken over, and side by side.

use std::time::Duration;

use api_service::app::ports::EmbeddingError;
use auth_service::app::{api_keys::NewApiKey, client::Client};
use axum::{body::Body, http::request};
use futures::{
    StreamExt,
    stream::{self, BoxStream, Stream},
};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::{
    ingest::long_document,
    support::{
        Parts, TestApp, TestHome, accounts::Both, json_request, plain_request, scenario::event,
    },
};

async fn halting(call: usize) -> TestApp {
    let parts = Parts {
        embedding_halts_at: Some(call),
        ..Parts::default()
    };
    TestApp::with(TestHome::sqlite(), parts).await
}

async fn add(app: &TestApp, name: &str, text: &str, external_id: &str) -> String {
    let body = json!({"text": text, "external_id": external_id});
    let document = app.add(name, &body).await;
    document["job"]["id"].as_str().unwrap().to_owned()
}

async fn job(app: &TestApp, name: &str, id: &str) -> Value {
    let line = format!("GET /v1/jobs/{id}");
    app.ask(plain_request(name, &line)).await.1
}

async fn press(app: &TestApp, name: &str, id: &str, button: &str) -> u16 {
    let line = format!("POST /v1/jobs/{id}/{button}");
    app.ask(json_request(name, &line, &json!({})))
        .await
        .0
        .as_u16()
}

/// The events of a stream as they come.
fn events(body: Body) -> impl futures::Stream<Item = Value> {
    let pieces = body.into_data_stream();
    pieces.flat_map(|piece| {
        let text = String::from_utf8(piece.unwrap().to_vec()).unwrap();
        let told: Vec<Value> = text.split("\n\n").filter_map(event).collect();
        stream::iter(told)
    })
}

#[tokio::test]
async fn who_watches_sees_how_far_it_is_and_then_the_end() {
    let app = halting(2).await;
    let id = add(&app, "ada", &long_document(40, None), "handbook").await;
    let line = format!("GET /v1/jobs/{id}/events");
    let watch = app.router.clone().oneshot(plain_request("ada", &line));
    let mut told = Box::pin(events(watch.await.unwrap().into_body()));
    let first = told.next().await.unwrap();
    assert_eq!(first["event"], "progress");
    assert_eq!(first["data"]["state"], "queued");
    let watching = async {
        app.embedder.halted.notified().await;
        app.home.clock.advance(4_000);
        let mut half = told.next().await.unwrap();
        while half["data"]["done"] == 0 {
            half = told.next().await.unwrap();
        }
        let data = &half["data"];
        assert_eq!(
            (&data["state"], &data["done"]),
            (&"embedding".into(), &32.into())
        );
        assert!(data["total"].as_u64().unwrap() >= 40, "{half}");
        app.embedder.go_on.notify_one();
        let mut last = half;
        while let Some(next) = told.next().await {
            last = next;
        }
        last
    };
    let (last, ()) = futures::join!(watching, app.work());
    assert_eq!(last["event"], "done");
    assert_eq!(last["data"]["state"], "ready");
    assert_eq!(last["data"]["done"], last["data"]["total"]);
}

#[tokio::test]
async fn a_watched_job_whose_document_goes_ends_with_an_error() {
    let app = TestApp::sqlite().await;
    let id = add(&app, "ada", "The lamp glows.", "lamp").await;
    let line = format!("GET /v1/jobs/{id}/events");
    let watch = app.router.clone().oneshot(plain_request("ada", &line));
    let told = events(watch.await.unwrap().into_body());
    let document = job(&app, "ada", &id).await["document_id"].clone();
    let delete = format!("DELETE /v1/documents/{}", document.as_str().unwrap());
    assert_eq!(app.ask(plain_request("ada", &delete)).await.0, 204);
    let told: Vec<Value> = told.collect().await;
    let gone = json!({"event": "error", "data": {"code": "job_not_found",
        "detail": "There is no job with this id among yours."}});
    assert_eq!(told.last(), Some(&gone));
}

/// The events of a job's watch that is opened with these credentials, after the
/// first one.
async fn watched(app: &TestApp, credentials: &str, id: &str) -> BoxStream<'static, Value> {
    let watch = showing(credentials, "GET", &format!("/v1/jobs/{id}/events"));
    let watch = app
        .router
        .clone()
        .oneshot(watch.body(Body::empty()).unwrap());
    let mut told = events(watch.await.unwrap().into_body()).boxed();
    assert_eq!(told.next().await.unwrap()["event"], "progress");
    told
}

fn showing(credentials: &str, method: &str, path: &str) -> request::Builder {
    let request = request::Builder::new().method(method).uri(path);
    request.header("authorization", format!("Bearer {credentials}"))
}

/// What is told of a watch within a second.
async fn soon(told: impl Stream<Item = Value>) -> Vec<Value> {
    let told = tokio::time::timeout(Duration::from_secs(1), told.collect());
    told.await.expect("the watch goes on")
}

#[tokio::test]
async fn a_watch_ends_when_what_was_shown_for_it_is_revoked() {
    let both = Both::on(TestHome::sqlite()).await;
    let (auth, app, client) = (&both.auth, &both.app, Client::default());
    let ada = auth.sign_up("ada").await;
    let token = auth.token(&ada);
    let upload = showing(&token, "POST", "/v1/documents");
    let upload = upload.header("content-type", "application/json");
    let text = json!({"text": "The lamp glows."}).to_string();
    let (_, document) = app.ask(upload.body(text.into()).unwrap()).await;
    let job = document["job"]["id"].as_str().unwrap();
    let key = async || {
        let made = auth
            .app
            .make_api_key(&ada.user, NewApiKey::default(), &client);
        made.await.unwrap()
    };
    let (deleted, kept) = (key().await, key().await);
    let by_token = watched(app, &token, job).await;
    let by_deleted = watched(app, &deleted.secret, job).await;
    let by_kept = watched(app, &kept.secret, job).await;

    auth.sign_out(&ada).await;
    let told = soon(by_token).await;
    assert_eq!((told.len(), &told[0]["event"]), (1, &json!("error")));
    assert_eq!(told[0]["data"]["code"], "invalid_token");
    let gone = auth
        .app
        .delete_api_key(&ada.user.id, &deleted.key.id, &client);
    gone.await.unwrap();
    let told = soon(by_deleted).await;
    assert_eq!((told.len(), &told[0]["event"]), (1, &json!("error")));
    assert_eq!(told[0]["data"]["code"], "invalid_api_key");

    let cancel = showing(&kept.secret, "POST", &format!("/v1/jobs/{job}/cancel"));
    assert_eq!(app.ask(cancel.body(Body::empty()).unwrap()).await.0, 200);
    let told = soon(by_kept).await;
    assert_eq!((told.len(), &told[0]["event"]), (1, &json!("done")));
    both.ears.cover().await;
}

#[tokio::test]
async fn what_is_cancelled_half_way_leaves_the_old_version_and_goes_on_where_it_was() {
    let app = halting(3).await;
    add(&app, "ada", "The sensors of old.", "handbook").await;
    app.work().await;
    let id = add(&app, "ada", &long_document(40, None), "handbook").await;
    let cancel = async {
        app.embedder.halted.notified().await;
        assert_eq!(press(&app, "ada", &id, "cancel").await, 200);
        app.embedder.go_on.notify_one();
    };
    futures::join!(app.work(), cancel);
    assert_eq!(app.find("ada", "sensors").await, ["The sensors of old."]);
    assert!(app.app.check_index().await.unwrap().agrees());
    app.embedder.embedded();
    assert_eq!(press(&app, "ada", &id, "retry").await, 202);
    app.work().await;
    let embedded = app.embedder.embedded();
    assert!((1..=16).contains(&embedded), "{embedded} embedded again");
    let seen = job(&app, "ada", &id).await;
    assert_eq!(
        (&seen["state"], &seen["reused"]),
        (&"ready".into(), &0.into())
    );
    assert!(app.find("ada", "sensors of the frame").await.len() >= 40);
}

/// The index has the points, and the job is cancelled before it is published.
#[tokio::test]
async fn what_is_cancelled_at_the_last_moment_takes_its_own_points_and_no_others() {
    use crate::support::halting::{Fate, Switch};
    let switch = Switch::new(Fate::Works);
    let app = crate::ingest::with_switch(TestHome::sqlite(), &switch).await;
    add(&app, "ada", "The sensors of old.", "handbook").await;
    app.work().await;
    let id = add(&app, "ada", &long_document(4, None), "handbook").await;
    let ids = app.index().ids(None, 9).await.unwrap();
    // A trigger cancels when the job comes to the index.
    sqlx::query(
        "CREATE TRIGGER cancels AFTER UPDATE OF state ON jobs WHEN new.state = 'indexing' \
         BEGIN UPDATE jobs SET state = 'cancelled' WHERE id = new.id; END",
    )
    .execute(&app.database.pool)
    .await
    .unwrap();
    app.work().await;
    assert_eq!(job(&app, "ada", &id).await["state"], "cancelled");
    assert_eq!(app.find("ada", "sensors").await, ["The sensors of old."]);
    let left = app.index().ids(None, 9).await.unwrap();
    assert_eq!(left, ids);
}

#[tokio::test]
async fn a_provider_that_asks_to_wait_is_waited_for_and_nothing_is_done_twice() {
    for home in [TestHome::sqlite(), TestHome::postgres().await] {
        let app = TestApp::on(home).await;
        let id = add(&app, "ada", &long_document(40, None), "handbook").await;
        for _ in 0..7 {
            let wait = Some(Duration::from_mins(1));
            app.embedder.fails_with(EmbeddingError::Busy(wait));
            app.work().await;
            let seen = job(&app, "ada", &id).await;
            assert_eq!(
                (&seen["state"], &seen["attempt"]),
                (&"queued".into(), &0.into())
            );
            app.home.clock.advance(59_999);
            app.work().await;
            assert_eq!(job(&app, "ada", &id).await["state"], "queued");
            app.home.clock.advance(6_001);
        }
        app.work().await;
        let seen = job(&app, "ada", &id).await;
        assert_eq!(seen["state"], "ready");
        let embedded = app.embedder.embedded();
        assert_eq!(seen["embedded"], embedded);
        assert_eq!(seen["total"], embedded);
    }
}

fn failure() -> EmbeddingError {
    EmbeddingError::Failed("the model fell over".into())
}

#[tokio::test]
async fn what_may_pass_is_tried_again_later_and_then_given_up() {
    let app = TestApp::sqlite().await;
    let id = add(&app, "ada", "The lamp glows.", "lamp").await;
    for attempt in 1..5 {
        app.embedder.fails_with(failure());
        app.work().await;
        let seen = job(&app, "ada", &id).await;
        assert_eq!(
            (&seen["state"], &seen["attempt"]),
            (&"queued".into(), &attempt.into())
        );
        // Not at once.
        app.work().await;
        assert_eq!(job(&app, "ada", &id).await["attempt"], attempt);
        app.home.clock.advance(60_000);
    }
    app.embedder.fails_with(failure());
    app.work().await;
    let expected = json!({"code": "embedding_failed", "stage": "embedding",
        "retryable": true, "attempt": 5});
    let seen = job(&app, "ada", &id).await;
    assert_eq!(
        (&seen["state"], &seen["error"]),
        (&"failed".into(), &expected)
    );
    assert!(!seen.to_string().contains("fell over"));
    assert_eq!(press(&app, "ada", &id, "retry").await, 202);
    app.work().await;
    assert_eq!(app.find("ada", "lamp").await, ["The lamp glows."]);
}

#[tokio::test]
async fn a_document_that_is_at_fault_is_tried_once() {
    let app = TestApp::sqlite().await;
    let id = add(&app, "ada", "<!-- nothing -->", "empty").await;
    app.work().await;
    let expected = json!({"code": "empty_document", "stage": "parsing",
        "retryable": false, "attempt": 1});
    assert_eq!(job(&app, "ada", &id).await["error"], expected);
}

#[tokio::test]
async fn a_long_document_holds_up_no_other() {
    let app = halting(1).await;
    let long = add(&app, "ada", &long_document(40, None), "handbook").await;
    let beside = async {
        app.embedder.halted.notified().await;
        // While it is stuck, others come and are done.
        for (name, text) in [("ben", "The kettle whistles."), ("ada", "The lamp glows.")] {
            add(&app, name, text, "short").await;
            app.app.new_jobs.notify_one();
            while app.find(name, "what is there").await != [text] {
                tokio::task::yield_now().await;
            }
        }
        assert_eq!(job(&app, "ada", &long).await["state"], "embedding");
        app.embedder.go_on.notify_one();
    };
    futures::join!(app.work(), beside);
    assert_eq!(job(&app, "ada", &long).await["state"], "ready");
}

#[tokio::test]
async fn two_replicas_do_each_job_once() {
    let home = TestHome::postgres().await;
    let other = TestHome::sharing(home.server_url(), home.clock.clone());
    let (one, two) = (TestApp::on(home).await, TestApp::on(other).await);
    for number in 0..30 {
        let name = ["ada", "ben", "eve"][number % 3];
        let text = format!("Lamp number {number} glows.");
        add(&one, name, &text, &format!("lamp {number}")).await;
    }
    let work = async |app: &TestApp, worker: &str| {
        while app.app.work_once(worker).await.unwrap() > 0 {}
    };
    futures::join!(work(&one, "one"), work(&two, "two"));
    let done = "SELECT COUNT(*) FROM jobs WHERE state = 'ready' AND attempt = 1 AND fence = 1";
    assert_eq!(one.count(done).await, 30);
    let (first, second) = (one.embedder.embedded(), two.embedder.embedded());
    assert_eq!(first + second, 30);
    assert!(first > 0 && second > 0, "{first} and {second}");
}
