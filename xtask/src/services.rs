//! `cargo xtask services`: the four services apart, each on real servers, behind nginx at one address.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use tokio::{
    runtime::{Builder, Runtime},
    select,
    signal::unix::{Signal, SignalKind, signal},
};

use crate::{
    servers::{self, MailCatcher, MongoDb, Nginx, Place, Postgres, Process, RabbitMq, Redis, S3, free_port},
    shell,
};

/// How often the processes are looked after.
const LOOK: Duration = Duration::from_secs(1);

/// What a person chooses.
pub(crate) struct Options {
    /// Install what is missing first.
    pub(crate) install: bool,
    /// Where everything is kept.
    pub(crate) data: PathBuf,
    /// Where people go.
    pub(crate) listen: SocketAddr,
    /// MongoDB instead of PostgreSQL.
    pub(crate) mongodb: bool,
    /// A built `moodify`, in place of building it.
    pub(crate) program: Option<PathBuf>,
}

/// Starts everything, waits for Ctrl-C or for one of them to end, and ends all of them.
///
/// # Errors
/// If something is missing or does not start, or one of them ends by itself.
pub(crate) fn run(options: &Options) -> Result<()> {
    // Whoever has it already would pass for nginx, until that gives up.
    let taken = || format!("{} cannot be had: name another address with --listen", options.listen);
    TcpListener::bind(options.listen).map(drop).with_context(taken)?;
    if options.install {
        servers::install()?;
    }
    servers::demand()?;
    let program = match &options.program {
        Some(program) => std::path::absolute(program)?,
        None => build()?,
    };
    let place = Place::lasting(&options.data)?;
    let mut running = Vec::new();
    let outcome = serve(options, &program, &place, &mut running);
    // The way in first, the services next, and what they stand on last.
    while let Some(process) = running.pop() {
        process.end();
    }
    outcome
}

fn build() -> Result<PathBuf> {
    println!("Building Moodify; the first time takes some minutes.");
    let mut build = shell::cargo(&["build", "-p", "moodify-server", "--bin", "moodify"]);
    shell::built_program(&mut build, "moodify")
}

fn serve(options: &Options, program: &Path, place: &Place, running: &mut Vec<Process>) -> Result<()> {
    let mails = start(options, program, place, running)?;
    // From here on Ctrl-C ends all of them in order; before, it ends this process, and that ends each of them.
    let mut person = Person::listened_to()?;
    println!("\nMoodify is ready: auth, music, notification, sync, each in a process of its own.");
    println!("  API       http://{}/v1", options.listen);
    println!("  Mailbox   {}", mails.display());
    println!("  Logs      {}/*/output.log", options.data.display());
    println!("Ctrl-C stops it.");
    while !person.wants_an_end_within(LOOK) {
        for process in running.iter_mut() {
            if let Some(why) = process.has_ended()? {
                bail!("{why}\nthe others are ended");
            }
        }
    }
    println!("Stopping.");
    Ok(())
}

/// Who stops it: a person by Ctrl-C, a process manager by `TERM`.
struct Person {
    runtime: Runtime,
    signals: [Signal; 2],
}

impl Person {
    /// From now on neither ends this process.
    fn listened_to() -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let entered = runtime.enter();
        let signals = [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?];
        drop(entered);
        Ok(Self { runtime, signals })
    }

    fn wants_an_end_within(&mut self, time: Duration) -> bool {
        let [interrupt, terminate] = &mut self.signals;
        self.runtime.block_on(async {
            let either = async {
                select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
            };
            tokio::time::timeout(time, either).await.is_ok()
        })
    }
}

/// Servers first, then the services on them, then the way in. Returns where mails appear.
fn start(options: &Options, program: &Path, place: &Place, running: &mut Vec<Process>) -> Result<PathBuf> {
    println!("Starting the servers.");
    let databases = databases(options, place, running)?;
    // Each is kept at once: it ends in order also when the next one does not start.
    let broker = RabbitMq::start(&place.folder("rabbitmq")?)?;
    let queue = broker.url();
    running.push(broker.process);
    let redis = Redis::start(&place.folder("redis")?)?;
    let sync_url = redis.url();
    running.push(redis.process);
    let s3 = S3::start(&place.folder("s3")?)?;
    let media = s3.media();
    running.push(s3.process);
    let mail = MailCatcher::start(&place.folder("mail")?)?;
    let (mailer, mails) = (mail.mailer(), mail.folder().to_path_buf());
    running.push(mail.process);
    let (auth, music, notification, sync) = (at(18_081)?, at(18_181)?, at(18_281)?, at(18_381)?);
    let common = [
        ("MOODIFY_PUBLIC_URL", format!("http://{}", options.listen)),
        ("MOODIFY_HTTP_TRUSTED_PROXIES", "1".to_owned()),
        ("MOODIFY_QUEUE", queue),
        ("MOODIFY_ACCOUNTS_JWKS_URL", format!("http://{auth}/.well-known/jwks.json")),
        ("MOODIFY_MEDIA", media),
        ("MOODIFY_SYNC", sync_url),
        ("MOODIFY_MAILER", mailer),
        ("MOODIFY_MAIL_FROM", "Moodify <moodify@example.org>".to_owned()),
        ("AWS_ACCESS_KEY_ID", S3::KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", S3::SECRET.to_owned()),
    ];
    println!("Starting the services.");
    let mut services = Vec::new();
    for ((service, address), database) in
        [("auth", auth), ("music", music), ("notification", notification), ("sync", sync)]
            .into_iter()
            .zip(databases)
    {
        let folder = place.folder(service)?;
        let mut command = Command::new(program);
        // With the environment of the person: other settings are heard.
        command.args(["serve", service]).current_dir(&folder);
        command.envs(common.iter().map(|(name, value)| (*name, value)));
        // It would belong to other keys than these.
        command.env_remove("AWS_SESSION_TOKEN");
        command.env("MOODIFY_LISTEN", address.to_string()).env("MOODIFY_DATA", &folder);
        command.env(format!("MOODIFY_DATABASES_{}", service.to_uppercase()), database);
        services.push((Process::start(service, &command, &folder)?, address));
    }
    for (process, address) in services {
        // Music and sync are when auth has told them its keys.
        let address = address.to_string();
        let is_ready = || {
            let mut question = Command::new(program);
            shell::succeeds(question.args(["healthcheck", "--listen", &address]).current_dir(&place.root))
        };
        running.push(process.ready(is_ready)?);
    }
    running.push(Nginx::start(&place.folder("nginx")?, options.listen, [auth, music, sync])?);
    Ok(mails)
}

/// One for each service, in their order.
fn databases(options: &Options, place: &Place, running: &mut Vec<Process>) -> Result<[String; 4]> {
    const NAMES: [&str; 4] = ["moodify_auth", "moodify_music", "moodify_notification", "moodify_sync"];
    if options.mongodb {
        let server = MongoDb::start(&place.folder("mongodb")?)?;
        let urls = NAMES.map(|name| server.url(name));
        running.push(server.process);
        return Ok(urls);
    }
    let server = Postgres::start(&place.folder("postgres")?)?;
    let mut urls = Vec::new();
    for name in NAMES {
        urls.push(server.database(name)?);
    }
    running.push(server.process);
    urls.try_into().map_err(|_| anyhow::anyhow!("a database is missing"))
}

/// The first free address of this machine from that port on.
fn at(from: u16) -> Result<SocketAddr> {
    Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, free_port(from)?)))
}
