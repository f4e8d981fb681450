//! Opening a database, `SQLite` or `PostgreSQL`, with one set of queries for
//! both, and bringing its schema up to date.

mod reach;

use std::{
    error::Error,
    fs::{DirBuilder, File},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sqlx::{
    AnyPool, Connection, Executor,
    any::{AnyConnectOptions, AnyPoolOptions, install_default_drivers},
    error::DatabaseError,
    migrate::{MigrateError, Migrator},
    sqlite::SqliteError,
};
use url::Url;

pub use reach::WAIT;

/// For how long a connection that did its work is taken to live. Later ones are
/// asked first, which costs a round trip.
const TRUSTED: Duration = Duration::from_millis(500);

/// For how long one waits in line to write to `SQLite`.
const WRITER_WAITS: Duration = Duration::from_secs(15);

/// Where a service keeps its rows.
#[derive(Clone)]
pub struct DatabaseUrl {
    url: String,
    file: Option<PathBuf>,
}

impl std::fmt::Debug for DatabaseUrl {
    /// The URL holds a password: only the engine is shown.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(if self.file.is_some() {
            "sqlite"
        } else {
            "postgres"
        })
    }
}

impl FromStr for DatabaseUrl {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            // The placeholder of an example, `HOST:PORT`, is none.
            if Url::parse(url).is_err() {
                return Err("must be like postgres://USER:PASSWORD@HOST:5432/NAME".to_owned());
            }
            return Ok(Self {
                url: url.to_owned(),
                file: None,
            });
        }
        let path = url
            .strip_prefix("sqlite:")
            .ok_or("must begin with sqlite: or postgres://")?;
        let path = path.split('?').next().unwrap_or_default();
        let path = path.strip_prefix("//").unwrap_or(path);
        // SQLAlchemy writes three slashes before a relative path, four before an
        // absolute one; sqlx two and three.
        let path = match path.strip_prefix('/') {
            Some(rest)
                if ["./", "../", "/"]
                    .iter()
                    .any(|begin| rest.starts_with(begin)) =>
            {
                rest
            }
            _ => path,
        };
        if path.is_empty() || path == ":memory:" {
            return Err("must name a file, for example sqlite:data/auth.db".to_owned());
        }
        Ok(Self::sqlite(Path::new(path)))
    }
}

impl DatabaseUrl {
    /// An `SQLite` database in the file at `path`, which is made where it is
    /// missing.
    pub fn sqlite(path: &Path) -> Self {
        let url = format!("sqlite:{}?mode=rwc", path.display());
        Self {
            url,
            file: Some(path.to_owned()),
        }
    }

    fn refused(&self, source: sqlx::Error) -> OpenError {
        let place = self.place();
        OpenError::Connect { place, source }
    }

    /// Where it is, without a user's name or a password.
    fn place(&self) -> String {
        if let Some(file) = &self.file {
            return file.display().to_string();
        }
        let url = Url::parse(&self.url).ok();
        url.map_or_else(String::new, |url| {
            let host = url.host_str().unwrap_or("localhost");
            format!("{host}:{}", url.port().unwrap_or(5432))
        })
    }
}

/// An open database.
#[derive(Clone, Debug)]
pub struct Database {
    /// The connections, for queries.
    pub pool: AnyPool,
    /// The connections for transactions that write: on `SQLite` one, for which
    /// they wait in line.
    writers: AnyPool,
    file: Option<PathBuf>,
    /// Whether something was committed that the disk may not have yet.
    unsynced: Arc<AtomicBool>,
}

/// Why a database can't be opened. The cause may quote the URL's host, never
/// its password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A `SQLite` file or its folder can't be made, or its lock not be taken.
    #[error("the database's file {} can't be used", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The server can't be reached, and was waited for.
    #[error(
        "the database at {place} could not be reached within {seconds} s; check that it runs, \
         and DATABASE_URL"
    )]
    Unreachable {
        /// Its host and port.
        place: String,
        /// How long it was waited for.
        seconds: u64,
        /// What the last attempt met.
        source: sqlx::Error,
    },
    /// The server turns us away, or the file can't be opened.
    #[error("the database at {place} can't be opened")]
    Connect {
        /// Its host and port, or its file.
        place: String,
        /// What it said.
        source: sqlx::Error,
    },
    /// This migration was applied by a version of the program that has it.
    #[error(
        "the database's schema is newer than this program, which has no migration {0}; run the \
         version that made it, or one after that"
    )]
    Newer(i64),
    /// The schema could not be brought up to date.
    #[error("the database's schema can't be brought up to date")]
    Migrate(#[source] MigrateError),
}

impl From<MigrateError> for OpenError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::VersionMissing(version) => Self::Newer(version),
            error => Self::Migrate(error),
        }
    }
}

/// What hinders a database's files, where that is what a query failed for.
/// The codes are those of `sqlite3.h`; the lower eight bits are the primary ones.
pub fn storage_failure(error: &(dyn Error + 'static)) -> Option<io::ErrorKind> {
    let code = match error.downcast_ref::<sqlx::Error>() {
        Some(sqlx::Error::Database(error)) => error.code(),
        _ => error.downcast_ref::<SqliteError>()?.code(),
    };
    // PostgreSQL's have five characters.
    let code: u32 = code.filter(|code| code.len() < 5)?.parse().ok()?;
    match code & 0xff {
        3 | 8 | 14 => Some(io::ErrorKind::PermissionDenied),
        13 => Some(io::ErrorKind::StorageFull),
        10 => Some(io::ErrorKind::Other),
        _ => None,
    }
}

impl Database {
    /// Opens the database at `url`, making a `SQLite` file where it is missing.
    pub async fn open(url: &DatabaseUrl) -> Result<Self, OpenError> {
        Self::open_within(url, Duration::ZERO).await
    }

    /// The same; a server that can't be reached is waited for. Each attempt that
    /// fails is logged, with the server's host and port.
    pub async fn open_within(url: &DatabaseUrl, patience: Duration) -> Result<Self, OpenError> {
        install_default_drivers();
        if let Some(file) = &url.file {
            make_private(file).map_err(|source| file_error(file, source))?;
        }
        let options = AnyConnectOptions::from_str(&url.url);
        let options = options.map_err(|source| url.refused(source))?;
        reach::reach(url, &options, patience).await?;
        let sqlite = url.file.is_some();
        let pool = pool_options(sqlite)
            .connect_with(options.clone())
            .await
            .map_err(|source| url.refused(source))?;
        let writers = if sqlite {
            pool_options(sqlite)
                .max_connections(1)
                .acquire_timeout(WRITER_WAITS)
                .connect_lazy_with(options)
        } else {
            pool.clone()
        };
        Ok(Self {
            pool,
            writers,
            file: url.file.clone(),
            unsynced: Arc::default(),
        })
    }

    /// Runs the migrations that are missing. Of several processes that do so
    /// at once one works and the others wait: `PostgreSQL` has an advisory
    /// lock for it, `SQLite` gets a lock file beside the database.
    pub async fn migrate(&self, migrations: &Migrator) -> Result<(), OpenError> {
        let lock = match &self.file {
            Some(file) => {
                let beside = file.clone();
                let locked = tokio::task::spawn_blocking(move || lock_beside(&beside)).await;
                let locked = locked.unwrap_or_else(|error| Err(io::Error::other(error)));
                Some(locked.map_err(|source| file_error(file, source))?)
            }
            None => None,
        };
        let done = migrations.run(&self.pool).await;
        drop(lock);
        Ok(done?)
    }

    /// Begins a transaction that will write. `SQLite` takes its one write lock
    /// now and not in the middle, where it could no longer wait for it. Within a
    /// process they come in turn: who waits for the lock itself sleeps and tries
    /// again, and others go before.
    pub async fn begin(&self) -> Result<sqlx::Transaction<'static, sqlx::Any>, sqlx::Error> {
        match self.file {
            Some(_) => self.writers.begin_with(BEGIN).await,
            None => self.pool.begin().await,
        }
    }

    /// The same, with delayed durability, for what is written often and may be lost
    /// with the power: a commit does not wait for the disk. `PostgreSQL` writes it
    /// there within a second, `SQLite` at the next [`Self::sync`] or at the next
    /// commit of [`Self::begin`]. Where the process alone dies, nothing is lost.
    pub async fn begin_delayed(
        &self,
    ) -> Result<sqlx::Transaction<'static, sqlx::Any>, sqlx::Error> {
        if self.file.is_none() {
            let begin = "BEGIN; SET LOCAL synchronous_commit = off";
            return self.pool.begin_with(begin).await;
        }
        self.unsynced.store(true, Ordering::Relaxed);
        self.writers.begin_with(BEGIN_DELAYED).await
    }

    /// Brings to the disk what was committed with delayed durability. To be called
    /// every few seconds: `SQLite`'s log grows until then.
    pub async fn sync(&self) -> Result<(), sqlx::Error> {
        if self.unsynced.swap(false, Ordering::Relaxed) {
            // Most of it beside those who write; the rest in line with them, so
            // that the log can begin anew. Neither waits for those who read.
            for connections in [&self.pool, &self.writers] {
                sqlx::query("PRAGMA wal_checkpoint(PASSIVE)")
                    .execute(connections)
                    .await?;
            }
        }
        Ok(())
    }

    /// Whether the database answers.
    pub async fn answers(&self) -> bool {
        let asked = sqlx::query("SELECT 1").execute(&self.pool);
        matches!(
            tokio::time::timeout(Duration::from_secs(2), asked).await,
            Ok(Ok(_))
        )
    }
}

fn pool_options(sqlite: bool) -> AnyPoolOptions {
    AnyPoolOptions::new()
        .max_connections(if sqlite { 8 } else { 16 })
        .acquire_timeout(Duration::from_secs(5))
        .test_before_acquire(false)
        .before_acquire(|connection, known| {
            Box::pin(async move {
                if known.idle_for > TRUSTED {
                    connection.ping().await?;
                }
                // Where the disk is full or fails, SQLite itself gives the transaction
                // up, and sqlx (0.9), whose rollback finds none, counts it for ever: no
                // other could begin on this connection.
                Ok(!connection.is_in_transaction())
            })
        })
        .after_connect(move |connection, _| {
            Box::pin(async move {
                if sqlite {
                    connection.execute(SQLITE_SETTINGS).await?;
                }
                Ok(())
            })
        })
}

/// WAL lets readers go on beside the writer; FULL keeps what was committed even
/// when the power goes. A commit of one connection empties the others' caches: the
/// beginning of the file is mapped, and not read anew each time.
const SQLITE_SETTINGS: &str = "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; \
    PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA mmap_size = 67108864;";

const BEGIN: &str = "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 1000; BEGIN IMMEDIATE";

/// Those who write often do not wait for the log's pages to be put in their place,
/// either, unless there are 64 MiB of them.
const BEGIN_DELAYED: &str =
    "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 16384; BEGIN IMMEDIATE";

/// Makes the file and its folder where they are missing, for this user alone:
/// SQLite gives the files beside it the same permissions.
fn make_private(file: &Path) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    let made = File::options()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(file);
    made.map(drop)
}

fn file_error(file: &Path, source: io::Error) -> OpenError {
    let file = file.to_owned();
    OpenError::File { file, source }
}

fn lock_beside(file: &Path) -> io::Result<File> {
    let mut name = file.as_os_str().to_owned();
    name.push(".migrate");
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(name)?;
    lock.lock()?;
    Ok(lock)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_that_sqlx_and_sqlalchemy_mean() {
        for (url, path) in [
            ("sqlite:data/api.db", "data/api.db"),
            ("sqlite:/srv/api.db", "/srv/api.db"),
            ("sqlite://api.db", "api.db"),
            ("sqlite:///srv/api.db?mode=rwc", "/srv/api.db"),
            ("sqlite:///./au_guru.db", "./au_guru.db"),
            ("sqlite:////srv/api.db", "/srv/api.db"),
        ] {
            let file = url.parse::<DatabaseUrl>().unwrap().file;
            assert_eq!(file.as_deref(), Some(Path::new(path)), "{url}");
        }
    }

    #[tokio::test]
    async fn a_full_disk_ends_one_transaction_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::sqlite(&folder.path().join("kept.db"));
        let database = Database::open(&url).await.unwrap();
        let insert = "INSERT INTO kept VALUES (zeroblob(1000000))";
        sqlx::query("CREATE TABLE kept (bytes BLOB)")
            .execute(&database.pool)
            .await
            .unwrap();

        for delayed in [false, true] {
            let begun = if delayed {
                database.begin_delayed().await
            } else {
                database.begin().await
            };
            let mut transaction = begun.unwrap();
            // As full as a disk can be, for this connection.
            sqlx::query("PRAGMA max_page_count = 1")
                .execute(&mut *transaction)
                .await
                .unwrap();
            let failed = sqlx::query(insert).execute(&mut *transaction).await;
            let kind = storage_failure(&failed.unwrap_err());
            assert_eq!(kind, Some(io::ErrorKind::StorageFull));
            drop(transaction);
        }
        let mut transaction = database.begin().await.unwrap();
        sqlx::query(insert)
            .execute(&mut *transaction)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_repeated() {
        let example = "postgresql://username:password@host:port/database";
        for url in [
            example,
            "sqlite:",
            "sqlite::memory:",
            "mysql://root:password@db/x",
        ] {
            let problem = url.parse::<DatabaseUrl>().err().unwrap();
            assert!(!problem.contains("password@"), "{problem}");
        }
    }
}
