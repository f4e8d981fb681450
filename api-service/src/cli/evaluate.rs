//! `api-service eval DIR`.

use std::{fmt::Write as _, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use indicatif::ProgressBar;
use serde_json::{Map, Value, json};
use service_kit::database::DatabaseUrl;
use tokio::time::Instant;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::say;
use crate::{
    app::{
        App,
        evaluate::{LabelledDocument, LabelledQueries, LabelledQuestion, MODES},
    },
    config::Config,
    domain::{index::Mode, principal::Principal},
    outbound::labelled_set,
    pipeline::judging::{MEASURES, best_threshold, judge},
    startup,
};

/// How often the jobs are counted.
const TICK: Duration = Duration::from_millis(500);

/// The measures of the way of searching that is configured.
const RETRIEVAL_MEASURES: &[&str] = &["ndcg@10", "recall@10", "recall@100", "mrr@10"];

/// What is measured, and what it must come to.
#[derive(Debug, Args)]
pub(super) struct EvaluateArguments {
    /// The folder of the set: corpus.jsonl, and queries.jsonl with qrels.tsv, or questions.jsonl.
    directory: PathBuf,
    /// Write the measures to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Fail where a measure is less, such as `--min citation-hit=0.9`.
    #[arg(long, value_name = "MEASURE=VALUE", value_parser = bound)]
    min: Vec<(String, f64)>,
    /// Fail where a measure is more, such as `--max latency-p95=500`.
    #[arg(long, value_name = "MEASURE=VALUE", value_parser = bound)]
    max: Vec<(String, f64)>,
}

/// Reads `measure=value`.
fn bound(text: &str) -> Result<(String, f64), String> {
    let (name, value) = text.split_once('=').ok_or("is MEASURE=VALUE")?;
    let known = [RETRIEVAL_MEASURES, MEASURES].concat();
    if !known.contains(&name) {
        return Err(format!("the measures are {}", known.join(", ")));
    }
    let value: f64 = value.parse().map_err(|_| "the value is a number")?;
    if value.is_finite() {
        Ok((name.to_owned(), value))
    } else {
        Err("the value is a number".to_owned())
    }
}

/// Loads the set into a database and an index of its own, below
/// `DATA_DIR/eval`, and measures there. A second run finds it loaded.
pub(super) async fn run(
    config: Config,
    arguments: &EvaluateArguments,
    stop: CancellationToken,
) -> Result<ExitCode> {
    let set = labelled_set::read(&arguments.directory)?;
    let name = arguments.directory.canonicalize()?;
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
    let documents = set.documents.len();
    load(&app, name, set.documents, &stop).await?;
    let mut measures = vec![];
    if !set.queries.queries.is_empty() {
        measures.extend(searched(&app, name, &set.queries).await?);
    }
    if !set.questions.is_empty() {
        measures.extend(answered(&app, name, &set.questions).await?);
    }
    if let Some(file) = &arguments.json {
        let all = measures
            .iter()
            .map(|(name, value)| (name.clone(), json!(value)));
        let report = json!({
            "set": name,
            "documents": documents,
            "queries": set.queries.queries.len(),
            "questions": set.questions.len(),
            "measures": Value::Object(all.collect::<Map<_, _>>()),
        });
        std::fs::write(file, format!("{report:#}\n"))
            .with_context(|| format!("{} can't be written", file.display()))?;
    }
    hold(arguments, &measures)
}

/// Measures each way of searching; gives the measures of the one that is
/// configured, and of each by its name.
async fn searched(app: &App, name: &str, set: &LabelledQueries) -> Result<Vec<(String, f64)>> {
    let (mut served, mut all) = (vec![], vec![]);
    say("mode               nDCG@10  Recall@10  Recall@100  MRR@10  queries  ms/query")?;
    for (label, mode) in MODES {
        let began = Instant::now();
        let (scores, spans) = app
            .evaluate(name, set, *mode)
            .await
            .map_err(|error| anyhow!(error))?;
        #[expect(clippy::cast_precision_loss, reason = "a number of queries")]
        let each = began.elapsed().as_secs_f64() * 1000.0 / set.queries.len().max(1) as f64;
        let values = [
            scores.ndcg_10,
            scores.recall_10,
            scores.recall_100,
            scores.mrr_10,
        ];
        let [ndcg, recall_10, recall_100, mrr] = values;
        let queries = scores.queries;
        say(&format!(
            "{label:<18} {ndcg:>7.4} {recall_10:>10.4} {recall_100:>11.4} {mrr:>7.4} {queries:>8} \
             {each:>9.1}"
        ))?;
        if !set.spans.is_empty() {
            let (recall, precision) = (spans.recall_5, spans.precision_5);
            say(&format!(
                "{:<18} of the answers' text in the first 5 passages {recall:.4}, of the passages' \
                 text {precision:.4}",
                ""
            ))?;
        }
        for (measure, value) in RETRIEVAL_MEASURES.iter().zip(values) {
            if *mode == Mode::Hybrid(app.fusion) {
                served.push(((*measure).to_owned(), value));
            }
            all.push((format!("{label}: {measure}"), value));
        }
    }
    served.extend(all);
    Ok(served)
}

/// Measures answers of extracts.
async fn answered(
    app: &App,
    name: &str,
    questions: &[LabelledQuestion],
) -> Result<Vec<(String, f64)>> {
    let outcomes = app
        .evaluate_answers(name, questions)
        .await
        .map_err(|error| anyhow!(error))?;
    let answerable = questions.iter().filter(|one| one.answerable).count();
    say(&format!(
        "\n{} questions, {answerable} of them with an answer; refused below {}",
        questions.len(),
        app.refuse_below
    ))?;
    let measures = judge(&outcomes);
    for (measure, value) in &measures {
        let digits = if measure.starts_with("latency") { 0 } else { 4 };
        say(&format!("{measure:<18} {value:>7.digits$}"))?;
    }
    if let Some(threshold) = best_threshold(&outcomes) {
        say(&format!(
            "REFUSE_BELOW={threshold:.3} would be right most often here"
        ))?;
    }
    let named = measures.into_iter();
    Ok(named
        .map(|(measure, value)| (measure.to_owned(), value))
        .collect())
}

/// Fails where a measure is not what it must be.
fn hold(arguments: &EvaluateArguments, measures: &[(String, f64)]) -> Result<ExitCode> {
    let mut missed = String::new();
    let least = arguments.min.iter().map(|bound| (bound, "at least"));
    let most = arguments.max.iter().map(|bound| (bound, "at most"));
    for ((name, wanted), side) in least.chain(most) {
        let found = measures.iter().find(|(measure, _)| measure == name);
        let Some((_, value)) = found else {
            write!(missed, "\n{name} is not measured by this set")?;
            continue;
        };
        if (side == "at least" && value < wanted) || (side == "at most" && value > wanted) {
            write!(
                missed,
                "\n{name} is {value:.4}, and must be {side} {wanted}"
            )?;
        }
    }
    if missed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    say(&missed)?;
    Ok(ExitCode::FAILURE)
}

/// The configuration with a database and an index of the set's own.
fn scratch(config: Config, name: &str) -> Result<Config> {
    let scratch = config.data_dir.join("eval").join(name);
    std::fs::create_dir_all(&scratch)?;
    Ok(Config {
        database: DatabaseUrl::sqlite(&scratch.join("api.db")),
        data_dir: scratch,
        qdrant: None,
        // Extracts are measured.
        llm: None,
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
