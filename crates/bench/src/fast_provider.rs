//! A provider that costs next to nothing, as a process of its own: whatever is asked, the same answer, ready-made. Keeps no
//! books.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tempfile::TempDir;
use testkit::process::{Program, Running};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinSet, block_in_place};

use crate::message::Head;

/// How it answers.
#[derive(Args, Clone, Copy)]
pub struct Answers {
    /// The length of a plain answer
    #[arg(long, default_value_t = 1200)]
    pub answer_bytes: usize,
    /// How many events of content a stream has
    #[arg(long, default_value_t = 100)]
    pub events: usize,
    /// Between two of them
    #[arg(long, default_value_t = 0, value_name = "MS")]
    pub pause_ms: u64,
}

/// The process.
pub struct FastProvider {
    _running: Running,
    /// `http://127.0.0.1:PORT`
    pub url: String,
}

impl FastProvider {
    pub fn start(folder: &TempDir, answers: Answers) -> anyhow::Result<Self> {
        let program = Program::new(std::env::current_exe()?, folder.path())
            .args(["serve-provider", "--answer-bytes", &answers.answer_bytes.to_string()])
            .args(["--events", &answers.events.to_string()])
            .args(["--pause-ms", &answers.pause_ms.to_string()]);
        let running = program.start();
        let url = block_in_place(|| listening(&running));
        Ok(Self { _running: running, url })
    }

    pub fn base_url(&self) -> String {
        format!("{}/v1", self.url)
    }
}

impl Answers {
    /// The body of a plain answer.
    pub fn plain(self) -> String {
        let text = |padding: &str| {
            format!(
                r#"{{"id":"chatcmpl-bench","object":"chat.completion","created":1,"model":"{MODEL}","choices":[{{"index":0,"message":{{"role":"assistant","content":"{padding}"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":120,"completion_tokens":180,"total_tokens":300}}}}"#
            )
        };
        let padding = self.answer_bytes.saturating_sub(text("").len());
        text(&"yes ".repeat(padding.div_ceil(4)).chars().take(padding).collect::<String>())
    }

    /// Whether this is what a stream comes to, once the usage that nobody asked for is taken out.
    pub fn is_whole_stream(self, content: &[u8]) -> bool {
        let events =
            content.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"data: "));
        // Besides its content it has its role, its end and its terminator.
        events.count() == self.events.saturating_add(3) && content.ends_with(b"data: [DONE]\n\n")
    }

    /// An event that brings a piece of the answer.
    pub fn content(self) -> String {
        Self::event(r#"{"content":" yes"}"#, "null")
    }

    fn event(delta: &str, finish: &str) -> String {
        format!(
            "data: {{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"{MODEL}\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{finish}}}]}}\n\n"
        )
    }

    fn usage(self) -> String {
        let tokens = self.events;
        let total = tokens.saturating_add(120);
        format!(
            "data: {{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"{MODEL}\",\"choices\":[],\"usage\":{{\"prompt_tokens\":120,\"completion_tokens\":{tokens},\"total_tokens\":{total}}}}}\n\n"
        )
    }
}

/// `bench serve-provider`: until it is killed.
pub async fn serve(answers: Answers) -> anyhow::Result<bool> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    announce(&listener)?;
    let ready = Arc::new(Ready::new(answers));
    let mut connections = JoinSet::new();
    loop {
        let (socket, _) = listener.accept().await?;
        connections.spawn(answer_all(socket, Arc::clone(&ready)));
        while connections.try_join_next().is_some() {}
    }
}

/// Says where a process of ours listens.
pub fn announce(listener: &TcpListener) -> anyhow::Result<()> {
    use std::io::Write as _;
    writeln!(std::io::stdout(), "{LISTENING}http://{}", listener.local_addr()?)?;
    Ok(())
}

/// What `announce` said. Blocks.
pub fn listening(running: &Running) -> String {
    let said = running.stdout_with("\n");
    said.trim().trim_start_matches(LISTENING).to_owned()
}

/// Every answer, as it goes to the socket.
struct Ready {
    plain: Vec<u8>,
    stream_head: &'static [u8],
    first: Vec<u8>,
    event: Vec<u8>,
    finish: Vec<u8>,
    usage: Vec<u8>,
    done: Vec<u8>,
    events: usize,
    pause: Option<Duration>,
}

impl Ready {
    fn new(answers: Answers) -> Self {
        let body = answers.plain();
        let length = body.len();
        let plain = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        let chunk = |event: String| format!("{:x}\r\n{event}\r\n", event.len()).into_bytes();
        let role = r#"{"role":"assistant","content":""}"#;
        Self {
            plain: plain.into_bytes(),
            stream_head: b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
                transfer-encoding: chunked\r\n\r\n",
            first: chunk(Answers::event(role, "null")),
            event: chunk(answers.content()),
            finish: chunk(Answers::event("{}", r#""stop""#)),
            usage: chunk(answers.usage()),
            done: [chunk("data: [DONE]\n\n".to_owned()), b"0\r\n\r\n".to_vec()].concat(),
            events: answers.events,
            pause: (answers.pause_ms > 0).then(|| Duration::from_millis(answers.pause_ms)),
        }
    }

    /// One event at a time, as a model gives them: what is in between is given no heap of them to pass on at once.
    async fn stream(&self, socket: &mut TcpStream, has_usage: bool) -> io::Result<()> {
        socket.write_all(&[self.stream_head, &self.first].concat()).await?;
        for _ in 0..self.events {
            match self.pause {
                Some(pause) => tokio::time::sleep(pause).await,
                None => tokio::task::yield_now().await,
            }
            socket.write_all(&self.event).await?;
        }
        let usage = if has_usage { self.usage.as_slice() } else { &[] };
        socket.write_all(&[&self.finish, usage, &self.done].concat()).await
    }
}

/// One connection, as long as the other end keeps it.
async fn answer_all(mut socket: TcpStream, ready: Arc<Ready>) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let mut heard = Vec::with_capacity(BUFFER_BYTES);
    loop {
        let end = loop {
            if let Some(end) = whole(&heard).filter(|end| heard.len() >= *end) {
                break end;
            }
            if socket.read_buf(&mut heard).await? == 0 {
                return Ok(());
            }
        };
        let request = heard.get(..end).unwrap_or_default();
        if holds(request, FAIL.as_bytes()) {
            socket.write_all(FAILURE).await?;
        } else if holds(request, br#""stream":true"#) {
            let has_usage = holds(request, br#""include_usage":true"#);
            ready.stream(&mut socket, has_usage).await?;
        } else {
            socket.write_all(&ready.plain).await?;
        }
        heard.drain(..end);
    }
}

/// Where the request ends that begins here, once that is known.
fn whole(heard: &[u8]) -> Option<usize> {
    let head = Head::read(heard)?;
    head.bytes.checked_add(head.content_length.unwrap_or_default())
}

fn holds(text: &[u8], part: &[u8]) -> bool {
    // Bodies of measurements put what is looked for near an end; the middle is padding.
    let (start, rest) = text.split_at_checked(NEAR).unwrap_or((text, &[]));
    let end = rest.get(rest.len().saturating_sub(NEAR)..).unwrap_or(rest);
    [start, end].iter().any(|text| text.windows(part.len()).any(|window| window == part))
}

/// The name that applications ask for, without the provider's.
pub const MODEL: &str = "bench";
/// A member of a body that is answered with an error.
pub const FAIL: &str = r#""user":"fail""#;
const FAILURE: &[u8] = b"HTTP/1.1 500 Internal Server Error\r\ncontent-type: application/json\r\n\
    content-length: 46\r\n\r\n{\"error\":{\"message\":\"the provider is unwell\"}}";
const LISTENING: &str = "listening on ";
const BUFFER_BYTES: usize = 8 * 1024;
const NEAR: usize = 2048;
