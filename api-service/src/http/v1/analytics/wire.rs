//! The JSON of analytics.

use std::collections::BTreeMap;

use chrono::DateTime;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use service_kit::clock::Millis;

use super::super::wire::moment;
use crate::{
    app::analytics::{Analytics, AnalyticsWanted},
    domain::{
        analytics::{AskedQuestion, Latency, ModelUse, Percentiles, Totals},
        interaction::CitedDocument,
        token_budget::Day,
    },
    http::moment::rfc_3339,
};

/// The query of `GET /v1/analytics`.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct AnalyticsQuery {
    /// From which moment on.
    #[serde(default, deserialize_with = "moment")]
    #[schemars(with = "Option<String>")]
    from: Option<Millis>,
    /// Before which moment.
    #[serde(default, deserialize_with = "moment")]
    #[schemars(with = "Option<String>")]
    to: Option<Millis>,
    /// Of answers with a source in this knowledge base, by name or id.
    knowledge_base: Option<String>,
    /// How many questions and documents, from 1 to 100.
    #[serde(default = "default_limit")]
    limit: usize,
}

const fn default_limit() -> usize {
    20
}

impl From<AnalyticsQuery> for AnalyticsWanted {
    fn from(query: AnalyticsQuery) -> Self {
        Self {
            from: query.from,
            to: query.to,
            knowledge_base: query.knowledge_base,
            limit: query.limit,
        }
    }
}

/// What administrators are told.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Analytics")]
pub(super) struct AnalyticsWire {
    from: String,
    to: String,
    /// Whether all interactions of that time were looked at, and not only the
    /// newest ones.
    complete: bool,
    answers: TotalsWire,
    /// How many answers, by days of UTC on which there were any.
    days: BTreeMap<String, usize>,
    top_questions: Vec<QuestionWire>,
    unanswered: Vec<QuestionWire>,
    documents: Vec<DocumentWire>,
    latency_ms: LatencyWire,
    models: Vec<ModelWire>,
    /// What they cost together as far as it is known.
    cost_usd: Option<f64>,
    feedback: FeedbackWire,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AnalyticsTotals")]
struct TotalsWire {
    total: usize,
    generated: usize,
    extractive: usize,
    nothing_found: usize,
    /// Those, of whatever kind, that ended before their end.
    broken: usize,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AnalyticsQuestion")]
struct QuestionWire {
    question: String,
    asked: usize,
    unanswered: usize,
    nothing_found: usize,
    rated_down: usize,
    last_asked_at: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AnalyticsDocument")]
struct DocumentWire {
    document_id: String,
    title: String,
    path: String,
    knowledge_base: String,
    /// Answers that cite it, and that had it among their sources.
    cited: usize,
    found: usize,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AnalyticsLatency")]
struct LatencyWire {
    rewrite: Option<PercentilesWire>,
    retrieve: Option<PercentilesWire>,
    first_token: Option<PercentilesWire>,
    total: Option<PercentilesWire>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Percentiles")]
struct PercentilesWire {
    p50: i64,
    p95: i64,
    p99: i64,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AnalyticsModel")]
struct ModelWire {
    /// None for what was used where no model wrote the answer.
    model: Option<String>,
    answers: usize,
    prompt_tokens: u64,
    completion_tokens: u64,
    cost_usd: Option<f64>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AnalyticsFeedback")]
struct FeedbackWire {
    up: usize,
    down: usize,
}

impl From<Analytics> for AnalyticsWire {
    fn from(told: Analytics) -> Self {
        let report = told.report;
        let days = report.days.into_iter();
        Self {
            from: rfc_3339(told.window.from),
            to: rfc_3339(told.window.to),
            complete: told.complete,
            answers: report.answers.into(),
            days: days.map(|(day, answers)| (date(day), answers)).collect(),
            top_questions: report.top_questions.into_iter().map(Into::into).collect(),
            unanswered: report.unanswered.into_iter().map(Into::into).collect(),
            documents: told.documents.into_iter().map(Into::into).collect(),
            latency_ms: report.latency.into(),
            models: report.models.into_iter().map(Into::into).collect(),
            cost_usd: report.cost.map(rounded),
            feedback: FeedbackWire {
                up: report.rated_up,
                down: report.rated_down,
            },
        }
    }
}

/// A day as RFC 3339 has it.
fn date(day: Day) -> String {
    let beginning = DateTime::from_timestamp_millis(day.before(1).end());
    beginning.unwrap_or_default().date_naive().to_string()
}

/// A millionth of a dollar is less than any token costs.
fn rounded(dollars: f64) -> f64 {
    (dollars * 1_000_000.0).round() / 1_000_000.0
}

impl From<Totals> for TotalsWire {
    fn from(totals: Totals) -> Self {
        Self {
            total: totals.total,
            generated: totals.generated,
            extractive: totals.extractive,
            nothing_found: totals.nothing_found,
            broken: totals.broken,
        }
    }
}

impl From<AskedQuestion> for QuestionWire {
    fn from(question: AskedQuestion) -> Self {
        Self {
            question: question.question,
            asked: question.asked,
            unanswered: question.unanswered,
            nothing_found: question.nothing_found,
            rated_down: question.rated_down,
            last_asked_at: rfc_3339(question.last_asked_at),
        }
    }
}

impl From<CitedDocument> for DocumentWire {
    fn from(document: CitedDocument) -> Self {
        Self {
            document_id: document.id.0,
            title: document.title,
            path: document.path,
            knowledge_base: document.knowledge_base,
            cited: document.cited,
            found: document.found,
        }
    }
}

impl From<Latency> for LatencyWire {
    fn from(latency: Latency) -> Self {
        Self {
            rewrite: latency.rewrite.map(Into::into),
            retrieve: latency.retrieve.map(Into::into),
            first_token: latency.first_word.map(Into::into),
            total: latency.total.map(Into::into),
        }
    }
}

impl From<Percentiles> for PercentilesWire {
    fn from(percentiles: Percentiles) -> Self {
        Self {
            p50: percentiles.p50,
            p95: percentiles.p95,
            p99: percentiles.p99,
        }
    }
}

impl From<ModelUse> for ModelWire {
    fn from(used: ModelUse) -> Self {
        Self {
            model: used.model,
            answers: used.answers,
            prompt_tokens: used.usage.prompt,
            completion_tokens: used.usage.completion,
            cost_usd: used.cost.map(rounded),
        }
    }
}
