//! HTTP/1.1 as bytes: as little of it as the two ends of a measurement need, so that they cost less than what is measured.

/// Of a request or of an answer.
pub struct Head {
    /// Its length, with the empty line.
    pub bytes: usize,
    /// Of an answer; 0 of a request.
    pub status: u16,
    pub content_length: Option<usize>,
    pub is_chunked: bool,
    /// The connection ends with it.
    pub is_last: bool,
}

impl Head {
    /// `None` until all of it is there.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(END.len()).position(|window| window == END)?;
        let mut lines = bytes.get(..end)?.split(|byte| *byte == b'\n');
        let status =
            lines.next()?.strip_prefix(b"HTTP/1.1 ").and_then(|rest| number(rest.get(..3)?));
        let status = status.and_then(|status| u16::try_from(status).ok()).unwrap_or_default();
        let mut head = Self {
            bytes: end + END.len(),
            status,
            content_length: None,
            is_chunked: false,
            is_last: false,
        };
        for line in lines {
            if let Some(value) = value(line, b"content-length:") {
                head.content_length = number(value);
            } else if let Some(value) = value(line, b"transfer-encoding:") {
                head.is_chunked = value.eq_ignore_ascii_case(b"chunked");
            } else if let Some(value) = value(line, b"connection:") {
                head.is_last = value.eq_ignore_ascii_case(b"close");
            }
        }
        Some(head)
    }
}

/// Whether a chunked message that holds no such bytes itself has ended.
pub fn ends_in_last_chunk(bytes: &[u8]) -> bool {
    bytes.ends_with(b"\r\n0\r\n\r\n")
}

/// The content of a whole chunked body; `None` if it is not one.
pub fn content(mut chunks: &[u8]) -> Option<Vec<u8>> {
    let mut content = Vec::with_capacity(chunks.len());
    loop {
        let line = chunks.windows(2).position(|window| window == b"\r\n")?;
        let size = std::str::from_utf8(chunks.get(..line)?).ok()?;
        let size = usize::from_str_radix(size, 16).ok()?;
        let start = line.checked_add(2)?;
        let end = start.checked_add(size)?;
        content.extend_from_slice(chunks.get(start..end)?);
        let rest = chunks.get(end..)?.strip_prefix(b"\r\n")?;
        if size == 0 {
            return rest.is_empty().then_some(content);
        }
        chunks = rest;
    }
}

fn value<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (found, value) = line.split_at_checked(name.len())?;
    found.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
}

fn number(digits: &[u8]) -> Option<usize> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

const END: &[u8] = b"\r\n\r\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_once_it_is_whole() {
        let text = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\nx: y\r\n\r\nabc";

        assert!(Head::read(text.get(..30).unwrap()).is_none());
        let head = Head::read(text).unwrap();

        assert_eq!((head.status, head.content_length, head.is_chunked), (200, Some(12), false));
        assert_eq!(text.get(head.bytes..), Some(&b"abc"[..]));
    }

    #[test]
    fn chunks_are_put_together_and_what_is_cut_off_is_seen() {
        let chunks = b"3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n";

        assert!(ends_in_last_chunk(chunks));
        assert_eq!(content(chunks), Some(b"abcd".to_vec()));
        for cut in 0..chunks.len() {
            assert_eq!(content(chunks.get(..cut).unwrap()), None, "{cut}");
        }
    }
}
