//! Redis comes and goes: nobody waits for it, nothing is without a limit, and what is back is used again.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use model::clock::SystemClock;
use store::rate::{InvalidRedisUrl, Limit, RateLimits, RedisUrl};
use tokio::io::AsyncReadExt as _;
use tokio::sync::watch;

use crate::place::eventually;
use crate::rate_gate::{Gate, key, node, requests, tokens};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_redis_leaves_each_node_its_share_until_it_is_back() {
    let Some(mut gate) = Gate::redis().await else { return };
    let limit = requests(4);
    assert_eq!(gate.granted(key(1), limit, 0, 2).await, 2);

    gate.kill();

    // What a node granted while Redis was there is part of its share.
    assert_eq!(gate.granted(key(1), limit, 0, 64).await, 2);
    gate.is_alone().await;
    assert_eq!(gate.granted(key(2), requests(1), 0, 64).await, 2, "a share is one at least");
    gate.restart();
    gate.is_shared().await;
    assert_eq!(gate.granted(key(3), limit, 0, 64).await, 4);
    // Redis knows nothing of before. The nodes do, so that no number of restarts gives one more than its limit.
    assert_eq!(gate.granted(key(1), limit, 0, 64).await, 4);
    gate.kill();
    gate.is_alone().await;
    gate.restart();
    gate.is_shared().await;
    assert_eq!(gate.granted(key(1), limit, 0, 64).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_given_back_was_never_asked_for_on_any_node() {
    let Some(gate) = Gate::redis().await else { return };
    let limit = Limit { requests_per_minute: Some(1), tokens_per_minute: Some(10) };
    gate.take(key(1), limit, 10).await.expect("room").give_back();

    // In a minute it would have leaked: this is not waited for so long.
    let again = || async { gate.granted(key(1), limit, 10, 1).await == 1 };
    eventually("the request and its tokens are there again", again).await;

    assert_eq!(gate.granted(key(1), limit, 0, 8).await, 0, "it is not there twice");
}

/// Each of the two nodes allows its half, and together again they allow the whole.
async fn halves_then_the_whole(gate: &Gate, fault: impl FnOnce(&Gate), end: impl FnOnce(&Gate)) {
    fault(gate);
    assert_eq!(gate.granted(key(1), requests(4), 0, 64).await, 4);
    gate.is_alone().await;
    // It fits the limit and not the share, of which it takes all.
    assert_eq!(gate.granted(key(2), tokens(4), 3, 64).await, 2);

    end(gate);

    let number = AtomicU8::new(3);
    let whole = || async {
        gate.is_shared().await;
        let key = key(number.fetch_add(1, Ordering::SeqCst));
        gate.granted(key, requests(5), 0, 64).await == 5
    };
    eventually("the nodes allow the whole together", whole).await;
}

macro_rules! faults {
    ($($name:ident: $fault:expr, $end:expr;)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            if let Some(gate) = Gate::hasty_redis().await {
                halves_then_the_whole(&gate, $fault, $end).await;
            }
        }
    )+};
}

faults! {
    a_redis_that_stands_still_holds_nobody_up:
        |gate| gate.server().pause(),
        |gate| gate.server().resume();

    a_redis_that_was_told_to_wait_holds_nobody_up:
        |gate| assert_eq!(gate.server().say("CLIENT PAUSE 60000 WRITE"), "+OK"),
        |gate| assert_eq!(gate.server().say("CLIENT UNPAUSE"), "+OK");

    a_redis_without_memory_is_away:
        |gate| assert_eq!(gate.server().say("CONFIG SET maxmemory 1"), "+OK"),
        |gate| assert_eq!(gate.server().say("CONFIG SET maxmemory 0"), "+OK");

    a_redis_that_may_not_be_written_is_away:
        |gate| assert_eq!(gate.server().say("REPLICAOF 127.0.0.1 1"), "+OK"),
        |gate| assert_eq!(gate.server().say("REPLICAOF NO ONE"), "+OK");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_redis_forgets_of_the_script_it_is_told_again() {
    let Some(gate) = Gate::redis().await else { return };

    assert_eq!(gate.server().say("SCRIPT FLUSH"), "+OK");
    assert_eq!(gate.granted(key(1), requests(4), 0, 64).await, 4);
    let taken = gate.take(key(2), tokens(1000), 800).await.expect("room");
    assert_eq!(gate.server().say("SCRIPT FLUSH"), "+OK");
    taken.settle(0);

    gate.has_left(key(2), tokens(1000), 1000).await;
    assert!(gate.nodes.iter().all(RateLimits::is_shared));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_stays_in_redis_for_more_than_a_minute() {
    let Some(gate) = Gate::redis().await else { return };
    let kept = format!("keystile:rate:{}", key(1));

    let taken = gate.take(key(1), tokens(1000), 1000).await.expect("room");

    let left = gate.server().say(&format!("PTTL {kept}"));
    let left: u32 = left.trim_start_matches(':').parse().expect("a time");
    assert!((1..=60_000).contains(&left), "{left}");
    drop(taken);
    let gone = || async { gate.server().say(&format!("EXISTS {kept}")) == ":0" };
    eventually("a bucket that is dry is gone", gone).await;
}

/// A client that hangs up leaves its question behind, and its answer must not become another's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn takes_that_are_given_up_confuse_nobody() {
    let Some(gate) = Gate::redis().await else { return };

    for micros in 0..1000 {
        let taking = gate.take(key(1), requests(1_000_000), 0);
        drop(tokio::time::timeout(Duration::from_micros(micros % 400), taking).await);
    }

    assert_eq!(gate.granted(key(2), requests(4), 0, 64).await, 4);
    assert!(gate.nodes.iter().all(RateLimits::is_shared));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_answers_something_else_is_never_asked_about_requests() {
    let nonsense =
        ["+OK", "-ERR no", "*4\r\n:999\r\n:1\r\n:0\r\n:0", "*4\r\n:0\r\n:1\r\n:-1\r\n:0"];
    for (answer, number) in nonsense.into_iter().zip(1..) {
        let (url, asked) = parrot(answer);
        let (_stop, stopped) = watch::channel(false);
        let limits = node(RedisUrl::parse(&url).expect("a Redis URL"), &stopped);
        eventually("it was tried", || async { asked.load(Ordering::SeqCst) > 0 }).await;

        let mut granted = 0;
        for _ in 0..4 {
            let taken = limits.take(key(number), requests(4), 0).await;
            granted += usize::from(taken.is_ok());
        }

        assert!(!limits.is_shared(), "{answer:?}");
        assert_eq!(granted, 2, "its share");
    }
}

/// Says the same to whatever it is asked, but `+OK` to the greeting. Counts what it was asked.
fn parrot(answer: &'static str) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let url = format!("redis://{}", listener.local_addr().expect("an address"));
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            drop(repeat(answer, &count, stream));
        }
    });
    (url, asked)
}

fn repeat(answer: &str, asked: &AtomicUsize, mut stream: TcpStream) -> std::io::Result<()> {
    for line in BufReader::new(stream.try_clone()?).lines() {
        match line?.as_str() {
            "CLIENT" => stream.write_all(b"+OK\r\n")?,
            "EVALSHA" => {
                stream.write_all(format!("{answer}\r\n").as_bytes())?;
                asked.fetch_add(1, Ordering::SeqCst);
            }
            _ => {}
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_rediss_nothing_is_said_in_the_clear() {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let url = format!("rediss://{}", listener.local_addr().expect("an address"));
    let url = RedisUrl::parse(&url).expect("a Redis URL");
    let (limits, link) = RateLimits::with_redis(url, Arc::new(SystemClock), || 1);
    let (_stop, stopped) = watch::channel(false);
    let running = tokio::spawn(link.run(stopped));

    for _ in 0..2 {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        assert_eq!(stream.read_u8().await.expect("a byte"), 0x16, "a handshake of TLS");
    }

    assert!(!limits.is_shared());
    assert!(!running.is_finished(), "it tries again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_link_ends_when_it_is_told_to() {
    let url = RedisUrl::parse("redis://127.0.0.1:1").expect("a Redis URL");
    let (limits, link) = RateLimits::with_redis(url, Arc::new(SystemClock), || 1);
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(link.run(stopped));

    stop.send(true).expect("it listens");

    running.await.expect("it ended");
    assert!(!limits.is_shared());
}

#[test]
fn only_urls_of_redis_are_taken() {
    for url in ["redis://h", "redis://me:pass@h:6380/2", "rediss://h", "redis://:p%40ss@[::1]:1/0"]
    {
        assert!(RedisUrl::parse(url).is_ok(), "{url}");
    }
    for url in [
        "",
        "h:6379",
        "http://h",
        "redis://",
        "redis://h:port",
        "redis://h/x",
        "unix:///s",
        "rediss://h/#no",
    ] {
        assert_eq!(RedisUrl::parse(url).err(), Some(InvalidRedisUrl), "{url}");
    }
}
