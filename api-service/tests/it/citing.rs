//! Citations: each sentence of an answer is held against what it cites, and what
//! was cited stays.

use std::time::Duration;

use api_service::{
    app::{
        ask::Asked,
        ports::{ConversationStore, DocumentViews, Order, Page},
    },
    domain::{
        answer::{Citation, Evidence},
        chunk::ChunkId,
        conversation::ConversationId,
    },
};
use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use futures::StreamExt;
use http_body_util::BodyExt;
use serde_json::json;
use tower::ServiceExt;

use crate::support::{
    Parts, TestApp, TestHome, caller, json_request,
    language_model::{LanguageModel, Script},
};

const TEXT: &str = "# Arm\n\nThe **arm** lifts [ten kilograms](/limits.md).\nIt has `six` joints, \
                    none of which is greased.\n\n# Wheels\n\nThe wheels are made of rubber & last \
                    four years.\n";

async fn app_that_says(said: &'static str, media_type: &str, text: &str) -> TestApp {
    let model = LanguageModel::start([Script::Says(vec![said])]).await;
    let parts = Parts {
        generator: Some(model.client(Duration::from_secs(20))),
        ..Parts::default()
    };
    let app = TestApp::with(TestHome::sqlite(), parts).await;
    let document = json!({"text": text, "media_type": media_type, "external_id": "robot"});
    app.add("ada", &document).await;
    app.work().await;
    let asked = Asked {
        message: "What does the arm lift?".to_owned(),
        ..Asked::default()
    };
    let mut events = app.app.ask(&caller("ada"), &asked).await.unwrap();
    while events.next().await.is_some() {}
    app
}

/// What is kept of the only answer.
async fn kept(app: &TestApp) -> (String, Evidence) {
    let (id,): (String,) = sqlx::query_as("SELECT id FROM conversations")
        .fetch_one(&app.database.pool)
        .await
        .unwrap();
    let page = Page {
        after: String::new(),
        limit: 10,
    };
    let (scope, id) = (caller("ada").scope(), ConversationId(id));
    let messages = app.store.messages(&scope, &id, &page, Order::OldestFirst);
    let answer = messages.await.unwrap().remove(1);
    (answer.content, answer.answer.unwrap().evidence)
}

fn shown<'a>(
    text: &'a str,
    content: &'a str,
    citation: &'a Citation,
) -> (usize, [&'a str; 3], bool) {
    let sentence = &text[citation.sentence.clone()];
    let place = &content[citation.span.clone()];
    (
        citation.number,
        [sentence, place, &citation.quote],
        citation.supported,
    )
}

#[tokio::test]
async fn sentences_are_held_against_what_they_cite() {
    let said = "The arm lifts 10 kilograms [1]. It doesn't lift ten kilograms. [1] Its six joints are \
                greased [1].\n\nIt was invented on the moon.\n\n- Wheels of rubber last four years [1]\n";
    let app = app_that_says(said, "text/markdown", TEXT).await;
    let (text, evidence) = kept(&app).await;
    assert_eq!(text, said);
    let all: Vec<_> = evidence
        .citations
        .iter()
        .map(|citation| shown(&text, TEXT, citation))
        .collect();
    assert_eq!(
        all,
        [
            (
                1,
                [
                    "The arm lifts 10 kilograms [1].",
                    "The **arm** lifts [ten kilograms",
                    "The arm lifts ten kilograms.",
                ],
                true
            ),
            (
                1,
                [
                    "It doesn't lift ten kilograms. [1]",
                    "The **arm** lifts [ten kilograms",
                    "The arm lifts ten kilograms.",
                ],
                false
            ),
            (
                1,
                [
                    "Its six joints are greased [1].",
                    "It has `six` joints, none of which is greased.",
                    "It has `six` joints, none of which is greased.",
                ],
                false
            ),
            (
                1,
                [
                    "Wheels of rubber last four years [1]",
                    "The wheels are made of rubber & last four years.",
                    "The wheels are made of rubber & last four years.",
                ],
                true
            ),
        ]
    );
    let unsupported: Vec<&str> = evidence
        .unsupported
        .into_iter()
        .map(|sentence| &text[sentence])
        .collect();
    assert_eq!(
        unsupported,
        [
            "It doesn't lift ten kilograms. [1]",
            "Its six joints are greased [1].",
            "It was invented on the moon.",
        ]
    );
}

#[tokio::test]
async fn what_answers_come_to_is_counted() {
    let said = "The arm lifts 10 kilograms [1]. It doesn't lift ten kilograms. [1]\n\nIt was \
                invented on the moon.";
    let app = app_that_says(said, "text/markdown", TEXT).await;
    let request = Request::get("/metrics").body(Body::empty()).unwrap();
    let response = app.router.clone().oneshot(request).await.unwrap();
    assert_eq!(
        response.headers()["content-type"],
        "text/plain; version=0.0.4"
    );
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let lines = std::str::from_utf8(&body).unwrap().lines();
    let values: Vec<&str> = lines.filter(|line| !line.starts_with('#')).collect();
    assert_eq!(
        values,
        [
            "lectern_answers_total{kind=\"generated\"} 1",
            "lectern_answers_total{kind=\"extractive\"} 0",
            "lectern_answers_total{kind=\"nothing_found\"} 0",
            "lectern_answers_total{kind=\"broken\"} 0",
            "lectern_citations_total{supported=\"true\"} 1",
            "lectern_citations_total{supported=\"false\"} 1",
            "lectern_unsupported_sentences_total 2",
        ]
    );
}

#[tokio::test]
async fn what_was_cited_stays_when_the_document_changes_and_goes() {
    let said = "The arm lifts ten kilograms [1].";
    let app = app_that_says(said, "text/markdown", TEXT).await;
    let before = kept(&app).await;
    assert_eq!(before.1.citations[0].quote, "The arm lifts ten kilograms.");
    let changed = json!({"text": "# Arm\n\nIt was taken off.", "external_id": "robot",
                         "media_type": "text/markdown"});
    let document = app.add("ada", &changed).await;
    app.work().await;
    assert_eq!(kept(&app).await, before);
    let route = format!("DELETE /v1/documents/{}", document["id"].as_str().unwrap());
    let (status, _) = app.ask(json_request("ada", &route, &json!(null))).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    app.work().await;
    assert_eq!(kept(&app).await, before);
    let sources = "SELECT COUNT(*) FROM message_sources s JOIN message_citations c \
                   ON c.message_id = s.message_id AND c.number = s.number \
                   WHERE s.text LIKE '%ten kilograms%'";
    assert_eq!(app.count(sources).await, 1);
}

/// Where places are not places in the bytes that were sent, the place is that
/// of the passage.
#[tokio::test]
async fn a_format_that_is_not_text_has_the_place_of_its_passage() {
    let rows = "part,lifts\nthe left arm of it,ten kilograms\n";
    let app = app_that_says("The left arm lifts ten kilograms [1].", "text/csv", rows).await;
    let (_, evidence) = kept(&app).await;
    let source: (i64, i64) = sqlx::query_as("SELECT span_start, span_end FROM message_sources")
        .fetch_one(&app.database.pool)
        .await
        .unwrap();
    let span = &evidence.citations[0].span;
    let same = i64::try_from(span.start).unwrap() == source.0;
    assert!(
        same && i64::try_from(span.end).unwrap() == source.1,
        "{span:?}, {source:?}"
    );
    assert!(evidence.citations[0].supported, "{evidence:?}");
}

/// What stands at the place of a chunk is read in the scope of who asks.
#[tokio::test]
async fn nobody_reads_a_quotation_of_somebody_elses() {
    let app = app_that_says("Ten kilograms [1].", "text/markdown", TEXT).await;
    let (chunk,): (String,) = sqlx::query_as("SELECT chunk_id FROM message_sources")
        .fetch_one(&app.database.pool)
        .await
        .unwrap();
    let chunk = ChunkId(chunk);
    for (name, expected) in [("ada", Some("# Arm")), ("ben", None), ("admin", None)] {
        let scope = caller(name).scope();
        let quoted = app.store.quoted(&scope, &chunk, &(0..5)).await;
        assert_eq!(quoted.unwrap().as_deref(), expected, "{name}");
    }
}
