//! `api-service ingest DIR`.

use std::{
    io::stderr,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::say;
use crate::{
    app::{App, ingest_directory::DirectoryReport},
    config::Config,
    domain::{job::JobCounts, principal::Principal},
    outbound::{
        directory::{Found, read, walk},
        watching::Watching,
    },
    pipeline::selecting::Selection,
    startup::{self, Parts},
};

/// What is taken in, and where to.
#[derive(Debug, Args)]
pub(super) struct IngestArguments {
    /// The directory.
    directory: PathBuf,
    /// The knowledge base; by default it is named after the directory.
    #[arg(long)]
    knowledge_base: Option<String>,
    /// Only files that match this pattern; may be given several times.
    #[arg(long)]
    include: Vec<String>,
    /// No files that match this pattern; may be given several times.
    #[arg(long)]
    exclude: Vec<String>,
    /// Go on until Ctrl-C, and take in what changes.
    #[arg(long)]
    watch: bool,
}

/// How often the jobs are counted.
const TICK: Duration = Duration::from_millis(200);

/// How long nothing moves before this process does the work itself: long
/// enough for a service that was killed to come back and go on.
const STANDSTILL: Duration = Duration::from_secs(15);

pub(super) async fn run(
    config: &Config,
    arguments: &IngestArguments,
    stop: CancellationToken,
) -> Result<ExitCode> {
    let directory = &arguments.directory;
    let selection = Selection::new(&arguments.include, &arguments.exclude)?;
    // Before the first pass, so that nothing changes unseen after it.
    let mut watching = Watching::begin(directory, &selection)
        .with_context(|| format!("the directory {} can't be read", directory.display()))?;
    let pass = Pass {
        config,
        directory,
        selection: &selection,
        name: base_name(arguments)?,
        parts: startup::parts(config).await?,
    };
    let mut all_well = pass.run(false, &stop).await?;
    if arguments.watch {
        say("Watching the directory; Ctrl-C ends it.")?;
        while watching.changed(&stop).await {
            all_well = pass
                .run(true, &stop)
                .await
                .or_else(|error| say(&format!("not ingested: {error:#}")).map(|()| false))?;
        }
    }
    Ok(if all_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What every look at the directory needs.
struct Pass<'a> {
    config: &'a Config,
    directory: &'a Path,
    selection: &'a Selection,
    name: String,
    parts: Parts,
}

impl Pass<'_> {
    /// Brings the knowledge base to what the directory holds now; tells whether
    /// all went well. Where nothing changed, a `quiet` one says nothing.
    async fn run(&self, quiet: bool, stop: &CancellationToken) -> Result<bool> {
        let began = Instant::now();
        let (config, parts) = (self.config, &self.parts);
        let found = walk(self.directory, self.selection)?;
        let worker = Worker::start(config, parts, stop).await?;
        let (report, others) = queue(&worker.app, self.directory, &self.name, found).await?;
        let counts = watch(config, parts, worker, &report, stop).await?;
        let app = startup::app(config, parts, None);
        let scope = Principal::operator().scope();
        let failures = app.jobs.failures(&scope, &report.run_id).await?;
        if quiet && report.is_quiet() && failures.is_empty() {
            return Ok(true);
        }
        summarise(&self.name, &report, others, counts, began.elapsed())?;
        let refused = report
            .refused
            .iter()
            .map(|(path, code)| (path.as_str(), *code));
        let failed = failures
            .iter()
            .map(|(path, code)| (path.as_str(), code.as_str()));
        let mut all_well = true;
        for (path, code) in refused.chain(failed) {
            say(&format!("not ingested: {path} ({code})"))?;
            all_well = false;
        }
        if counts.open > 0 {
            say("Stopped; the rest goes on when api-service runs, or with the next `ingest`.")?;
        }
        Ok(all_well && counts.open == 0)
    }
}

fn base_name(arguments: &IngestArguments) -> Result<String> {
    if let Some(name) = &arguments.knowledge_base {
        return Ok(name.clone());
    }
    let directory = arguments.directory.canonicalize()?;
    match directory.file_name().and_then(|name| name.to_str()) {
        Some(name) => Ok(name.to_owned()),
        None => bail!("name the knowledge base with --knowledge-base"),
    }
}

async fn queue(
    app: &App,
    directory: &Path,
    name: &str,
    found: Found,
) -> Result<(DirectoryReport, usize)> {
    let Found { paths, others } = found;
    let mut unreadable: Vec<String> = vec![];
    let mut files = read(directory.to_owned(), paths, |path, error| {
        unreadable.push(format!("{path}: {error}"));
    });
    let operator = Principal::operator();
    let report = app.ingest_directory(&operator, name, &mut files).await;
    drop(files);
    for line in unreadable {
        say(&format!("can't be read: {line}"))?;
    }
    Ok((report.map_err(|error| anyhow!(error))?, others))
}

/// The verbs, and a worker where this process could open the index. Where it
/// could not, a running api-service does the work.
struct Worker {
    app: Arc<App>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Worker {
    async fn start(config: &Config, parts: &Parts, stop: &CancellationToken) -> Result<Self> {
        let stop = stop.child_token();
        let tasks = TaskTracker::new();
        let opened = startup::spaces(config, parts).await?;
        let alone = opened.as_ref().is_some_and(|opened| opened.alone);
        let spaces = opened.map(|opened| opened.spaces);
        let has_index = spaces.is_some();
        let app = Arc::new(startup::app(config, parts, spaces));
        if has_index {
            app.recover(alone).await.map_err(|error| anyhow!(error))?;
            let name = startup::worker_name(app.clock.as_ref(), app.randomness.as_ref());
            tasks.spawn(app.clone().work(name, stop.clone()));
        }
        tasks.close();
        Ok(Self { app, tasks, stop })
    }

    fn works(&self) -> bool {
        self.app.spaces.active().index.is_some()
    }

    async fn end(self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

/// Shows progress until every job of the run is over.
async fn watch(
    config: &Config,
    parts: &Parts,
    mut worker: Worker,
    report: &DirectoryReport,
    stop: &CancellationToken,
) -> Result<JobCounts> {
    let shown = if report.open == 0 {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr()
    };
    let bar = ProgressBar::with_draw_target(None, shown);
    bar.set_style(ProgressStyle::with_template(
        "{bar:30} {pos}/{len} documents  {per_sec}  {eta} left",
    )?);
    bar.set_length(u64::try_from(report.open)?);
    let mut last = (JobCounts::default(), Instant::now());
    let scope = Principal::operator().scope();
    let counts = loop {
        let counts = worker.app.jobs.counts(&scope, &report.run_id).await?;
        bar.set_position(u64::try_from(
            counts.ready + counts.failed + counts.cancelled,
        )?);
        if counts.open == 0 || stop.is_cancelled() {
            break counts;
        }
        if counts != last.0 {
            last = (counts, Instant::now());
        }
        // The service that had the index may have gone for good.
        if !worker.works() && last.1.elapsed() > STANDSTILL {
            worker = Worker::start(config, parts, stop).await?;
            last.1 = Instant::now();
        }
        tokio::select! {
            () = tokio::time::sleep(TICK) => {}
            () = stop.cancelled() => {}
        }
    };
    bar.finish_and_clear();
    worker.end().await;
    Ok(counts)
}

fn summarise(
    name: &str,
    report: &DirectoryReport,
    others: usize,
    counts: JobCounts,
    took: Duration,
) -> Result<()> {
    let seconds = took.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a number of documents")]
    let rate = counts.ready as f64 / seconds.max(0.001);
    // What was drawn on the terminal ends before the table begins.
    std::io::Write::flush(&mut stderr())?;
    say(&format!("knowledge base   {name}"))?;
    let rows = [
        ("new", report.created),
        ("changed", report.updated),
        ("unchanged", report.unchanged),
        ("removed", report.removed),
        ("other formats", others),
        ("failed", counts.failed + report.refused.len()),
        ("chunks written", counts.chunks),
    ];
    for (label, number) in rows {
        say(&format!("{label:<16} {number}"))?;
    }
    say(&format!(
        "time             {seconds:.1} s, {rate:.1} documents/s"
    ))
}
