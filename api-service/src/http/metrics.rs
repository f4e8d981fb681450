//! What Prometheus collects, in its text format
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>).

use axum::{
    extract::State,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};

use super::HttpState;

/// The counters of this process.
pub(super) async fn metrics(State(state): State<HttpState>) -> Response {
    let counters = &state.app.counters;
    let families = [
        (
            "lectern_answers_total",
            "Answers, by how they came about.",
            vec![
                ("{kind=\"generated\"}", &counters.generated),
                ("{kind=\"extractive\"}", &counters.extractive),
                ("{kind=\"nothing_found\"}", &counters.nothing_found),
                ("{kind=\"broken\"}", &counters.broken),
            ],
        ),
        (
            "lectern_citations_total",
            "Citations of answers, by whether the source says what is claimed.",
            vec![
                ("{supported=\"true\"}", &counters.supported),
                ("{supported=\"false\"}", &counters.unsupported),
            ],
        ),
        (
            "lectern_unsupported_sentences_total",
            "Sentences of answers that no source supports.",
            vec![("", &counters.unsupported_sentences)],
        ),
    ];
    let mut lines = vec![];
    for (name, help, samples) in families {
        lines.push(format!("# HELP {name} {help}"));
        lines.push(format!("# TYPE {name} counter"));
        lines.extend(
            samples
                .iter()
                .map(|(labels, counter)| format!("{name}{labels} {}", counter.value())),
        );
    }
    let text = lines.join("\n") + "\n";
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}
