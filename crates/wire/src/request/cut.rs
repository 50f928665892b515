//! Which bytes leave with some members of an object, so that what stays is still an object. Knows no names.

use std::ops::Range;

/// Some members of the object a text is: their names, their values, and a comma for each.
pub(super) struct Cut {
    /// In their order, apart from each other.
    pub ranges: Vec<Range<usize>>,
    /// No member stays.
    pub takes_all: bool,
}

impl Cut {
    /// The members with these values, each at most once. Their names must hold no quote, so that the nearest quote to the
    /// left of a name's end is where it starts.
    pub fn of(text: &str, values: impl Iterator<Item = Range<usize>>) -> Self {
        let mut values: Vec<_> = values.collect();
        values.sort_by_key(|value| value.start);
        let mut ranges = Vec::with_capacity(values.len());
        for value in values {
            push(&mut ranges, text, value);
        }
        let first = after_blank(text, inside(text));
        let first_left = match ranges.first() {
            Some(cut) if cut.start == first => after_blank(text, cut.end),
            _ => first,
        };
        Self { takes_all: starts_with(text, first_left, '}'), ranges }
    }
}

/// Where the first member of an object may be put.
pub(super) fn inside(text: &str) -> usize {
    text.find('{').map_or(0, |open| open.saturating_add(1))
}

fn push(ranges: &mut Vec<Range<usize>>, text: &str, value: Range<usize>) {
    let before = text.get(..value.start).unwrap_or_default();
    let name = before.rfind('"').and_then(|close| before.get(..close)?.rfind('"'));
    let mut start = name.unwrap_or(value.start);
    // What was cut right before takes this one in, so that both together have one comma on either side.
    while let Some(last) = ranges.pop_if(|last| after_blank(text, last.end) == start) {
        start = last.start;
    }
    let comma = after_blank(text, value.end);
    if starts_with(text, comma, ',') {
        ranges.push(start..comma.saturating_add(1));
        return;
    }
    let left = text.get(..start).unwrap_or_default().trim_ascii_end();
    let comma = left.ends_with(',').then(|| left.len().saturating_sub(1));
    ranges.push(comma.unwrap_or(start)..value.end);
}

fn after_blank(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at.saturating_add(rest.len() - rest.trim_ascii_start().len())
}

fn starts_with(text: &str, at: usize, letter: char) -> bool {
    text.get(at..).is_some_and(|rest| rest.starts_with(letter))
}
