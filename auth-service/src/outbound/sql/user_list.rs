//! Lists accounts.

use proto::claims::Role;
use service_kit::database::Database;

use super::{
    conditions::Conditions,
    failed,
    user_row::{COLUMNS, UserRow},
};
use crate::{
    app::ports::{AccountFilter, StoreError},
    domain::user::User,
};

/// The accounts that `filter` lets through, the newest first.
pub(super) async fn list(
    database: &Database,
    filter: &AccountFilter,
) -> Result<Vec<User>, StoreError> {
    let mut conditions = Conditions::default();
    if let Some(text) = &filter.search {
        // SQLite's LOWER knows ASCII alone: a name is found as written, too.
        let lower = conditions.bind(pattern(&text.to_lowercase()))?;
        let written = conditions.bind(pattern(text))?;
        let column = |column, pattern| format!(r"{column} LIKE {pattern} ESCAPE '\'");
        let columns = [
            column("u.email", &lower),
            column("u.username", &lower),
            column("LOWER(u.name)", &lower),
            column("u.name", &written),
        ];
        conditions.add_made(format!("({})", columns.join(" OR ")));
    }
    conditions.add("u.role = ?", filter.role.map(Role::as_str))?;
    let disabled = filter.disabled.map(i64::from);
    conditions.add("(u.disabled_at IS NOT NULL) = (? = 1)", disabled)?;
    conditions.add("u.id < ?", filter.after.as_deref())?;
    let select = format!("SELECT {COLUMNS} FROM users u");
    let rows: Vec<UserRow> = conditions
        .select(&select, "ORDER BY u.id DESC", filter.limit)?
        .fetch_all(&database.pool)
        .await
        .map_err(failed)?;
    let users = rows
        .into_iter()
        .map(|row| row.into_credentials().map(|known| known.user));
    Ok(users.collect::<Result<_, _>>()?)
}

/// A pattern of LIKE for texts that hold `text` as it is.
fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for letter in text.chars() {
        if matches!(letter, '\\' | '%' | '_') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}
