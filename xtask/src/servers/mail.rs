//! aiosmtpd, from Debian's package: takes every mail, sends none, and keeps them in a Maildir.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use anyhow::Result;

use super::{Process, Server, free_port, install, never, nowhere};
use crate::shell;

pub(super) const SERVER: Server = Server {
    name: "aiosmtpd (for a mail server)",
    // Tests bring mail servers of their own, which refuse on demand.
    variable: None,
    advice: "apt-get install python3-aiosmtpd (as root)",
    is_installed: || shell::succeeds(&mut shell::program(PYTHON, &["-c", "import aiosmtpd"])),
    install: || install::apt(&["python3-aiosmtpd"]),
    find: never,
    start: None,
    folder: nowhere,
};

/// Debian's own, which sees Debian's packages.
const PYTHON: &str = "/usr/bin/python3";

/// One of our own.
pub(crate) struct MailCatcher {
    address: SocketAddr,
    folder: PathBuf,
    pub(crate) process: Process,
}

impl MailCatcher {
    /// Starts it on what is in this folder, or on nothing.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port(21_025)?));
        let mails = folder.join("mails");
        let (class, listen) = ("aiosmtpd.handlers.Mailbox", address.to_string());
        let mut command = shell::program(PYTHON, &["-m", "aiosmtpd", "-n", "-l", &listen, "-c", class]);
        command.arg(&mails);
        let process = Process::start("aiosmtpd", &command, folder)?.listening(address)?;
        // As a Maildir has them.
        Ok(Self { address, folder: mails.join("new"), process })
    }

    /// What `mailer` is set to.
    pub(crate) fn mailer(&self) -> String {
        format!("smtp://{}?tls=off", self.address)
    }

    /// Where mails appear.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}
