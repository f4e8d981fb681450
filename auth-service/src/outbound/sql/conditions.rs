//! The conditions of a query that narrows a list down.

use sqlx::{Any, AssertSqlSafe, Encode, FromRow, Type, any::AnyRow, query::QueryAs, query_as_with};
use sqlx::{Arguments, any::AnyArguments};

use crate::app::ports::StoreError;

/// What rows must meet, and the values that it speaks of.
#[derive(Default)]
pub(super) struct Conditions {
    clauses: Vec<String>,
    values: AnyArguments,
}

impl Conditions {
    /// Asks that rows meet `clause`, in which `?` stands for `value`. Nothing is
    /// asked where there is no value.
    pub(super) fn add<'v, V>(
        &mut self,
        clause: &'static str,
        value: Option<V>,
    ) -> Result<(), StoreError>
    where
        V: Encode<'v, Any> + Type<Any>,
    {
        if let Some(value) = value {
            let place = self.bind(value)?;
            self.clauses.push(clause.replace('?', &place));
        }
        Ok(())
    }

    /// Asks that rows meet `clause`, which is made of constants and of what
    /// [`Conditions::bind`] gave.
    pub(super) fn add_made(&mut self, clause: String) {
        self.clauses.push(clause);
    }

    /// The placeholder of a value.
    pub(super) fn bind<'v, V>(&mut self, value: V) -> Result<String, StoreError>
    where
        V: Encode<'v, Any> + Type<Any>,
    {
        self.values.add(value).map_err(StoreError::Broken)?;
        Ok(format!("${}", self.values.len()))
    }

    /// At most `limit` rows of `select` in this `order`.
    pub(super) fn select<R>(
        mut self,
        select: &str,
        order: &'static str,
        limit: i64,
    ) -> Result<QueryAs<'static, Any, R, AnyArguments>, StoreError>
    where
        R: for<'r> FromRow<'r, AnyRow>,
    {
        let limit = self.bind(limit)?;
        let condition = if self.clauses.is_empty() {
            String::new()
        } else {
            format!("WHERE {}", self.clauses.join(" AND "))
        };
        // Safe: constants and numbered placeholders only.
        let sql = AssertSqlSafe(format!("{select} {condition} {order} LIMIT {limit}"));
        Ok(query_as_with(sql, self.values))
    }
}
