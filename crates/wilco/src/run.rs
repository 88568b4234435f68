//! The bot itself, from an opened store to a drained one.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wilco_core::Clock;
use wilco_core::desk::{Caller, Desk};
use wilco_discord::Discord;
use wilco_discord::commands::register_at_start;
use wilco_loop::kinds::Kinds;
use wilco_loop::{Bot, Parts, launcher};
use wilco_web::Web;

use crate::bot::Extras;
use crate::config::watch::{Reload, Watch};
use crate::config::{Config, Loader};
use crate::exit::{Ended, Exit};
use crate::local::{self, Additions};
use crate::wiring::{self, Connections, Wiring};
use crate::{greeting, kinds, listen, out};

mod private;

/// The count of running jobs is a courtesy; a store that hangs must not keep the second Ctrl-C waiting.
const COUNTING: Duration = Duration::from_secs(1);

/// Runs until SIGTERM or Ctrl-C has drained it.
///
/// # Errors
/// A sentence with its exit code: what keeps it from starting, or that the loop broke down.
pub(crate) async fn run(loader: Loader, config: Config, extras: Extras) -> anyhow::Result<()> {
    // First of all, so that a signal during the start is answered as soon as it is over.
    let stops = Stops::new().context("the system gives no signals")?;
    let config = Arc::new(config);
    for warning in &config.warnings {
        tracing::warn!("config: {warning}");
    }
    // Before it is opened: SQLite gives the log beside the database the mode that the database has.
    private::database(&wiring::database(&config.store.url));
    let store = wiring::open(&config.store.url, true).await?;
    let wiring = Wiring::over(store.clone());
    let ended = serve(loader, config, extras, wiring, stops).await;
    store.close().await;
    ended
}

async fn serve(
    loader: Loader,
    config: Arc<Config>,
    extras: Extras,
    wiring: Wiring,
    stops: Stops,
) -> anyhow::Result<()> {
    let (makers, additions) = extras.split();
    let kinds = Offered::new(&config, additions, &wiring.clock)?;
    let folder = wiring::files(&config);
    private::folder(&folder)?;
    let connections = wiring.connections(&config, makers)?;
    let web = &connections.web;
    let page = match web {
        Some(web) => Some((Arc::clone(web), listen::listen(config.web.bind).await?)),
        None => None,
    };
    let watch = Watch::start(loader, Arc::clone(&config), Arc::clone(&wiring.clock))
        .context("the system gives no signal for reading the configuration again")?;
    if let Some(web) = web {
        web.load().await.map_err(|error| Ended::new(Exit::Unavailable, error.to_string()))?;
    }
    let parts = Parts {
        store: wiring.store.clone(),
        clock: Arc::clone(&wiring.clock),
        dice: Arc::clone(&wiring.dice),
        kinds: Arc::clone(&kinds.kinds),
        settings: local::settings(&config, &kinds.additions),
        adapters: connections.all.clone(),
        folder,
    };
    let bot = Bot::start(parts, true).await.map_err(|error| wiring::unopened(&error))?;
    let desk: Arc<dyn Desk> = bot.desk();
    if let Some(discord) = &connections.discord {
        discord.attach(Arc::clone(&desk));
    }
    for slack in &connections.slack {
        slack.attach(Arc::clone(&desk));
    }
    let stop = CancellationToken::new();
    let mut tasks = Vec::new();
    // Beside listening, which begins without it.
    if let Some(discord) = connections.discord.as_ref().filter(|_| registers(&config)) {
        tasks.push(tokio::spawn(register(Arc::clone(discord), stop.clone())));
    }
    let open = page.map(|(web, (bound, listeners))| {
        web.attach(Arc::clone(&desk));
        tasks.extend(listeners.into_iter().map(|listener| open_page(&web, listener, &stop)));
        (bound, web.login_path())
    });
    let (tell, reloads) = mpsc::unbounded_channel();
    tasks.push(tokio::spawn(watch.run(stop.clone(), move |reload| {
        // Nobody listens any more once the bot stops.
        drop(tell.send(reload));
    })));
    let database = wiring::database(&config.store.url);
    let open = open.as_ref().map(|(bound, login)| (*bound, login.as_str()));
    let pairing = offer_pairing(&bot, &desk, &connections).await;
    out::tell(&greeting::greeting(&database, &kinds::shown(&kinds.kinds), open, &connections, pairing.as_ref()));

    let ended = Serving { bot, desk, kinds, clock: wiring.clock, stops, reloads }.until_stopped().await;
    stop.cancel();
    for task in tasks {
        if let Err(error) = task.await {
            tracing::error!(%error, "a part of the program broke down while it stopped");
        }
    }
    ended
}

fn registers(config: &Config) -> bool {
    config.discord.as_ref().is_some_and(|discord| discord.register_commands)
}

/// Brings the commands in Discord's menu in step, once. What a stop cuts off is made up for by the next start.
async fn register(discord: Arc<Discord>, stop: CancellationToken) {
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = register_at_start(&discord) => {}
    }
}

/// While nobody can be owner on any connection, a code for whoever sits at the terminal. What is no terminal is kept
/// by somebody, such as a service manager's journal, and gets no code.
async fn offer_pairing(bot: &Bot, desk: &Arc<dyn Desk>, connections: &Connections) -> Option<greeting::Pairing> {
    let accounts = connections.ownerless(|account| bot.has_owner(account));
    let owned = connections.all.len() - accounts.len() - connections.web.iter().count();
    if accounts.is_empty() || owned > 0 {
        return None;
    }
    if !std::io::stdout().is_terminal() {
        return Some(greeting::Pairing { accounts, code: None });
    }
    match desk.offer_pairing(&Caller::Host).await {
        Ok(code) => Some(greeting::Pairing { accounts, code: Some(code) }),
        Err(error) => {
            tracing::warn!(%error, "no pairing code could be offered; `wilco access pair` shows one");
            None
        }
    }
}

/// Answers requests for the page until the stop. A page that fails does not take the bot with it.
fn open_page(web: &Arc<Web>, listener: TcpListener, stop: &CancellationToken) -> JoinHandle<()> {
    let served = Arc::clone(web).serve(listener, stop.clone());
    tokio::spawn(async move {
        if let Err(error) = served.await {
            tracing::error!(%error, "web: the page is closed; jobs go on, start wilco again for the page");
        }
    })
}

/// The signals that stop the bot.
struct Stops {
    terminate: Signal,
    interrupt: Signal,
}

impl Stops {
    fn new() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// The worker kinds that are offered, and what they are made from at every reload.
struct Offered {
    kinds: Arc<Kinds>,
    additions: Additions,
    launcher: PathBuf,
    clock: Arc<dyn Clock>,
}

impl Offered {
    fn new(config: &Config, additions: Additions, clock: &Arc<dyn Clock>) -> anyhow::Result<Self> {
        let launcher = launcher::this_executable().context("the system does not tell where this program is")?;
        let map = kinds::build(config, &additions.kinds, &launcher, clock)?;
        Ok(Self { kinds: Arc::new(Kinds::new(map)), additions, launcher, clock: Arc::clone(clock) })
    }

    /// Takes a configuration that was read again. All of it holds from now on, or nothing.
    fn reload(&self, bot: &Bot, config: &Config) {
        match kinds::build(config, &self.additions.kinds, &self.launcher, &self.clock) {
            Ok(map) => {
                self.kinds.replace(map);
                bot.set_settings(local::settings(config, &self.additions));
                tracing::info!(workers = kinds::shown(&self.kinds), "config: in force");
            }
            Err(problems) => {
                tracing::error!("config: {problems}\nthe settings that were in force stay in force");
            }
        }
    }
}

fn broke_down() -> anyhow::Error {
    let sentence = "the bot broke down and has stopped. Everything that was accepted is stored and goes on when wilco \
                    starts again; the log says what happened";
    Ended::new(Exit::Failed, sentence).into()
}

/// A bot that has started.
struct Serving {
    bot: Bot,
    desk: Arc<dyn Desk>,
    kinds: Offered,
    clock: Arc<dyn Clock>,
    stops: Stops,
    reloads: mpsc::UnboundedReceiver<Reload>,
}

impl Serving {
    async fn until_stopped(mut self) -> anyhow::Result<()> {
        loop {
            tokio::select! {
                _ = self.bot.ended() => break,
                () = self.stops.next() => return self.drain().await,
                Some(reload) = self.reloads.recv() => match reload {
                    Reload::Applied { config, .. } => self.kinds.reload(&self.bot, &config),
                    // The watch has logged what is wrong, and that nothing changed.
                    Reload::Refused(_) => {}
                },
            }
        }
        Err(broke_down())
    }

    /// Takes no new work and waits for what runs; a second signal stops that, too.
    async fn drain(mut self) -> anyhow::Result<()> {
        self.bot.begin_drain();
        let patience = self.clock.sleep_until(self.clock.monotonic() + COUNTING);
        tokio::select! {
            health = self.desk.health() => match health {
                Ok(health) => out::tell(&greeting::draining(health.running)),
                Err(error) => tracing::warn!(%error, "stopping; how many jobs run is not known"),
            },
            () = patience => tracing::warn!("stopping; the store did not say how many jobs run"),
        }
        loop {
            tokio::select! {
                _ = self.bot.ended() => break,
                () = self.stops.next() => self.bot.stop_now(),
            }
        }
        if self.bot.finish().await { Ok(()) } else { Err(broke_down()) }
    }
}
