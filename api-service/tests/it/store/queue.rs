//! The queue: whose turn it is, what waits, what is cancelled or begun anew.

use api_service::{
    app::ports::{
        ClaimLimits, EmbeddingStore, JobStore, KnowledgeBaseStore, Page, Published, Refused,
    },
    domain::{
        job::JobState,
        knowledge_base::{Share, ShareRole},
        principal::UserId,
    },
};

use super::{LEASE, MODEL, Shelf, chunks, document, id, labels, next, on_both_engines, scope};
use crate::support::{NOON, user_id};

on_both_engines!(
    one_file_goes_before_a_thousand_of_another,
    who_was_served_longest_ago_goes_first,
    a_tenant_has_so_many_places_and_no_more,
    what_is_put_off_waits,
    a_cancelled_job_is_given_to_nobody,
    what_another_owns_is_neither_cancelled_nor_begun_anew,
    what_failed_is_begun_anew_with_all_its_attempts,
    an_older_version_is_not_begun_anew,
    jobs_are_listed_in_pages_to_their_owner,
    chunks_are_counted_as_they_are_kept,
);

async fn tenants(shelf: &Shelf, limits: ClaimLimits) -> Vec<u32> {
    let claimed = shelf.store.claim("worker", limits, NOON, LEASE).await;
    let number = |id: String| id[24..].parse::<u32>().unwrap();
    let mut claimed: Vec<u32> = claimed
        .unwrap()
        .into_iter()
        .map(|job| number(job.id))
        .collect();
    claimed.sort_unstable();
    claimed
}

const fn limits(jobs: usize) -> ClaimLimits {
    ClaimLimits {
        jobs,
        of_one_tenant: usize::MAX,
    }
}

async fn one_file_goes_before_a_thousand_of_another(shelf: Shelf) {
    let ada = shelf.base(1, "ada", "notes").await;
    let ben = shelf.base(2, "ben", "notes").await;
    let many = (1_000..2_000).map(|number| document(number, &ada, "text"));
    shelf.put_all(many.collect()).await.unwrap();
    assert_eq!(tenants(&shelf, limits(8)).await.len(), 8);
    shelf.put(document(10, &ben, "one")).await;
    // The very next one, though 992 came before it.
    assert_eq!(tenants(&shelf, limits(1)).await, [510]);
    assert_eq!(tenants(&shelf, limits(2)).await, [1_508, 1_509]);
}

async fn who_was_served_longest_ago_goes_first(shelf: Shelf) {
    for (owner, first) in [("ada", 10), ("ben", 20), ("eve", 30)] {
        let base = shelf.base(first, owner, "notes").await;
        for number in first..first + 3 {
            shelf.put(document(number, &base, "text")).await;
        }
    }
    let mut served = vec![];
    for _ in 0..9 {
        let claimed = shelf.claim().await;
        // It is done at once, so that nothing under way tells whose turn it is.
        shelf.finish(&claimed, &["a"]).await;
        served.push(claimed.tenant);
    }
    for round in served.chunks(3) {
        assert_eq!(round, &served[..3], "{served:?}");
    }
    let left = "SELECT COUNT(*) FROM jobs WHERE state <> 'ready'";
    assert_eq!(shelf.count(left).await, 0);
}

async fn a_tenant_has_so_many_places_and_no_more(shelf: Shelf) {
    let ada = shelf.base(1, "ada", "notes").await;
    let also_adas = shelf.base(2, "ada", "recipes").await;
    let ben = shelf.base(3, "ben", "notes").await;
    for number in 10..20 {
        shelf.put(document(number, &ada, "text")).await;
        shelf.put(document(number + 10, &also_adas, "text")).await;
    }
    let limits = ClaimLimits {
        jobs: 8,
        of_one_tenant: 6,
    };
    assert_eq!(tenants(&shelf, limits).await.len(), 6);
    assert_eq!(tenants(&shelf, limits).await, [0; 0]);
    shelf.put(document(40, &ben, "text")).await;
    assert_eq!(tenants(&shelf, limits).await, [540]);
    // Another worker has places of its own.
    let others = shelf.store.claim("other", limits, NOON, LEASE).await;
    assert_eq!(others.unwrap().len(), 6);
}

async fn what_is_put_off_waits(shelf: Shelf) {
    let base = shelf.base(1, "ada", "notes").await;
    shelf.put(document(10, &base, "one")).await;
    let job = shelf.claim().await;
    shelf.store.put_off(&job, NOON + 50, true).await.unwrap();
    assert_eq!(shelf.claim_as("worker", 1, NOON + 49).await.len(), 0);
    let job = shelf.claim_as("worker", 1, NOON + 50).await.remove(0);
    assert_eq!(job.attempt, 2);
    shelf.store.put_off(&job, NOON + 90, false).await.unwrap();
    // Another process of the same machine that starts does not hurry it.
    shelf.store.release_all().await.unwrap();
    assert_eq!(shelf.claim_as("worker", 1, NOON + 89).await.len(), 0);
    let job = shelf.claim_as("worker", 1, NOON + 90).await.remove(0);
    assert_eq!(job.attempt, 2);
}

async fn a_cancelled_job_is_given_to_nobody(shelf: Shelf) {
    let base = shelf.base(1, "ada", "notes").await;
    shelf.publish(document(10, &base, "one"), &["a"]).await;
    shelf.put(next(10, 600, &base, "two")).await;
    let job = shelf.claim().await;
    let (store, ada) = (&shelf.store, scope("ada"));
    assert!(store.cancel(&ada, &id(610), NOON + 5).await.unwrap());
    assert!(!store.cancel(&ada, &id(610), NOON + 6).await.unwrap());
    assert!(!store.cancel(&ada, &id(510), NOON).await.unwrap(), "ready");
    let kept = chunks(&job, &["b"]);
    assert!(!store.keep_chunks(&job, MODEL, &kept, 1).await.unwrap());
    let published = store
        .publish(&job, MODEL, &labels("T"), NOON)
        .await
        .unwrap();
    assert_eq!(published, Published::Unwanted);
    assert_eq!(shelf.claim_as("worker", 1, NOON + 9 * LEASE).await.len(), 0);
    let seen = JobStore::get(store, &ada, &id(610)).await.unwrap().unwrap();
    assert_eq!(
        (seen.state, seen.updated_at),
        (JobState::Cancelled, NOON + 5)
    );
    assert_eq!(store.live_chunks().await.unwrap(), 1);
}

async fn what_another_owns_is_neither_cancelled_nor_begun_anew(shelf: Shelf) {
    let base = shelf.base(1, "ada", "notes").await;
    shelf.put(document(10, &base, "one")).await;
    let (store, ada, ben) = (&shelf.store, scope("ada"), scope("ben"));
    let missing = |done| matches!(done, Err(Refused::Missing));
    assert!(missing(store.cancel(&ben, &id(510), NOON).await));
    assert!(store.cancel(&ada, &id(510), NOON).await.unwrap());
    assert!(missing(store.retry(&ben, &id(510), NOON).await));
    let share = Share {
        user: UserId(user_id("ben")),
        role: ShareRole::Reader,
        created_at: NOON,
    };
    store.share(&ada, &base.id, &share).await.unwrap();
    let read_only = |done| matches!(done, Err(Refused::ReadOnly));
    assert!(read_only(store.cancel(&ben, &id(510), NOON).await));
    assert!(read_only(store.retry(&ben, &id(510), NOON).await));
    assert!(store.retry(&ada, &id(510), NOON).await.unwrap());
    assert!(!store.retry(&ada, &id(510), NOON).await.unwrap(), "queued");
    assert!(missing(store.retry(&ada, &id(999), NOON).await));
}

async fn what_failed_is_begun_anew_with_all_its_attempts(shelf: Shelf) {
    let base = shelf.base(1, "ada", "notes").await;
    shelf.put(document(10, &base, "one")).await;
    let job = shelf.claim().await;
    let (store, ada) = (&shelf.store, scope("ada"));
    store.fail(&job, "broken", false, NOON).await.unwrap();
    assert!(store.retry(&ada, &job.id, NOON + 3).await.unwrap());
    let seen = JobStore::get(store, &ada, &job.id).await.unwrap().unwrap();
    assert_eq!((seen.state, seen.failure), (JobState::Queued, None));
    let again = shelf.claim().await;
    assert_eq!((again.attempt, again.fence > job.fence), (1, true));
    shelf.finish(&again, &["a"]).await;
}

async fn an_older_version_is_not_begun_anew(shelf: Shelf) {
    let base = shelf.base(1, "ada", "notes").await;
    shelf.put(document(10, &base, "one")).await;
    shelf.put(next(10, 600, &base, "two")).await;
    let retried = shelf.store.retry(&scope("ada"), &id(510), NOON).await;
    assert!(!retried.unwrap());
}

async fn jobs_are_listed_in_pages_to_their_owner(shelf: Shelf) {
    let base = shelf.base(1, "ada", "notes").await;
    for number in 10..15 {
        shelf.put(document(number, &base, "text")).await;
    }
    let list = async |name: &str, after: String, limit| {
        let page = Page { after, limit };
        let jobs = JobStore::list(&shelf.store, &scope(name), &page).await;
        let jobs: Vec<String> = jobs.unwrap().into_iter().map(|job| job.id).collect();
        jobs
    };
    assert_eq!(list("ada", String::new(), 2).await, [id(510), id(511)]);
    assert_eq!(list("ada", id(512), 9).await, [id(513), id(514)]);
    assert_eq!(list("ben", String::new(), 9).await, [""; 0]);
}

async fn chunks_are_counted_as_they_are_kept(shelf: Shelf) {
    let base = shelf.base(1, "ada", "notes").await;
    shelf.put(document(10, &base, "one")).await;
    let job = shelf.claim().await;
    let store = &shelf.store;
    let counts = async || {
        let job = JobStore::get(store, &scope("ada"), &id(510)).await;
        let job = job.unwrap().unwrap();
        (job.done, job.embedded, job.reused())
    };
    let kept = chunks(&job, &["a", "b", "c"]);
    store.keep_chunks(&job, MODEL, &kept[..2], 2).await.unwrap();
    assert_eq!(counts().await, (2, 2, 0));
    // What an attempt kept is not embedded by the next one, and counts once.
    store.put_off(&job, NOON, true).await.unwrap();
    let job = shelf.claim().await;
    assert_eq!(counts().await, (0, 2, 0));
    store.keep_chunks(&job, MODEL, &kept, 0).await.unwrap();
    assert_eq!(counts().await, (3, 2, 1));
}
