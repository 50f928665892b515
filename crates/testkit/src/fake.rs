//! A provider on a real socket: speaks the dialects of OpenAI, Anthropic and Gemini as recorded, each by its path,
//! until a test scripts a fault. Knows nothing of the gateway; it only keeps what was sent to it and says what became
//! of it.

mod answer;
mod anthropic;
mod body;
mod chat;
mod connection;
mod echo;
mod embeddings;
mod form;
mod gate;
mod gemini;
mod media;
mod openai;
mod reply;
mod responses;
mod sample;
mod seen;
mod socket;
mod split;
mod state;
mod talk;
mod texts;
mod tls;
mod tripwire;
mod wire;
mod words;

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub use anthropic::{ANTHROPIC_MODELS, messages_json_bytes, messages_stream_bytes};
pub use chat::{chat_json_bytes, chat_stream_bytes};
pub use gate::Gate;
pub use gemini::{GEMINI_MODELS, gemini_json_bytes, gemini_stream_bytes};
pub use media::{IMAGE_TOKENS, SPEECH};
pub use openai::MODELS;
pub use reply::{RateLimits, Reply, Step};
pub use responses::{responses_json_bytes, responses_stream_bytes};
pub use seen::SeenRequest;
pub use split::{split_at, split_every};
pub use tls::{Authority, Identity, Tls};
pub use tripwire::Tripwire;
pub use words::{CACHED_TOKENS, PROMPT_TOKENS, REASONING_TOKENS, chat_content};

use form::Form;
use state::State;

/// Listens on loopback until dropped; every task it started ends with it.
///
/// A call is any POST; everything else is a probe.
#[must_use = "dropping the fake closes its socket"]
pub struct FakeProvider {
    addr: SocketAddr,
    scheme: &'static str,
    state: Arc<State>,
    tasks: JoinSet<()>,
}

impl FakeProvider {
    pub async fn start() -> Self {
        Self::listen("http", None).await
    }

    /// At `https://127.0.0.1:PORT`. Over HTTP/2 a call is cut by RST_STREAM, a reset loses the whole connection, and
    /// pieces of a body may arrive as one.
    pub async fn start_tls(tls: Tls) -> Self {
        Self::listen("https", Some(tls)).await
    }

    async fn listen(scheme: &'static str, tls: Option<Tls>) -> Self {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port on loopback");
        let addr = listener.local_addr().expect("a bound socket's address");
        let state = Arc::new(State::default());

        let mut tasks = JoinSet::new();
        tasks.spawn(connection::accept(listener, tls, state.clone()));
        Self { addr, scheme, state, tasks }
    }

    /// Closes the port and every connection, and returns once that is done: from here on a
    /// connect to `addr()` is refused. Dropping does the same, a little later.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }

    /// The next call gets this; calls after it take from the queue in turn.
    pub fn next(&self, reply: Reply) {
        self.state.script().chat.next.push_back(reply);
    }

    /// Every call gets this once the queue of `next` is empty.
    pub fn always(&self, reply: Reply) {
        self.state.script().chat.always = reply;
    }

    /// Every call for this model gets this, whatever else is scripted: so that many faults run side by side.
    pub fn always_for(&self, model: &str, reply: Reply) {
        self.state.script().for_model(model).always = reply;
    }

    /// The next call for this model gets this; calls after it are answered as usual.
    pub fn next_for(&self, model: &str, reply: Reply) {
        self.state.script().for_model(model).next.push_back(reply);
    }

    pub fn next_probe(&self, reply: Reply) {
        self.state.script().probe.next.push_back(reply);
    }

    pub fn always_probe(&self, reply: Reply) {
        self.state.script().probe.always = reply;
    }

    /// `http://127.0.0.1:PORT/v1`.
    pub fn base_url(&self) -> String {
        format!("{}/v1", self.url())
    }

    /// `http://127.0.0.1:PORT`, for dialects whose paths begin at the origin.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.addr)
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub fn port(&self) -> u16 {
        self.addr.port()
    }

    /// Whatever arrived complete, oldest first.
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.state.seen().clone()
    }

    /// How often each model was called.
    pub fn calls_by_model(&self) -> HashMap<String, usize> {
        let mut calls = HashMap::new();
        for request in self.state.seen().iter() {
            *calls.entry(Form::model_of(request)).or_default() += 1;
        }
        calls
    }

    /// Panics when nothing came.
    pub fn last_request(&self) -> SeenRequest {
        let last = self.state.seen().last().cloned();
        last.expect("the fake provider saw a request")
    }

    /// Sockets accepted since the start, also those closed since.
    pub fn connections(&self) -> usize {
        self.state.tally().connections
    }

    /// Connections on which nobody wanted to speak TLS with this fake.
    pub fn failed_handshakes(&self) -> usize {
        self.state.tally().distrusted
    }

    /// All that came over TLS, as it was on the wire.
    pub fn wiretap(&self) -> Vec<u8> {
        self.state.wiretap().clone()
    }

    /// Every HTTP/2 connection is told to go away (GOAWAY); what runs on it is answered.
    pub fn go_away(&self) {
        self.state.part();
    }

    /// Requests taken in whose answer is not yet all sent, including those still without headers.
    pub fn open_responses(&self) -> usize {
        self.state.tally().open
    }

    /// Answers whose client left before the script was played to its end.
    pub fn hang_ups(&self) -> usize {
        self.state.tally().hung_up
    }

    /// True once `count` requests have arrived in all.
    pub async fn wait_requests(&self, count: usize, within: Duration) -> bool {
        let arrived = |tally: &state::Tally| tally.requests >= count;
        self.state.wait(arrived, within).await
    }

    /// True once no answer is under way: all were sent, or their client hung up.
    pub async fn wait_closed(&self, within: Duration) -> bool {
        self.state.wait(|tally| tally.open == 0, within).await
    }

    /// True once `count` clients have hung up in all.
    pub async fn wait_hang_ups(&self, count: usize, within: Duration) -> bool {
        let left = |tally: &state::Tally| tally.hung_up >= count;
        self.state.wait(left, within).await
    }
}
