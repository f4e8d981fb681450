//! Begins, finds, prolongs and ends sessions.

use service_kit::clock::{is_id, new_id};

use super::{
    App,
    client::Client,
    error::Error,
    ports::Which,
    vault::{digest, random_text},
};
use crate::domain::{
    Millis,
    audit::{Act, AuditEntry},
    session::Session,
    user::User,
};

/// The letters of a session's token: 190 random bits.
pub const SESSION_TOKEN_LENGTH: usize = 32;

/// The purpose under which a session's handle is derived.
const HANDLE: &str = "session handle";

/// A session with its owner, as a request showed it.
#[derive(Debug, Clone)]
pub struct Current {
    /// Whose it is.
    pub user: User,
    /// The session.
    pub session: Session,
}

/// A session that has just begun.
#[derive(Debug, Clone)]
pub struct Opened {
    /// Its owner.
    pub user: User,
    /// The session.
    pub session: Session,
    /// What proves it. Only its hash is stored: it can't be told again.
    pub token: String,
}

/// A session as its owner sees it in a list.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The session.
    pub session: Session,
    /// What the owner may name it by to end it. It proves nothing.
    pub handle: String,
}

impl App {
    /// Begins a session for someone who has just proved who they are.
    pub(super) async fn open_session(
        &self,
        user: User,
        remember: bool,
        client: &Client,
        entry: &AuditEntry,
    ) -> Result<Opened, Error> {
        let user = self.granted(user).await?;
        let (session, token) = self.new_session(&user, remember, client);
        self.sessions.open(&session, &digest(&token), entry).await?;
        Ok(Opened {
            user,
            session,
            token,
        })
    }

    /// A session that is not stored yet, and its token.
    pub(super) fn new_session(
        &self,
        user: &User,
        remember: bool,
        client: &Client,
    ) -> (Session, String) {
        let (now, rules) = (self.clock.now(), self.policy.sessions);
        let session = Session {
            id: new_id(self.clock.as_ref(), self.randomness.as_ref()),
            user_id: user.id.clone(),
            remember,
            created_at: now,
            refreshed_at: now,
            expires_at: now
                + if remember {
                    rules.idle
                } else {
                    rules.unremembered
                },
            ends_at: now + rules.absolute,
            ip: client.ip.clone(),
            user_agent: client.user_agent.clone(),
        };
        let token = random_text(self.randomness.as_ref(), SESSION_TOKEN_LENGTH);
        (session, token)
    }

    /// The live session that `token` proves, with its owner, if the owner can
    /// use the account.
    pub async fn session(&self, token: &str) -> Result<Option<Current>, Error> {
        if token.len() != SESSION_TOKEN_LENGTH {
            return Ok(None);
        }
        let found = self.sessions.by_token(&digest(token)).await?;
        Ok(usable(found, self.clock.now()))
    }

    /// The session with this id that was live at `moment`, with its owner.
    pub(super) async fn session_by_id(
        &self,
        id: &str,
        moment: Millis,
    ) -> Result<Option<Current>, Error> {
        let found = self.sessions.by_id(id).await?;
        Ok(usable(found, moment))
    }

    /// Prolongs a session if that is due. Gives the session as it is now, and
    /// whether it was prolonged.
    pub async fn prolong(&self, mut session: Session) -> Result<(Session, bool), Error> {
        let now = self.clock.now();
        let Some(expires_at) = session.prolonged(now, self.policy.sessions) else {
            return Ok((session, false));
        };
        self.sessions.prolong(&session.id, expires_at, now).await?;
        session.expires_at = expires_at;
        session.refreshed_at = now;
        Ok((session, true))
    }

    /// Whether the owner of a session signed in just now.
    pub fn is_fresh(&self, session: &Session) -> bool {
        session.is_fresh(self.clock.now(), self.policy.sessions)
    }

    /// Refuses what only someone may do who signed in just now.
    pub fn require_fresh(&self, session: &Session) -> Result<(), Error> {
        if self.is_fresh(session) {
            Ok(())
        } else {
            Err(Error::SessionNotFresh)
        }
    }

    /// The live sessions of an account, the newest first.
    pub async fn list_sessions(&self, user_id: &str) -> Result<Vec<Listed>, Error> {
        let sessions = self.sessions.of_user(user_id, self.clock.now()).await?;
        let listed = sessions.into_iter().map(|session| Listed {
            handle: self.handle(&session.id),
            session,
        });
        Ok(listed.collect())
    }

    /// What a session may be named by without proving it.
    pub fn handle(&self, session_id: &str) -> String {
        self.vault.derive(HANDLE, session_id)
    }

    /// Ends the session of `current` that its owner names by token, handle or
    /// id; says whether there was one.
    pub async fn end_named_session(
        &self,
        current: &Current,
        name: &str,
        client: &Client,
    ) -> Result<bool, Error> {
        let user_id = &current.user.id;
        let mut id = match self.session(name).await? {
            Some(found) if found.user.id == *user_id => Some(found.session.id),
            _ => None,
        };
        if id.is_none() {
            let named = |one: &Listed| one.handle == name || one.session.id == name;
            let listed = self.list_sessions(user_id).await?;
            id = listed.into_iter().find(named).map(|one| one.session.id);
        }
        let Some(id) = id else {
            return Ok(false);
        };
        let ended = self.end_sessions(user_id, Which::One(&id), Act::SessionsRevoked, client);
        Ok(ended.await? > 0)
    }

    /// Ends the session of `current`'s owner that has this id.
    pub async fn end_own_session(
        &self,
        current: &Current,
        id: &str,
        client: &Client,
    ) -> Result<(), Error> {
        let (user_id, which) = (&current.user.id, Which::One(id));
        let ended = self.end_sessions(user_id, which, Act::SessionsRevoked, client);
        if !is_id(id) || ended.await? == 0 {
            return Err(Error::UnknownSession);
        }
        Ok(())
    }

    /// Ends sessions of the account `user_id`, which its owner asked for, and
    /// says how many there were.
    pub async fn end_sessions(
        &self,
        user_id: &str,
        which: Which<'_>,
        act: Act,
        client: &Client,
    ) -> Result<u64, Error> {
        let entry = self.entry(act, Some(user_id), Some(user_id), client);
        Ok(self.sessions.end(user_id, which, &entry).await?)
    }

    /// Signs out of the session that `token` proves, if there is one.
    pub async fn sign_out(&self, token: &str, client: &Client) -> Result<(), Error> {
        if let Some((session, _)) = self.sessions.by_token(&digest(token)).await? {
            let which = Which::One(&session.id);
            self.end_sessions(&session.user_id, which, Act::SignedOut, client)
                .await?;
        }
        Ok(())
    }

    /// The present moment.
    pub fn now(&self) -> Millis {
        self.clock.now()
    }
}

fn usable(found: Option<(Session, User)>, moment: Millis) -> Option<Current> {
    let (session, user) = found?;
    let usable = session.is_live(moment) && user.is_enabled();
    usable.then_some(Current { user, session })
}
