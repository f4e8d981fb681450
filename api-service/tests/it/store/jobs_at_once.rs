//! Workers and callers that meet at the same rows.

use std::collections::BTreeSet;

use api_service::app::ports::{DocumentStore, JobStore};
use futures::future::join_all;

use super::{MODEL, Shelf, chunks, document, labels, next, on_both_engines, scope};
use crate::support::NOON;

on_both_engines!(
    workers_never_get_the_same_job,
    publishing_beside_a_new_version_ends_well,
    publishing_beside_a_deletion_ends_well,
);

async fn workers_never_get_the_same_job(shelf: Shelf) {
    let base = shelf.base(1, "ada", "notes").await;
    let new = (10..70).map(|number| document(number, &base, "text"));
    shelf.put_all(new.collect()).await.unwrap();
    let workers = ["one", "two", "three", "four"].map(async |worker| {
        let mut claimed = vec![];
        loop {
            let jobs = shelf.claim_as(worker, 4, NOON).await;
            if jobs.is_empty() {
                return claimed;
            }
            assert!(jobs.len() <= 4);
            claimed.extend(jobs.into_iter().map(|job| job.id));
        }
    });
    let claimed: Vec<String> = join_all(workers).await.concat();
    let distinct: BTreeSet<&String> = claimed.iter().collect();
    assert_eq!((claimed.len(), distinct.len()), (60, 60));
}

async fn publishing_beside_a_new_version_ends_well(shelf: Shelf) {
    let base = shelf.base(1, "ada", "notes").await;
    shelf.put(document(10, &base, "0")).await;
    for round in 0..25 {
        let job = shelf.claim().await;
        let kept = chunks(&job, &["a", "b"]);
        shelf.store.keep_chunks(&job, "m", &kept, 2).await.unwrap();
        let newer = next(10, 1000 + round, &base, &format!("newer {round}"));
        let title = labels("T");
        let (published, put) = futures::join!(
            shelf.store.publish(&job, MODEL, &title, NOON),
            shelf.put_all(vec![newer])
        );
        published.unwrap();
        put.unwrap();
    }
    let newest = "SELECT COUNT(*) FROM jobs WHERE state = 'queued' AND version = 26";
    assert_eq!(shelf.count(newest).await, 1);
}

async fn publishing_beside_a_deletion_ends_well(shelf: Shelf) {
    let base = shelf.base(1, "ada", "notes").await;
    for number in 10..30 {
        shelf.put(document(number, &base, "text")).await;
        let job = shelf.claim().await;
        let kept = chunks(&job, &["a", "b"]);
        shelf.store.keep_chunks(&job, "m", &kept, 2).await.unwrap();
        let ada = scope("ada");
        let title = labels("T");
        let (published, deleted) = futures::join!(
            shelf.store.publish(&job, MODEL, &title, NOON),
            shelf.store.delete(&ada, &job.document_id)
        );
        published.unwrap();
        deleted.unwrap();
    }
    assert_eq!(shelf.count("SELECT COUNT(*) FROM chunks").await, 0);
    assert_eq!(shelf.count("SELECT COUNT(*) FROM index_garbage").await, 20);
}
