//! RabbitMQ, from Debian's package.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::Path,
    time::Duration,
};

use anyhow::Result;

use super::{Process, Server, free_port, install, nowhere};
use crate::shell;

/// Past the wrapper that Debian puts before it, which takes no other user and no other place.
const PROGRAM: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

pub(super) const SERVER: Server = Server {
    name: "RabbitMQ",
    variable: Some("MOODIFY_TEST_RABBITMQ"),
    advice: "apt-get install rabbitmq-server (as root)",
    // Its programs are needed in any case, for the tests that kill a broker.
    is_installed: || Path::new(PROGRAM).exists(),
    install: || install::apt(&["rabbitmq-server"]),
    // The machine's own goes on running: each test has its own names on it.
    find: || {
        let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, 5_672));
        greets(usual).then(|| url(usual))
    },
    start: Some(|folder| {
        let server = RabbitMq::start(folder)?;
        Ok((url(server.address), server.process))
    }),
    folder: nowhere,
};

/// One of our own.
pub(crate) struct RabbitMq {
    address: SocketAddr,
    pub(crate) process: Process,
}

impl RabbitMq {
    /// Starts it on what is in this folder, or on nothing.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port(25_672)?));
        // What its parts talk to each other by.
        let talk = free_port(address.port() + 1)?;
        let config = format!("listeners.tcp.default = {address}\nlog.console = false\n");
        let path = |name: &str| folder.join(name);
        fs::write(path("rabbitmq.conf"), config)?;
        fs::write(path("plugins"), "[].")?;
        let mut command = shell::program(PROGRAM, &[]);
        command
            // The cookie that lets its own tools in.
            .env("HOME", folder)
            .env("RABBITMQ_NODENAME", node(folder))
            .env("RABBITMQ_CONFIG_FILE", path("rabbitmq.conf"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", path("plugins"))
            .env("RABBITMQ_MNESIA_BASE", path("data"))
            .env("RABBITMQ_LOG_BASE", path("log"))
            .env("RABBITMQ_LOGS", path("log/broker.log"))
            .env("RABBITMQ_PID_FILE", path("pid"))
            .env("RABBITMQ_DIST_PORT", talk.to_string());
        let process = Process::start("RabbitMQ", &command, folder)?.ready(|| greets(address))?;
        Ok(Self { address, process })
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        url(self.address)
    }
}

/// Its data belong to its name, and no two on a machine may have the same.
fn node(folder: &Path) -> String {
    let mut hasher = DefaultHasher::new();
    folder.hash(&mut hasher);
    format!("moodify-{:016x}@localhost", hasher.finish())
}

/// Whether it answers as a broker does: whoever only listens may not be ready yet.
fn greets(address: SocketAddr) -> bool {
    const PATIENCE: Duration = Duration::from_secs(5);
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(b"AMQP\x00\x00\x09\x01")?;
        let mut kind = [0];
        stream.read_exact(&mut kind)?;
        // A method, which is what it begins with: AMQP 0-9-1, 2.3.5.
        Ok(kind == [1])
    };
    ask().unwrap_or_default()
}

fn url(address: SocketAddr) -> String {
    format!("amqp://guest:guest@{address}/%2f")
}
