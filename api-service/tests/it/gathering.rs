//! What answers may cite, through the whole service.

use api_service::outbound::llm::ModelSettings;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::support::{
    Parts, TestApp, TestHome, json_request,
    language_model::{LanguageModel, Script, chain, model, settings},
};

/// A document about a robot's arm, in three sections of one passage each, with
/// one about lunch before them.
fn manual() -> String {
    let about = |what: &str| {
        let sentences = (1..=8).map(|number| {
            format!("The arm of the robot is {what} by person {number} of the crew, with care.")
        });
        sentences.collect::<Vec<_>>().join(" ")
    };
    let lunch = "Lunch is served at noon in the great hall, with soup and bread. ".repeat(10);
    let (oiled, tested, washed) = (about("oiled"), about("tested"), about("washed"));
    format!(
        "# Lunch\n\n{}\n\n# Arm\n\n## Oil\n\n{oiled}\n\n## Test\n\n{tested}\n\n## Wash\n\n{washed}\n",
        lunch.trim()
    )
}

/// The sources that `ada` is given for a question.
async fn sources(app: &TestApp, body: &Value) -> Vec<Value> {
    let (status, answer) = app.ask(json_request("ada", "POST /v1/chat", body)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer["sources"].as_array().unwrap().clone()
}

/// A small knowledge base is given to a language model as its documents, and
/// one that is too large, or that a filter narrows, as its best passages.
#[tokio::test]
async fn what_is_small_enough_is_given_as_a_whole() {
    for (whole_context, window, whole) in [
        (4_000, 8_000, true),
        (0, 8_000, false),
        (100, 8_000, false),
        (4_000, 200, false),
    ] {
        let home = TestHome::sqlite();
        let says = || Script::Says(vec!["With care [1]."]);
        let server = LanguageModel::start([says(), says()]).await;
        let model = ModelSettings {
            window,
            ..model(&server.base_url(), "test-model")
        };
        let parts = Parts {
            generator: Some(chain(settings(vec![model]), &home.clock)),
            whole_context,
            ..Parts::default()
        };
        let app = TestApp::with(home, parts).await;
        let text = manual();
        app.add(
            "ada",
            &json!({"text": "The lamp shines at night.", "path": "lamp.txt"}),
        )
        .await;
        app.add("ada", &json!({"text": text, "path": "manual.md"}))
            .await;
        app.add(
            "ben",
            &json!({"text": "The robot of Ben is hidden.", "path": "ben.md"}),
        )
        .await;
        app.work().await;
        let question = json!({"message": "How is the arm of the robot oiled?"});
        let given = sources(&app, &question).await;
        let paths: Vec<&str> = given
            .iter()
            .map(|one| one["path"].as_str().unwrap())
            .collect();
        assert!(!paths.contains(&"ben.md"), "{paths:?}");
        let first = &given[0];
        assert_eq!(first["path"], "manual.md");
        let said = first["text"].as_str().unwrap();
        assert_eq!(
            said.contains("great hall"),
            whole,
            "{whole_context} {window}: {said}"
        );
        if whole {
            assert_eq!(paths, ["manual.md", "lamp.txt"]);
            assert_eq!(first["span"]["end"], text.trim_end().len());
            let filtered = json!({"message": "How is the arm of the robot oiled?",
                "filter": {"path_prefix": "manual"}});
            let said = sources(&app, &filtered).await[0]["text"].to_string();
            assert!(!said.contains("great hall"), "{said}");
        }
    }
}

/// Where more documents pass than the index is told of, the hits are looked at.
#[tokio::test]
async fn a_filter_that_many_documents_pass_finds_those_that_pass() {
    let app = TestApp::sqlite().await;
    for path in ["many/arm.md", "other/arm.md"] {
        let text = format!("# Arm\n\nThe arm of {path} has six joints.");
        app.add("ada", &json!({"text": text, "path": path})).await;
    }
    app.work().await;
    let others = "WITH RECURSIVE numbers (n) AS \
        (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 10000) \
        INSERT INTO documents SELECT 'other ' || n, knowledge_base_id, 'other ' || n, title, \
        'many/' || n, origin, created_at, updated_at, 1, 1 FROM numbers, documents \
        WHERE path = 'many/arm.md'";
    let made = sqlx::query(others)
        .execute(&app.database.pool)
        .await
        .unwrap();
    assert_eq!(made.rows_affected(), 10_000);
    for (path_prefix, paths) in [
        ("many/", vec!["many/arm.md"]),
        ("many/arm", vec!["many/arm.md"]),
        ("many/9", vec![]),
        ("", vec!["many/arm.md", "other/arm.md"]),
    ] {
        let body = json!({"query": "arm", "filter": {"path_prefix": path_prefix}});
        let (status, found) = app.ask(json_request("ada", "POST /v1/search", &body)).await;
        assert_eq!(status, StatusCode::OK, "{found}");
        let results = found["results"].as_array().unwrap();
        let mut found: Vec<&str> = results
            .iter()
            .filter_map(|one| one["path"].as_str())
            .collect();
        found.sort_unstable();
        assert_eq!(found, paths, "{path_prefix}");
    }
}

#[tokio::test]
async fn neighbours_are_one_source_and_copies_none() {
    let app = TestApp::sqlite().await;
    let text = manual();
    for path in ["manual.md", "old/manual.md"] {
        app.add("ada", &json!({"text": text, "path": path})).await;
    }
    app.work().await;
    let question = json!({"message": "How is the arm of the robot oiled, tested and washed?"});
    let sources = sources(&app, &question).await;
    let shown = sources.iter().map(|source| {
        json!([
            source["heading"],
            source["score"],
            source["path"],
            source["span"]
        ])
    });
    let shown = Value::Array(shown.collect());
    let arm = &sources[0];
    assert_eq!(arm["heading"], "Arm › Oil", "{shown}");
    let (start, end) = (&arm["span"]["start"], &arm["span"]["end"]);
    let (start, end) = (start.as_u64().unwrap(), end.as_u64().unwrap());
    let span = &text[usize::try_from(start).unwrap()..usize::try_from(end).unwrap()];
    let expected = span.replace("## ", "").replace("Test\n\n", "Test\n");
    assert_eq!(arm["text"], expected.replace("Wash\n\n", "Wash\n"));
    assert!(span.starts_with("The arm of the robot is oiled"), "{span}");
    assert!(span.ends_with("washed by person 8 of the crew, with care."));
    // Lunch of one copy is all that is left.
    let others: Vec<&Value> = sources[1..]
        .iter()
        .map(|source| &source["heading"])
        .collect();
    assert_eq!(others, ["Lunch"]);
    // A search shows the passages as they are.
    let found = app.find("ada", "How is the arm of the robot tested?").await;
    assert_eq!(found.len(), 8, "{found:?}");
}
