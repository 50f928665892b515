//! The throwaway cluster, asked through psql.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use testkit::postgres::{Postgres, TestDatabase};

use crate::SOON;

#[tokio::test]
async fn two_tests_get_two_empty_databases() {
    let (Some(one), Some(other)) = tokio::join!(Postgres::database(), Postgres::database()) else {
        return;
    };

    assert_ne!(one.url, other.url);
    assert_eq!(psql(&one, "select 1"), "1");
    assert_eq!(psql(&other, "select 1"), "1");
    psql(&one, "create table mine (n int)");
    let tables = "select count(*) from information_schema.tables where table_name = 'mine'";
    assert_eq!(psql(&one, tables), "1");
    assert_eq!(psql(&other, tables), "0");
    assert_eq!(psql(&one, "show max_connections"), "1000");
    assert_eq!(psql(&one, "show fsync"), "off");
}

/// Runs itself as a process of its own that starts a cluster, and kills that process.
#[tokio::test]
async fn a_killed_test_process_leaves_nothing_behind() {
    if Postgres::database().await.is_none() {
        return;
    }
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "postgres::held_until_killed", "--nocapture"])
        .env(HOLD.0, HOLD.1)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = {
        use std::io::BufRead;
        let said = child.stdout.take().unwrap();
        std::io::BufReader::new(said).lines().map_while(Result::ok)
    };
    let folder = lines.find_map(|line| Some(line.split_once("FOLDER=")?.1.to_owned())).unwrap();
    let pid = std::fs::read_to_string(Path::new(&folder).join("postmaster.pid")).unwrap();
    let server = Path::new("/proc").join(pid.lines().next().unwrap());
    assert!(server.exists());

    child.kill().unwrap();
    child.wait().unwrap();

    let deadline = Instant::now() + SOON;
    while server.exists() || Path::new(&folder).exists() {
        assert!(Instant::now() < deadline, "{folder} is still there");
        std::thread::sleep(Duration::from_millis(20));
    }
}

const HOLD: (&str, &str) = ("KEYSTILE_TEST_HOLD", "1");

/// The other half of the test above; does nothing when run by itself.
#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "how the test above tells this process that it is its child"
)]
async fn held_until_killed() {
    if std::env::var(HOLD.0).as_deref() != Ok(HOLD.1) {
        return;
    }
    let database = Postgres::database().await.unwrap();
    println!("\nFOLDER={}", psql(&database, "show data_directory"));
    std::future::pending::<()>().await;
}

fn psql(database: &TestDatabase, sql: &str) -> String {
    let output = Command::new("psql")
        .args(["--no-psqlrc", "--tuples-only", "--no-align", "--command"])
        .args([sql, &database.url])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
