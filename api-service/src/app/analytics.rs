//! What administrators are told of questions and answers, and how long that is
//! kept.

use std::{sync::Arc, time::Duration};

use service_kit::clock::Millis;
use tokio_util::sync::CancellationToken;

use super::{App, error::Error};
use crate::domain::{
    analytics::{InteractionLog, Report},
    interaction::{CitedDocument, Logged, Window},
    principal::Principal,
};

/// How many interactions are looked at: the newest ones.
const MOST: usize = 100_000;

/// How far back is looked where nothing is said, in milliseconds: 30 days.
const PERIOD: Millis = 30 * 24 * 60 * 60 * 1000;

/// How often old interactions are looked for.
const TIDIED: Duration = Duration::from_hours(1);

/// What is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnalyticsWanted {
    /// From which moment on; 30 days before `to` where it is missing.
    pub from: Option<Millis>,
    /// Up to which moment; now where it is missing.
    pub to: Option<Millis>,
    /// Of answers with a source in this knowledge base, by name or id.
    pub knowledge_base: Option<String>,
    /// How many questions and documents are listed, from 1 to 100.
    pub limit: usize,
}

/// What is told.
#[derive(Debug)]
pub struct Analytics {
    /// What was looked at.
    pub window: Window,
    /// Whether that is all that there is; else older interactions are left out.
    pub complete: bool,
    /// What the interactions tell.
    pub report: Report,
    /// The documents that were cited most, of those that the caller may read.
    pub documents: Vec<CitedDocument>,
}

impl App {
    /// Tells an administrator what was asked, and how it was answered.
    pub async fn analytics(
        &self,
        caller: &Principal,
        wanted: AnalyticsWanted,
    ) -> Result<Analytics, Error> {
        if !caller.manages_public_knowledge() {
            return Err(Error::AdministratorsOnly);
        }
        if !(1..=100).contains(&wanted.limit) {
            return Err(Error::Limit);
        }
        let scope = caller.scope();
        let to = wanted.to.unwrap_or_else(|| self.clock.now() + 1);
        let from = wanted.from.unwrap_or_else(|| to.saturating_sub(PERIOD));
        if from >= to {
            return Err(Error::Period);
        }
        let base = match wanted.knowledge_base {
            Some(name) => self.bases_within(&scope, &[name]).await?.pop(),
            None => None,
        };
        let window = Window {
            from,
            to,
            knowledge_base: base.map(|base| base.id),
        };
        let store = &self.interactions;
        let answers = store.logged_answers(&scope, &window, MOST).await?;
        let documents = store.cited_documents(&scope, &window, wanted.limit);
        let documents = documents.await?;
        let complete = answers.len() < MOST;
        let prices = self.interaction_log.prices.clone();
        let reporting = move || Report::of(&answers, &prices, wanted.limit);
        let report = tokio::task::spawn_blocking(reporting).await;
        Ok(Analytics {
            window,
            complete,
            report: report.map_err(|error| Error::Reporting(error.into()))?,
            documents,
        })
    }

    /// Forgets old interactions again and again, until `stop`.
    pub async fn tidy_up_interactions(self: Arc<Self>, stop: CancellationToken) {
        let mut due = tokio::time::interval(TIDIED);
        loop {
            tokio::select! {
                _ = due.tick() => self.forget_old_interactions().await,
                () = stop.cancelled() => return,
            }
        }
    }

    /// Forgets interactions that are too old, and texts where they are not to be
    /// logged any more.
    pub async fn forget_old_interactions(&self) {
        let InteractionLog {
            logged, retention, ..
        } = self.interaction_log;
        let before = self.clock.now().saturating_sub(retention);
        let texts_before = match logged {
            Logged::Full => before,
            Logged::NoText | Logged::Nothing => Millis::MAX,
        };
        let forgotten = self.interactions.forget_interactions(before, texts_before);
        if let Err(error) = forgotten.await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "old interactions could not be forgotten yet");
        }
    }
}
