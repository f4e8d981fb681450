//! The vector index: one suite, which every implementation must pass.

mod suite;

use std::{
    fs,
    path::Path,
    sync::{
        Arc, Once,
        atomic::{AtomicU32, Ordering},
    },
};

use api_service::{
    app::ports::VectorIndex,
    outbound::{
        edge::{EdgeFolder, EdgeIndex, OpenError},
        qdrant::{QdrantAddress, QdrantIndex},
    },
};
use suite::{DIMENSIONS, point, the_points};

use crate::support::{qdrant_server::QdrantServer, remark};

/// An empty index, and what must live as long as it does.
pub struct Bench {
    index: Arc<dyn VectorIndex>,
    _folder: Option<tempfile::TempDir>,
    _server: Option<QdrantServer>,
}

fn open_edge(folder: &Path) -> Result<EdgeIndex, OpenError> {
    EdgeFolder::take(folder)?.open("test", DIMENSIONS, 2)
}

fn edge() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    Bench {
        index: Arc::new(open_edge(folder.path()).unwrap()),
        _folder: Some(folder),
        _server: None,
    }
}

async fn open_qdrant(url: String) -> QdrantIndex {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::SeqCst);
    let name = format!("test-{}-{number}", std::process::id());
    let address = QdrantAddress { url, api_key: None };
    let opened = QdrantIndex::open(&address, &name, DIMENSIONS).await;
    // Several replicas open it, at any time.
    QdrantIndex::open(&address, &name, DIMENSIONS)
        .await
        .unwrap();
    opened.unwrap()
}

async fn stand_in() -> Bench {
    let server = QdrantServer::start().await;
    Bench {
        index: Arc::new(open_qdrant(server.url()).await),
        _folder: None,
        _server: Some(server),
    }
}

async fn real_server() -> Option<Bench> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the harness says where the server is"
    )]
    let Ok(url) = std::env::var("TEST_QDRANT_URL") else {
        static SAID: Once = Once::new();
        let line = "TEST_QDRANT_URL is not set: a Qdrant server is stood in for on its protocol";
        SAID.call_once(|| remark(line));
        return None;
    };
    Some(Bench {
        index: Arc::new(open_qdrant(url).await),
        _folder: None,
        _server: None,
    })
}

/// Runs each function of the suite on an empty index of each implementation.
macro_rules! on_every_index {
    ($($name:ident),* $(,)?) => {
        mod in_process {
            $(#[tokio::test]
            async fn $name() {
                super::suite::$name(super::edge().index).await;
            })*
        }
        mod over_the_wire {
            $(#[tokio::test]
            async fn $name() {
                let bench = super::stand_in().await;
                super::suite::$name(bench.index.clone()).await;
            })*
        }
        mod real_server {
            $(#[tokio::test]
            async fn $name() {
                if let Some(bench) = super::real_server().await {
                    super::suite::$name(bench.index.clone()).await;
                }
            })*
        }
    };
}

on_every_index!(
    a_point_is_put_in_and_replaced,
    a_search_sees_its_scope_and_nothing_else,
    a_search_among_documents_finds_no_other,
    meaning_orders_what_is_dense,
    rare_words_weigh_more,
    fusion_brings_both_sides_together,
    old_versions_go_and_newer_ones_stay,
    points_go_by_their_ids,
    what_is_not_there_is_deleted_without_harm,
    ids_come_in_order_page_by_page,
    many_search_while_others_write,
    what_is_much_is_found_after_it_was_settled,
);

#[tokio::test]
async fn a_folder_that_is_opened_again_has_everything() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..3_u32 {
        let index = open_edge(folder.path()).unwrap();
        assert_eq!(index.count().await.unwrap(), u64::from(round) * 5);
        let more = (0..5).map(|number| point(round * 5 + number, 1, "base"));
        index.upsert(more.collect()).await.unwrap();
        let removed = suite::delete_and_restore(&index, round * 5).await;
        assert_eq!(removed, 1);
    }
}

#[tokio::test]
async fn a_folder_belongs_to_one_process_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let first = open_edge(folder.path()).unwrap();
    let second = open_edge(folder.path());
    assert!(matches!(second, Err(OpenError::Taken)));
    drop(first);
    open_edge(folder.path()).unwrap();
}

#[tokio::test]
async fn a_broken_folder_is_set_aside_and_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let index = open_edge(folder.path()).unwrap();
        index.upsert(the_points()).await.unwrap();
        drop(index);
        let config = folder.path().join("test/edge_config.json");
        fs::write(config, "{ broken").unwrap();
        let index = open_edge(folder.path()).unwrap();
        assert_eq!(index.count().await.unwrap(), 0);
        index.upsert(the_points()).await.unwrap();
        assert_eq!(index.count().await.unwrap(), 5);
        drop(index);
        fs::remove_dir_all(folder.path().join("test")).unwrap();
    }
    assert!(folder.path().join("test.broken").exists());
}

/// Whatever a crash leaves of a folder that was being made, it opens.
#[tokio::test]
async fn half_a_folder_is_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    drop(open_edge(folder.path()).unwrap());
    let whole = folder.path().join("test");
    fs::remove_file(whole.join("edge_config.json")).unwrap();
    let index = open_edge(folder.path()).unwrap();
    index.upsert(the_points()).await.unwrap();
    drop(index);
    for entry in fs::read_dir(&whole).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap();
        }
    }
    let index = open_edge(folder.path()).unwrap();
    let count = index.count().await.unwrap();
    index.upsert(the_points()).await.unwrap();
    assert_eq!((count, index.count().await.unwrap()), (0, 5));
}

#[tokio::test]
async fn a_server_out_of_reach_is_an_error_in_time() {
    let address = QdrantAddress {
        url: "http://127.0.0.1:1".to_owned(),
        api_key: None,
    };
    assert!(QdrantIndex::open(&address, "x", DIMENSIONS).await.is_err());
    let server = QdrantServer::start().await;
    let index = open_qdrant(server.url()).await;
    assert!(index.is_up().await);
    server.stop().await;
    assert!(!index.is_up().await);
    assert!(index.count().await.is_err());
    assert!(index.upsert(the_points()).await.is_err());
}
