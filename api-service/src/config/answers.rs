//! When a question is answered.

use service_kit::environment::{Environment, InvalidVariable, Variable};

/// The variables.
pub(super) const VARIABLES: &[Variable] = &[Variable::plain(
    "REFUSE_BELOW",
    "0.52",
    "The nearness of the best passage and sentence to the question, from 0 to 1, below which \
     extracts are refused; `api-service eval` tells what suits an embedding model.",
)];

pub(super) fn refuse_below(environment: &Environment) -> Result<f32, InvalidVariable> {
    let nearness: f32 = environment.parsed("REFUSE_BELOW")?;
    if (0.0..=1.0).contains(&nearness) {
        return Ok(nearness);
    }
    Err(InvalidVariable::new("REFUSE_BELOW", "is from 0 to 1"))
}
