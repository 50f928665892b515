//! Wires everything together, in the order in which each part needs the one before; and takes it apart again.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use control::{Control, Passwords, Probe, Probed, SetupToken, Strength};
use gateway::upstream::{Resolve, SystemResolver};
use gateway::{Directory, Gateway, Metrics, Upstream};
use model::{BaseUrl, Catalogue, Clock, Provider, Random};
use store::bus::Follower;
use store::drain::Drainer;
use store::journal::{Journal, JournalWriter, NodeLock, node_id};
use store::{Location, Store};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use vault::ProviderKey;

use crate::listener::Listener;
use crate::master_key::{self, Origin};
use crate::router;
use crate::shared::Shared;
use crate::telemetry::{self, Telemetry};
use crate::{Config, config};

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
    /// While there is no owner: the token that makes one.
    pub setup_token: Option<config::Hidden>,
    pub master_key: Origin,
    shared: Arc<Shared>,
    listener: Listener,
    journal_writer: JournalWriter,
    stop: watch::Sender<bool>,
    drainer: JoinHandle<()>,
    follower: Option<JoinHandle<()>>,
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
        let upstream =
            Upstream::with_resolver(&config.egress(), config.limits.connect_max, resolver);
        let folder = config.data_dir.join("journal");
        let (journal, journal_writer) = Journal::open(&folder, config.journal)
            .with_context(|| format!("the usage journal in {}", folder.display()))?;
        let node = node_id(&config.data_dir, &*clock, &*random)?;
        let mut drainer = Drainer::new(store.clone(), journal.clone(), node);
        let orphans = drainer.replay(clock.now()).await.context("the journal's replay")?;
        if orphans > 0 {
            tracing::warn!(
                attempts = orphans,
                "attempts of a former process never ended: see state unsettled"
            );
        }

        let vault = unlocked.vault;
        let pepper = unlocked.pepper;
        let directory =
            Directory::new(store.clone(), Arc::clone(&vault), Arc::clone(&catalogue), clock.now());
        let gateway = Arc::new(Gateway {
            limits: config.limits.clone(),
            catalogue: Arc::clone(&catalogue),
            clock: Arc::clone(&clock),
            directory,
            journal,
            metrics: Metrics::default(),
            pepper: Arc::clone(&pepper),
            upstream: upstream.clone(),
            vault: Arc::clone(&vault),
        });
        let (setup_token, shown_token) = setup_token(config, &store, &*random).await?;
        let control = Arc::new(Control {
            catalogue,
            clock: Arc::clone(&clock),
            passwords: Passwords::new(password_strength, Arc::clone(&random)),
            pepper,
            probe: Arc::new(UpstreamProbe { upstream }),
            random: Arc::clone(&random),
            setup_token,
            signer: unlocked.signer,
            store: store.clone(),
            vault,
        });

        let telemetry = Telemetry::new(&gateway);
        let shared = Arc::new(Shared { control, gateway, telemetry, clock, random });
        let (stop, stopped) = watch::channel(false);
        let drainer = tokio::spawn(drainer.run(stopped.clone()));
        let follower = match store.is_shared() {
            true => Some(follow(&store, &shared, stopped).await?),
            false => None,
        };
        let socket = TcpListener::bind(config.listen).await.with_context(|| {
            format!("cannot listen on {} (--listen takes another)", config.listen)
        })?;
        let address = socket.local_addr()?;
        let routes = router::routes(Arc::clone(&shared));
        let listener = Listener::start(socket, routes, config.connections_max);
        Ok(Self {
            address,
            setup_token: shown_token,
            master_key,
            shared,
            listener,
            journal_writer,
            stop,
            drainer,
            follower,
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
        if let Err(error) = self.journal_writer.close().await {
            tracing::error!(error = %error, "the journal could not be closed in order");
        }
        self.stop.send_replace(true);
        for task in [Some(self.drainer), self.follower].into_iter().flatten() {
            if let Err(error) = task.await {
                tracing::error!(error = %error, "a background task ended badly");
            }
        }
        self.store.close().await;
        all_finished
    }
}

/// The folder, for its owner only, and the lock that makes this process the only one in it.
pub fn prepare_data_dir(folder: &Path) -> anyhow::Result<NodeLock> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("the data folder {} cannot be made", folder.display()))?;
    Ok(NodeLock::acquire(folder)?)
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
    let store = connect(config).await?;
    store.migrate().await.context("the database could not be brought up to date")?;
    Ok(store)
}

/// The one that is asked for, and, while there is no owner, the one to print.
async fn setup_token(
    config: &Config,
    store: &Store,
    random: &dyn Random,
) -> anyhow::Result<(SetupToken, Option<config::Hidden>)> {
    let token = match &config.setup_token {
        Some(token) => token.clone(),
        None => {
            let mut bytes = [0; 16];
            random.fill(&mut bytes);
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            config::Hidden::new(hex)
        }
    };
    let set_up = store.system().instance().await?.is_some_and(|row| row.set_up_at.is_some());
    let shown = (!set_up).then(|| token.clone());
    Ok((SetupToken::new(token.reveal().to_owned()), shown))
}

/// Applies other nodes' changes to this node's caches.
async fn follow(
    store: &Store,
    shared: &Arc<Shared>,
    mut stopped: watch::Receiver<bool>,
) -> anyhow::Result<JoinHandle<()>> {
    let mut follower = Follower::new(store.clone()).await?;
    let shared = Arc::clone(shared);
    Ok(tokio::spawn(async move {
        let mut pruned_at = shared.clock.now();
        while !*stopped.borrow() {
            let now = shared.clock.now();
            match follower.poll().await {
                Ok(()) => shared.gateway.directory.confirm(now),
                Err(error) => {
                    tracing::warn!(error = %error, "changes of other nodes cannot be read")
                }
            }
            if now.since(pruned_at) > PRUNE_EVERY {
                pruned_at = now;
                if let Err(error) = follower.prune(now).await {
                    tracing::warn!(error = %error, "old changes could not be deleted");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(Follower::POLL) => {}
                _ = stopped.changed() => {}
            }
        }
    }))
}

const PRUNE_EVERY: Duration = Duration::from_secs(600);

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
            Probed { validation: found.validation, words: found.words }
        })
    }
}

/// Read by `keystile config check` too: everything that can be wrong before anything is opened.
pub fn check(config: &Config) -> anyhow::Result<Catalogue> {
    telemetry::filter(config)?;
    master_key::read(config)?;
    config.catalogue()
}
