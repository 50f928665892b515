//! Peers that cannot prove who they are: nobody is told a key before that, and nobody waits for them.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::future::join_all;
use model::Dialect;
use testkit::Options;
use testkit::fake::{FakeProvider, chat_content};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::caller::{refusal, words};
use super::pair::Pair;
use super::site::Site;
use super::upstream::{Upstream, WORDS, http};

/// What is done to whoever begins a TLS handshake.
enum Peer {
    Answers(Bytes),
    Closes,
    Stalls,
}

const CALLERS: [Dialect; 4] =
    [Dialect::Anthropic, Dialect::Chat, Dialect::Gemini, Dialect::Responses];

#[tokio::test]
async fn no_peer_without_tls_is_told_a_key() {
    let alert = Bytes::from_static(b"\x15\x03\x03\x00\x02\x02\x28");
    let json = http("200 OK\r\ncontent-type: application/json\r\ncontent-length: 2", "{}");
    let peers = [
        ("fireworks", Peer::Answers(alert)),
        ("groq", Peer::Answers(json)),
        ("mistral", Peer::Closes),
        ("xai", Peer::Stalls),
    ];
    let names = peers.each_ref().map(|(provider, _)| *provider);
    let told = Arc::new(Mutex::new(Vec::new()));
    let mut serving = JoinSet::new();
    let mut providers = Vec::new();
    for (provider, peer) in peers {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        providers.push((provider.to_owned(), format!("https://127.0.0.1:{port}/v1")));
        serving.spawn(serve(listener, peer, Arc::clone(&told)));
    }
    let fake = FakeProvider::start().await;
    providers.push(("openai".to_owned(), fake.base_url()));
    let layer = toml::from_str("[limits]\nconnect_seconds_max = 1\n").expect("a layer");
    let pair = Pair { caller: Dialect::Chat, upstream: Upstream(Dialect::Chat) };
    let site = Site::with(pair, fake, Options { providers, layer, ..Options::default() }).await;

    let rows = CALLERS.into_iter().flat_map(|caller| names.map(|provider| (caller, provider)));
    let rows = rows.flat_map(|row| [false, true].map(|streamed| (row, streamed)));
    join_all(rows.map(|((caller, peer), streamed)| site.is_safe_from(peer, caller, streamed)))
        .await;

    let told = told.lock().expect("nobody panics with it");
    assert!(!told.is_empty(), "somebody called");
    assert_eq!(site.canaries.scan("what the peers were told", &told), Vec::<String>::new());
}

impl Site {
    async fn is_safe_from(&self, peer: &str, caller: Dialect, streamed: bool) {
        let what = format!("{peer}, {caller:?}, streamed: {streamed}");
        let answer = self.ask_as(caller, &format!("{peer}.m"), streamed).await.expect(&what);
        let code = refusal(caller, &answer);
        assert_eq!((answer.status.as_u16(), code.as_deref()), (503, Some("upstream_unavailable")));
        assert_eq!(self.shown(&answer), Vec::<String>::new(), "{what}");

        let good = self.ask_as(caller, "openai.m", false).await.expect(&what);
        assert_eq!(words(caller, &good.body), Some(chat_content(WORDS)), "{what}");
        // The ledger follows the journal's order: with this one, all before it are written down.
        self.app.attempts_of(&good).await;
        let rows = self.app.attempts_of(&answer).await;
        // Nothing was sent, so that it was tried once more.
        assert!(rows.len() == 2 && rows.iter().all(|row| !row.billing_unknown), "{what}: {rows:?}");
    }
}

async fn serve(listener: TcpListener, peer: Peer, told: Arc<Mutex<Vec<u8>>>) {
    let mut held = Vec::new();
    loop {
        let (mut socket, _) = listener.accept().await.expect("accept on loopback");
        let mut heard = vec![0; 4096];
        let count = socket.read(&mut heard).await.unwrap_or_default();
        heard.truncate(count);
        match &peer {
            Peer::Answers(bytes) => {
                // Whoever is answered so leaves, and may have left before.
                let _ = socket.write_all(bytes).await;
                let _ = socket.read_to_end(&mut heard).await;
            }
            Peer::Closes => {}
            Peer::Stalls => held.push(socket),
        }
        told.lock().expect("nobody panics with it").extend(heard);
    }
}
