//! `api-service index`.

use std::process::ExitCode;

use anyhow::{Result, anyhow, bail};
use clap::Subcommand;
use indicatif::ProgressBar;

use super::say;
use crate::{
    app::{App, check_index::IndexReport, ports::EmbeddingStore},
    config::Config,
    startup,
};

/// What is done with the index.
#[derive(Debug, Subcommand)]
pub(super) enum IndexCommand {
    /// Hold the index against the database.
    Check {
        /// Mend what differs, from the vectors that the database holds.
        #[arg(long)]
        repair: bool,
    },
    /// Write the whole index anew from the database; nothing is embedded again.
    Rebuild,
    /// List the embedding models, and how many chunks each has embedded.
    Models,
    /// Remove a model that answers no longer come from, with its vectors.
    Forget {
        /// The model, as `models` lists it.
        model: String,
    },
}

pub(super) async fn run(config: &Config, command: &IndexCommand) -> Result<ExitCode> {
    match command {
        IndexCommand::Check { repair } => check(config, *repair).await,
        IndexCommand::Rebuild => rebuild(config).await,
        IndexCommand::Models => models(config).await,
        IndexCommand::Forget { model } => forget(config, model).await,
    }
}

async fn app_with_index(config: &Config) -> Result<App> {
    let parts = startup::parts(config).await?;
    let Some(opened) = startup::spaces(config, &parts).await? else {
        bail!("another process has the index open; stop it first");
    };
    Ok(startup::app(config, &parts, Some(opened.spaces)))
}

fn show(report: &IndexReport) -> Result<()> {
    say(&format!("chunks in the database  {:>9}", report.chunks))?;
    say(&format!("points in the index     {:>9}", report.points))?;
    let (missing, surplus) = (report.missing.len(), report.surplus.len());
    say(&format!("missing from the index  {missing:>9}"))?;
    say(&format!("surplus in the index    {surplus:>9}"))
}

async fn check(config: &Config, repair: bool) -> Result<ExitCode> {
    let app = app_with_index(config).await?;
    let report = app.check_index().await.map_err(|error| anyhow!(error))?;
    show(&report)?;
    if report.agrees() {
        say("The index agrees with the database.")?;
        return Ok(ExitCode::SUCCESS);
    }
    if !repair {
        say("They differ: `api-service index check --repair` mends it.")?;
        return Ok(ExitCode::FAILURE);
    }
    let repaired = app.repair_index(&report).await;
    repaired.map_err(|error| anyhow!(error))?;
    say("The index was brought up to the database.")?;
    Ok(ExitCode::SUCCESS)
}

async fn rebuild(config: &Config) -> Result<ExitCode> {
    let app = app_with_index(config).await?;
    let (_, chunks) = app
        .embedding_models()
        .await
        .map_err(|error| anyhow!(error))?;
    let bar = ProgressBar::new(chunks);
    let each = |written: usize| bar.set_position(u64::try_from(written).unwrap_or(u64::MAX));
    let report = app.rebuild_index(each).await;
    let report = report.map_err(|error| anyhow!(error))?;
    bar.finish_and_clear();
    show(&report)?;
    say("The index was written anew.")?;
    Ok(ExitCode::SUCCESS)
}

async fn models(config: &Config) -> Result<ExitCode> {
    let store = startup::stores(config).await?;
    let (models, chunks) = (store.models().await?, store.live_chunks().await?);
    say(&format!("chunks that can be found: {chunks}"))?;
    for status in models {
        let (state, model) = (status.state.as_str(), &status.model);
        say(&format!(
            "{state:<9} {:<48} {:>5} values {:>9} embedded",
            model.fingerprint, model.dimensions, status.embedded
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn forget(config: &Config, model: &str) -> Result<ExitCode> {
    if startup::forget_model(config, model).await? {
        say("The model and its vectors were removed.")?;
        return Ok(ExitCode::SUCCESS);
    }
    bail!(
        "there is no such model that answers do not come from; `api-service index models` lists \
         them all"
    )
}
