//! Wires everything together, in the order in which each part needs the one before; and takes it apart again.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use control::{
    Control, FailedSignIns, HeadroomWindow, Headrooms, Letter, Messenger, ModelHeadroom, Node,
    Noted, Notices, Passwords, Posting, Probe, Probed, Rotation, SetupToken, Strength,
};
use gateway::upstream::{Resolve, SystemResolver};
use gateway::{Breakers, Directory, Gateway, Headroom, KeyNews, Metrics, Stragglers, Upstream};
use http::{HeaderMap, HeaderName, HeaderValue};
use model::{
    BaseUrl, Catalogue, Clock, NodeId, Provider, ProviderKeyId, Random, RequestIds, Timestamp,
};
use store::budget::Budgets;
use store::bus::Follower;
use store::drain::Drainer;
use store::journal::{Journal, JournalWriter, NodeLock, node_id};
use store::rate::{RateLimits, RedisLink};
use store::{Location, Store};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use vault::ProviderKey;

use crate::keeper;
use crate::listener::Listener;
use crate::master_key::{self, Origin};
use crate::mcp::Mcp;
use crate::router::Routes;
use crate::shared::Shared;
use crate::telemetry::{self, Telemetry};
use crate::{Config, config, upkeep};

/// What tests replace.
pub struct Ambient {
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
    pub resolver: Arc<dyn Resolve>,
    pub password_strength: Strength,
}

impl Ambient {
    pub fn real() -> Self {
        Self {
            clock: Arc::new(model::clock::SystemClock),
            random: Arc::new(model::random::OsRandom),
            resolver: Arc::new(SystemResolver),
            password_strength: Strength::Production,
        }
    }
}

/// A running gateway.
pub struct App {
    pub address: SocketAddr,
    /// While there is no owner: the token that makes one, if it was made here.
    pub setup_token: Option<config::Hidden>,
    pub has_owner: bool,
    pub master_key: Origin,
    shared: Arc<Shared>,
    listener: Listener,
    journal_writer: JournalWriter,
    stop: watch::Sender<bool>,
    drainer: JoinHandle<()>,
    /// Where limits are shared.
    redis: Option<JoinHandle<()>>,
    keeper: JoinHandle<()>,
    upkeep: JoinHandle<()>,
    store: Store,
    _lock: NodeLock,
}

impl App {
    pub async fn start(config: &Config, ambient: Ambient) -> anyhow::Result<Self> {
        let Ambient { clock, random, resolver, password_strength } = ambient;
        // Fails only if a provider was installed before, which is then the same one.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let lock = prepare_data_dir(&config.data_dir)?;
        let store = open_store(config).await?;
        let is_fresh = store.system().keyring().await?.is_empty();
        let (keys, master_key) = master_key::load(config, is_fresh, &*random)?;
        let unlocked =
            control::unlock(&store, keys, config.vault_suite, &*clock, Arc::clone(&random)).await?;

        let catalogue = Arc::new(config.catalogue()?);
        let connect_max = config.limits.connect_max;
        let upstream = Upstream::new(&config.egress(), &config.trust, connect_max, resolver);
        let folder = config.data_dir.join("journal");
        make_private_folder(&folder)?;
        let (journal, journal_writer) = Journal::open(&folder, config.journal)
            .with_context(|| format!("the usage journal in {}", folder.display()))?;
        let node = node_id(&config.data_dir, &*clock, &*random)?;
        let mut drainer = Drainer::new(store.clone(), journal.clone(), node);
        let replayed_at = clock.now();
        let orphans = drainer.replay(replayed_at).await.context("the journal's replay")?;
        if orphans > 0 {
            tracing::warn!(
                attempts = orphans,
                "attempts of a former process never ended: see state unsettled"
            );
        }

        let vault = unlocked.vault;
        let pepper = unlocked.pepper;
        let plans = Arc::new(config.plans.clone());
        let directory = Directory::new(
            store.clone(),
            Arc::clone(&vault),
            Arc::clone(&catalogue),
            Arc::clone(&plans),
        );
        let headroom = Arc::new(Headroom::default());
        let nodes_alive = Arc::new(AtomicU32::new(1));
        let (rates, redis) = rate_limits(config, &clock, &nodes_alive);
        let budgets = budgets(&store, node, &clock, &nodes_alive);
        budgets.clear().await.context("leases of a former process could not be given back")?;
        let gateway = Arc::new(Gateway {
            breakers: Breakers::default(),
            budgets,
            limits: config.limits.clone(),
            catalogue: Arc::clone(&catalogue),
            clock: Arc::clone(&clock),
            directory,
            headroom: Arc::clone(&headroom),
            journal,
            key_news: KeyNews::default(),
            metrics: Metrics::default(),
            pepper: Arc::clone(&pepper),
            random: Arc::clone(&random),
            rates,
            stragglers: Stragglers::default(),
            upstream: upstream.clone(),
            vault: Arc::clone(&vault),
        });
        let instance = store.system().instance().await?;
        let has_owner = instance.is_some_and(|row| row.set_up_at.is_some());
        let (setup_token, made_token) = setup_token(config, &*random);
        let made_token = made_token.filter(|_| !has_owner);
        let (notices, waiting) = Notices::new();
        let control = Arc::new(Control {
            budgets: gateway.budgets.clone(),
            catalogue,
            clock: Arc::clone(&clock),
            failed_sign_ins: FailedSignIns::default(),
            headrooms: Arc::new(GatewayHeadrooms(headroom)),
            key_operations_per_minute: config.key_operations_per_minute,
            node: Node { id: node, version: env!("CARGO_PKG_VERSION"), started_at: clock.now() },
            messenger: Arc::new(UpstreamMessenger { upstream: upstream.clone() }),
            noted: Noted::default(),
            notices,
            passwords: Passwords::new(password_strength, Arc::clone(&random)),
            pepper,
            plans,
            probe: Arc::new(UpstreamProbe { upstream }),
            public_url: config.public_url.clone(),
            random: Arc::clone(&random),
            rotation: Rotation {
                source: Arc::new(master_key::Source::new(config, &master_key)),
                configured: config.vault_suite,
                pause: config.vault_reseal_pause,
                starting: tokio::sync::Mutex::default(),
            },
            setup_token,
            signer: unlocked.signer,
            store: store.clone(),
            vault,
        });

        let alive = control.report_node().await.context("this node could not be announced")?;
        nodes_alive.store(alive, Ordering::Relaxed);
        if orphans > 0 {
            control.notice_unsettled(node, replayed_at).await?;
        }
        let telemetry = Telemetry::new(&gateway);
        let request_ids = RequestIds::new(&*random);
        let shared =
            Arc::new(Shared { control, gateway, telemetry, nodes_alive, clock, request_ids });
        let (stop, stopped) = watch::channel(false);
        let drainer = tokio::spawn(drainer.run(stopped.clone()));
        let redis = redis.map(|link| tokio::spawn(link.run(stopped.clone())));
        let follower = Follower::new(store.clone()).await?;
        let keeper = tokio::spawn(keeper::run(Arc::clone(&shared), waiting, stopped.clone()));
        let upkeep = tokio::spawn(upkeep::run(Arc::clone(&shared), follower, stopped));
        let socket = TcpListener::bind(config.listen).await.with_context(|| {
            format!("cannot listen on {} (--listen takes another)", config.listen)
        })?;
        let address = socket.local_addr()?;
        let mcp = Mcp::new(&shared, &config.public_url, address);
        let routes = Routes::new(Arc::clone(&shared), mcp)?;
        let listener = Listener::start(socket, routes, config.connections_max);
        Ok(Self {
            address,
            setup_token: made_token,
            has_owner,
            master_key,
            shared,
            listener,
            journal_writer,
            stop,
            drainer,
            redis,
            keeper,
            upkeep,
            store,
            _lock: lock,
        })
    }

    pub fn gateway(&self) -> &Gateway {
        &self.shared.gateway
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Takes no more, lets what runs finish for a while, writes everything down. `false`: some requests were cut.
    pub async fn stop(self, drain_max: Duration) -> bool {
        let all_finished = self.listener.stop(drain_max).await;
        self.shared.gateway.stragglers.cut().await;
        if let Err(error) = self.journal_writer.close().await {
            tracing::error!(error = %error, "the journal could not be closed in order");
        }
        self.stop.send_replace(true);
        let rest = async {
            for task in [self.drainer, self.keeper, self.upkeep].into_iter().chain(self.redis) {
                if let Err(error) = task.await {
                    tracing::error!(error = %error, "a background task ended badly");
                }
            }
            if let Err(error) = self.shared.gateway.budgets.close().await {
                tracing::warn!(error = %error, "leases could not be given back: the next start does it");
            }
            self.store.close().await;
        };
        if tokio::time::timeout(DATABASE_FAREWELL_MAX, rest).await.is_err() {
            tracing::warn!("the database does not answer: the journal keeps what it has not taken");
        }
        all_finished
    }
}

/// A database that hangs must not keep a process alive whose journal is safe on disk.
const DATABASE_FAREWELL_MAX: Duration = Duration::from_secs(10);

/// Of this node alone, or shared in Redis by all of them.
fn rate_limits(
    config: &Config,
    clock: &Arc<dyn Clock>,
    nodes_alive: &Arc<AtomicU32>,
) -> (RateLimits, Option<RedisLink>) {
    let Some(url) = &config.redis_url else {
        return (RateLimits::in_memory(Arc::clone(clock)), None);
    };
    let alive = Arc::clone(nodes_alive);
    let alive = move || alive.load(Ordering::Relaxed);
    let (rates, link) = RateLimits::with_redis(url.clone(), Arc::clone(clock), alive);
    (rates, Some(link))
}

/// Caps hold for all nodes together.
fn budgets(
    store: &Store,
    node: NodeId,
    clock: &Arc<dyn Clock>,
    nodes_alive: &Arc<AtomicU32>,
) -> Budgets {
    let alive = Arc::clone(nodes_alive);
    Budgets::new(store.clone(), node, Arc::clone(clock), move || alive.load(Ordering::Relaxed))
}

/// The folder, for its owner only, and the lock that makes this process the only one in it.
pub fn prepare_data_dir(folder: &Path) -> anyhow::Result<NodeLock> {
    make_private_folder(folder).context("the data folder")?;
    Ok(NodeLock::acquire(folder)?)
}

/// One that exists keeps its mode: it may be a volume that others share for a reason.
fn make_private_folder(folder: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder
        .create(folder)
        .with_context(|| format!("the folder {} cannot be made", folder.display()))
}

/// The database as it is, and, where it does not open, which setting led there.
pub async fn connect(config: &Config) -> anyhow::Result<Store> {
    let location = config.location();
    Store::connect(&location).await.with_context(|| match &location {
        Location::Postgres { .. } => {
            "the PostgreSQL database of KEYSTILE_DATABASE_URL cannot be opened".to_owned()
        }
        Location::Sqlite { file } => format!("the database {} cannot be opened", file.display()),
    })
}

async fn open_store(config: &Config) -> anyhow::Result<Store> {
    if let Location::Sqlite { file } = config.location() {
        claim(&file).with_context(|| format!("the database {}", file.display()))?;
    }
    let store = connect(config).await?;
    store.migrate().await.context("the database could not be brought up to date")?;
    Ok(store)
}

/// Made before SQLite would make it, readable by its owner only; SQLite's other files take after it.
fn claim(file: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(file).map(|_| ())
}

/// The one that is asked for, and, if it was made here, the same to be printed: what the operator chose the operator
/// knows.
fn setup_token(config: &Config, random: &dyn Random) -> (SetupToken, Option<config::Hidden>) {
    if let Some(token) = &config.setup_token {
        return (SetupToken::new(token.reveal().to_owned()), None);
    }
    let mut bytes = [0; 16];
    random.fill(&mut bytes);
    let hex = model::hex(&bytes);
    (SetupToken::new(hex.clone()), Some(config::Hidden::new(hex)))
}

/// `control` asks, the data plane's client goes out.
struct UpstreamProbe {
    upstream: Upstream,
}

impl Probe for UpstreamProbe {
    fn probe<'a>(
        &'a self,
        provider: &'a Provider,
        base_url: &'a BaseUrl,
        key: Option<&'a ProviderKey>,
    ) -> control::Probing<'a> {
        Box::pin(async move {
            let found = gateway::probe(&self.upstream, provider, base_url, key).await;
            Probed {
                validation: found.validation,
                words: found.words,
                detected_tier: found.detected_tier,
            }
        })
    }
}

/// What the data plane remembers of its answers.
struct GatewayHeadrooms(Arc<Headroom>);

impl Headrooms for GatewayHeadrooms {
    fn known(&self, key: ProviderKeyId, now: Timestamp) -> Vec<ModelHeadroom> {
        let window = |window: gateway::Window| HeadroomWindow {
            counts: window.counts,
            per: window.per,
            limit: window.limit,
            remaining: window.remaining,
            resets_at: window.resets_at,
        };
        let known = self.0.of_key(key, now).into_iter().map(|known| ModelHeadroom {
            model: known.model.to_string(),
            read_at: known.read_at,
            windows: known.windows.into_iter().map(window).collect(),
        });
        known.collect()
    }

    fn forget(&self, key: ProviderKeyId) {
        self.0.forget(key);
    }
}

/// `control` writes, the data plane's client delivers.
struct UpstreamMessenger {
    upstream: Upstream,
}

const DELIVERY_MAX: Duration = Duration::from_secs(10);

impl Messenger for UpstreamMessenger {
    fn post<'a>(&'a self, letter: &'a Letter) -> Posting<'a> {
        Box::pin(async move {
            let mut headers = HeaderMap::new();
            for (name, value) in &letter.headers {
                let value = HeaderValue::from_str(value).map_err(|error| error.to_string())?;
                headers.insert(HeaderName::from_static(name), value);
            }
            let body = Bytes::copy_from_slice(&letter.body);
            let by = Instant::now() + DELIVERY_MAX;
            let status = self.upstream.post(&letter.url, headers, body, by).await?;
            Ok(status.as_u16())
        })
    }
}

/// Read by `keystile config check` too: everything that can be wrong before anything is opened.
pub fn check(config: &Config) -> anyhow::Result<Catalogue> {
    telemetry::filter(config)?;
    master_key::read(config)?;
    config.catalogue()
}
