//! Sessions: how long someone stays signed in.

use super::Millis;

const DAY: Millis = 24 * 60 * 60 * 1000;

/// How long sessions live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionRules {
    /// How long a session that is to be remembered outlives its last refresh.
    pub idle: Millis,
    /// How long a session lives that is not to be remembered.
    pub unremembered: Millis,
    /// How long after a refresh the next one is due.
    pub refresh_after: Millis,
    /// How long a session lives at most, however often it is refreshed.
    pub absolute: Millis,
    /// For how long a session counts as just signed in.
    pub fresh: Millis,
}

impl Default for SessionRules {
    /// Better Auth's seven days, one day and one day, with the absolute limit
    /// that it lacks (ASVS 5.0, 7.3.2).
    fn default() -> Self {
        Self {
            idle: 7 * DAY,
            unremembered: DAY,
            refresh_after: DAY,
            absolute: 90 * DAY,
            fresh: DAY,
        }
    }
}

impl SessionRules {
    /// The same rules, with sessions that live as long as a token of
    /// `lifetime` milliseconds.
    #[must_use]
    pub fn outliving(mut self, lifetime: Millis) -> Self {
        self.idle = self.idle.max(lifetime);
        self.absolute = self.absolute.max(lifetime);
        self
    }
}

/// Someone who stays signed in, on one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// UUIDv7, the `sid` of the session's access tokens.
    pub id: String,
    /// Whose session it is.
    pub user_id: String,
    /// Whether it outlives the browser.
    pub remember: bool,
    /// When its owner signed in.
    pub created_at: Millis,
    /// When it was last prolonged.
    pub refreshed_at: Millis,
    /// When it ends unless it is prolonged.
    pub expires_at: Millis,
    /// When it ends in any case.
    pub ends_at: Millis,
    /// From where its owner signed in.
    pub ip: Option<String>,
    /// With what its owner signed in.
    pub user_agent: Option<String>,
}

impl Session {
    /// Whether the session holds at `now`.
    pub const fn is_live(&self, now: Millis) -> bool {
        now < self.expires_at && now < self.ends_at
    }

    /// Whether its owner has signed in just now, as risky acts ask for.
    pub const fn is_fresh(&self, now: Millis, rules: SessionRules) -> bool {
        now - self.created_at < rules.fresh
    }

    /// Until when the session would live if it were used now: longer only where
    /// it is to be remembered.
    pub fn refreshed(&self, now: Millis, rules: SessionRules) -> Millis {
        if self.remember {
            (now + rules.idle).min(self.ends_at)
        } else {
            self.expires_at
        }
    }

    /// Until when the session would live if it were prolonged now; nothing
    /// where that is not due, or where it is not to be remembered.
    pub fn prolonged(&self, now: Millis, rules: SessionRules) -> Option<Millis> {
        let due = self.remember && now >= self.refreshed_at + rules.refresh_after;
        due.then(|| self.refreshed(now, rules))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(remember: bool) -> Session {
        Session {
            id: String::new(),
            user_id: String::new(),
            remember,
            created_at: 0,
            refreshed_at: 0,
            expires_at: 7 * DAY,
            ends_at: 90 * DAY,
            ip: None,
            user_agent: None,
        }
    }

    #[test]
    fn a_session_slides_once_a_day_up_to_its_end() {
        let rules = SessionRules::default();
        assert_eq!(session(true).prolonged(DAY - 1, rules), None);
        assert_eq!(session(true).prolonged(DAY, rules), Some(8 * DAY));
        assert_eq!(session(true).prolonged(89 * DAY, rules), Some(90 * DAY));
        assert_eq!(session(false).prolonged(DAY, rules), None);
    }

    #[test]
    fn a_session_ends_at_its_expiry_and_is_fresh_for_a_day() {
        let rules = SessionRules::default();
        assert!(session(true).is_live(7 * DAY - 1));
        assert!(!session(true).is_live(7 * DAY));
        assert!(session(true).is_fresh(DAY - 1, rules));
        assert!(!session(true).is_fresh(DAY, rules));
    }
}
