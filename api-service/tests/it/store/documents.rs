//! Knowledge bases, documents and what is found of them.

use api_service::{
    app::ports::{
        DocumentStore, DocumentViews, EmbeddingStore, JobStore, Page, Published, Refused,
    },
    domain::{
        chunk::ChunkId,
        document::{Change, DocumentId, Origin},
        filter::DocumentFilter,
        job::JobState,
        knowledge_base::{KnowledgeBaseId, Visibility},
        principal::Principal,
    },
    outbound::sql::MIGRATIONS,
};
use futures::future::join_all;
use service_kit::database::Database;

use super::{MODEL, Shelf, chunk_id, document, id, labels, next, on_both_engines, scope};
use crate::support::{NOON, user_id};

on_both_engines!(
    several_openers_make_one_schema,
    a_base_is_seen_by_those_it_is_for,
    a_base_is_made_once,
    a_document_is_created_updated_or_left_alone,
    documents_go_in_all_or_none,
    a_document_written_twice_at_once_has_both_versions,
    pages_go_through_what_is_in_scope,
    what_a_directory_brought_is_told_apart,
    deleting_is_for_those_who_see_it_and_takes_everything,
    passages_are_live_and_in_scope,
    what_follows_a_passage_is_told,
    filters_pass_what_is_live_and_in_scope,
    odd_text_comes_back_as_it_went_in,
    a_thousand_ids_at_once,
);

fn page(after: &str, limit: usize) -> Page {
    Page {
        after: after.to_owned(),
        limit,
    }
}

async fn several_openers_make_one_schema(shelf: Shelf) {
    let openers = (0..4).map(|_| async {
        let database = Database::open(&shelf.home.database_url()).await.unwrap();
        database.migrate(&MIGRATIONS).await.unwrap();
    });
    join_all(openers).await;
    // And on nothing at all, which the first one has changed already above.
    let fresh = if format!("{:?}", shelf.home.database_url()) == "sqlite" {
        crate::support::TestHome::sqlite()
    } else {
        crate::support::TestHome::postgres().await
    };
    let openers = (0..4).map(|_| fresh.database());
    join_all(openers).await;
}

async fn a_base_is_seen_by_those_it_is_for(shelf: Shelf) {
    shelf.base(1, "", "book").await;
    shelf.base_for(2, "", "handbook", Visibility::Members).await;
    shelf.base(3, "ada", "notes").await;
    shelf.base(4, "ben", "notes").await;
    let seen = async |scope| -> Vec<String> {
        let bases = shelf.store.knowledge_bases(&scope).await.unwrap();
        bases.into_iter().map(|base| base.id.0).collect()
    };
    assert_eq!(seen(scope("ada")).await, [id(1), id(2), id(3)]);
    assert_eq!(seen(scope("ben")).await, [id(1), id(2), id(4)]);
    assert_eq!(seen(scope("admin")).await, [id(1), id(2)]);
    assert_eq!(seen(Principal::operator().scope()).await, [id(1)]);
    let visitor = Principal::visitor("192.0.2.1".to_owned());
    assert_eq!(seen(visitor.scope()).await, [id(1)]);
}

async fn a_base_is_made_once(shelf: Shelf) {
    let made = join_all((1..=4).map(|number| shelf.base(number, "ada", "notes"))).await;
    assert!(made.iter().all(|base| base.id == made[0].id));
    assert_eq!(made[0].owner, user_id("ada"));
    assert_ne!(shelf.base(5, "ben", "notes").await.id, made[0].id);
    assert_ne!(shelf.base(6, "", "notes").await.id, made[0].id);
    assert_eq!(shelf.count("SELECT COUNT(*) FROM knowledge_bases").await, 3);
}

async fn a_document_is_created_updated_or_left_alone(shelf: Shelf) {
    let base = shelf.base(1, "ada", "notes").await;
    let first = shelf.put(document(10, &base, "one")).await;
    assert_eq!(
        (first.change, &first.document_id.0),
        (Change::Created, &id(10))
    );
    let same = shelf.put(next(10, 600, &base, "one")).await;
    assert_eq!(
        (same.change, &same.document_id.0),
        (Change::Unchanged, &id(10))
    );
    let other = shelf.put(next(10, 700, &base, "two")).await;
    assert_eq!(
        (other.change, &other.document_id.0),
        (Change::Updated, &id(10))
    );

    let states = async |number| {
        let job = JobStore::get(&shelf.store, &scope("ada"), &id(number)).await;
        job.unwrap().map(|job| job.state)
    };
    assert_eq!(states(510).await, Some(JobState::Cancelled));
    assert_eq!(states(610).await, None);
    assert_eq!(states(710).await, Some(JobState::Queued));

    // What was given up is tried again, though the content is the same.
    let job = shelf.claim().await;
    assert_eq!((job.version, job.content.as_slice()), (2, &b"two"[..]));
    shelf.store.fail(&job, "broken", false, NOON).await.unwrap();
    let again = shelf.put(next(10, 800, &base, "two")).await;
    assert_eq!(again.change, Change::Updated);
    assert_eq!(shelf.claim().await.version, 3);

    let got = DocumentStore::get(&shelf.store, &scope("ada"), &DocumentId(id(10))).await;
    let got = got.unwrap().unwrap();
    assert_eq!((got.path.as_str(), got.searchable), ("folder/10.md", false));
    assert_eq!(got.job.id, id(810));
}

async fn documents_go_in_all_or_none(shelf: Shelf) {
    let base = shelf.base(1, "ada", "notes").await;
    let mut homeless = document(11, &base, "two");
    homeless.knowledge_base_id = KnowledgeBaseId(id(99));
    let refused = shelf
        .put_all(vec![document(10, &base, "one"), homeless])
        .await;
    assert!(matches!(refused, Err(Refused::Missing)), "{refused:?}");
    assert_eq!(shelf.count("SELECT COUNT(*) FROM documents").await, 0);
    assert_eq!(shelf.count("SELECT COUNT(*) FROM jobs").await, 0);
}

async fn a_document_written_twice_at_once_has_both_versions(shelf: Shelf) {
    let base = shelf.base(1, "ada", "notes").await;
    let contents = ["one", "two", "three", "four", "five", "six"];
    let writers = (1..).zip(contents).map(|(number, content)| {
        let new = next(10, 500 + number * 10, &base, content);
        async { shelf.put_all(vec![new]).await.unwrap() }
    });
    let taken = join_all(writers).await;
    let first = &taken[0][0].document_id;
    assert!(taken.iter().all(|taken| taken[0].document_id == *first));
    assert_eq!(
        shelf
            .count("SELECT MAX(version) FROM document_versions")
            .await,
        6
    );
    let open = "SELECT COUNT(*) FROM jobs WHERE state = 'queued'";
    assert_eq!(shelf.count(open).await, 1);
    assert_eq!(shelf.claim().await.version, 6);
}

async fn pages_go_through_what_is_in_scope(shelf: Shelf) {
    let (book, notes) = (
        shelf.base(1, "", "book").await,
        shelf.base(2, "ada", "notes").await,
    );
    let others = shelf.base(3, "ben", "notes").await;
    for (number, base) in [(10, &book), (11, &notes), (12, &others), (13, &notes)] {
        shelf.put(document(number, base, "text")).await;
    }
    let listed = async |name: &str, base: Option<&KnowledgeBaseId>, after: &str, limit| {
        let page = page(after, limit);
        let list = DocumentStore::list(&shelf.store, &scope(name), base, &page)
            .await
            .unwrap();
        let ids = list.into_iter().map(|document| document.id.0);
        ids.collect::<Vec<String>>()
    };
    assert_eq!(listed("ada", None, "", 2).await, [id(10), id(11)]);
    assert_eq!(listed("ada", None, &id(11), 2).await, [id(13)]);
    assert_eq!(
        listed("ada", Some(&notes.id), "", 9).await,
        [id(11), id(13)]
    );
    assert_eq!(listed("ben", None, "", 9).await, [id(10), id(12)]);
    assert!(listed("ben", Some(&notes.id), "", 9).await.is_empty());
    let hidden = DocumentStore::get(&shelf.store, &scope("ben"), &DocumentId(id(11))).await;
    assert!(hidden.unwrap().is_none());
    let hidden = JobStore::get(&shelf.store, &scope("ben"), &id(511)).await;
    assert!(hidden.unwrap().is_none());
}

async fn what_a_directory_brought_is_told_apart(shelf: Shelf) {
    let book = shelf.base(1, "", "book").await;
    let mut from_directory = document(10, &book, "one");
    from_directory.origin = Origin::Directory;
    shelf.put(from_directory).await;
    shelf.put(document(11, &book, "two")).await;
    let admin = scope("admin");
    let hashes = shelf.store.directory_hashes(&admin, &book.id);
    let expected = (
        DocumentId(id(10)),
        "document-10".to_owned(),
        "hash of one".to_owned(),
    );
    assert_eq!(hashes.await.unwrap(), [expected]);
}

async fn deleting_is_for_those_who_see_it_and_takes_everything(shelf: Shelf) {
    let notes = shelf.base(1, "ada", "notes").await;
    let job = shelf
        .publish(document(10, &notes, "one"), &["a", "b"])
        .await;
    shelf.put(next(10, 600, &notes, "two")).await;
    let id = DocumentId(id(10));
    for name in ["ben", "admin"] {
        let refused = shelf.store.delete(&scope(name), &id).await;
        assert!(matches!(refused, Err(Refused::Missing)), "{refused:?}");
    }
    assert_eq!(shelf.store.garbage().await.unwrap(), []);
    shelf.store.delete(&scope("ada"), &id).await.unwrap();
    let again = shelf.store.delete(&scope("ada"), &id).await;
    assert!(matches!(again, Err(Refused::Missing)), "{again:?}");
    for query in [
        "SELECT COUNT(*) FROM documents",
        "SELECT COUNT(*) FROM document_versions",
        "SELECT COUNT(*) FROM chunks",
        "SELECT COUNT(*) FROM jobs",
    ] {
        assert_eq!(shelf.count(query).await, 0, "{query}");
    }
    assert_eq!(shelf.store.garbage().await.unwrap(), [(id.clone(), 2)]);
    shelf.store.cleared(&id, 2).await.unwrap();
    assert_eq!(shelf.store.garbage().await.unwrap(), []);
    // Whoever still works on it finds that it is gone.
    let published = shelf.store.publish(&job, MODEL, &labels("T"), NOON).await;
    assert_eq!(published.unwrap(), Published::Unwanted);
    let late = super::chunks(&job, &["late"]);
    shelf.store.keep_chunks(&job, "m", &late, 1).await.unwrap();
    assert_eq!(shelf.count("SELECT COUNT(*) FROM chunks").await, 0);
}

async fn passages_are_live_and_in_scope(shelf: Shelf) {
    let notes = shelf.base(1, "ada", "notes").await;
    let job = shelf
        .publish(document(10, &notes, "one"), &["first", "second"])
        .await;
    let ids = [chunk_id(&job, 1), chunk_id(&job, 9)];
    let found = shelf.store.passages(&scope("ada"), &ids).await.unwrap();
    assert_eq!(found.len(), 1);
    let passage = &found[0];
    assert_eq!((passage.text.as_str(), &passage.span), ("second", &(1..11)));
    assert_eq!(passage.page, Some(1));
    assert_eq!(passage.heading, "Part › Chapter");
    assert_eq!(passage.title, "Title");
    assert_eq!(passage.external_id, "document-10");
    assert_eq!(shelf.store.passages(&scope("ben"), &ids).await.unwrap(), []);
    assert_eq!(shelf.store.passages(&scope("ada"), &[]).await.unwrap(), []);

    let (ada, document) = (scope("ada"), &job.document_id);
    let seen = shelf.store.chunks(&ada, document, -1, 9).await.unwrap();
    assert_eq!([seen[0].page, seen[1].page], [None, Some(1)]);

    // The next version's chunks are not shown before it is published.
    shelf.put(next(10, 600, &notes, "two")).await;
    let second = shelf.claim().await;
    let kept = super::chunks(&second, &["third"]);
    shelf
        .store
        .keep_chunks(&second, "m", &kept, 1)
        .await
        .unwrap();
    let early = [chunk_id(&second, 0)];
    assert_eq!(
        shelf.store.passages(&scope("ada"), &early).await.unwrap(),
        []
    );
    let published = shelf
        .store
        .publish(&second, MODEL, &labels("T"), NOON)
        .await;
    assert_eq!(published.unwrap(), Published::Done);
    assert_eq!(shelf.store.passages(&scope("ada"), &ids).await.unwrap(), []);
    let late = shelf.store.passages(&scope("ada"), &early).await.unwrap();
    assert_eq!(late[0].text, "third");
}

async fn what_follows_a_passage_is_told(shelf: Shelf) {
    let notes = shelf.base(1, "ada", "notes").await;
    let letters = ["a", "b", "c", "d", "e", "f"];
    let book = shelf.publish(document(10, &notes, "one"), &letters).await;
    let other = shelf
        .publish(document(11, &notes, "two"), &["x", "y"])
        .await;
    let following = async |name: &str, ids: &[ChunkId]| -> Vec<(Option<i64>, String)> {
        let passages = shelf.store.following(&scope(name), ids).await.unwrap();
        let each = passages.into_iter();
        let mut told: Vec<_> = each
            .map(|passage| (passage.ordinal, passage.text))
            .collect();
        told.sort();
        told
    };
    let ids = [(&other, 0), (&book, 4), (&book, 1), (&book, 5), (&book, 77)];
    let ids = ids.map(|(job, ordinal)| chunk_id(job, ordinal));
    let told = |ordinal: i64, text: &str| (Some(ordinal), text.to_owned());
    let expected = [told(1, "y"), told(2, "c"), told(5, "f")];
    assert_eq!(following("ada", &ids).await, expected);
    assert_eq!(following("ben", &ids).await, []);
    assert_eq!(following("ada", &[]).await, []);

    // All of them, if they are few.
    let all = async |name: &str, bases: &[KnowledgeBaseId], most: usize| {
        let few = shelf.store.all_passages(&scope(name), bases, most).await;
        let few = few.unwrap()?.into_iter();
        Some(few.map(|passage| passage.text).collect::<Vec<_>>().concat())
    };
    let expected = Some("abcdefxy".to_owned());
    assert_eq!(all("ada", &[], 8).await, expected);
    let bases = [notes.id.clone(), KnowledgeBaseId(id(7))];
    assert_eq!(all("ada", &bases, 8).await, expected);
    assert_eq!(all("ada", &bases[1..], 8).await, Some(String::new()));
    assert_eq!(all("ada", &[], 7).await, None);
    assert_eq!(all("ben", &[], 8).await, Some(String::new()));
}

async fn filters_pass_what_is_live_and_in_scope(shelf: Shelf) {
    let (notes, more) = (
        shelf.base(1, "ada", "notes").await,
        shelf.base(2, "ada", "more").await,
    );
    let others = shelf.base(3, "ben", "notes").await;
    for (number, base) in [(10, &notes), (11, &notes), (12, &more), (13, &others)] {
        shelf.publish(document(number, base, "text"), &["a"]).await;
    }
    // It can't be found yet.
    shelf.put(document(14, &notes, "text")).await;
    let passing = async |bases: &[KnowledgeBaseId], filter: DocumentFilter, most: usize| {
        let ada = scope("ada");
        let found = shelf.store.matching(&ada, bases, &filter, most);
        let mut ids: Vec<String> = found.await.unwrap().into_iter().map(|id| id.0).collect();
        ids.sort();
        ids
    };
    let all = DocumentFilter::default();
    assert_eq!(passing(&[], all.clone(), 9).await, [id(10), id(11), id(12)]);
    assert_eq!(passing(&[], all.clone(), 2).await.len(), 2);
    let both = [notes.id.clone(), others.id.clone()];
    assert_eq!(passing(&both, all.clone(), 9).await, [id(10), id(11)]);
    let named = |numbers: std::ops::Range<u32>| DocumentFilter {
        documents: numbers.map(|number| DocumentId(id(number))).collect(),
        ..DocumentFilter::default()
    };
    // More than one query takes.
    let many = passing(&[], named(11..1_300), 9).await;
    assert_eq!(many, [id(11), id(12)]);
    assert_eq!(passing(&[], named(10..600), 1).await.len(), 1);
    for (path_prefix, count) in [
        ("folder/1", 3),
        ("folder/12", 1),
        ("Folder", 0),
        ("older", 0),
    ] {
        let filter = DocumentFilter {
            path_prefix: path_prefix.to_owned(),
            ..all.clone()
        };
        assert_eq!(passing(&[], filter, 9).await.len(), count, "{path_prefix}");
    }
    for (from, to, count) in [
        (Some(NOON), None, 3),
        (Some(NOON + 1), None, 0),
        (None, Some(NOON), 0),
        (None, Some(NOON + 1), 3),
    ] {
        let filter = DocumentFilter {
            from,
            to,
            ..all.clone()
        };
        assert_eq!(
            passing(&[], filter, 9).await.len(),
            count,
            "{from:?} {to:?}"
        );
    }
}

async fn odd_text_comes_back_as_it_went_in(shelf: Shelf) {
    let odd = "Zoë 李 O'Neil; -- 👩🏽‍🚀 e\u{301} \u{202e}rtl \u{feff}\u{fffd} $1 % _ \\ \" \u{10ffff}";
    let notes = shelf.base(1, "ada", odd).await;
    assert_eq!(notes.name, odd);
    let mut new = document(10, &notes, &format!("{odd}\0 and a NUL"));
    "hash".clone_into(&mut new.content_hash);
    new.external_id = odd.to_owned();
    new.path = odd.to_owned();
    new.title = odd.to_owned();
    shelf.put(new).await;
    let job = shelf.claim().await;
    assert_eq!(job.content, format!("{odd}\0 and a NUL").into_bytes());
    assert_eq!((job.title.as_str(), job.path.as_str()), (odd, odd));
    shelf.finish(&job, &[odd]).await;
    let found = shelf
        .store
        .passages(&scope("ada"), &[chunk_id(&job, 0)])
        .await;
    assert_eq!(found.unwrap()[0].text, odd);
    let listed = DocumentStore::list(&shelf.store, &scope("ada"), None, &page("", 1)).await;
    let listed = listed.unwrap();
    assert_eq!(
        (
            listed[0].external_id.as_str(),
            listed[0].knowledge_base.as_str()
        ),
        (odd, odd)
    );
}

async fn a_thousand_ids_at_once(shelf: Shelf) {
    let notes = shelf.base(1, "ada", "notes").await;
    let job = shelf
        .publish(document(10, &notes, "one"), &["a", "b"])
        .await;
    let mut ids: Vec<ChunkId> = (0..1_200)
        .map(|number| ChunkId(id(10_000 + number)))
        .collect();
    ids[700] = chunk_id(&job, 0);
    ids[1_199] = chunk_id(&job, 1);
    let found = shelf.store.passages(&scope("ada"), &ids).await.unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(shelf.store.points(MODEL, &ids).await.unwrap().len(), 2);
}
