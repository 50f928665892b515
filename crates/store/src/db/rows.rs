//! Many rows by few statements: a statement costs a wake-up of the driver and a lookup, a row of it hardly anything. Knows no
//! table.

use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

use sqlx::AssertSqlSafe;

use super::{Tx, Value, on};
use crate::{Result, StoreError};

/// What stands around the rows. Its texts are made once for each number of rows there may be, so that each of them is
/// prepared once.
pub(crate) struct Insert {
    head: &'static str,
    columns: usize,
    tail: &'static str,
    lite: Texts,
    pg: Texts,
}

type Texts = [OnceLock<Arc<str>>; SIZES.len()];

/// Rows in one statement. PostgreSQL takes 65 535 arguments, SQLite half of that.
const SIZES: [usize; 3] = [64, 8, 1];

impl Insert {
    /// `head` ends in `values`; of the `columns` each is an argument.
    pub const fn new(head: &'static str, columns: usize, tail: &'static str) -> Self {
        Self {
            head,
            columns,
            tail,
            lite: [const { OnceLock::new() }; SIZES.len()],
            pg: [const { OnceLock::new() }; SIZES.len()],
        }
    }

    /// SQLite looks named arguments up one by one, each past all before it: there they go without names.
    fn text(&self, rows: usize, is_named: bool) -> String {
        let mut text = self.head.to_owned();
        let mut argument = 0_usize;
        for row in 0..rows {
            text.push_str(if row == 0 { " (" } else { ", (" });
            for column in 0..self.columns {
                argument += 1;
                text.push_str(if column == 0 { "" } else { ", " });
                match is_named {
                    true => write!(text, "${argument}").unwrap_or_default(),
                    false => text.push('?'),
                }
            }
            text.push(')');
        }
        text.push(' ');
        text.push_str(self.tail);
        text
    }
}

impl Tx {
    /// How many rows it touched. `values` are whole rows, one after another.
    pub(crate) async fn insert(&mut self, into: &Insert, values: Vec<Value>) -> Result<u64> {
        let mut left = values.len() / into.columns;
        let mut values = values.into_iter();
        let mut touched = 0_u64;
        let texts = match self {
            Self::Lite(_) => &into.lite,
            Self::Pg(_) => &into.pg,
        };
        for (rows, text) in SIZES.into_iter().zip(texts) {
            let is_named = matches!(self, Self::Pg(_));
            while left >= rows {
                left -= rows;
                let sql = text.get_or_init(|| into.text(rows, is_named).into());
                let sql = AssertSqlSafe(Arc::clone(sql));
                let some = values.by_ref().take(rows * into.columns);
                touched = touched.saturating_add(match self {
                    Self::Lite(tx) => on!(sql, some, &mut **tx, execute).rows_affected(),
                    Self::Pg(tx) => on!(sql, some, &mut **tx, execute).rows_affected(),
                });
            }
        }
        Ok(touched)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_argument_has_its_place() {
        let insert = Insert::new("insert into t (a, b) values", 2, "on conflict do nothing");

        assert_eq!(
            insert.text(2, true),
            "insert into t (a, b) values ($1, $2), ($3, $4) on conflict do nothing"
        );
        assert_eq!(
            insert.text(1, false),
            "insert into t (a, b) values (?, ?) on conflict do nothing"
        );
    }
}
