//! The stores: one suite, run on both engines.

mod conversations;
mod documents;
mod durability;
mod embeddings;
mod interactions;
mod jobs;
mod jobs_at_once;
mod publishable_keys;
mod queue;
mod requests;
mod sources;
mod tokens;

use api_service::{
    app::ports::{
        ClaimLimits, DocumentStore, EmbeddingStore, JobStore, Labels, Published, Refused, Taken,
        WantedBase,
    },
    domain::{
        chunk::{ChunkId, ChunkText, EmbeddedChunk},
        document::{DocumentId, MediaType, NewDocument, Origin},
        embedding_model::{EmbeddingModel, ModelOrigin},
        job::ClaimedJob,
        knowledge_base::{KnowledgeBase, KnowledgeBaseId, Visibility},
        principal::Scope,
        quota::Quota,
        tags::Tags,
    },
    outbound::sql::SqlStore,
};
use proto::claims::Role;
use service_kit::database::Database;

use crate::support::{NOON, TestHome, caller, user, user_id};

/// Runs each function of a suite on a database of its own, on both engines.
macro_rules! on_both_engines {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                let home = crate::support::TestHome::sqlite();
                super::$name(crate::store::Shelf::in_home(home).await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                let home = crate::support::TestHome::postgres().await;
                super::$name(crate::store::Shelf::in_home(home).await).await;
            })*
        }
    };
}
use on_both_engines;

/// The model that made the vectors of these tests.
const MODEL: &str = "test-model";

fn model(fingerprint: &str) -> EmbeddingModel {
    EmbeddingModel {
        fingerprint: fingerprint.to_owned(),
        dimensions: 3,
        origin: ModelOrigin::default(),
    }
}

/// How long a claim holds in these tests.
const LEASE: i64 = 1_000;

/// The scope of an owner, or of an administrator where there is none.
fn keeper(owner: &str) -> Scope {
    if owner.is_empty() {
        return scope("admin");
    }
    user(owner, Role::User).scope()
}

/// The stores over one database.
struct Shelf {
    store: SqlStore,
    database: Database,
    home: TestHome,
}

impl Shelf {
    async fn in_home(home: TestHome) -> Self {
        let database = home.database().await;
        let store = SqlStore::new(database.clone());
        store.active_or(&model(MODEL), NOON).await.unwrap();
        Self {
            store,
            database,
            home,
        }
    }

    /// The knowledge base `name` of `owner`, or a public one of nobody's.
    async fn base(&self, number: u32, owner: &str, name: &str) -> KnowledgeBase {
        let visibility = if owner.is_empty() {
            Visibility::Public
        } else {
            Visibility::Private
        };
        self.base_for(number, owner, name, visibility).await
    }

    async fn base_for(
        &self,
        number: u32,
        owner: &str,
        name: &str,
        visibility: Visibility,
    ) -> KnowledgeBase {
        let owner = if owner.is_empty() {
            String::new()
        } else {
            user_id(owner)
        };
        let wanted = WantedBase {
            id: KnowledgeBaseId(id(number)),
            name: name.to_owned(),
            visibility,
            language: None,
            owner,
            created_at: NOON,
        };
        let keeper = keeper(&wanted.owner);
        let base = self.store.knowledge_base(&keeper, wanted).await;
        base.expect("the owner was deleted")
    }

    async fn put(&self, document: NewDocument) -> Taken {
        let taken = self.put_all(vec![document]).await.unwrap();
        taken.into_iter().next().unwrap()
    }

    /// Takes documents in as who may write to the first one's knowledge base.
    async fn put_all(&self, documents: Vec<NewDocument>) -> Result<Vec<Taken>, Refused> {
        let (owner,): (String,) =
            sqlx::query_as("SELECT owner_id FROM knowledge_bases WHERE id = $1")
                .bind(&documents[0].knowledge_base_id.0)
                .fetch_one(&self.database.pool)
                .await
                .unwrap();
        let (keeper, quota) = (keeper(&owner), Quota::default());
        self.store.put(&keeper, documents, quota, NOON).await
    }

    /// Claims the one job that waits.
    async fn claim(&self) -> ClaimedJob {
        let jobs = self.claim_as("worker", 1, NOON).await;
        jobs.into_iter().next().expect("no job waits")
    }

    /// Claims up to `most` jobs, all of one tenant if need be.
    async fn claim_as(&self, worker: &str, most: usize, now: i64) -> Vec<ClaimedJob> {
        let limits = ClaimLimits {
            jobs: most,
            of_one_tenant: usize::MAX,
        };
        self.store.claim(worker, limits, now, LEASE).await.unwrap()
    }

    /// Takes a document in and makes it findable with these chunks.
    async fn publish(&self, document: NewDocument, texts: &[&str]) -> ClaimedJob {
        self.put(document).await;
        let job = self.claim().await;
        self.finish(&job, texts).await;
        job
    }

    async fn finish(&self, job: &ClaimedJob, texts: &[&str]) {
        let chunks = chunks(job, texts);
        let kept = self.store.keep_chunks(job, MODEL, &chunks, texts.len());
        assert!(kept.await.unwrap());
        let published = self.store.publish(job, MODEL, &labels("Title"), NOON).await;
        assert_eq!(published.unwrap(), Published::Done);
    }

    async fn count(&self, query: &'static str) -> i64 {
        let (count,): (i64,) = sqlx::query_as(query)
            .fetch_one(&self.database.pool)
            .await
            .unwrap();
        count
    }
}

fn id(number: u32) -> String {
    format!("018bcfe5-6800-7000-8000-{number:012}")
}

fn scope(name: &str) -> Scope {
    caller(name).scope()
}

fn labels(title: &str) -> Labels {
    Labels {
        title: title.to_owned(),
        tags: Tags::default(),
    }
}

/// Document `number` with this content; its job has the number and 500 more.
fn document(number: u32, base: &KnowledgeBase, content: &str) -> NewDocument {
    NewDocument {
        id: DocumentId(id(number)),
        job_id: id(number + 500),
        knowledge_base_id: base.id.clone(),
        external_id: format!("document-{number}"),
        title: String::new(),
        path: format!("folder/{number}.md"),
        tags: Tags::default(),
        origin: Origin::Upload,
        media_type: MediaType::Markdown,
        content_hash: format!("hash of {content}"),
        content: content.as_bytes().to_vec(),
        run_id: "run".to_owned(),
    }
}

/// The next version of document `number`, whose job has the number and `more`.
fn next(number: u32, more: u32, base: &KnowledgeBase, content: &str) -> NewDocument {
    NewDocument {
        id: DocumentId(id(number + 400)),
        job_id: id(number + more),
        ..document(number, base, content)
    }
}

fn chunk_id(job: &ClaimedJob, ordinal: usize) -> ChunkId {
    let place = format!("{} {} {ordinal}", job.document_id.0, job.version);
    let number = place.bytes().fold(7_u64, |sum, byte| {
        (sum * 31 + u64::from(byte)) % 0xffff_ffff_ffff
    });
    ChunkId(format!("018bcfe5-6800-7000-8000-{number:012x}"))
}

fn chunks(job: &ClaimedJob, texts: &[&str]) -> Vec<EmbeddedChunk> {
    let texts = texts.iter().enumerate();
    let chunk = |(ordinal, text): (usize, &&str)| EmbeddedChunk {
        id: chunk_id(job, ordinal),
        ordinal,
        chunk: ChunkText {
            headings: vec!["Part".to_owned(), "Chapter".to_owned()],
            text: (*text).to_owned(),
            span: ordinal..ordinal + 10,
            // The first has none.
            page: u32::try_from(ordinal).ok().filter(|page| *page > 0),
        },
        content_hash: format!("hash of {text}"),
        embedding: vec![0.25, -1.5, f32::MIN_POSITIVE],
    };
    texts.map(chunk).collect()
}
