//! Listeners that must not be called, and a name server that names them. Nothing leaves this machine.

use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::pin::Pin;

use gateway::upstream::Resolve;

/// One port on both loopback addresses. Nobody accepts, so that whoever connected is still in the queue.
pub struct Wires {
    pub v4: TcpListener,
    pub v6: TcpListener,
    pub port: u16,
}

impl Wires {
    pub fn start() -> Self {
        loop {
            let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
            let port = v4.local_addr().expect("bound").port();
            if let Ok(v6) = TcpListener::bind((Ipv6Addr::LOCALHOST, port)) {
                v4.set_nonblocking(true).expect("a socket");
                v6.set_nonblocking(true).expect("a socket");
                return Self { v4, v6, port };
            }
        }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    #[track_caller]
    pub fn assert_untouched(&self) {
        for wire in [&self.v4, &self.v6] {
            let accepted = wire.accept().map(|(_, peer)| peer);
            assert_eq!(accepted.map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
        }
    }
}

pub async fn touched(wire: &TcpListener) {
    while wire.accept().is_err() {
        tokio::task::yield_now().await;
    }
}

pub fn wires_at(port: u16) -> Vec<SocketAddr> {
    vec![(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()]
}

/// A name server of our own: nothing leaves this machine.
pub struct Names<F>(pub F);

impl<F> Resolve for Names<F>
where
    F: Fn(String, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
{
    fn resolve(
        &self,
        host: String,
        port: u16,
    ) -> Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>> {
        let found = (self.0)(host, port);
        Box::pin(async move { found })
    }
}
