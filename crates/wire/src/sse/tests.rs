//! What an event carries, in every spelling of one.

use super::{data, event, is_comment_only};

#[test]
fn data_lines_are_joined_and_lose_one_space() {
    for (frame, expected) in [
        ("data: {}\n\n", Some("{}")),
        ("data:{}\n\n", Some("{}")),
        ("data:  {}\r\n\r\n", Some(" {}")),
        ("\u{feff}data: bom\n\n", Some("bom")),
        ("data: a\ndata: b\ndata\n\n", Some("a\nb\n")),
        ("id: 1\rdata: cr\r\r", Some("cr")),
        ("event: x\ndata: y\n: c\n\n", Some("y")),
        ("data: no end", Some("no end")),
        ("data:\n\n", Some("")),
        ("database: x\n\n", None),
        (" data: x\n\n", None),
        (": data: x\n\n", None),
        ("\n", None),
        ("", None),
    ] {
        let data = data(frame.as_bytes());

        assert_eq!(data.as_deref(), expected.map(str::as_bytes), "{frame:?}");
    }
}

#[test]
fn one_data_line_is_not_copied() {
    let data = data(b"data: {}\n\n").expect("data");

    assert!(matches!(data, std::borrow::Cow::Borrowed(_)));
}

#[test]
fn the_last_name_counts() {
    assert_eq!(event(b"event: a\nevent:error\ndata: x\n\n"), Some(&b"error"[..]));
    assert_eq!(event(b"data: event: a\n\n"), None);
}

#[test]
fn comments_and_blank_lines_are_no_event() {
    for (frame, expected) in [
        (": OPENROUTER PROCESSING\n\n", true),
        (":\r\n\r\n", true),
        ("\n", true),
        (": a\n: b\n\n", true),
        (": a\ndata: b\n\n", false),
        ("retry: 5\n\n", false),
    ] {
        assert_eq!(is_comment_only(frame.as_bytes()), expected, "{frame:?}");
    }
}
