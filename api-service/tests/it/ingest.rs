//! Taking in: whole or not at all, changed parts only, for each their own.

use std::{fmt::Write, sync::Arc};

use api_service::{
    app::{
        ingest_directory::{DirectoryReport, SourceFile},
        ports::JobStore,
    },
    domain::{job::JobCounts, principal::Principal},
};
use serde_json::json;

use crate::support::{
    Parts, TestApp, TestHome, caller,
    halting::{Fate, HaltingIndex, Switch},
};

/// A document of `sections` sections, each a chunk of its own.
pub fn long_document(sections: usize, changed: Option<usize>) -> String {
    let mut text = String::from("# Handbook\n");
    for number in 0..sections {
        write!(text, "\n## Section {number}\n\n").unwrap();
        let word = if changed == Some(number) {
            "giraffes"
        } else {
            "sensors"
        };
        for line in 0..12 {
            let what = format!("the {word} of line {line}");
            write!(
                text,
                "In part {number} {what} are mounted with care on the frame. "
            )
            .unwrap();
        }
        text.push('\n');
    }
    text
}

async fn add_long(app: &TestApp, changed: Option<usize>) -> serde_json::Value {
    let text = long_document(40, changed);
    app.add("ada", &json!({"text": text, "external_id": "handbook"}))
        .await
}

#[tokio::test]
async fn a_document_is_found_whole_or_not_at_all() {
    let parts = Parts {
        embedding_halts_at: Some(2),
        ..Parts::default()
    };
    let app = TestApp::with(TestHome::sqlite(), parts).await;
    add_long(&app, None).await;
    let half_way = async {
        app.embedder.halted.notified().await;
        let kept = app.count("SELECT COUNT(*) FROM chunks").await;
        assert!(kept >= 32, "only {kept} chunks were kept");
        assert_eq!(
            app.find("ada", "sensors mounted on the frame").await,
            [""; 0]
        );
        app.embedder.go_on.notify_one();
    };
    futures::join!(app.work(), half_way);
    let found = app.find("ada", "sensors mounted on the frame").await;
    assert!(found.len() >= 40, "{} found", found.len());
    assert!(app.app.check_index().await.unwrap().agrees());
}

#[tokio::test]
async fn an_update_replaces_all_at_once_and_embeds_what_changed() {
    let app = TestApp::sqlite().await;
    add_long(&app, None).await;
    app.work().await;
    let whole = app.embedder.embedded();
    assert!(whole >= 40, "{whole} chunks");
    add_long(&app, Some(7)).await;
    // Until the worker was there, the old version is found, all of it.
    let found = app.find("ada", "giraffes mounted on the frame").await;
    assert!(found.iter().all(|text| !text.contains("giraffes")));
    app.work().await;
    let again = app.embedder.embedded();
    assert!(
        (1..=3).contains(&again),
        "{again} chunks were embedded again"
    );
    let found = app
        .find("ada", "giraffes mounted on the frame in part 7")
        .await;
    assert!(found[0].contains("In part 7 the giraffes"), "{}", found[0]);
    let stale = |text: &String| text.contains("In part 7 the sensors");
    assert!(!found.iter().any(stale));
    let report = app.app.check_index().await.unwrap();
    assert!(
        report.agrees() && report.chunks == report.points,
        "{report:?}"
    );

    // Shorter: what is beyond its end is found no more.
    let short = json!({"text": long_document(2, None), "external_id": "handbook"});
    app.add("ada", &short).await;
    app.work().await;
    assert_eq!(app.embedder.embedded(), 0);
    let found = app.find("ada", "sensors mounted on the frame").await;
    assert!(found.len() <= 3, "{} found", found.len());
    assert!(app.app.check_index().await.unwrap().agrees());
}

#[tokio::test]
async fn what_is_deleted_while_it_is_worked_on_never_appears() {
    let parts = Parts {
        embedding_halts_at: Some(2),
        ..Parts::default()
    };
    let app = TestApp::with(TestHome::sqlite(), parts).await;
    let document = add_long(&app, None).await;
    let id = document["id"].as_str().unwrap();
    let delete = async {
        app.embedder.halted.notified().await;
        app.app
            .delete_document(&caller("ada"), id, None)
            .await
            .unwrap();
        app.embedder.go_on.notify_one();
    };
    futures::join!(app.work(), delete);
    app.work().await;
    assert_eq!(app.find("ada", "sensors").await, [""; 0]);
    let report = app.app.check_index().await.unwrap();
    assert_eq!((report.chunks, report.points), (0, 0));
    assert_eq!(app.count("SELECT COUNT(*) FROM index_garbage").await, 0);
}

#[tokio::test]
async fn what_is_deleted_before_it_is_published_never_appears() {
    let switch = Switch::new(Fate::Works);
    let app = with_switch(TestHome::sqlite(), &switch).await;
    let document = add_long(&app, None).await;
    switch.set(Fate::HaltsAfter);
    let id = document["id"].as_str().unwrap();
    tokio::select! {
        () = app.work() => panic!("it was to halt"),
        () = switch.halted.notified() => {}
    }
    // The points are written, and their document goes.
    app.app
        .delete_document(&caller("ada"), id, None)
        .await
        .unwrap();
    assert_eq!(app.find("ada", "sensors").await, [""; 0]);
    switch.set(Fate::Works);
    app.work().await;
    assert_eq!(app.app.check_index().await.unwrap().points, 0);
}

pub async fn with_switch(home: TestHome, switch: &Arc<Switch>) -> TestApp {
    let switch = switch.clone();
    let parts = Parts {
        around_index: Some(Box::new(|inner| Arc::new(HaltingIndex { inner, switch }))),
        ..Parts::default()
    };
    TestApp::with(home, parts).await
}

#[tokio::test]
async fn an_index_out_of_reach_makes_jobs_wait_and_not_fail() {
    let switch = Switch::new(Fate::Works);
    let app = with_switch(TestHome::sqlite(), &switch).await;
    let text = json!({"text": "The lamp glows."});
    app.add("ada", &text).await;
    switch.set(Fate::Fails);
    for _ in 0..20 {
        assert!(app.app.work_once("worker").await.is_err());
    }
    let open = "SELECT COUNT(*) FROM jobs WHERE state = 'queued'";
    assert_eq!(app.count(open).await, 1);
    switch.set(Fate::Works);
    app.work().await;
    assert_eq!(app.find("ada", "lamp").await, ["The lamp glows."]);
    assert_eq!(app.embedder.embedded(), 1, "what was embedded was lost");
}

#[tokio::test]
async fn two_people_have_the_same_file_each_for_themselves() {
    for home in [TestHome::sqlite(), TestHome::postgres().await] {
        let app = TestApp::on(home).await;
        let theirs = |colour: &str| json!({"text": format!("The key is {colour}."), "external_id": "key.md"});
        app.add("ada", &theirs("red")).await;
        app.add("ben", &theirs("blue")).await;
        app.work().await;
        assert_eq!(app.find("ada", "key").await, ["The key is red."]);
        assert_eq!(app.find("ben", "key").await, ["The key is blue."]);
        assert_eq!(app.find("eve", "key").await, [""; 0]);
    }
}

fn files(contents: &[(&str, &str)]) -> Vec<SourceFile> {
    let files = contents.iter().map(|(path, content)| SourceFile {
        path: (*path).to_owned(),
        content: content.as_bytes().to_vec(),
    });
    files.collect()
}

async fn bring(app: &TestApp, files: Vec<SourceFile>) -> DirectoryReport {
    let operator = Principal::operator();
    let mut files = files.into_iter();
    let report = app.app.ingest_directory(&operator, "book", &mut files);
    let report = report.await.unwrap();
    app.work().await;
    report
}

#[tokio::test]
async fn a_directory_brings_what_changed_and_takes_what_is_gone() {
    for home in [TestHome::sqlite(), TestHome::postgres().await] {
        let app = TestApp::on(home).await;
        let first = files(&[
            ("a.md", "Apples are red."),
            ("b.md", "Bananas are yellow."),
            ("c/c.md", "Cherries are dark."),
            ("empty.md", "<!-- nothing -->"),
        ]);
        let report = bring(&app, first).await;
        assert_eq!((report.created, report.updated, report.removed), (4, 0, 0));
        let counts = app
            .store
            .counts(&caller("admin").scope(), &report.run_id)
            .await
            .unwrap();
        let expected = JobCounts {
            ready: 3,
            failed: 1,
            chunks: 3,
            ..JobCounts::default()
        };
        assert_eq!(counts, expected);
        assert_eq!(app.embedder.embedded(), 3);

        let mut second = files(&[
            ("a.md", "Apples are red."),
            ("b.md", "Bananas are green."),
            ("d.md", "Dates are brown."),
        ]);
        second.push(SourceFile {
            path: "paper.md".to_owned(),
            content: b"%PDF-1.4".to_vec(),
        });
        let report = bring(&app, second).await;
        assert_eq!(
            (report.created, report.updated, report.unchanged),
            (1, 1, 1)
        );
        assert_eq!(
            (report.removed, report.refused),
            (2, vec![("paper.md".to_owned(), "format_mismatch")])
        );
        assert_eq!(app.embedder.embedded(), 2);
        let mut found = app.find("ben", "fruit").await;
        found.sort();
        assert_eq!(
            found,
            ["Apples are red.", "Bananas are green.", "Dates are brown."]
        );
        assert!(app.app.check_index().await.unwrap().agrees());
    }
}

#[tokio::test]
async fn a_file_that_can_not_be_read_any_more_keeps_its_last_text() {
    let app = TestApp::sqlite().await;
    bring(&app, files(&[("a.md", "Apples are red.")])).await;
    let broken = SourceFile {
        path: "a.md".to_owned(),
        content: b"%PDF-1.4".to_vec(),
    };
    let report = bring(&app, vec![broken]).await;
    assert_eq!((report.refused.len(), report.removed), (1, 0));
    assert_eq!(app.find("ben", "apples").await, ["Apples are red."]);
}
