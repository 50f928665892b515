//! An address nobody may call: the proof that a redirect or a forbidden address was not followed.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Counts who connects and closes at once; says and reads nothing.
#[must_use = "dropping the tripwire closes its socket"]
pub struct Tripwire {
    addr: SocketAddr,
    hits: watch::Sender<usize>,
    _tasks: JoinSet<()>,
}

impl Tripwire {
    pub async fn start() -> Self {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port on loopback");
        let addr = listener.local_addr().expect("a bound socket's address");
        let hits = watch::Sender::new(0);

        let mut tasks = JoinSet::new();
        tasks.spawn(count(listener, hits.clone()));
        Self { addr, hits, _tasks: tasks }
    }

    /// `http://127.0.0.1:PORT`, without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub fn port(&self) -> u16 {
        self.addr.port()
    }

    pub fn hits(&self) -> usize {
        *self.hits.borrow()
    }

    /// True once it was hit `count` times; only for showing that the wire itself works.
    pub async fn wait_hits(&self, count: usize, within: Duration) -> bool {
        let mut hits = self.hits.subscribe();
        let reached = hits.wait_for(|hits| *hits >= count);
        tokio::time::timeout(within, reached).await.is_ok()
    }
}

async fn count(listener: TcpListener, hits: watch::Sender<usize>) {
    loop {
        let (socket, _) = listener.accept().await.expect("accept on loopback");
        // Counted first: whoever sees the close can rely on the count.
        hits.send_modify(|hits| *hits += 1);
        drop(socket);
    }
}
