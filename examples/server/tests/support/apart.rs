//! The four services as processes of their own, behind nginx at one address, as deploy/nginx.conf has it.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
};

use super::{Place, Server, wait_for};

const DEPLOY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy");
const SERVICES: [&str; 4] = ["auth", "music", "notification", "sync"];

/// Where nginx may be; Debian's is not in everybody's path.
const PROGRAMS: [&str; 3] = ["nginx", "/usr/sbin/nginx", "/usr/local/sbin/nginx"];

/// All of them, each as often as it was started.
pub(crate) struct Apart {
    /// Where everybody goes.
    pub(crate) front: Server,
    /// The running processes of each service.
    pub(crate) auth: Vec<Server>,
    pub(crate) music: Vec<Server>,
    pub(crate) notification: Vec<Server>,
    pub(crate) sync: Vec<Server>,
    addresses: Addresses,
}

/// What is decided before anything runs.
pub(crate) struct Addresses {
    nginx: &'static str,
    front: String,
    auth: Vec<String>,
    music: Vec<String>,
    sync: Vec<String>,
}

impl Addresses {
    /// For so many processes of auth and of music. `None`, said aloud, where nginx is not installed: but not in CI.
    pub(crate) fn choose(auth: usize, music: usize) -> Option<Self> {
        let nginx = program()?;
        let many = |count| (0..count).map(|_| free_address()).collect();
        Some(Self { nginx, front: free_address(), auth: many(auth), music: many(music), sync: many(1) })
    }

    /// The same with so many processes of sync: they need a Redis or a MongoDB.
    pub(crate) fn with_sync(mut self, count: usize) -> Self {
        self.sync = (0..count).map(|_| free_address()).collect();
        self
    }

    pub(crate) fn front(&self) -> String {
        format!("http://{}", self.front)
    }

    pub(crate) fn auth(&self) -> String {
        format!("http://{}", self.auth[0])
    }

    /// One file for all of them: who each process is says its command line.
    pub(crate) fn settings(&self, queue: &str, database: impl Fn(&str) -> String) -> String {
        let databases = SERVICES.map(|name| format!("{name} = \"{}\"\n", database(name))).concat();
        let (front, auth) = (self.front(), self.auth());
        format!(
            "public_url = \"{front}\"\nqueue = \"{queue}\"\n\
             [http]\ntrusted_proxies = 1\n\
             [accounts]\njwks_url = \"{auth}/.well-known/jwks.json\"\n\
             [databases]\n{databases}"
        )
    }
}

impl Apart {
    /// Starts everything; what is configured is in the place's file.
    pub(crate) fn start(place: &Place, addresses: Addresses) -> Self {
        let started = |service: &'static str, at: &[String]| -> Vec<Server> {
            at.iter().map(|address| place.serve_at(address, &[service])).collect()
        };
        // At once, in no order.
        let (auth, music, notification, sync) = std::thread::scope(|scope| {
            let auth = scope.spawn(|| started("auth", &addresses.auth));
            let music = scope.spawn(|| started("music", &addresses.music));
            let sync = scope.spawn(|| started("sync", &addresses.sync));
            let notification = vec![place.serve(&["notification"])];
            (auth.join().unwrap(), music.join().unwrap(), notification, sync.join().unwrap())
        });
        let front = nginx(place.path(), &addresses);
        Self { front, auth, music, notification, sync, addresses }
    }

    /// Starts auth anew where it was.
    pub(crate) fn start_auth_again(&mut self, place: &Place) {
        self.auth = self.addresses.auth.iter().map(|address| place.serve_at(address, &["auth"])).collect();
    }

    /// Asks every process to end, and looks how it did.
    pub(crate) fn ends_well(self) {
        let Self { front, auth, music, notification, sync, .. } = self;
        drop(front);
        let all: Vec<Server> = [auth, music, notification, sync].into_iter().flatten().collect();
        all.iter().for_each(Server::terminate);
        for server in all {
            let (code, log) = server.ended();
            assert_eq!(code, Some(0), "{log}");
        }
    }
}

/// The committed configuration with these addresses.
fn nginx(folder: &Path, addresses: &Addresses) -> Server {
    let mut config = fs::read_to_string(format!("{DEPLOY}/nginx.conf")).unwrap();
    let servers = |at: &[String]| at.iter().map(|at| format!("server {at};")).collect::<String>();
    for (from, to) in [
        ("server 127.0.0.1:8081;", servers(&addresses.auth)),
        ("server 127.0.0.1:8082;", servers(&addresses.music)),
        ("server 127.0.0.1:8084;", servers(&addresses.sync)),
        ("listen 127.0.0.1:8080;", format!("listen {};", addresses.front)),
        ("include routes.conf;", format!("include {DEPLOY}/routes.conf;")),
        // So that killing it ends all of it.
        ("daemon off;", "daemon off; master_process off;".to_owned()),
    ] {
        assert_eq!(config.matches(from).count(), 1, "{from}");
        config = config.replace(from, &to);
    }
    let path = folder.join("nginx.conf");
    fs::write(&path, config).unwrap();
    // As many sockets as the system allows: without a master nginx does not ask for them by itself.
    let mut command = Command::new("sh");
    command.args(["-c", r#"ulimit -n "$(ulimit -Hn)"; exec "$0" "$@""#, addresses.nginx]);
    command.arg("-p").arg(folder).arg("-c").arg(&path).stdin(Stdio::null());
    let server = Server::other(&mut command, &addresses.front());
    wait_for("nginx at its address", || TcpStream::connect(&addresses.front).is_ok());
    server
}

fn program() -> Option<&'static str> {
    let starts = |name: &&str| {
        let run = Command::new(name).arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status();
        run.is_ok_and(|status| status.success())
    };
    let found = PROGRAMS.into_iter().find(|name| starts(name));
    if found.is_none() {
        let advice = "nginx is not found: install it (apt-get install nginx-light)";
        assert!(std::env::var("CI").is_err(), "{advice}");
        // Not `eprintln!`: the test harness would hide it.
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "skipped: {advice}");
    }
    found
}

/// An address that stays free until it is used, also after a process that had it was killed: below the ports that
/// the system hands out.
fn free_address() -> String {
    const FIRST: u16 = 20_000;
    const COUNT: u16 = 12_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Test programs that run beside each other begin at different places.
    let start = u16::try_from(std::process::id() % u32::from(COUNT)).unwrap();
    loop {
        let offset = NEXT.fetch_add(1, Ordering::Relaxed).wrapping_mul(7);
        let port = FIRST + (start.wrapping_mul(31).wrapping_add(offset)) % COUNT;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return format!("127.0.0.1:{port}");
        }
    }
}
