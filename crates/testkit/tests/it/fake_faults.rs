//! The faults the fake can commit, and what it sees of a client's.

use std::io::ErrorKind;
use std::time::Duration;

use testkit::fake::{FakeProvider, Gate, Reply, Step, Tripwire};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::SOON;
use crate::client::{Client, chat, chunks};

const BODY: &str = r#"{"model":"gpt-5"}"#;

#[tokio::test]
async fn what_was_sent_before_a_cut_arrives_and_the_body_has_no_end() {
    let fake = FakeProvider::start().await;
    fake.next(Reply::stream(vec![Step::bytes("data: 1\n\n"), Step::bytes("data: 2"), Step::Cut]));

    let mut client = Client::connect(&fake).await;
    client.chat(BODY).await;
    client.rest().await.unwrap();

    let (received, ended) = chunks(&client.received);
    assert_eq!(received, [&b"data: 1\n\n"[..], b"data: 2"]);
    assert!(!ended, "a cut body must not look finished");
    assert!(fake.wait_closed(SOON).await);
    assert_eq!(fake.hang_ups(), 0, "it was the fake that left");
}

#[tokio::test]
async fn a_reset_is_seen_as_a_reset() {
    let fake = FakeProvider::start().await;
    fake.next(Reply::stream(vec![Step::bytes("data: 1\n\n"), Step::Reset]));
    fake.next(Reply::reset_before_headers());
    fake.next(Reply::cut_before_headers());

    for sent_before in ["data: 1\n\n\r\n", ""] {
        let mut client = Client::connect(&fake).await;
        client.chat(BODY).await;
        let error = client.rest().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert!(client.text().ends_with(sent_before), "{}", client.text());
    }
    assert_eq!(chat(&fake, BODY).await, "", "a cut is an end without bytes");
}

#[tokio::test]
async fn a_gate_holds_the_stream_until_the_test_opens_it() {
    let fake = FakeProvider::start().await;
    let gate = Gate::new();
    fake.next(Reply::stream(vec![
        Step::bytes("before"),
        Step::Wait(gate.clone()),
        Step::bytes("after"),
    ]));
    let mut client = Client::connect(&fake).await;
    client.chat(BODY).await;

    client.until("before\r\n").await;
    assert!(gate.reached(SOON).await);
    assert_eq!(fake.open_responses(), 1);
    assert!(!client.text().contains("after"));

    gate.open();
    assert!(client.rest().await.unwrap().contains("after"));
    assert!(fake.wait_closed(SOON).await);
    assert_eq!(fake.hang_ups(), 0);
}

#[tokio::test]
async fn a_gate_holds_the_headers_too() {
    let fake = FakeProvider::start().await;
    let gate = Gate::new();
    fake.next(Reply::standard().held_by(&gate));
    let mut client = Client::connect(&fake).await;
    client.chat(BODY).await;

    assert!(gate.reached(SOON).await);
    assert_eq!(client.text(), "");
    gate.open();

    assert!(client.rest().await.unwrap().starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_client_that_hangs_up_is_noticed_wherever_the_fake_is() {
    let fake = FakeProvider::start().await;
    let never = Gate::new();
    let stalls = [
        Reply::stall_before_headers(),
        Reply::standard().held_by(&never),
        Reply::stream(vec![Step::bytes("data: 1\n\n"), Step::Stall]),
        Reply::stream(vec![Step::Wait(never.clone()), Step::bytes("x")]),
        Reply::raw_steps(vec![Step::bytes("HTTP/1.1 200 OK\r\n"), Step::Stall]),
        Reply::raw_steps(vec![Step::Wait(never.clone())]),
    ];

    for (already, reply) in stalls.into_iter().enumerate() {
        fake.next(reply);
        let mut client = Client::connect(&fake).await;
        client.chat(BODY).await;
        assert!(fake.wait_requests(already + 1, SOON).await);
        assert_eq!(fake.open_responses(), 1);
        assert!(!fake.wait_closed(Duration::ZERO).await);

        drop(client);

        assert!(fake.wait_hang_ups(already + 1, SOON).await);
        assert!(fake.wait_closed(SOON).await);
    }
}

#[tokio::test]
async fn raw_bytes_replace_http() {
    let fake = FakeProvider::start().await;
    let lie = "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nshort";
    fake.always(Reply::raw(lie));

    assert_eq!(chat(&fake, BODY).await, lie);
    assert_eq!(chat(&fake, BODY).await, lie);

    assert!(fake.wait_closed(SOON).await);
    assert_eq!((fake.connections(), fake.hang_ups()), (2, 0));
}

#[tokio::test]
async fn a_large_body_arrives_whole_before_the_cut() {
    let fake = FakeProvider::start().await;
    let large = vec![b'x'; 3 << 20];
    fake.next(Reply::json_steps(vec![Step::bytes(large.clone()), Step::Cut]));

    let mut client = Client::connect(&fake).await;
    client.chat(BODY).await;
    client.rest().await.unwrap();

    let (received, ended) = chunks(&client.received);
    assert!(!ended);
    assert_eq!(received.concat().len(), large.len());
}

#[tokio::test]
async fn a_stopped_fake_refuses_and_closes_what_it_held() {
    let fake = FakeProvider::start().await;
    fake.next(Reply::stall_before_headers());
    let mut client = Client::connect(&fake).await;
    client.chat(BODY).await;
    assert!(fake.wait_requests(1, SOON).await);
    let addr = fake.addr();

    fake.stop().await;

    assert_eq!(client.rest().await.unwrap(), "");
    let refused = TcpStream::connect(addr).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn a_tripwire_counts_and_closes() {
    let tripwire = Tripwire::start().await;
    assert_eq!(tripwire.hits(), 0);

    for hits in 1..=2 {
        let mut socket = TcpStream::connect(tripwire.addr()).await.unwrap();
        assert_eq!(socket.read(&mut [0; 8]).await.unwrap(), 0);
        assert_eq!(tripwire.hits(), hits);
    }
}
