//! How long things are kept.

use service_kit::environment::{Environment, InvalidVariable, Variable};

/// The most days that can be asked for: a hundred years.
const MAX_DAYS: i64 = 36_500;

/// The variables of this section.
pub const VARIABLES: &[Variable] = &[Variable::plain(
    "AUDIT_RETENTION_DAYS",
    "365",
    "For how many days the audit log is kept; 0 keeps it for ever.",
)];

/// How long things are kept.
#[derive(Debug)]
pub struct RetentionConfig {
    /// For how many days the audit log is kept; nothing: for ever.
    pub audit_days: Option<i64>,
}

impl RetentionConfig {
    pub(super) fn read(environment: &Environment) -> Result<Self, InvalidVariable> {
        let days: i64 = environment.parsed("AUDIT_RETENTION_DAYS")?;
        if !(0..=MAX_DAYS).contains(&days) {
            let problem = format!("must be between 0 and {MAX_DAYS}");
            return Err(InvalidVariable::new("AUDIT_RETENTION_DAYS", problem));
        }
        Ok(Self {
            audit_days: Some(days).filter(|days| *days > 0),
        })
    }
}
