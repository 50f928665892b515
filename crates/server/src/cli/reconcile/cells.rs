//! Comma-separated values (RFC 4180), read. Knows nothing of what is in them.

/// Lines of cells. `None` where a quote is never closed.
pub fn cells(text: &str) -> Option<Vec<Vec<String>>> {
    let text = text.trim_start_matches('\u{feff}');
    let (mut lines, mut line, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut is_quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if is_quoted && characters.peek() == Some(&'"') => {
                characters.next();
                cell.push('"');
            }
            '"' if is_quoted => is_quoted = false,
            character if is_quoted => cell.push(character),
            '"' => is_quoted = true,
            ',' => line.push(std::mem::take(&mut cell)),
            '\r' if characters.peek() == Some(&'\n') => {}
            '\n' => {
                line.push(std::mem::take(&mut cell));
                lines.push(std::mem::take(&mut line));
            }
            character => cell.push(character),
        }
    }
    if is_quoted {
        return None;
    }
    if !cell.is_empty() || !line.is_empty() {
        line.push(cell);
        lines.push(line);
    }
    lines.retain(|line| line.iter().any(|cell| !cell.trim().is_empty()));
    Some(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_read_with_their_quotes_and_line_ends() {
        let text = "\u{feff}a,\"b \"\"c\"\", d\",\r\n\"two\nlines\",2,3\n\n,,\nlast";

        let lines = cells(text).expect("closed");

        assert_eq!(
            lines,
            [vec!["a", "b \"c\", d", ""], vec!["two\nlines", "2", "3"], vec!["last"]]
        );
        assert_eq!(cells("a,\"b"), None);
    }
}
