//! Redis, from Debian's package.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::Path,
    time::Duration,
};

use anyhow::Result;

use super::{Process, Server, free_port, install, nowhere};
use crate::shell;

const PROGRAM: &str = "redis-server";

pub(super) const SERVER: Server = Server {
    name: "Redis",
    variable: Some("MOODIFY_TEST_REDIS"),
    advice: "apt-get install redis-server (as root)",
    is_installed: || install::is_program(PROGRAM, "--version"),
    install: || install::apt(&["redis-server"]),
    find: || {
        let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, 6_379));
        answers(usual).then(|| url(usual))
    },
    start: Some(|folder| {
        let server = Redis::start(folder)?;
        Ok((url(server.address), server.process))
    }),
    folder: nowhere,
};

/// One of our own.
pub(crate) struct Redis {
    address: SocketAddr,
    pub(crate) process: Process,
}

impl Redis {
    /// Starts it on nothing; it keeps nothing.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port(26_379)?));
        let port = address.port().to_string();
        let mut command =
            shell::program(PROGRAM, &["--bind", "127.0.0.1", "--port", &port, "--save", "", "--dir"]);
        command.arg(folder);
        let process = Process::start("Redis", &command, folder)?.ready(|| answers(address))?;
        Ok(Self { address, process })
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        url(self.address)
    }
}

fn url(address: SocketAddr) -> String {
    format!("redis://{address}")
}

/// Whether it is one, and takes us without a password.
fn answers(address: SocketAddr) -> bool {
    const PATIENCE: Duration = Duration::from_secs(2);
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(b"PING\r\n")?;
        let mut answer = [0; 5];
        stream.read_exact(&mut answer)?;
        Ok(&answer == b"+PONG")
    };
    ask().unwrap_or_default()
}
