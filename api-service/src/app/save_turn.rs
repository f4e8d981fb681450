//! Keeping what another service asked and answered, for the user it names.

use service_kit::clock::is_id;

use super::{
    App,
    error::Error,
    ports::{Ended, Unrecorded},
};
use proto::api_key::KeyScope;

use crate::domain::{
    answer::{AnswerKind, Evidence, TokenUsage},
    conversation::{Answered, ConversationId, NewAnswer, Opening, title_of},
    principal::{Principal, UserId},
    question::Question,
};

/// The longest answer that is kept, in characters.
const LONGEST: usize = 100_000;

/// What was asked and answered elsewhere.
#[derive(Debug, Clone)]
pub struct SavedTurn {
    /// Whose conversation it becomes.
    pub user_id: String,
    /// What they asked.
    pub question: String,
    /// What they were answered.
    pub answer: String,
}

impl App {
    /// Begins a conversation of the user's with this question and answer. Only a
    /// service whose key speaks for others may.
    pub async fn save_turn(
        &self,
        caller: &Principal,
        turn: SavedTurn,
    ) -> Result<ConversationId, Error> {
        let user = speaking_for(caller, &turn.user_id)?;
        let question = Question::new(&turn.question)?;
        if turn.answer.chars().count() > LONGEST || turn.answer.contains('\0') {
            return Err(Error::Label("An answer has at most 100,000 characters."));
        }
        let opening = Opening {
            conversation_id: ConversationId(self.new_id()),
            begins: Some(title_of(question.text())),
            replaces: None,
            question_id: self.new_id(),
            question: Some(question.text().to_owned()),
            documents: vec![],
            answer_id: self.new_id(),
            retention: self.retention,
        };
        let (scope, now) = (user.scope(), self.clock.now());
        if !self.runs.open(&scope, &opening, now).await? {
            return Err(Error::UnknownUser);
        }
        let ended = ended(&opening, turn.answer);
        self.runs.close(&scope, ended, now).await?;
        Ok(opening.conversation_id)
    }
}

/// The user whom a service names.
pub fn speaking_for(caller: &Principal, user_id: &str) -> Result<Principal, Error> {
    let scope = KeyScope::ConversationsInternalSave;
    let user = caller.speaking_for(UserId(user_id.to_owned()));
    let user = user.ok_or(Error::MissingScope(scope))?;
    if is_id(user_id) {
        Ok(user)
    } else {
        Err(Error::UnknownUser)
    }
}

fn ended(opening: &Opening, content: String) -> Ended {
    Ended {
        answer: Some(NewAnswer {
            id: opening.answer_id.clone(),
            conversation_id: opening.conversation_id.clone(),
            content,
            answered: Answered {
                kind: AnswerKind::Generated,
                broken: None,
                model: None,
                usage: TokenUsage::default(),
                sources: vec![],
                evidence: Evidence::default(),
                feedback: None,
            },
        }),
        interaction: None,
        settled: None,
        last: Unrecorded {
            answer_id: opening.answer_id.clone(),
            first: 1,
            events: vec![],
        },
    }
}
