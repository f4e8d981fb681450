//! `api-service eval DIR`.

use std::{path::Path, process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context, Result, anyhow, bail};
use indicatif::ProgressBar;
use service_kit::database::DatabaseUrl;
use tokio::time::Instant;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::say;
use crate::{
    app::{
        App,
        evaluate::{LabelledDocument, MODES},
    },
    config::Config,
    domain::principal::Principal,
    outbound::labelled_set,
    startup,
};

/// How often the jobs are counted.
const TICK: Duration = Duration::from_millis(500);

/// Loads the set into a database and an index of its own, below
/// `DATA_DIR/eval`, and measures there. A second run finds it loaded.
pub(super) async fn run(
    config: Config,
    directory: &Path,
    stop: CancellationToken,
) -> Result<ExitCode> {
    let (documents, set) = labelled_set::read(directory)?;
    let name = directory.canonicalize()?;
    let name = name
        .file_name()
        .and_then(|name| name.to_str())
        .context("the set has no name")?;
    let config = scratch(config, name)?;
    let parts = startup::parts(&config).await?;
    let Some(opened) = startup::spaces(&config, &parts).await? else {
        bail!("another evaluation of this set runs");
    };
    let app = Arc::new(startup::app(&config, &parts, Some(opened.spaces)));
    app.recover(true).await.map_err(|error| anyhow!(error))?;
    load(&app, name, documents, &stop).await?;
    say("mode               nDCG@10  Recall@10  Recall@100  MRR@10  queries  ms/query")?;
    for (label, mode) in MODES {
        let began = Instant::now();
        let (scores, spans) = app
            .evaluate(name, &set, *mode)
            .await
            .map_err(|error| anyhow!(error))?;
        #[expect(clippy::cast_precision_loss, reason = "a number of queries")]
        let each = began.elapsed().as_secs_f64() * 1000.0 / set.queries.len().max(1) as f64;
        say(&format!(
            "{label:<18} {:>7.4} {:>10.4} {:>11.4} {:>7.4} {:>8} {each:>9.1}",
            scores.ndcg_10, scores.recall_10, scores.recall_100, scores.mrr_10, scores.queries
        ))?;
        if !set.spans.is_empty() {
            let (recall, precision) = (spans.recall_5, spans.precision_5);
            say(&format!(
                "{:<18} of the answers' text in the first 5 passages {recall:.4}, of the passages' \
                 text {precision:.4}",
                ""
            ))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The configuration with a database and an index of the set's own.
fn scratch(config: Config, name: &str) -> Result<Config> {
    let scratch = config.data_dir.join("eval").join(name);
    std::fs::create_dir_all(&scratch)?;
    let models = scratch.join("models");
    if !models.exists() {
        let shared = config.data_dir.canonicalize()?.join("models");
        std::os::unix::fs::symlink(shared, &models)?;
    }
    Ok(Config {
        database: DatabaseUrl::sqlite(&scratch.join("api.db")),
        data_dir: scratch,
        qdrant: None,
        ..config
    })
}

/// Takes the documents in and waits until all can be found.
async fn load(
    app: &Arc<App>,
    name: &str,
    documents: Vec<LabelledDocument>,
    stop: &CancellationToken,
) -> Result<()> {
    let (began, total) = (Instant::now(), documents.len());
    let run = app
        .load_labelled(name, documents)
        .await
        .map_err(|error| anyhow!(error))?;
    let (tasks, working) = (TaskTracker::new(), stop.child_token());
    let worker = startup::worker_name(app.clock.as_ref(), app.randomness.as_ref());
    tasks.spawn(app.clone().work(worker, working.clone()));
    tasks.close();
    let bar = ProgressBar::new(u64::try_from(total)?);
    let scope = Principal::operator().scope();
    loop {
        let counts = app.jobs.counts(&scope, &run).await?;
        bar.set_length(u64::try_from(counts.ready + counts.failed + counts.open)?);
        bar.set_position(u64::try_from(counts.ready + counts.failed)?);
        if counts.open == 0 {
            break;
        }
        tokio::select! {
            () = tokio::time::sleep(TICK) => {}
            () = stop.cancelled() => bail!("stopped; the next run goes on from here"),
        }
    }
    bar.finish_and_clear();
    working.cancel();
    tasks.wait().await;
    let report = app.check_index().await.map_err(|error| anyhow!(error))?;
    say(&format!(
        "{total} documents, {} chunks, loaded in {:.0?}",
        report.chunks,
        began.elapsed()
    ))
}
