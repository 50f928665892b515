//! Torn ends and damage, byte by byte.

use tempfile::TempDir;

use super::*;
use crate::journal::tests::{checkpoint, options, read_all, settled, started, truncate};
use crate::journal::{Journal, Reader, Record};

#[test]
fn wherever_the_last_record_is_torn_the_ones_before_it_stay() {
    let two = frames(&[started(1), checkpoint(1)]);
    let three = frames(&[started(1), checkpoint(1), settled(1)]);
    for cut in two.len()..three.len() {
        let folder = folder_with(&three[..cut]);

        let mut reader = Reader::open(folder.path(), Position::START).expect("reader");
        assert_eq!(read_all(&mut reader), [started(1), checkpoint(1)], "{cut}");

        let (journal, _writer) = Journal::open(folder.path(), options()).expect("reopens");
        let mut reader = journal.reader(Position::START).expect("reader");
        assert_eq!(read_all(&mut reader), [started(1), checkpoint(1)], "{cut}");
        let repaired = fs::read(folder.path().join(file_name(1))).expect("reads");
        assert_eq!(repaired[16..], two, "{cut}");
    }
}

#[test]
fn a_segment_torn_in_its_header_is_an_empty_one() {
    for cut in 0..HEADER_BYTES {
        let folder = folder_with(&[]);
        truncate(&folder.path().join(file_name(1)), cut);

        let (journal, _writer) = Journal::open(folder.path(), options()).expect("reopens");

        let mut reader = journal.reader(Position::START).expect("reader");
        assert!(read_all(&mut reader).is_empty(), "{cut}");
    }
}

#[test]
fn a_tail_of_zeros_is_torn_too() {
    let mut bytes = frames(&[started(1)]);
    bytes.extend([0; 5000]);
    let folder = folder_with(&bytes);

    let (journal, _writer) = Journal::open(folder.path(), options()).expect("reopens");

    let mut reader = journal.reader(Position::START).expect("reader");
    assert_eq!(read_all(&mut reader), [started(1)]);
}

#[test]
fn a_flipped_bit_in_the_middle_is_reported_with_file_and_offset() {
    let first = frames(&[started(1)]).len();
    let two = frames(&[started(1), checkpoint(1)]).len();
    for at in first..two {
        let mut bytes = frames(&[started(1), checkpoint(1), settled(1)]);
        bytes[at] ^= 0x10;
        let folder = folder_with(&bytes);
        let wanted = HEADER_BYTES + first as u64;

        let mut reader = Reader::open(folder.path(), Position::START).expect("reader");
        let before = reader.next_batch(100).expect("what precedes the damage");
        assert_eq!(before.len(), 1);
        let damage = reader.next_batch(100).expect_err("damage");
        let opening = Journal::open(folder.path(), options()).err().expect("damage");

        for error in [damage, opening] {
            let JournalError::Damaged { file, offset, .. } = &error else {
                panic!("{at}: {error}");
            };
            assert!(file.ends_with(file_name(1)), "{error}");
            assert_eq!(*offset, wanted, "{at}: {error}");
        }
    }
}

#[test]
fn an_earlier_segment_that_is_cut_off_is_damaged_not_torn() {
    let bytes = frames(&[started(1), settled(1)]);
    let folder = folder_with(&bytes[..bytes.len() - 1]);
    drop(Segment::create(folder.path(), 2).expect("segment"));

    let mut reader = Reader::open(folder.path(), Position::START).expect("reader");

    assert_eq!(reader.next_batch(100).expect("the first").len(), 1);
    let damage = reader.next_batch(100).expect_err("damage");
    assert!(damage.to_string().contains(CUT_OFF), "{damage}");
}

#[test]
fn a_half_written_batch_is_taken_back_before_the_next_try() {
    let folder = TempDir::new().expect("folder");
    let mut segment = Segment::create(folder.path(), 1).expect("segment");
    segment.append(&frames(&[started(1)]), true).expect("appends");
    let before = segment.end();

    let full = segment.append_by(&frames(&[started(2), settled(2)]), |mut file, frames| {
        file.write_all(&frames[..frames.len() - 3])?;
        Err(io::Error::from(io::ErrorKind::StorageFull))
    });
    assert!(full.is_err());
    assert_eq!(segment.end(), before);
    segment.append(&frames(&[settled(3)]), false).expect("appends");

    let mut reader = Reader::open(folder.path(), Position::START).expect("reader");
    assert_eq!(read_all(&mut reader), [started(1), settled(3)]);
}

#[test]
fn a_strange_file_is_not_read() {
    let folder = folder_with(&[]);
    fs::write(folder.path().join(file_name(1)), "sixteen bytes or more").expect("written");

    let error = Journal::open(folder.path(), options()).err().expect("strange");

    assert!(matches!(error, JournalError::UnknownFormat { .. }), "{error}");
}

fn folder_with(frames: &[u8]) -> TempDir {
    let folder = TempDir::new().expect("folder");
    let mut segment = Segment::create(folder.path(), 1).expect("segment");
    segment.append(frames, false).expect("appends");
    folder
}

fn frames(records: &[Record]) -> Vec<u8> {
    let mut frames = Vec::new();
    for record in records {
        let mut body = Vec::new();
        record.clone().encode(&mut body);
        assert!(push_frame(&body, &mut frames));
    }
    frames
}
