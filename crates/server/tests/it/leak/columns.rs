//! Where people's own words may stand in the database, and the search for them everywhere else in it.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqliteConnection};
use testkit::canary::Canaries;

/// Table and column.
const OWN_WORDS: [(&str, &str); 19] = [
    ("answers", "answer"),
    ("attempts", "model"),
    ("audit", "detail"),
    ("gateway_keys", "name"),
    ("gateway_keys", "policy"),
    ("invitations", "email"),
    ("projects", "name"),
    ("projects", "settings"),
    ("provider_keys", "allowed_models"),
    ("provider_keys", "base_url"),
    ("provider_keys", "label"),
    ("provider_keys", "name"),
    ("provider_keys", "origin"),
    ("secrets", "description"),
    ("secrets", "name"),
    ("uploads", "request"),
    ("users", "email"),
    ("workspaces", "name"),
    ("workspaces", "settings"),
];

pub async fn scan_sqlite(words: &Canaries, folder: &Path) -> Vec<String> {
    let options = SqliteConnectOptions::new().filename(folder.join("keystile.db")).read_only(true);
    let mut database = SqliteConnection::connect_with(&options).await.expect("the database");
    let columns = "select m.name, c.name from sqlite_master m, pragma_table_info(m.name) c where m.type = 'table'";
    let columns = sqlx::query(columns).fetch_all(&mut database).await.expect("the columns");
    let (mut found, mut own) = (Vec::new(), Vec::new());
    for row in &columns {
        let (table, column) = (text(row, 0), text(row, 1));
        let all = format!("select cast({column} as blob) from {table} where {column} is not null");
        let rows =
            sqlx::query(AssertSqlSafe(all)).fetch_all(&mut database).await.expect("the rows");
        let values: Vec<Vec<u8>> = rows.iter().map(|row| row.get(0)).collect();
        let hits = words.scan(&format!("{table}.{column}"), &values.join(&b'\n'));
        let is_own = OWN_WORDS.contains(&(table.as_str(), column.as_str()));
        if is_own { &mut own } else { &mut found }.extend(hits);
    }
    assert!(own.len() >= 10, "words are kept where they belong: {own:?}");
    found
}

fn text(row: &SqliteRow, index: usize) -> String {
    row.get(index)
}

/// By table, because a dump does not name its columns.
pub fn scan_dump(words: &Canaries, dump: &[u8]) -> Vec<String> {
    let dump = String::from_utf8_lossy(dump);
    let mut found = Vec::new();
    for insert in dump.split("\nINSERT INTO public.").skip(1) {
        let (table, values) = insert.split_once(' ').expect("a table");
        if !OWN_WORDS.iter().any(|(own, _)| *own == table) {
            found.extend(words.scan(table, values.as_bytes()));
        }
    }
    found
}
