//! Lists in pages: so many items, from after a cursor that only we read.

use model::Refusal;
use serde::Serialize;
use utoipa::ToSchema;

/// The part of a list that a request asks for.
pub struct PageWish {
    limit: u32,
    /// The id of the last item seen; empty at the start.
    after: String,
}

#[derive(Serialize, ToSchema)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Null on the last page.
    pub next_cursor: Option<String>,
}

const LIMIT_DEFAULT: u32 = 100;
const CURSOR_BYTES_MAX: usize = 128;

impl PageWish {
    pub(crate) const LIMIT_MAX: u32 = 500;

    pub fn new(limit: Option<u32>, cursor: Option<String>) -> Result<Self, Refusal> {
        let limit = limit.unwrap_or(LIMIT_DEFAULT);
        if !(1..=Self::LIMIT_MAX).contains(&limit) {
            let public = format!("limit is between 1 and {}", Self::LIMIT_MAX);
            return Err(Refusal::invalid("limit", public));
        }
        let after = cursor.unwrap_or_default();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if after.len() > CURSOR_BYTES_MAX || !after.bytes().all(plain) {
            return Err(Self::not_ours());
        }
        Ok(Self { limit, after })
    }

    /// What a query that reads in the order of ids starts after.
    pub fn after(&self) -> &str {
        &self.after
    }

    /// The same for lists that are numbered.
    pub fn number(&self) -> Result<Option<i64>, Refusal> {
        if self.after.is_empty() {
            return Ok(None);
        }
        self.after.parse().map(Some).map_err(|_| Self::not_ours())
    }

    pub const fn limit(&self) -> u32 {
        self.limit
    }

    pub(crate) fn not_ours() -> Refusal {
        Refusal::invalid("cursor", "cursor is none of ours: send next_cursor as it was given")
    }

    /// One more than is shown, which tells whether there is more.
    pub const fn rows(&self) -> u32 {
        self.limit.saturating_add(1)
    }

    /// From rows that were read from after the cursor, at most `rows()` of them.
    pub fn page<Row, View>(
        &self,
        mut rows: Vec<Row>,
        id: impl Fn(&Row) -> String,
        view: impl FnMut(Row) -> View,
    ) -> Page<View> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let is_last = rows.len() <= limit;
        rows.truncate(limit);
        let next_cursor = rows.last().filter(|_| !is_last).map(id);
        Page { items: rows.into_iter().map(view).collect(), next_cursor }
    }

    /// From all rows there are, of a list that is short enough to be read whole.
    pub fn cut<Row, View>(
        &self,
        mut rows: Vec<Row>,
        id: impl Fn(&Row) -> String,
        view: impl FnMut(Row) -> View,
    ) -> Page<View> {
        rows.sort_by_key(&id);
        rows.retain(|row| id(row).as_str() > self.after.as_str());
        self.page(rows, id, view)
    }
}
