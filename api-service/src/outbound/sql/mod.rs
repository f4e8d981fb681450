//! The database: one set of queries for `SQLite` and `PostgreSQL`.

mod accounts;
mod answers;
mod chunks;
mod citations;
mod conversations;
mod documents;
mod embeddings;
mod filters;
mod interactions;
mod jobs;
mod knowledge_bases;
mod publishable_keys;
mod queue;
mod requests;
mod sources;
mod tokens;
mod views;

use service_kit::database::Database;
use sqlx::{Any, AssertSqlSafe, Transaction, any::AnyArguments, migrate::Migrator, query::Query};

use crate::{app::ports::StoreError, domain::document::DocumentId};

/// The migrations of this service's database.
pub static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// The stores, over one database.
#[derive(Debug, Clone)]
pub struct SqlStore {
    database: Database,
}

impl SqlStore {
    /// Stores over a database whose schema is up to date.
    pub const fn new(database: Database) -> Self {
        Self { database }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self(Box::new(error))
    }
}

/// A row that breaks a rule which the schema can't state.
#[derive(Debug, thiserror::Error)]
#[error("the row {0} holds {1}, which is not possible")]
struct ImpossibleRow(String, String);

fn impossible(row: &str, value: &str) -> StoreError {
    StoreError(Box::new(ImpossibleRow(row.to_owned(), value.to_owned())))
}

/// The condition that knowledge base `k` is in a scope, whose owner is `$1`:
/// what [`KnowledgeBase::access`](crate::domain::knowledge_base::KnowledgeBase::access)
/// says, for rows. Visitors with a publishable key see its knowledge base alone,
/// as long as the key is enabled; the id begins after
/// [`KEY_VISITOR`](crate::domain::principal::KEY_VISITOR), and other visitors are
/// no members.
const IN_SCOPE: &str = "(CASE WHEN $1 LIKE 'visitor:key:%' THEN EXISTS (SELECT 1 \
    FROM publishable_keys p WHERE p.id = SUBSTR($1, 13) AND p.knowledge_base_id = k.id \
    AND p.enabled = 1) ELSE k.visibility = 'public' OR ($1 <> '' \
    AND $1 NOT LIKE 'visitor:%' AND (k.visibility = 'members' \
    OR k.owner_id = $1 OR EXISTS (SELECT 1 FROM knowledge_base_shares held \
    WHERE held.knowledge_base_id = k.id AND held.user_id = $1))) END)";

/// Only a live version's chunks are ever shown or indexed.
const LIVE: &str = "chunks c JOIN documents d ON d.id = c.document_id \
    AND d.live_version = c.version";

/// A query text that is put together from constants of this folder and
/// placeholders, and from nothing that came from outside.
fn sql(text: String) -> AssertSqlSafe<String> {
    AssertSqlSafe(text)
}

/// `$first, $first+1, …`, `count` of them.
fn placeholders(first: usize, count: usize) -> String {
    let all: Vec<_> = (first..first + count)
        .map(|number| format!("${number}"))
        .collect();
    all.join(", ")
}

/// The rows of an `INSERT`: `($1, $2), ($3, $4), …`, `count` of them.
fn rows(count: usize, width: usize) -> String {
    let all: Vec<_> = (0..count)
        .map(|row| format!("({})", placeholders(row * width + 1, width)))
        .collect();
    all.join(", ")
}

/// No more rows are inserted by one statement.
const MOST_ROWS: usize = 100;

type Insertion = Query<'static, Any, AnyArguments>;

/// Inserts a row for each item, many by one statement. `into` is a table and its
/// columns, of which there are `width`; `bind` gives an item's values.
async fn insert_all<T: Sync>(
    transaction: &mut Transaction<'static, Any>,
    into: &str,
    width: usize,
    items: &[T],
    bind: impl Fn(Insertion, &T) -> Insertion + Send,
) -> Result<(), StoreError> {
    for some in items.chunks(MOST_ROWS) {
        let text = format!("INSERT INTO {into} VALUES {}", rows(some.len(), width));
        let query = some.iter().fold(sqlx::query(sql(text)), &bind);
        query.execute(&mut **transaction).await?;
    }
    Ok(())
}

/// Locks a document's row until the transaction ends; `false` where it is
/// gone. Whoever writes to a document, its chunks and its jobs locks it first:
/// in one order, so that none waits for the other in a circle. `SQLite`'s
/// transactions that write are alone anyway.
async fn lock_document(
    transaction: &mut Transaction<'static, Any>,
    id: &DocumentId,
) -> Result<bool, StoreError> {
    let locked = sqlx::query("UPDATE documents SET live_version = live_version WHERE id = $1")
        .bind(&id.0)
        .execute(&mut **transaction)
        .await?;
    Ok(locked.rows_affected() > 0)
}

/// Lists longer than this are asked for in several queries.
const MOST_PLACEHOLDERS: usize = 500;

fn to_bytes(vector: &[f32]) -> Vec<u8> {
    vector
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

fn from_bytes(bytes: &[u8]) -> Vec<f32> {
    let values = bytes.chunks_exact(4);
    values
        .map(|value| f32::from_le_bytes([value[0], value[1], value[2], value[3]]))
        .collect()
}

fn size(number: i64) -> usize {
    usize::try_from(number).unwrap_or_default()
}

/// A page as it is stored; 0 stands for none.
fn page(number: i64) -> Option<u32> {
    u32::try_from(number).ok().filter(|page| *page > 0)
}

fn bigint(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
