//! Who writes what, and what becomes of the pen.

use futures_util::FutureExt as _;
use tempfile::TempDir;

use super::*;
use crate::journal::tests::{checkpoint, options, read_folder, settled, started};
use crate::journal::{Journal, JournalLost, JournalWriter, Options};

#[tokio::test]
async fn where_nobody_writes_a_record_is_written_at_once() {
    let (folder, journal, _writer) = open(options());

    let ack = append(&journal, started(1));

    assert_eq!(ack.now_or_never(), Some(Ok(())));
    assert_eq!(read_folder(folder.path()), [started(1)]);
    assert_eq!(journal.stats().queued_records, 0);
}

#[tokio::test]
async fn what_comes_while_somebody_writes_is_written_by_them_in_its_order() {
    let (folder, journal, _writer) = open(options());
    let pen = pick_up(&journal);

    let mut acks = [started(1), checkpoint(1), settled(1)].map(|record| append(&journal, record));
    assert!(acks.iter_mut().all(|ack| ack.now_or_never().is_none()));
    assert_eq!(journal.stats().queued_records, 3);
    let own = Writing { state: journal.state(), pen: Some(pen) }.write();

    assert_eq!(own.now_or_never(), Some(Ok(())));
    assert!(acks.into_iter().all(|ack| ack.now_or_never() == Some(Ok(()))));
    assert_eq!(read_folder(folder.path()), [started(1), checkpoint(1), settled(1)]);
    assert_eq!(append(&journal, started(2)).now_or_never(), Some(Ok(())), "the pen lies there");
}

#[tokio::test]
async fn a_pen_that_is_let_fall_is_taken_up_by_the_thread() {
    for sync in [Sync::Always, Sync::Never] {
        let (folder, journal, writer) = open(Options { sync, ..options() });
        let pen = pick_up(&journal);
        let waiting = append(&journal, settled(1));

        drop(Writing { state: journal.state(), pen: Some(pen) });

        assert_eq!(waiting.await, Ok(()));
        writer.close().await.expect("closed");
        assert_eq!(read_folder(folder.path()), [settled(1)]);
    }
}

#[tokio::test]
async fn a_write_that_fails_is_tried_by_the_thread_and_refuses_new_requests() {
    let (_folder, journal, writer) = open(options());
    let mut pen = pick_up(&journal);
    pen.segment.refuse_writes();
    journal.state().desk().pen = PenAt::Desk(pen);

    let ack = append(&journal, started(1));
    let second = append(&journal, started(2));
    while !journal.stats().failed {
        tokio::task::yield_now().await;
    }

    assert!(journal.reserve(1).is_none());
    assert_eq!(journal.stats().queued_records, 2);
    assert_eq!(writer.close().await, Err(JournalLost));
    assert_eq!((ack.await, second.await), (Err(JournalLost), Err(JournalLost)));
}

#[tokio::test]
async fn closing_waits_for_whoever_writes() {
    let (folder, journal, writer) = open(options());
    let pen = pick_up(&journal);
    let waiting = append(&journal, started(1));

    let mut closing = Box::pin(writer.close());
    assert!((&mut closing).now_or_never().is_none());
    Writing { state: journal.state(), pen: Some(pen) }.write().await.expect("written");

    closing.await.expect("closed");
    assert_eq!(waiting.await, Ok(()));
    assert_eq!(append(&journal, started(2)).await, Err(JournalLost));
    assert_eq!(read_folder(folder.path()), [started(1)]);
}

fn open(options: Options) -> (TempDir, Journal, JournalWriter) {
    let folder = TempDir::new().expect("folder");
    let (journal, writer) = Journal::open(folder.path(), options).expect("open");
    (folder, journal, writer)
}

/// As somebody does who is writing.
fn pick_up(journal: &Journal) -> Box<Pen> {
    match mem::replace(&mut journal.state().desk().pen, PenAt::Away) {
        PenAt::Desk(pen) => pen,
        PenAt::Away | PenAt::Tray(_) => panic!("somebody has it"),
    }
}

fn append(journal: &Journal, record: Record) -> Ack {
    journal.state().append(Entry { record, is_reserved: false })
}
