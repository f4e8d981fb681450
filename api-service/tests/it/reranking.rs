//! A reranker over HTTP, in all the dialects, and all that can be wrong with it.

use std::{sync::Arc, time::Duration};

use api_service::{app::ports::Reranker, outbound::rerank::RerankDialect};
use axum::http::{HeaderValue, StatusCode};
use serde_json::json;

use crate::support::{
    Parts, TestApp, TestHome, json_request,
    reranker::{Order, RerankServer},
};

const PATIENT: Duration = Duration::from_secs(20);

const DIALECTS: [(RerankDialect, &str); 3] = [
    (RerankDialect::Cohere, "/v2/rerank"),
    (RerankDialect::Jina, "/v1/rerank"),
    (RerankDialect::Tei, "/rerank"),
];

async fn app_with(reranker: Option<Arc<dyn Reranker>>) -> TestApp {
    let parts = Parts {
        reranker,
        ..Parts::default()
    };
    let app = TestApp::with(TestHome::sqlite(), parts).await;
    for (path, text) in [
        (
            "arm.md",
            "# Arm\n\nThe arm of the robot lifts ten kilograms.",
        ),
        (
            "wheel.md",
            "# Wheel\n\nThe wheel of the robot is made of rubber.",
        ),
        ("lamp.md", "# Lamp\n\nThe lamp shines at night."),
    ] {
        app.add("ada", &json!({"text": text, "path": path})).await;
    }
    app.work().await;
    app
}

/// The paths and scores that a search for `query` gives.
async fn found(app: &TestApp, query: &str, limit: usize) -> Vec<(String, f64)> {
    let body = json!({"query": query, "limit": limit});
    let (status, found) = app.ask(json_request("ada", "POST /v1/search", &body)).await;
    assert_eq!(status, StatusCode::OK, "{found}");
    let results = found["results"].as_array().unwrap().iter();
    results
        .map(|result| {
            let path = result["path"].as_str().unwrap().to_owned();
            (path, result["score"].as_f64().unwrap())
        })
        .collect()
}

fn paths(found: &[(String, f64)]) -> Vec<&str> {
    found.iter().map(|(path, _)| path.as_str()).collect()
}

#[tokio::test]
async fn the_reranker_decides_in_every_dialect() {
    for (dialect, path) in DIALECTS {
        let server = RerankServer::start(Order::Words(&["lamp", "rubber", "kilograms"])).await;
        let app = app_with(Some(server.client(dialect, PATIENT))).await;
        let expected = [("lamp.md", 0.9), ("wheel.md", 0.8), ("arm.md", 0.7)];
        let expected = expected.map(|(path, score)| (path.to_owned(), score));
        let all = found(&app, "What does the robot lift?", 10).await;
        assert_eq!(all, expected, "{dialect:?}");
        // It reads more than are asked for.
        assert_eq!(
            found(&app, "What does the robot lift?", 1).await,
            expected[..1]
        );

        let body = json!({"message": "What does the robot lift?"});
        let (_, answer) = app.ask(json_request("ada", "POST /v1/chat", &body)).await;
        assert_eq!(answer["sources"][0]["path"], "lamp.md", "{answer}");

        let (asked_path, headers, body) = server.requests().remove(0);
        assert_eq!(
            (asked_path.as_str(), &headers["authorization"]),
            (path, &HeaderValue::from_static("Bearer hunter2"))
        );
        let mut texts = [
            "Arm\nThe arm of the robot lifts ten kilograms.",
            "Wheel\nThe wheel of the robot is made of rubber.",
            "Lamp\nThe lamp shines at night.",
        ];
        texts.sort_unstable();
        let field = if dialect == RerankDialect::Tei {
            "texts"
        } else {
            "documents"
        };
        let mut sent: Vec<&str> = body[field]
            .as_array()
            .unwrap()
            .iter()
            .map(|text| text.as_str().unwrap())
            .collect();
        sent.sort_unstable();
        assert_eq!(sent, texts);
        let mut rest = body.clone();
        rest.as_object_mut().unwrap().remove(field);
        let question = "What does the robot lift?";
        let expected = if dialect == RerankDialect::Tei {
            json!({"query": question, "raw_scores": false, "truncate": true})
        } else {
            json!({"model": "a-reranker", "query": question, "top_n": 3})
        };
        assert_eq!(rest, expected);
    }
}

#[tokio::test]
async fn what_it_leaves_out_follows_in_the_order_of_the_search() {
    let server = RerankServer::start(Order::Words(&["lamp"])).await;
    let app = app_with(Some(server.client(RerankDialect::Tei, PATIENT))).await;
    let found = found(
        &app,
        "How many kilograms does the arm of the robot lift?",
        10,
    )
    .await;
    assert_eq!(paths(&found), ["lamp.md", "arm.md", "wheel.md"]);
    assert!(
        found.is_sorted_by(|one, other| one.1 >= other.1),
        "{found:?}"
    );
}

#[tokio::test]
async fn the_order_of_the_search_holds_where_the_reranker_fails() {
    let question = "How many kilograms does the arm of the robot lift?";
    let plain = app_with(None).await;
    let expected = found(&plain, question, 10).await;
    let many = format!("[{}1]", "1, ".repeat(200_000));
    for (order, timeout) in [
        (Order::Hangs, Duration::from_millis(100)),
        (Order::Says(500, "{}".to_owned()), PATIENT),
        (Order::Says(429, "slow down".to_owned()), PATIENT),
        (Order::Says(200, "{\"results\": [".to_owned()), PATIENT),
        (Order::Says(200, "null".to_owned()), PATIENT),
        (Order::Says(200, String::new()), PATIENT),
        (Order::Says(200, "[]".to_owned()), PATIENT),
        (Order::Says(200, "{\"results\": []}".to_owned()), PATIENT),
        (
            Order::Says(200, "[{\"index\": 77, \"score\": 1}]".to_owned()),
            PATIENT,
        ),
        (
            Order::Says(200, "[{\"index\": -1, \"score\": 1}]".to_owned()),
            PATIENT,
        ),
        (
            Order::Says(200, "[{\"index\": 2, \"score\": null}]".to_owned()),
            PATIENT,
        ),
        (
            Order::Says(200, "[{\"index\": 2, \"score\": NaN}]".to_owned()),
            PATIENT,
        ),
        (Order::Says(200, many), PATIENT),
    ] {
        for (dialect, _) in DIALECTS {
            let server = RerankServer::start(order.clone()).await;
            let reranker = server.client(dialect, timeout);
            let texts = ["one", "two"].map(str::to_owned);
            let scores = reranker.scores(question, &texts).await.unwrap_or_default();
            assert!(
                scores.iter().all(|(place, _)| *place == 77),
                "{order:?} {scores:?}"
            );
        }
        let server = RerankServer::start(order.clone()).await;
        let app = app_with(Some(server.client(RerankDialect::Tei, timeout))).await;
        assert_eq!(found(&app, question, 10).await, expected, "{order:?}");
        assert_eq!(server.requests().len(), 1);
    }
}
