//! Makes administrators of those whom `ADMIN_EMAILS` names, once it is known
//! that the address is theirs. Whoever merely signs up with such an address
//! gets nothing by it.

use proto::claims::Role;

use super::{App, error::Error, manage_accounts::Administrator};
use crate::domain::{account_change::AccountChange, user::User};

impl App {
    /// The account as it is after the configuration has had its say.
    pub(super) async fn granted(&self, user: User) -> Result<User, Error> {
        let named = self.policy.admin_emails.contains(&user.email);
        if !named || !user.email_verified || user.role == Role::Admin {
            return Ok(user);
        }
        let change = AccountChange {
            role: Some(Role::Admin),
            ..AccountChange::default()
        };
        self.change(&Administrator::operator(), &user.id, &change)
            .await
    }
}
