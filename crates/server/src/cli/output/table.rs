//! Columns as wide as what is in them, two spaces apart. Knows nothing of what it shows.

use std::fmt;

pub struct Table {
    rows: Vec<Vec<String>>,
}

const GAP: usize = 2;

impl Table {
    /// Without titles there is no first line.
    pub fn new(titles: impl IntoIterator<Item = String>) -> Self {
        let titles: Vec<_> = titles.into_iter().collect();
        Self { rows: if titles.is_empty() { Vec::new() } else { vec![titles] } }
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths = Vec::new();
        for row in &self.rows {
            widths.resize(widths.len().max(row.len()), 0);
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        widths
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        for row in &self.rows {
            let mut line = String::new();
            for (width, cell) in widths.iter().zip(row) {
                let width = width.saturating_add(GAP);
                line.push_str(&format!("{cell:<width$}"));
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_by_characters_and_lines_end_where_their_text_does() {
        let mut table = Table::new(["NAME".to_owned(), "ID".to_owned()]);
        table.row(["Müller".to_owned(), "pk_1".to_owned()]);
        table.row([String::new(), "x".to_owned()]);

        assert_eq!(table.to_string(), "NAME    ID\nMüller  pk_1\n        x\n");
    }
}
