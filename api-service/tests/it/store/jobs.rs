//! Jobs: claimed, moved on, ended, and what they leave behind.

use api_service::{
    app::ports::{DocumentStore, EmbeddingStore, JobStore, Published, StoredPoint},
    domain::{
        document::NewDocument,
        job::{Failure, JobCounts, JobState, MAX_ATTEMPTS, Step},
    },
};

use super::{
    LEASE, MODEL, Shelf, chunk_id, chunks, document, id, labels, next, on_both_engines, scope,
};
use crate::support::NOON;

on_both_engines!(
    a_claim_holds_until_its_lease_ends,
    a_worker_that_claims_again_writes_for_its_new_claim_alone,
    a_claim_that_is_renewed_holds_longer,
    what_is_given_back_is_begun_anew,
    a_job_is_begun_so_often_and_no_more,
    publishing_replaces_all_at_once,
    a_cancelled_job_publishes_nothing,
    what_was_embedded_is_known,
    chunks_that_are_there_stay_single,
    a_run_is_counted,
);

async fn state(shelf: &Shelf, number: u32) -> JobState {
    let job = JobStore::get(&shelf.store, &scope("ada"), &id(number)).await;
    job.unwrap().unwrap().state
}

async fn claimed(shelf: &Shelf, worker: &str, now: i64) -> Vec<String> {
    let jobs = shelf.claim_as(worker, 10, now).await;
    jobs.into_iter().map(|job| job.id).collect()
}

/// A step that renews the lease until then.
const fn step(state: JobState, lease_until: i64) -> Step {
    Step {
        state,
        total: 7,
        lease_until,
    }
}

async fn a_claim_holds_until_its_lease_ends(shelf: Shelf) {
    let base = shelf.base(1, "ada", "notes").await;
    shelf.put(document(10, &base, "one")).await;
    let lost = shelf.claim_as("first", 10, NOON).await.remove(0);
    assert!(claimed(&shelf, "second", NOON + LEASE - 1).await.is_empty());
    assert_eq!(claimed(&shelf, "second", NOON + LEASE).await, [id(510)]);

    // What the first one still does has no effect.
    let store = &shelf.store;
    let late = step(JobState::Indexing, NOON + 9 * LEASE);
    assert!(!store.advance(&lost, late, NOON).await.unwrap());
    store.fail(&lost, "broken", false, NOON).await.unwrap();
    store.put_off(&lost, NOON, true).await.unwrap();
    let kept = chunks(&lost, &["a"]);
    assert!(!store.keep_chunks(&lost, MODEL, &kept, 1).await.unwrap());
    let published = store
        .publish(&lost, MODEL, &labels("T"), NOON)
        .await
        .unwrap();
    assert_eq!(published, Published::TakenOver);
    store.release("first").await.unwrap();
    assert_eq!(state(&shelf, 510).await, JobState::Parsing);
    assert_eq!(shelf.count("SELECT COUNT(*) FROM chunks").await, 0);
    assert!(claimed(&shelf, "third", NOON + LEASE).await.is_empty());
}

/// The name of the worker is not what a claim hangs on.
async fn a_worker_that_claims_again_writes_for_its_new_claim_alone(shelf: Shelf) {
    let base = shelf.base(1, "ada", "notes").await;
    shelf.put(document(10, &base, "one")).await;
    let first = shelf.claim_as("worker", 1, NOON).await.remove(0);
    let second = shelf.claim_as("worker", 1, NOON + LEASE).await.remove(0);
    assert_eq!((first.id.as_str(), second.attempt), (second.id.as_str(), 2));
    let kept = chunks(&first, &["stale"]);
    let stale = shelf.store.keep_chunks(&first, MODEL, &kept, 1).await;
    assert!(!stale.unwrap());
    shelf.finish(&second, &["a", "b"]).await;
    let late = shelf
        .store
        .publish(&first, MODEL, &labels("Stale"), NOON)
        .await
        .unwrap();
    assert_eq!(late, Published::TakenOver);
}

async fn a_claim_that_is_renewed_holds_longer(shelf: Shelf) {
    let base = shelf.base(1, "ada", "notes").await;
    shelf.put(document(10, &base, "one")).await;
    let job = shelf.claim().await;
    let until = NOON + 5 * LEASE;
    let embedding = step(JobState::Embedding, until);
    assert!(
        shelf
            .store
            .advance(&job, embedding, NOON + 3)
            .await
            .unwrap()
    );
    assert!(
        shelf
            .store
            .advance(&job, embedding, NOON + 9)
            .await
            .unwrap()
    );
    assert!(claimed(&shelf, "other", until - 1).await.is_empty());
    let job = JobStore::get(&shelf.store, &scope("ada"), &job.id).await;
    let job = job.unwrap().unwrap();
    assert_eq!((job.state, job.total), (JobState::Embedding, 7));
    assert_eq!((job.state_since, job.updated_at), (NOON + 3, NOON + 9));
}

async fn what_is_given_back_is_begun_anew(shelf: Shelf) {
    let base = shelf.base(1, "ada", "notes").await;
    shelf.put(document(10, &base, "one")).await;
    shelf.put(document(11, &base, "two")).await;
    let (first, second) = (shelf.claim().await, shelf.claim().await);
    let broken = shelf.store.fail(&second, "broken", true, NOON + 5);
    broken.await.unwrap();
    shelf.store.release("worker").await.unwrap();
    assert_eq!(state(&shelf, 510).await, JobState::Queued);
    assert_eq!(claimed(&shelf, "other", NOON).await, [first.id]);
    shelf.store.release_all().await.unwrap();
    assert_eq!(state(&shelf, 510).await, JobState::Queued);
    let failed = JobStore::get(&shelf.store, &scope("ada"), &second.id).await;
    let failed = failed.unwrap().unwrap();
    assert_eq!(failed.state, JobState::Failed);
    let failure = Failure {
        code: "broken".to_owned(),
        stage: JobState::Parsing,
        retryable: true,
    };
    assert_eq!(
        (failed.failure, failed.updated_at),
        (Some(failure), NOON + 5)
    );
}

async fn a_job_is_begun_so_often_and_no_more(shelf: Shelf) {
    let base = shelf.base(1, "ada", "notes").await;
    shelf.put(document(10, &base, "one")).await;
    // A process that lives and gives a job back has not failed at it.
    for _ in 0..2 * MAX_ATTEMPTS {
        let job = shelf.claim().await;
        assert_eq!(job.attempt, 1);
        shelf.store.release("worker").await.unwrap();
    }
    let mut now = NOON;
    for attempt in 1..=MAX_ATTEMPTS {
        let jobs = shelf.claim_as("dies", 1, now).await;
        assert_eq!(jobs[0].attempt, attempt);
        now += LEASE;
    }
    assert!(claimed(&shelf, "worker", now).await.is_empty());
    let job = JobStore::get(&shelf.store, &scope("ada"), &id(510)).await;
    let job = job.unwrap().unwrap();
    let failure = job.failure.unwrap();
    assert_eq!(
        (failure.code.as_str(), failure.stage, failure.retryable),
        ("too_many_attempts", JobState::Parsing, true)
    );
}

async fn publishing_replaces_all_at_once(shelf: Shelf) {
    let base = shelf.base(1, "ada", "notes").await;
    let first = shelf.publish(document(10, &base, "one"), &["a", "b"]).await;
    assert_eq!(shelf.store.garbage().await.unwrap(), []);
    shelf.put(next(10, 600, &base, "two")).await;
    let second = shelf.claim().await;
    assert_eq!(second.document_id, first.document_id);
    let kept = chunks(&second, &["c"]);
    let kept = shelf.store.keep_chunks(&second, MODEL, &kept, 1);
    assert!(kept.await.unwrap());
    assert_eq!(shelf.count("SELECT COUNT(*) FROM chunks").await, 3);
    assert_eq!(shelf.store.live_chunks().await.unwrap(), 2);

    let published = shelf
        .store
        .publish(&second, MODEL, &labels("New"), NOON)
        .await;
    assert_eq!(published.unwrap(), Published::Done);
    assert_eq!(shelf.count("SELECT COUNT(*) FROM chunks").await, 1);
    assert_eq!(
        shelf.count("SELECT COUNT(*) FROM document_versions").await,
        1
    );
    assert_eq!(
        shelf.store.garbage().await.unwrap(),
        [(first.document_id, 1)]
    );
    let again = shelf
        .store
        .publish(&second, MODEL, &labels("New"), NOON)
        .await;
    assert_eq!(again.unwrap(), Published::TakenOver, "it ends once");
    let got = DocumentStore::get(&shelf.store, &scope("ada"), &second.document_id).await;
    let got = got.unwrap().unwrap();
    assert_eq!((got.title.as_str(), got.searchable), ("New", true));
    assert_eq!((got.job.state, got.job.total), (JobState::Ready, 1));
}

async fn a_cancelled_job_publishes_nothing(shelf: Shelf) {
    let base = shelf.base(1, "ada", "notes").await;
    shelf.put(document(10, &base, "one")).await;
    let first = shelf.claim().await;
    shelf.put(next(10, 600, &base, "two")).await;
    let indexing = step(JobState::Indexing, NOON + 1);
    assert!(!shelf.store.advance(&first, indexing, NOON).await.unwrap());
    let published = shelf.store.publish(&first, MODEL, &labels("T"), NOON).await;
    assert_eq!(published.unwrap(), Published::Unwanted);
    let got = DocumentStore::get(&shelf.store, &scope("ada"), &first.document_id).await;
    assert!(!got.unwrap().unwrap().searchable);
    assert_eq!(state(&shelf, 510).await, JobState::Cancelled);
}

async fn what_was_embedded_is_known(shelf: Shelf) {
    let base = shelf.base(1, "ada", "notes").await;
    shelf.publish(document(10, &base, "one"), &["a", "b"]).await;
    shelf.put(next(10, 600, &base, "two")).await;
    shelf.put(document(11, &base, "other")).await;
    let jobs = shelf.claim_as("worker", 2, NOON).await;
    let of = |number: u32| jobs.iter().find(|job| job.id == id(number)).unwrap();
    let mut known = shelf.store.known_embeddings(of(610), MODEL).await.unwrap();
    known.sort_by(|one, other| one.0.cmp(&other.0));
    let vector = vec![0.25, -1.5, f32::MIN_POSITIVE];
    let expected = [
        ("hash of a".to_owned(), vector.clone()),
        ("hash of b".to_owned(), vector),
    ];
    assert_eq!(known, expected);
    let other_model = shelf.store.known_embeddings(of(610), "other").await;
    assert_eq!(other_model.unwrap(), []);
    let other_document = shelf.store.known_embeddings(of(511), MODEL).await;
    assert_eq!(other_document.unwrap(), []);
}

async fn chunks_that_are_there_stay_single(shelf: Shelf) {
    let base = shelf.base(1, "ada", "notes").await;
    shelf.put(document(10, &base, "one")).await;
    let job = shelf.claim().await;
    for text in ["early", "late"] {
        let kept = chunks(&job, &[text]);
        assert!(
            shelf
                .store
                .keep_chunks(&job, MODEL, &kept, 1)
                .await
                .unwrap()
        );
    }
    shelf.finish(&job, &["late", "last"]).await;
    assert_eq!(shelf.count("SELECT COUNT(*) FROM chunks").await, 2);
    let ids = [chunk_id(&job, 0)];
    let points = shelf.store.points(MODEL, &ids).await.unwrap();
    let StoredPoint { point, text, .. } = &points[0];
    assert_eq!(text, "Title › Part › Chapter\nlate");
    assert_eq!((point.version, &point.knowledge_base_id), (1, &base.id));
    assert_eq!(point.dense, [0.25, -1.5, f32::MIN_POSITIVE]);
}

async fn a_run_is_counted(shelf: Shelf) {
    let base = shelf.base(1, "ada", "notes").await;
    shelf.publish(document(10, &base, "one"), &["a", "b"]).await;
    shelf.put(document(11, &base, "two")).await;
    let job = shelf.claim().await;
    shelf.store.fail(&job, "broken", false, NOON).await.unwrap();
    shelf.put(document(12, &base, "three")).await;
    shelf.put(next(12, 600, &base, "four")).await;
    let elsewhere = NewDocument {
        run_id: "other".to_owned(),
        ..document(13, &base, "five")
    };
    shelf.put(elsewhere).await;
    let expected = JobCounts {
        ready: 1,
        failed: 1,
        cancelled: 1,
        open: 1,
        chunks: 2,
    };
    let ada = scope("ada");
    assert_eq!(shelf.store.counts(&ada, "run").await.unwrap(), expected);
    let failures = shelf.store.failures(&ada, "run").await.unwrap();
    assert_eq!(failures, [("folder/11.md".to_owned(), "broken".to_owned())]);
    for (name, run) in [("ada", "none"), ("ben", "run")] {
        let counts = shelf.store.counts(&scope(name), run).await.unwrap();
        assert_eq!(counts, JobCounts::default());
        let failures = shelf.store.failures(&scope(name), run).await.unwrap();
        assert!(failures.is_empty(), "{failures:?}");
        let adopted = shelf.store.adopt(&scope("ben"), &base.id, run).await;
        assert_eq!(adopted.unwrap(), 0);
    }
}
