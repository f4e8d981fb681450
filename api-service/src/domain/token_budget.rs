//! How many tokens of language models a user may use in a day.

use service_kit::clock::Millis;

use super::answer::TokenUsage;

const DAY: Millis = 24 * 60 * 60 * 1000;

/// A day of UTC: how many days after 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(pub i64);

impl Day {
    /// The day of this moment.
    pub const fn of(now: Millis) -> Self {
        Self(now.div_euclid(DAY))
    }

    /// The moment at which the next day begins.
    pub const fn end(self) -> Millis {
        (self.0 + 1) * DAY
    }

    /// So many days before.
    #[must_use]
    pub const fn before(self, days: i64) -> Self {
        Self(self.0 - days)
    }
}

/// What a user has used in a day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// By answers that have ended.
    pub used: TokenUsage,
    /// What those under way will use, as far as that can be told.
    pub reserved: u64,
    /// Answers that have ended and that a model was asked for.
    pub answers: u64,
}

/// The most tokens that a user may use in a day; 0 stands for no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenBudget(pub u64);

impl TokenBudget {
    /// The limit, if there is one.
    pub fn limit(self) -> Option<u64> {
        Some(self.0).filter(|limit| *limit > 0)
    }

    /// What is left, if there is a limit.
    pub fn left(self, spent: Spent) -> Option<u64> {
        let gone = spent.used.total().saturating_add(spent.reserved);
        self.limit().map(|limit| limit.saturating_sub(gone))
    }

    /// Whether less than a fifth is left.
    pub fn is_low(self, spent: Spent) -> bool {
        self.left(spent).is_some_and(|left| left < self.0 / 5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_end_at_midnight() {
        let noon = 1_793_534_400_123;
        assert_eq!(Day::of(noon), Day::of(noon - DAY / 2));
        assert_eq!(Day::of(noon).end(), 1_793_577_600_000);
        assert_eq!(Day::of(Day::of(noon).end()), Day(Day::of(noon).0 + 1));
        assert_eq!(Day::of(-1), Day(-1));
    }

    #[test]
    fn what_is_under_way_counts() {
        let spent = |prompt, reserved| Spent {
            used: TokenUsage {
                prompt,
                completion: 10,
            },
            reserved,
            answers: 1,
        };
        let budget = TokenBudget(100);
        assert_eq!(budget.left(spent(40, 20)), Some(30));
        assert!(!budget.is_low(spent(40, 30)));
        assert!(budget.is_low(spent(40, 31)));
        assert_eq!(budget.left(spent(40, 900)), Some(0));
        assert_eq!(TokenBudget(0).left(spent(u64::MAX, 1)), None);
        assert!(!TokenBudget(0).is_low(spent(u64::MAX, 1)));
    }
}
