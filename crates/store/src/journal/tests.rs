//! The journal as its callers see it: promises kept over crashes, full disks and bounds.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use model::clock::SystemClock;
use model::random::OsRandom;
use model::{
    GatewayKeyId, NodeId, ProjectId, ProviderKeyId, RequestId, Timestamp, Usage, WorkspaceId,
};
use tempfile::TempDir;

use super::*;

#[tokio::test]
async fn what_is_acknowledged_is_read_back_in_order() {
    let folder = TempDir::new().expect("folder");
    let (journal, writer) = Journal::open(folder.path(), options()).expect("open");
    let records = [started(1), checkpoint(1), settled(1)];

    let reservation = journal.reserve(3).expect("room");
    for record in &records {
        reservation.append_acked(record.clone()).await.expect("written");
    }
    let live = read_all(&mut journal.reader(Position::START).expect("reader"));
    writer.close().await.expect("closed");

    assert_eq!(live, records);
    assert_eq!(read_folder(folder.path()), records);
}

#[tokio::test]
async fn always_means_synced_before_the_acknowledgement_and_never_still_writes() {
    for sync in [Sync::Always, Sync::Never] {
        let folder = TempDir::new().expect("folder");
        let options = Options { sync, ..options() };
        let (journal, _writer) = Journal::open(folder.path(), options).expect("open");

        append(&journal, settled(1)).await;

        assert_eq!(read_folder(folder.path()), [settled(1)]);
    }
}

#[tokio::test]
async fn a_reader_goes_on_from_any_position() {
    let folder = TempDir::new().expect("folder");
    let (journal, writer) = Journal::open(folder.path(), small_segments()).expect("open");
    let records: Vec<_> = (0..20).map(started).collect();
    for record in &records {
        append(&journal, record.clone()).await;
    }
    writer.close().await.expect("closed");

    let mut reader = Reader::open(folder.path(), Position::START).expect("reader");
    let mut rest = records.as_slice();
    while let Some((record, after)) = reader.next_batch(1).expect("reads").pop() {
        assert_eq!(record, rest[0]);
        rest = &rest[1..];
        let mut again = Reader::open(folder.path(), after).expect("reader");
        assert_eq!(read_all(&mut again), rest);
    }

    assert!(rest.is_empty());
}

#[tokio::test]
async fn full_segments_give_way_and_drained_ones_go() {
    let folder = TempDir::new().expect("folder");
    let (journal, _writer) = Journal::open(folder.path(), small_segments()).expect("open");
    let records: Vec<_> = (0..20).map(started).collect();
    for record in &records {
        append(&journal, record.clone()).await;
    }
    let before = journal.stats();
    assert!(before.segments > 5, "{before:?}");
    assert_eq!(before.queued_records, 0);

    let end = *journal.written().borrow();
    journal.drained(end);

    let after = journal.stats();
    assert_eq!((after.segments, after.undrained_bytes), (1, 0));
    assert_eq!(segment::list(folder.path()).expect("list"), [end.segment]);
    append(&journal, settled(1)).await;
    let mut reader = journal.reader(end).expect("reader");
    assert_eq!(read_all(&mut reader), [settled(1)]);
}

#[tokio::test]
async fn the_queue_is_bounded_and_recovers() {
    let folder = TempDir::new().expect("folder");
    let options = Options { queue_records_max: 3, ..options() };
    let (journal, _writer) = Journal::open(folder.path(), options).expect("open");

    let two = journal.reserve(2).expect("room");
    assert!(journal.reserve(2).is_none());
    assert!(journal.reserve(u32::MAX).is_none());
    let one = journal.reserve(1).expect("the last one");
    assert!(journal.reserve(1).is_none());

    two.append_acked(settled(1)).await.expect("written");
    assert!(journal.reserve(2).is_none(), "one was used, one is still held");
    drop(two);
    assert!(journal.reserve(2).is_some(), "both are back");
    drop(one);
    assert!(journal.reserve(3).is_some());
}

#[tokio::test]
async fn the_disk_is_bounded_until_drained() {
    let folder = TempDir::new().expect("folder");
    let options = Options { bytes_max: 4096, ..options() };
    let (journal, _writer) = Journal::open(folder.path(), options).expect("open");

    let mut written = 0;
    while let Some(reservation) = journal.reserve(1) {
        reservation.append_acked(started(written)).await.expect("written");
        written += 1;
    }
    assert!((4..=40).contains(&written), "{written}");
    assert!(journal.stats().undrained_bytes <= 4096);

    journal.drained(*journal.written().borrow());
    assert!(journal.reserve(1).is_some());
}

#[tokio::test]
async fn more_than_was_reserved_is_recorded_all_the_same() {
    let folder = TempDir::new().expect("folder");
    let options = Options { queue_records_max: 1, ..options() };
    let (journal, _writer) = Journal::open(folder.path(), options).expect("open");

    let reservation = journal.reserve(1).expect("room");
    reservation.append(started(1));
    reservation.append(checkpoint(1));
    reservation.append_acked(settled(1)).await.expect("written");
    drop(reservation);

    assert_eq!(read_folder(folder.path()).len(), 3);
    assert!(journal.reserve(1).is_some(), "nothing was given back twice");
    assert!(journal.reserve(2).is_none());
}

/// The files as they are after `kill -9`: copied under the running writer's hands.
#[tokio::test]
async fn a_killed_process_loses_nothing_acknowledged() {
    let folder = TempDir::new().expect("folder");
    let (journal, writer) = Journal::open(folder.path(), small_segments()).expect("open");
    let mut acknowledged = Vec::new();
    for n in 0..10 {
        append(&journal, started(n)).await;
        acknowledged.push(started(n));
        let unheard = journal.reserve(1).expect("room");
        unheard.append(checkpoint(n));

        let crashed = copy(folder.path());
        let (reopened, _writer) = Journal::open(crashed.path(), options()).expect("reopens");
        append(&reopened, settled(n)).await;

        let mut found = read_all(&mut reopened.reader(Position::START).expect("reader"));
        assert_eq!(found.pop(), Some(settled(n)));
        found.retain(|record| matches!(record, Record::Started(_)));
        assert_eq!(found, acknowledged);
    }
    drop((journal, writer));
}

/// A power cut under `Interval`: the database holds what the journal lost.
#[tokio::test]
async fn records_after_a_lost_tail_come_after_the_drained_position() {
    let folder = TempDir::new().expect("folder");
    let (journal, writer) = Journal::open(folder.path(), options()).expect("open");
    append(&journal, started(1)).await;
    append(&journal, settled(1)).await;
    let drained = *journal.written().borrow();
    writer.close().await.expect("closed");
    let file = folder.path().join(segment::file_name(drained.segment));
    truncate(&file, segment::HEADER_BYTES + 5);

    let (journal, _writer) = Journal::open(folder.path(), options()).expect("reopens");
    append(&journal, started(2)).await;

    let mut reader = journal.reader(drained).expect("reader");
    assert_eq!(read_all(&mut reader), [started(2)]);
}

#[tokio::test]
async fn a_replaced_folder_is_noticed() {
    let folder = TempDir::new().expect("folder");
    let (journal, _writer) = Journal::open(folder.path(), options()).expect("open");
    let elsewhere = Position { segment: 57, offset: 99 };

    for reader in [journal.reader(elsewhere), Reader::open(folder.path(), elsewhere)] {
        assert!(matches!(
            reader.err(),
            Some(JournalError::UnknownPosition { segment: 57, offset: 99 })
        ));
    }
}

/// A folder that is away fails the rotation as a full disk would.
#[tokio::test]
async fn a_failing_disk_refuses_new_requests_keeps_old_records_and_recovers() {
    let outer = TempDir::new().expect("folder");
    let folder = outer.path().join("journal");
    let away = outer.path().join("away");
    let (journal, writer) = Journal::open(&folder, small_segments()).expect("open");
    append(&journal, started(1)).await;
    append(&journal, started(2)).await;
    let held = journal.reserve(2).expect("room");

    fs::rename(&folder, &away).expect("renamed");
    let ack = held.append_acked(settled(1));
    let second = held.append_acked(settled(2));
    while !journal.stats().failed {
        tokio::task::yield_now().await;
    }
    assert!(journal.reserve(1).is_none());
    fs::rename(&away, &folder).expect("renamed");

    ack.await.expect("written after all");
    second.await.expect("written after all");
    assert!(!journal.stats().failed);
    assert!(journal.reserve(1).is_some());
    writer.close().await.expect("closed");
    assert_eq!(read_folder(&folder), [started(1), started(2), settled(1), settled(2)]);
}

#[tokio::test]
async fn a_disk_that_stays_away_does_not_hold_up_the_shutdown() {
    let outer = TempDir::new().expect("folder");
    let folder = outer.path().join("journal");
    let (journal, writer) = Journal::open(&folder, small_segments()).expect("open");
    append(&journal, started(1)).await;
    append(&journal, started(2)).await;
    let held = journal.reserve(1).expect("room");

    fs::remove_dir_all(&folder).expect("removed");
    let ack = held.append_acked(settled(1));

    assert_eq!(writer.close().await, Err(JournalLost));
    assert_eq!(ack.await, Err(JournalLost));
}

#[tokio::test]
async fn nothing_is_reserved_after_closing_but_what_was_reserved_is_written() {
    let folder = TempDir::new().expect("folder");
    let (journal, writer) = Journal::open(folder.path(), options()).expect("open");
    let held = journal.reserve(2).expect("room");
    held.append(started(1));

    writer.close().await.expect("closed");

    assert!(journal.reserve(1).is_none());
    assert_eq!(held.append_acked(settled(1)).await, Err(JournalLost));
    assert_eq!(read_folder(folder.path()), [started(1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_dropped_by_many_threads_all_arrive_and_a_reader_sees_only_whole_ones() {
    const THREADS: u32 = 8;
    const EACH: u32 = 250;
    struct Dying(Arc<Reservation>, u32);
    impl Drop for Dying {
        fn drop(&mut self) {
            self.0.append(settled(self.1));
        }
    }
    let folder = TempDir::new().expect("folder");
    let options = Options { segment_bytes_max: 3 << 10, ..options() };
    let (journal, writer) = Journal::open(folder.path(), options).expect("open");

    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let journal = journal.clone();
            thread::spawn(move || {
                for n in 0..EACH {
                    let reservation = Arc::new(journal.reserve(1).expect("room"));
                    drop(Dying(reservation, thread * EACH + n));
                }
            })
        })
        .collect();
    let mut reader = journal.reader(Position::START).expect("reader");
    let mut written = journal.written();
    let mut seen = Vec::new();
    while seen.len() < (THREADS * EACH) as usize {
        seen.extend(read_all(&mut reader));
        let wait = tokio::time::timeout(Duration::from_secs(10), written.changed());
        if seen.len() < (THREADS * EACH) as usize
            && reader.position() == *journal.written().borrow()
        {
            wait.await.expect("more comes").expect("the writer lives");
        }
    }
    for thread in threads {
        thread.join().expect("no panic");
    }
    writer.close().await.expect("closed");

    let mut attempts: Vec<_> = seen.iter().map(Record::attempt).collect();
    attempts.sort_unstable();
    assert_eq!(attempts, (0..THREADS * EACH).collect::<Vec<_>>());
    assert_eq!(journal.stats().queued_records, 0);
}

#[test]
fn a_long_name_is_shortened_not_refused() {
    let Record::Started(mut long) = started(1) else { unreachable!() };
    long.model = "ü\u{1}".repeat(1 << 20);
    let mut body = Vec::new();

    Record::Started(long).encode(&mut body);

    assert!(body.len() < segment::RECORD_BYTES_MAX, "{}", body.len());
    assert!(Record::decode(&body).is_some());
}

#[test]
fn the_bodies_of_the_first_journals_are_read() {
    let bodies = [
        r#"{"s":{"request":"req_00000000000000000000000000000000","attempt":1,"at":1774000800000,"workspace":"ws_00000000000000000000000000000000","project":"prj_00000000000000000000000000000000","gateway_key":"gk_00000000000000000000000000000000","provider_key":"pk_00000000000000000000000000000000","provider":"openai","model":"gpt-5","dialect":"openai_chat","streamed":true,"payer":"workspace","held_at":1774000800000}}"#,
        r#"{"c":{"request":"req_00000000000000000000000000000000","attempt":1,"usage":{"input_tokens":null,"cached_tokens":null,"output_tokens":17,"reasoning_tokens":null,"estimated":false}}}"#,
        r#"{"e":{"request":"req_00000000000000000000000000000000","attempt":1,"at":1774000801234,"status":"completed","http_status":200,"error_code":null,"usage":{"input_tokens":null,"cached_tokens":null,"output_tokens":null,"reasoning_tokens":null,"estimated":false},"billing_unknown":false,"latency_ms":1234,"ttft_ms":56}}"#,
    ];

    let read = bodies.map(|body| Record::decode(body.as_bytes()));

    assert_eq!(read, [Some(started(1)), Some(checkpoint(1)), Some(settled(1))]);
}

#[test]
fn a_second_keystile_is_refused_until_the_first_is_gone() {
    let folder = TempDir::new().expect("folder");
    let first = NodeLock::acquire(folder.path()).expect("free");

    let second = NodeLock::acquire(folder.path()).err().expect("taken");
    assert!(matches!(second, Locked::Taken { .. }));
    assert!(second.to_string().contains("another keystile is using the data folder"));

    drop(first);
    assert!(NodeLock::acquire(folder.path()).is_ok());
}

#[test]
fn a_node_keeps_its_id() {
    let folder = TempDir::new().expect("folder");
    let id = || node_id(folder.path(), &SystemClock, &OsRandom);

    let first: NodeId = id().expect("made");

    assert_eq!(id().expect("read"), first);
    fs::write(folder.path().join("node"), "nonsense").expect("written");
    assert!(matches!(id(), Err(JournalError::Damaged { .. })));
}

pub(super) fn started(n: u32) -> Record {
    Record::Started(Started {
        request: RequestId::NIL,
        attempt: n,
        at: Timestamp::from_unix_ms(1_774_000_800_000),
        workspace: WorkspaceId::NIL,
        project: ProjectId::NIL,
        gateway_key: GatewayKeyId::NIL,
        provider_key: Some(ProviderKeyId::NIL),
        provider: "openai".to_owned(),
        model: "gpt-5".to_owned(),
        dialect: "openai_chat".to_owned(),
        streamed: true,
        payer: "workspace".to_owned(),
        held_at: Timestamp::from_unix_ms(1_774_000_800_000),
        hold_pico_usd: None,
    })
}

pub(super) fn checkpoint(n: u32) -> Record {
    Record::Checkpoint(Checkpoint {
        request: RequestId::NIL,
        attempt: n,
        usage: Usage { output_tokens: Some(17), ..Usage::default() },
        cost_pico_usd: None,
    })
}

pub(super) fn settled(n: u32) -> Record {
    Record::Settled(Settled {
        request: RequestId::NIL,
        attempt: n,
        at: Timestamp::from_unix_ms(1_774_000_801_234),
        status: Outcome::Completed,
        http_status: Some(200),
        error_code: None,
        usage: Usage::default(),
        cost_pico_usd: None,
        price: None,
        billing_unknown: false,
        latency_ms: 1234,
        ttft_ms: Some(56),
    })
}

pub(super) fn options() -> Options {
    Options::default()
}

/// One or two records each.
fn small_segments() -> Options {
    Options { segment_bytes_max: 200, ..options() }
}

async fn append(journal: &Journal, record: Record) {
    let reservation = journal.reserve(1).expect("room");
    reservation.append_acked(record).await.expect("written");
}

pub(super) fn read_all(reader: &mut Reader) -> Vec<Record> {
    let mut all = Vec::new();
    loop {
        let batch = reader.next_batch(7).expect("reads");
        if batch.is_empty() {
            return all;
        }
        all.extend(batch.into_iter().map(|(record, _)| record));
    }
}

pub(super) fn read_folder(folder: &Path) -> Vec<Record> {
    read_all(&mut Reader::open(folder, Position::START).expect("reader"))
}

fn copy(folder: &Path) -> TempDir {
    let copy = TempDir::new().expect("folder");
    for sequence in segment::list(folder).expect("list") {
        let name = segment::file_name(sequence);
        fs::copy(folder.join(&name), copy.path().join(&name)).expect("copied");
    }
    copy
}

pub(super) fn truncate(file: &Path, length: u64) {
    let file = fs::OpenOptions::new().write(true).open(file).expect("opens");
    file.set_len(length).expect("truncated");
}
