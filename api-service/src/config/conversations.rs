//! How long conversations are kept, and answers waited for.

use std::time::Duration;

use service_kit::environment::{Environment, InvalidVariable, Variable};

pub(super) const VARIABLES: &[Variable] = &[
    Variable::plain(
        "CONVERSATION_RETENTION",
        "50",
        "How many conversations of a user are kept; the oldest go.",
    ),
    Variable::plain(
        "ANSWER_GRACE",
        "15",
        "How long an answer goes on that nobody reads any more, in seconds: for that long its \
         reader may come back.",
    ),
];

/// How long conversations are kept, and answers waited for.
#[derive(Debug)]
pub struct ConversationsConfig {
    /// How many conversations a user keeps.
    pub retention: usize,
    /// How long a reader may be away before their answer stops.
    pub grace: Duration,
}

pub(super) fn read(environment: &Environment) -> Result<ConversationsConfig, InvalidVariable> {
    let retention = environment.parsed("CONVERSATION_RETENTION")?;
    if retention == 0 {
        let problem = "must be at least 1";
        return Err(InvalidVariable::new("CONVERSATION_RETENTION", problem));
    }
    Ok(ConversationsConfig {
        retention,
        grace: Duration::from_secs(environment.parsed("ANSWER_GRACE")?),
    })
}
