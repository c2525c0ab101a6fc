//! `moodify serve`

mod alone;
mod announce;
mod connections;
mod door;
mod metrics;
mod place;
mod places;
mod watch;
mod web;

use std::{io, net::SocketAddr, time::Duration};

use axum::{Router, middleware, serve::ListenerExt};
use moodify_core::{Config, Error, Moodify, port::Clock, service::Context};
use moodify_http::sync::SyncHandle;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{
    assemble::{self, Parts, Upgrade},
    cli::Role,
    commands::runtime,
    config::Settings,
    failure::{Failure, one_line},
    lock::Locks,
    shutdown::Signals,
    templates,
};
use door::Door;
use watch::Watch;
use web::Web;

/// How long an event that is being handled may take once the process is asked to end. One that
/// is not finished comes again.
const WORKERS_PATIENCE: Duration = Duration::from_secs(10);

/// How long connections stay open once no new ones are taken: a request that is on its way to an
/// idle connection, or was sent together with opening it, arrives and is answered.
const GRACE: Duration = Duration::from_millis(200);

/// Runs these services until a signal comes.
///
/// # Errors
/// If they cannot start, or a part of them ends by itself.
pub(crate) fn run(role: Role, settings: &Settings) -> Result<(), Failure> {
    let runtime = runtime()?;
    let watch = Watch::begin(role, settings, &runtime)?;
    let locks = Locks::take(&settings.data, &settings.database(role.services())?, role.names())?;
    let outcome = runtime.block_on(serve(role, settings, &locks, &watch));
    watch.end();
    // Whatever still runs in there was given its time.
    runtime.shutdown_background();
    outcome
}

async fn serve(role: Role, settings: &Settings, locks: &Locks, watch: &Watch) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    let (listener, bound) = bind(settings.listen, "--listen").await?;
    let public_url = settings.public_url(bound)?;
    if role != Role::All && !settings.has_public_url() {
        tracing::warn!(%public_url, "public_url is not set: what this service links to leads to itself, also where another one is meant");
    }
    let config = templates::load(settings.mail.templates.as_deref(), settings.core(public_url.clone()))?;
    let mut parts = assemble::parts(settings, role.services(), Upgrade::Yes).await?;
    parts.context.tracer = watch.tracer();
    let at = (listener, bound, public_url);
    let outcome = Box::pin(serve_with(&parts, config, role, settings, locks, at, &mut signals)).await;
    // Whatever came of it: MongoDB's driver panics if it is left open to the end of the process.
    if let Some(sync) = &parts.sync {
        sync.close().await;
    }
    parts.queue.close().await;
    parts.database.close().await;
    outcome
}

/// Returns when there is nothing more to be done with these parts.
async fn serve_with(
    parts: &Parts,
    config: Config,
    role: Role,
    settings: &Settings,
    locks: &Locks,
    (listener, bound, public_url): (TcpListener, SocketAddr, Url),
    signals: &mut Signals,
) -> Result<(), Failure> {
    let moodify = assemble::moodify(parts, config)?;
    if locks.prove_to_be_alone() {
        // What is leased, a dead process leased.
        parts.database.reclaim(role.services()).await.map_err(|error| {
            Failure::new(format!("the database does not work: {}", one_line(&error)), "run `moodify doctor`")
        })?;
    }
    let mut claim = tokio::select! {
        claim = alone::claim(role, settings, &*parts.database, &*parts.context.clock) => claim?,
        signal = signals.next() => {
            tracing::info!(signal, "ending before it began");
            return Ok(());
        }
    };
    // Before the first request: an event is kept only for consumers that are known.
    moodify.declare_consumers().await.map_err(|error| {
        Failure::new(format!("the queue does not work: {}", one_line(&error)), "run `moodify doctor`")
    })?;
    look_for_keys(parts, &moodify);
    let Web { router, sockets, apart } = web::web(&moodify, parts, role, settings, (bound, public_url));
    let connections = settings.http.max_connections(open_files());
    let limits = connections::Limits {
        head_patience: connections::HEAD_PATIENCE,
        write_patience: connections::WRITE_PATIENCE,
        connections,
        per_network: settings.http.max_connections_per_address(connections),
    };
    if let Some((address, router)) = apart {
        let (listener, address) = bind(address, "metrics.listen").await?;
        // To the end of the process: how it ends is worth watching too.
        let context = parts.context.clone();
        tokio::spawn(connections::serve(listener, router, limits, context, CancellationToken::new()));
        tracing::info!(%address, "metrics are shown here");
    }
    let mut running =
        Running::start((listener, bound), (router, limits), sockets, moodify, role, parts.context.clone());
    announce::ready(role, settings, bound)?;

    let outcome = tokio::select! {
        signal = signals.next() => {
            tracing::info!(signal, "ending: no new connections, open requests are finished");
            Ok(())
        }
        failure = running.ended_early() => Err(failure),
        failure = alone::lost(&mut claim) => Err(failure),
    };
    tokio::select! {
        () = running.end(settings.http.drain(), &*parts.context.clock) => {}
        signal = signals.next() => tracing::warn!(signal, "ending at once, as asked a second time"),
    }
    outcome
}

/// Services start in any order: one that is there before the auth service is told of it, and starts all the same.
fn look_for_keys(parts: &Parts, moodify: &Moodify) {
    if parts.jwks.is_none() {
        return;
    }
    let moodify = moodify.clone();
    tokio::spawn(async move {
        if let Err(error) = moodify.accounts().can_authenticate().await {
            tracing::warn!(
                error = %one_line(&error),
                "no key of the auth service is known yet: until it tells one, nobody is let in and this service is \
                 not ready; start it, or correct accounts.jwks_url"
            );
        }
    });
}

async fn bind(address: SocketAddr, setting: &str) -> Result<(TcpListener, SocketAddr), Failure> {
    let bound = TcpListener::bind(address).await.and_then(|listener| {
        let address = listener.local_addr()?;
        Ok((listener, address))
    });
    bound.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => Failure::new(
            format!("{address} is taken by another program"),
            format!("stop that program, or choose another address with {setting}"),
        ),
        io::ErrorKind::PermissionDenied => Failure::new(
            format!("this user may not listen at {address}"),
            format!("choose a port from 1024 on with {setting}, or give the program the right to lower ones"),
        ),
        _ => Failure::new(
            format!("{address} cannot be listened at: {error}"),
            format!("choose an address of this machine with {setting}"),
        ),
    })
}

/// How many files this process may have open: as many as the system lets it, from now on.
fn open_files() -> u64 {
    /// What most systems begin with.
    const USUAL: u64 = 1024;
    rlimit::increase_nofile_limit(u64::MAX).unwrap_or_else(|error| {
        tracing::warn!(%error, "the limit of open files is not known");
        USUAL
    })
}

/// What runs until it is told to end.
struct Running {
    server: JoinHandle<()>,
    workers: JoinHandle<Result<(), Error>>,
    sockets: Option<SyncHandle>,
    stop_accepting: CancellationToken,
    stop_workers: CancellationToken,
}

impl Running {
    fn start(
        (listener, bound): (TcpListener, SocketAddr),
        (router, limits): (Router, connections::Limits),
        sockets: Option<SyncHandle>,
        moodify: Moodify,
        role: Role,
        context: Context,
    ) -> Self {
        let (stop_accepting, stop_workers) = (CancellationToken::new(), CancellationToken::new());
        let closed = CancellationToken::new();
        let door = Door::new(listener, bound, stop_accepting.clone(), closed.clone()).tap_io(|stream| {
            // Answers and playback commands are small; waiting for more of them helps nobody.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "a connection stays with delays");
            }
        });
        let router = router.layer(middleware::from_fn_with_state(stop_accepting.clone(), door::say_goodbye));
        let stop_serving = CancellationToken::new();
        let serving = connections::serve(door, router, limits, context.clone(), stop_serving.clone());
        let closing = async move {
            closed.cancelled().await;
            context.clock.sleep(GRACE).await;
            stop_serving.cancel();
        };
        let server = async {
            tokio::join!(serving, closing);
        };
        let stop = stop_workers.clone();
        let workers = tokio::spawn(async move { moodify.run(role.services(), stop).await });
        Self { server: tokio::spawn(server), workers, sockets, stop_accepting, stop_workers }
    }

    /// Returns when a part ends that nobody told to.
    async fn ended_early(&mut self) -> Failure {
        let why = tokio::select! {
            ended = &mut self.server => match ended {
                Ok(()) => "the HTTP server ended by itself".to_owned(),
                Err(error) => format!("the HTTP server ended: {}", one_line(&error)),
            },
            ended = &mut self.workers => match ended {
                Ok(Ok(())) => "the event workers ended by themselves".to_owned(),
                Ok(Err(error)) => format!("the event workers ended: {}", one_line(&error)),
                Err(error) => format!("the event workers ended: {}", one_line(&error)),
            },
        };
        Failure::new(why, "run `moodify doctor`, and start the server again")
    }

    /// Ends everything in the order in which one depends on another: connections first, then the
    /// workers that handle what these caused.
    async fn end(&mut self, drain: Duration, clock: &dyn Clock) {
        self.stop_accepting.cancel();
        let sockets = async {
            // Together with the requests: a polling socket is one, and stays open for as long as
            // there is nothing to say.
            if let Some(sockets) = &self.sockets {
                sockets.close(drain).await;
            }
        };
        let requests = finish("requests", &mut self.server, drain, clock);
        tokio::join!(requests, sockets);
        self.stop_workers.cancel();
        finish("event workers", &mut self.workers, WORKERS_PATIENCE, clock).await;
        tracing::info!("ended");
    }
}

/// Waits for a task, but not for ever.
async fn finish<T>(what: &str, task: &mut JoinHandle<T>, patience: Duration, clock: &dyn Clock) {
    if task.is_finished() {
        return;
    }
    tokio::select! {
        _ = &mut *task => {}
        () = clock.sleep(patience) => {
            tracing::warn!(what, seconds = patience.as_secs(), "not finished in time; cut off");
            task.abort();
        }
    }
}
