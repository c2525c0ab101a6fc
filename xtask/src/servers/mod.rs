//! The real servers that tests and `cargo xtask services` use: ONE list, and for each how to install it, how to
//! find it, how to start it, and the variable that names it to the tests.

mod install;
mod mail;
mod mongodb;
mod nginx;
mod place;
mod postgres;
mod process;
mod rabbitmq;
mod redis;
mod s3;

use std::{ffi::OsString, path::Path, process::Command};

use anyhow::{Context, Result, bail, ensure};

use crate::shell;

pub(crate) use mail::MailCatcher;
pub(crate) use mongodb::MongoDb;
pub(crate) use nginx::Nginx;
pub(crate) use place::{Place, free_port};
pub(crate) use postgres::Postgres;
pub(crate) use process::Process;
pub(crate) use rabbitmq::RabbitMq;
pub(crate) use redis::Redis;
pub(crate) use s3::S3;

/// Starts a server on what is in a folder, and says how the tests are told of it.
type Start = fn(&Path) -> Result<(String, Process)>;

/// A server that stands for what a deployment has.
pub(crate) struct Server {
    /// What people call it.
    name: &'static str,
    /// The variable that tells the tests where one is, or which program to start.
    variable: Option<&'static str>,
    /// How to install it by hand.
    advice: &'static str,
    /// Whether its programs are here.
    is_installed: fn() -> bool,
    install: fn() -> Result<()>,
    /// One that answers where everybody looks, as the tests want to be told of it.
    find: fn() -> Option<String>,
    /// One of our own, empty, in this folder.
    start: Option<Start>,
    /// Where its programs are, if not in everybody's path.
    folder: fn() -> Option<OsString>,
}

/// All of them.
const SERVERS: [Server; 7] = [
    postgres::SERVER,
    mongodb::SERVER,
    rabbitmq::SERVER,
    redis::SERVER,
    s3::SERVER,
    nginx::SERVER,
    mail::SERVER,
];

/// Installs what is missing.
pub(crate) fn install() -> Result<()> {
    s3::demand_named()?;
    for server in &SERVERS {
        if !server.is_installed() {
            println!("\n=== installing {} ===", server.name);
            let by_hand = || format!("{} could not be installed; by hand: {}", server.name, server.advice);
            (server.install)().with_context(by_hand)?;
        }
    }
    Ok(())
}

/// What is missing, and how to come by it: all of it at once. `None` if nothing is. Fails where one is named that
/// cannot be started.
pub(crate) fn missing() -> Result<Option<String>> {
    s3::demand_named()?;
    let all = |lines: String| format!("these are missing; `--install` installs them from packages:\n{lines}");
    Ok(missing_of(&SERVERS).map(all))
}

/// A line for each of them that is missing. `None` if none is.
fn missing_of(servers: &[Server]) -> Option<String> {
    let missing: Vec<String> = servers
        .iter()
        .filter(|server| !server.is_installed())
        .map(|server| format!("  {}: {}", server.name, server.advice))
        .collect();
    (!missing.is_empty()).then(|| missing.join("\n"))
}

/// Fails where one is missing.
pub(crate) fn demand() -> Result<()> {
    missing()?.map_or(Ok(()), |missing| bail!(missing))
}

/// Fails where one is missing that the loads on servers run on; the broker may be somebody else's.
pub(crate) fn demand_for_loads(with_broker: bool) -> Result<()> {
    s3::demand_named()?;
    let own = missing_of(&[mongodb::SERVER, s3::SERVER, redis::SERVER]);
    let broker = missing_of(&[rabbitmq::SERVER]).filter(|_| with_broker);
    let missing: Vec<String> = own.into_iter().chain(broker).collect();
    ensure!(
        missing.is_empty(),
        "the loads need what is missing here; install it, or run with --without-peer on embedded stores:\n{}",
        missing.join("\n")
    );
    s3::demand_by_name()
}

/// `cargo xtask with-servers`: runs a command that is told where every server is. Those that answer where everybody
/// looks are used; the others are started, and end with it.
pub(crate) fn run_with(command: &[String]) -> Result<()> {
    let Some((program, arguments)) = command.split_first() else { bail!("name the command to run") };
    demand()?;
    let running = Running::start()?;
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = shell::run(running.told(&mut shell::program(program, &arguments)));
    running.end();
    outcome
}

/// Every server that is here, for as long as this is.
pub(crate) struct Running {
    variables: Vec<(&'static str, OsString)>,
    processes: Vec<Process>,
    /// Goes last: they write there.
    _place: Place,
}

impl Running {
    /// Takes those that answer where everybody looks, and starts the others, as far as they are installed.
    pub(crate) fn start() -> Result<Self> {
        let place = Place::temporary("servers")?;
        let (mut variables, mut processes) = (vec![("PATH", path()?)], Vec::new());
        for server in &SERVERS {
            if let Some((variable, value, process)) = server.ready(&place)? {
                println!("{variable}={}", shown(&value));
                variables.push((variable, value.into()));
                processes.extend(process);
            }
        }
        Ok(Self { variables, processes, _place: place })
    }

    /// The command, told where they are.
    pub(crate) fn told<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.envs(self.variables.iter().map(|(name, value)| (*name, value)))
    }

    /// Ends those that were started, in the order in which they came: none needs another.
    pub(crate) fn end(self) {
        self.processes.into_iter().for_each(Process::end);
    }
}

/// `PATH`, with the folders of what is installed elsewhere in front.
pub(crate) fn path() -> Result<OsString> {
    let own = SERVERS.iter().filter_map(|server| (server.folder)());
    let mut folders: Vec<_> = own.map(Into::into).collect();
    let known = std::env::var_os("PATH").unwrap_or_default();
    folders.extend(std::env::split_paths(&known));
    std::env::join_paths(folders).context("PATH cannot be extended")
}

impl Server {
    fn is_installed(&self) -> bool {
        (self.is_installed)()
    }

    /// What the tests are to be told, if they are told anything: what was named, what is found, or what is started.
    fn ready(&self, place: &Place) -> Result<Option<(&'static str, String, Option<Process>)>> {
        let Some(variable) = self.variable else { return Ok(None) };
        if let Ok(named) = std::env::var(variable) {
            return Ok(Some((variable, named, None)));
        }
        if let Some(found) = (self.find)() {
            return Ok(Some((variable, found, None)));
        }
        // What the tests start themselves needs no variable.
        let Some(start) = self.start.filter(|_| self.is_installed()) else { return Ok(None) };
        println!("starting {}", self.name);
        let folder = place.folder(self.name)?;
        let (url, process) = start(&folder).with_context(|| format!("{} does not start", self.name))?;
        Ok(Some((variable, url, Some(process))))
    }
}

/// A URL without its password.
fn shown(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://***@{host}"),
        _ => url.to_owned(),
    }
}

/// For servers that are never found, only started.
fn never() -> Option<String> {
    None
}

/// For servers whose programs are in the path, or in a place of the system's.
fn nowhere() -> Option<OsString> {
    None
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_server_has_a_name_and_a_variable_of_its_own() {
        let names: BTreeSet<&str> = SERVERS.iter().map(|server| server.name).collect();
        assert_eq!(names.len(), SERVERS.len());
        let variables: Vec<&str> = SERVERS.iter().filter_map(|server| server.variable).collect();
        assert!(variables.iter().all(|name| name.starts_with("MOODIFY_TEST_")), "{variables:?}");
        assert_eq!(variables.iter().collect::<BTreeSet<_>>().len(), variables.len());
    }

    #[test]
    fn no_password_is_shown() {
        assert_eq!(shown("amqp://guest:guest@127.0.0.1:5672/%2f"), "amqp://***@127.0.0.1:5672/%2f");
        assert_eq!(shown("redis://127.0.0.1:6379"), "redis://127.0.0.1:6379");
    }
}
