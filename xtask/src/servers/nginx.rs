//! nginx, from Debian's package: one address for the four services.

use std::{fs, net::SocketAddr, path::Path};

use anyhow::{Result, ensure};

use super::{Process, Server, install, never, nowhere};
use crate::shell;

/// Debian's is not in everybody's path.
const PROGRAMS: [&str; 2] = ["nginx", "/usr/sbin/nginx"];

pub(super) const SERVER: Server = Server {
    name: "nginx",
    // Tests look where it is.
    variable: None,
    advice: "apt-get install nginx-light (as root)",
    is_installed: || program().is_some(),
    install: || install::apt(&["nginx-light"]),
    find: never,
    start: None,
    folder: nowhere,
};

fn program() -> Option<&'static str> {
    PROGRAMS.into_iter().find(|name| install::is_program(name, "-v"))
}

/// One of our own, by `deploy/nginx.conf`.
pub(crate) struct Nginx;

impl Nginx {
    /// Starts it at this address, in front of auth, music and sync at those.
    pub(crate) fn start(folder: &Path, front: SocketAddr, services: [SocketAddr; 3]) -> Result<Process> {
        let deploy = shell::root().join("deploy");
        let [auth, music, sync] = services;
        let config = configured(
            fs::read_to_string(deploy.join("nginx.conf"))?,
            &[
                ("server 127.0.0.1:8081;", format!("server {auth};")),
                ("server 127.0.0.1:8082;", format!("server {music};")),
                ("server 127.0.0.1:8084;", format!("server {sync};")),
                ("listen 127.0.0.1:8080;", format!("listen {front};")),
                ("include routes.conf;", format!("include \"{}\";", deploy.join("routes.conf").display())),
            ],
        )?;
        let path = folder.join("nginx.conf");
        fs::write(&path, config)?;
        let mut command = shell::program(program().unwrap_or(PROGRAMS[0]), &[]);
        command.arg("-p").arg(folder).arg("-c").arg(&path);
        Process::start("nginx", &command, folder)?.listening(front)
    }
}

/// The committed file with other addresses; each of them must be in it.
fn configured(mut config: String, changes: &[(&str, String)]) -> Result<String> {
    for (from, to) in changes {
        ensure!(config.matches(from).count() == 1, "deploy/nginx.conf has no line `{from}`");
        config = config.replace(from, to);
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_polling_socket_stays_at_one_process_in_both_configurations() {
        for name in ["nginx.conf", "compose/nginx.conf"] {
            let config = fs::read_to_string(shell::root().join("deploy").join(name)).unwrap();
            let (_, sync) = config.split_once("upstream sync {").unwrap();
            let (sync, _) = sync.split_once('}').unwrap();
            assert!(
                sync.lines().any(|line| line.trim() == "hash $remote_addr consistent;"),
                "{name}: {sync}"
            );
        }
    }

    #[test]
    fn what_the_file_does_not_say_is_not_changed_silently() {
        let changed = configured("listen a;".to_owned(), &[("listen a;", "listen b;".to_owned())]);
        assert_eq!(changed.unwrap(), "listen b;");
        let missing = configured("listen c;".to_owned(), &[("listen a;", String::new())]).unwrap_err();
        assert!(missing.to_string().contains("listen a;"), "{missing}");
    }
}
