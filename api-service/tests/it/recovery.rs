//! A process that is killed anywhere, and the one that comes after it.

use std::fs;

use serde_json::json;

use crate::{
    ingest::{long_document, with_switch},
    support::{
        Parts, TestApp, TestHome,
        halting::{Fate, Switch},
    },
};

async fn add_long(app: &TestApp) {
    let text = long_document(40, None);
    app.add("ada", &json!({"text": text, "external_id": "handbook"}))
        .await;
}

async fn homes() -> [TestHome; 2] {
    [TestHome::sqlite(), TestHome::postgres().await]
}

/// Starts again where the process before was killed: nothing of the document
/// may be seen before all of it is, and in the end nothing is there twice.
async fn goes_on(home: TestHome, most_embedded: usize) {
    let app = TestApp::on(home).await;
    assert_eq!(app.find("ada", "sensors on the frame").await, [""; 0]);
    app.app.recover(true).await.unwrap();
    assert_eq!(app.find("ada", "sensors on the frame").await, [""; 0]);
    app.work().await;
    let embedded = app.embedder.embedded();
    assert!(embedded <= most_embedded, "{embedded} were embedded again");
    let chunks = app.count("SELECT COUNT(*) FROM chunks").await;
    let places =
        "SELECT COUNT(*) FROM (SELECT DISTINCT document_id, version, ordinal FROM chunks) p";
    assert_eq!(app.count(places).await, chunks);
    assert!(chunks >= 40, "{chunks} chunks");
    let ready = "SELECT COUNT(*) FROM jobs WHERE state = 'ready'";
    assert_eq!(app.count(ready).await, 1);
    let report = app.app.check_index().await.unwrap();
    assert!(report.agrees(), "{report:?}");
    assert_eq!(i64::try_from(report.points).unwrap(), chunks);
    assert!(app.find("ada", "sensors on the frame").await.len() >= 40);
}

#[tokio::test]
async fn killed_after_the_claim() {
    for home in homes().await {
        let parts = Parts {
            embedding_halts_at: Some(1),
            ..Parts::default()
        };
        let app = TestApp::with(home, parts).await;
        add_long(&app).await;
        tokio::select! {
            () = app.work() => panic!("it was to halt"),
            () = app.embedder.halted.notified() => {}
        }
        assert_eq!(app.count("SELECT COUNT(*) FROM chunks").await, 0);
        goes_on(app.end().await, usize::MAX).await;
    }
}

#[tokio::test]
async fn killed_between_two_checkpoints() {
    for home in homes().await {
        let parts = Parts {
            embedding_halts_at: Some(2),
            ..Parts::default()
        };
        let app = TestApp::with(home, parts).await;
        add_long(&app).await;
        tokio::select! {
            () = app.work() => panic!("it was to halt"),
            () = app.embedder.halted.notified() => {}
        }
        let kept = app.count("SELECT COUNT(*) FROM chunks").await;
        assert!(kept > 0);
        goes_on(app.end().await, 40).await;
    }
}

#[tokio::test]
async fn killed_before_the_index_has_it() {
    killed_at(Fate::HaltsBefore).await;
}

#[tokio::test]
async fn killed_between_the_index_and_the_database() {
    killed_at(Fate::HaltsAfter).await;
}

/// Every chunk was kept: none is embedded again.
async fn killed_at(fate: Fate) {
    for home in homes().await {
        let switch = Switch::new(fate);
        let app = with_switch(home, &switch).await;
        add_long(&app).await;
        tokio::select! {
            () = app.work() => panic!("it was to halt"),
            () = switch.halted.notified() => {}
        }
        goes_on(app.end().await, 0).await;
    }
}

#[tokio::test]
async fn an_update_killed_half_way_shows_the_old_version_until_the_new_one_is_whole() {
    let switch = Switch::new(Fate::Works);
    let app = with_switch(TestHome::sqlite(), &switch).await;
    let old = json!({"text": "The door is green.", "external_id": "door"});
    app.add("ada", &old).await;
    app.work().await;
    switch.set(Fate::HaltsAfter);
    let new = json!({"text": "The door is purple.", "external_id": "door"});
    app.add("ada", &new).await;
    tokio::select! {
        () = app.work() => panic!("it was to halt"),
        () = switch.halted.notified() => {}
    }
    assert_eq!(app.find("ada", "door").await, ["The door is green."]);
    let app = TestApp::on(app.end().await).await;
    app.app.recover(true).await.unwrap();
    assert_eq!(app.find("ada", "door").await, ["The door is green."]);
    app.work().await;
    assert_eq!(app.find("ada", "door").await, ["The door is purple."]);
    assert!(app.app.check_index().await.unwrap().agrees());
}

#[tokio::test]
async fn an_index_that_is_gone_is_filled_from_the_database_without_the_model() {
    let app = TestApp::sqlite().await;
    add_long(&app).await;
    app.work().await;
    let before = app.find("ada", "sensors on the frame in part 7").await;
    let home = app.end().await;
    fs::remove_dir_all(home.folder.path().join("index")).unwrap();
    let app = TestApp::on(home).await;
    assert_eq!(app.app.check_index().await.unwrap().points, 0);
    app.app.recover(true).await.unwrap();
    assert_eq!(app.embedder.embedded(), 0);
    assert!(app.app.check_index().await.unwrap().agrees());
    let after = app.find("ada", "sensors on the frame in part 7").await;
    assert_eq!(before, after);
}

#[tokio::test]
async fn an_index_that_knows_too_much_forgets_it() {
    let app = TestApp::sqlite().await;
    add_long(&app).await;
    app.add("ada", &json!({"text": "The lamp glows."})).await;
    app.work().await;
    sqlx::query("DELETE FROM documents WHERE external_id = 'handbook'")
        .execute(&app.database.pool)
        .await
        .unwrap();
    let report = app.app.check_index().await.unwrap();
    assert!(report.surplus.len() >= 40 && report.missing.is_empty());
    app.app.recover(true).await.unwrap();
    let report = app.app.check_index().await.unwrap();
    assert!(report.agrees() && report.points == 1, "{report:?}");
    assert_eq!(app.find("ada", "lamp").await, ["The lamp glows."]);
}
