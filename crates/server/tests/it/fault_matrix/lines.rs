//! What stands before a connection: names that lead nowhere, and ports that nobody listens on.

use std::future::{Future, pending};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use gateway::upstream::Resolve;
use testkit::Options;
use testkit::fake::{FakeProvider, Reply};

use super::fault::{Fault, refused};
use super::pair::Pair;
use super::site::{Played, Site, model, model_after};

/// A name server that is told what to say.
#[derive(Clone, Default)]
struct Names(Arc<Mutex<Line>>);

#[derive(Clone, Copy, Default)]
enum Line {
    Empty,
    Failed,
    /// To where nothing may ever be called.
    Forbidden,
    Missing,
    /// The name leads to a host that does not listen there.
    Refused,
    Silent,
    #[default]
    Up,
}

type Found = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

impl Resolve for Names {
    fn resolve(&self, _host: String, port: u16) -> Found {
        let line = *self.0.lock().expect("nobody panics with it");
        let at = |ip: IpAddr| Ok(vec![SocketAddr::new(ip, port)]);
        let found = match line {
            Line::Empty => Ok(Vec::new()),
            Line::Failed => Err(io::Error::other("SERVFAIL")),
            Line::Forbidden => at([169, 254, 169, 254].into()),
            Line::Missing => Err(ErrorKind::NotFound.into()),
            Line::Refused => at(Ipv6Addr::LOCALHOST.into()),
            Line::Silent => return Box::pin(pending()),
            Line::Up => at(Ipv4Addr::LOCALHOST.into()),
        };
        Box::pin(async move { found })
    }
}

impl Names {
    fn say(&self, line: Line) {
        *self.0.lock().expect("nobody panics with it") = line;
    }
}

pub fn lines() -> Vec<Fault> {
    let fault = |(name, line)| {
        let unreached = refused(503, "upstream_unavailable");
        // Nothing was sent, so that it is tried once more; but not where the answer is known.
        let is_final = matches!(line, Line::Forbidden);
        Fault::unreached(name, if is_final { unreached } else { unreached.twice() })
    };
    LINES.into_iter().map(fault).collect()
}

const LINES: [(&str, Line); 6] = [
    ("a name without an address", Line::Empty),
    ("a name server that fails", Line::Failed),
    ("a name that leads to a metadata service", Line::Forbidden),
    ("a name that is none", Line::Missing),
    ("a port that nobody listens on", Line::Refused),
    ("a name server that is silent", Line::Silent),
];

/// One after the other: they are the same to every request of a moment.
pub async fn survives_lines(pair: Pair) {
    let names = Names::default();
    let fake = FakeProvider::start().await;
    // Each good answer ends its connection, so that the next request dials anew.
    fake.always(Reply::standard().with_header("connection", "close"));
    let url = format!("http://provider.test:{}", fake.port());
    let urls = [("openai", format!("{url}/v1")), ("anthropic", url.clone()), ("gemini", url)];
    let options = Options {
        providers: urls.map(|(provider, url)| (provider.to_owned(), url)).to_vec(),
        resolver: Arc::new(names.clone()),
        layer: toml::from_str("[limits]\nconnect_seconds_max = 1\n").expect("a layer"),
        ..Options::default()
    };
    let site = Site::with(pair, fake, options).await;
    let faults = lines();
    let mut played = Vec::new();
    for (number, (fault, (_, line))) in faults.iter().zip(LINES).enumerate() {
        names.say(line);
        let answers = site.ask_both(|streamed| model(number, streamed)).await;
        names.say(Line::Up);
        let after = site.ask_both(|streamed| model_after(number, streamed)).await;
        let rows = [false, true].into_iter().zip(answers.into_iter().zip(after));
        played.extend(rows.map(|(streamed, (answer, after))| {
            let model = model(number, streamed);
            Played { fault, streamed, model, answer, after }
        }));
    }
    site.judge(&played).await;
}
