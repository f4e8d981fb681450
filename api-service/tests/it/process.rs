//! The program itself: what it says, and what is left when it is killed.

use std::{
    fmt::Write,
    fs,
    os::unix::fs::symlink,
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use api_service::config::VARIABLES;
use service_kit::database::{Database, DatabaseUrl};

use crate::support::embedder::models_folder;

fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_api-service"));
    command
        .env_clear()
        .env("DATA_DIR", folder)
        .env("AUTH_URL", "http://127.0.0.1:1")
        .env("API_HTTP_ADDR", "127.0.0.1:0")
        .stdin(Stdio::null());
    command
}

/// A data folder that has the model.
fn with_model() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    symlink(models_folder(), folder.path().join("models")).unwrap();
    folder
}

fn run(command: &mut Command, arguments: &[&str]) -> Output {
    command.args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// What a command that must fail says: one line.
fn refused(command: &mut Command, arguments: &[&str]) -> String {
    let output = run(command, arguments);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    let line = text(&output.stderr);
    assert_eq!(line.lines().count(), 1, "{line}");
    line.trim_end().to_owned()
}

#[test]
fn help_lists_every_variable_and_command() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(&mut command(folder.path()), &["--help"]);
    assert!(output.status.success());
    let help = text(&output.stdout);
    for variable in VARIABLES.iter() {
        assert!(help.contains(variable.name), "{} is missing", variable.name);
        assert!(help.contains(variable.help), "{}", variable.name);
    }
    for name in ["serve", "migrate", "ingest", "index", "eval"] {
        assert!(help.contains(name), "{name} is missing");
    }
    assert!(fs::read_dir(folder.path()).unwrap().next().is_none());
}

#[test]
fn a_command_that_can_not_work_says_so_on_one_line() {
    let folder = with_model();
    let line = refused(
        &mut command(folder.path()),
        &["ingest", "/no/such/directory"],
    );
    assert!(
        line.starts_with("api-service: the directory /no/such/directory can't be read"),
        "{line}"
    );
    let output = run(
        command(folder.path()).env("QDRANT_URL", "http://127.0.0.1:1"),
        &["index", "check"],
    );
    let line = text(&output.stderr);
    assert!(
        line.starts_with("api-service: the Qdrant server at QDRANT_URL"),
        "{line}"
    );
    assert_eq!((output.status.code(), line.lines().count()), (Some(69), 1));
}

#[test]
fn migrating_makes_the_database_twice_over() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let output = run(&mut command(folder.path()), &["migrate"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert_eq!(
            text(&output.stdout),
            "The database's schema is up to date.\n"
        );
    }
}

fn write_pages(folder: &Path, pages: usize) {
    for page in 0..pages {
        let mut content = format!("# Page {page}\n");
        for section in 0..6 {
            write!(content, "\n## Section {section}\n\n").unwrap();
            content.push_str(
                &format!("On page {page} the pump of section {section} moves water. ").repeat(12),
            );
        }
        let chapter = folder.join(format!("chapter-{}", page % 5));
        fs::create_dir_all(&chapter).unwrap();
        fs::write(chapter.join(format!("page-{page}.md")), content).unwrap();
    }
}

async fn numbers(folder: &Path, query: &'static str) -> (i64, i64) {
    let url = DatabaseUrl::sqlite(&folder.join("api.db"));
    let database = Database::open(&url).await.unwrap();
    // The tables may not be there yet.
    let numbers = sqlx::query_as(query).fetch_one(&database.pool).await;
    database.pool.close().await;
    numbers.unwrap_or_default()
}

/// Waits until some jobs are done and some are not; then kills.
async fn kill_in_the_middle(child: &mut Child, folder: &Path) {
    let began = Instant::now();
    let jobs = "SELECT COUNT(CASE WHEN state = 'ready' THEN 1 END), \
        COUNT(CASE WHEN state NOT IN ('ready', 'failed') THEN 1 END) FROM jobs";
    loop {
        let (ready, open) = numbers(folder, jobs).await;
        if ready > 0 && open > 0 {
            break;
        }
        assert!(child.try_wait().unwrap().is_none(), "it ended before");
        assert!(began.elapsed() < Duration::from_mins(1), "{ready}, {open}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test]
async fn an_ingest_that_is_killed_is_finished_by_the_next() {
    const PAGES: usize = 60;
    let (folder, pages) = (with_model(), tempfile::tempdir().unwrap());
    write_pages(pages.path(), PAGES);
    let directory = pages.path().to_str().unwrap();
    let ingest = ["ingest", directory, "--knowledge-base", "book"];
    for _ in 0..2 {
        let mut child = command(folder.path())
            .args(ingest)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        kill_in_the_middle(&mut child, folder.path()).await;
        let whole = "SELECT COUNT(*), COUNT(CASE WHEN c.chunks = j.chunks THEN 1 END) \
            FROM documents d JOIN jobs j ON j.document_id = d.id AND j.state = 'ready' \
            JOIN (SELECT document_id, version, COUNT(*) AS chunks FROM chunks \
            GROUP BY document_id, version) c ON c.document_id = d.id AND c.version = d.live_version";
        let (live, complete) = numbers(folder.path(), whole).await;
        assert!(
            live > 0 && live == complete,
            "{complete} of {live} are whole"
        );
    }
    // What the runs before took in is not new to this one; its jobs go on.
    let output = run(&mut command(folder.path()), &ingest);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let table = text(&output.stdout);
    assert!(table.contains("unchanged        60\n"), "{table}");
    let ended = "SELECT COUNT(*), COUNT(CASE WHEN state = 'ready' THEN 1 END) FROM jobs";
    assert_eq!(numbers(folder.path(), ended).await, (60, 60));
    let chunks = "SELECT COUNT(*), COUNT(DISTINCT document_id || ' ' || ordinal) FROM chunks";
    let (chunks, places) = numbers(folder.path(), chunks).await;
    assert!(
        chunks >= 60 && chunks == places,
        "{chunks} chunks, {places} places"
    );

    let check = run(&mut command(folder.path()), &["index", "check"]);
    let said = text(&check.stdout);
    let expected = format!(
        "chunks in the database  {chunks:>9}\npoints in the index     {chunks:>9}\n\
         missing from the index  {:>9}\nsurplus in the index    {:>9}\n\
         The index agrees with the database.\n",
        0, 0
    );
    assert_eq!((check.status.code(), said), (Some(0), expected));

    fs::remove_dir_all(folder.path().join("index")).unwrap();
    let check = run(&mut command(folder.path()), &["index", "check"]);
    let said = text(&check.stdout);
    assert_eq!(check.status.code(), Some(1), "{said}");
    assert!(
        said.contains("`api-service index check --repair` mends it."),
        "{said}"
    );
    let mended = run(&mut command(folder.path()), &["index", "check", "--repair"]);
    assert!(mended.status.success(), "{}", text(&mended.stderr));
    let check = run(&mut command(folder.path()), &["index", "check"]);
    assert!(text(&check.stdout).ends_with("The index agrees with the database.\n"));
}

/// Waits until so many documents can be found, and so many were changed.
async fn until(folder: &Path, documents: i64, versions: i64) {
    let began = Instant::now();
    let query = "SELECT COUNT(*), CAST(COALESCE(SUM(live_version), 0) AS BIGINT) FROM documents \
        WHERE live_version = newest_version";
    while numbers(folder, query).await != (documents, versions) {
        assert!(began.elapsed() < Duration::from_mins(1), "nothing comes");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_directory_that_is_watched_is_followed_until_the_end() {
    let (folder, pages) = (with_model(), tempfile::tempdir().unwrap());
    let page = |name: &str| pages.path().join(name);
    fs::write(page("a.md"), "# A\n\nTea.").unwrap();
    let directory = pages.path().to_str().unwrap();
    let child = command(folder.path())
        .args(["ingest", directory, "--knowledge-base", "book", "--watch"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until(folder.path(), 1, 1).await;
    fs::create_dir(page("more")).unwrap();
    fs::write(page("more/b.md"), "# B\n\nCoffee.").unwrap();
    until(folder.path(), 2, 2).await;
    fs::write(page("a.md"), "# A\n\nCocoa.").unwrap();
    until(folder.path(), 2, 3).await;
    fs::remove_file(page("more/b.md")).unwrap();
    until(folder.path(), 1, 2).await;
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &id])
            .status()
            .unwrap()
            .success()
    );
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let said = text(&output.stdout);
    assert!(
        said.contains("Watching the directory; Ctrl-C ends it.\n"),
        "{said}"
    );
}
