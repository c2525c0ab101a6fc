//! The settings of the program: a flag wins over the environment, that over `moodify.toml`, that
//! over the default.

mod accounts;
mod address;
mod catalog;
mod databases;
mod gmail;
mod google;
mod http;
mod limits;
mod load;
mod log;
mod mail;
mod metrics;
mod mongodb;
mod playback;
mod postgres;
mod rabbitmq;
mod redis;
mod smtp;
mod telemetry;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroU32,
    path::PathBuf,
    time::Duration,
};

use moodify_core::{Config, Services};
use serde::Deserialize;
use url::Url;

use crate::failure::Failure;

pub(crate) use address::Address;
pub(crate) use load::{Source, load};
pub(crate) use log::{Log, LogFormat};

/// Everything that can be set; one file per section beside this one.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// Where HTTP is served.
    pub(crate) listen: SocketAddr,
    /// Where everything lies that has no place of its own.
    pub(crate) data: PathBuf,
    /// How clients reach this deployment, if not at `listen`.
    public_url: Option<Url>,
    database: Option<Address>,
    databases: databases::Databases,
    media: Option<Address>,
    queue: Option<Address>,
    mailer: Option<Address>,
    sync: Option<Address>,
    /// Identity, and who verifies it.
    pub(crate) accounts: accounts::Accounts,
    /// Tracks and their media.
    pub(crate) catalog: catalog::Catalog,
    /// Mails.
    pub(crate) mail: mail::Mail,
    playback: playback::Playback,
    /// What a PostgreSQL database is asked for.
    pub(crate) postgres: postgres::Postgres,
    /// What a MongoDB database is asked for.
    pub(crate) mongodb: mongodb::Mongodb,
    /// How a broker is used.
    pub(crate) rabbitmq: rabbitmq::RabbitMq,
    /// How a Redis server is used.
    pub(crate) redis: redis::Redis,
    /// What a mail server is told.
    pub(crate) smtp: smtp::Smtp,
    /// What Google is told.
    pub(crate) gmail: gmail::Gmail,
    /// Who signs people in elsewhere.
    pub(crate) google: google::Google,
    limits: limits::Limits,
    /// The HTTP side.
    pub(crate) http: http::Http,
    /// Logging.
    pub(crate) log: Log,
    /// Metrics.
    pub(crate) metrics: metrics::Metrics,
    /// Traces.
    pub(crate) telemetry: telemetry::Telemetry,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            data: PathBuf::from("data"),
            public_url: None,
            database: None,
            databases: databases::Databases::default(),
            media: None,
            queue: None,
            mailer: None,
            sync: None,
            accounts: accounts::Accounts::default(),
            catalog: catalog::Catalog::default(),
            mail: mail::Mail::default(),
            playback: playback::Playback::default(),
            postgres: postgres::Postgres::default(),
            mongodb: mongodb::Mongodb::default(),
            rabbitmq: rabbitmq::RabbitMq::default(),
            redis: redis::Redis::default(),
            smtp: smtp::Smtp::default(),
            gmail: gmail::Gmail::default(),
            google: google::Google::default(),
            limits: limits::Limits::default(),
            http: http::Http::default(),
            log: Log::default(),
            metrics: metrics::Metrics::default(),
            telemetry: telemetry::Telemetry::default(),
        }
    }
}

impl Settings {
    /// Stores, keys and send log of these services: of one alone its own, if it has one.
    ///
    /// # Errors
    /// If all are to run in one process, and one of them has a database of its own.
    pub(crate) fn database(&self, services: Services) -> Result<Address, Failure> {
        if let Some(own) = self.databases.of(services) {
            return Ok(own.clone());
        }
        match self.databases.first() {
            Some(service) if services == Services::ALL => Err(Failure::new(
                format!(
                    "databases.{service} is set, and one process with all services keeps everything in one database"
                ),
                format!(
                    "start the services one by one (`moodify serve {service}`), or remove databases.{service}"
                ),
            )),
            _ => self.or_within_data(self.database.as_ref(), "sqlite", "moodify.db"),
        }
    }

    /// Every database of these services, each once.
    ///
    /// # Errors
    /// If a URL is none.
    pub(crate) fn every_database(&self, services: Services) -> Result<Vec<(Services, Address)>, Failure> {
        if services != Services::ALL || self.databases.first().is_none() {
            return Ok(vec![(services, self.database(services)?)]);
        }
        let mut found: Vec<(Services, Address)> = Vec::new();
        for one in [Services::AUTH, Services::MUSIC, Services::NOTIFICATION, Services::SYNC] {
            let address = self.database(one)?;
            if !found.iter().any(|(_, known)| *known == address) {
                found.push((one, address));
            }
        }
        Ok(found)
    }

    /// A service with a database of its own, by name.
    pub(crate) fn is_apart(&self) -> Option<&'static str> {
        self.databases.first()
    }

    /// Audio and covers.
    pub(crate) fn media(&self) -> Result<Address, Failure> {
        self.or_within_data(self.media.as_ref(), "file", "media")
    }

    /// How mails leave.
    pub(crate) fn mailer(&self) -> Result<Address, Failure> {
        self.or_within_data(self.mailer.as_ref(), "file", "mail")
    }

    /// How events travel.
    pub(crate) fn queue(&self) -> Result<Address, Failure> {
        self.or_fixed(self.queue.as_ref(), "database:")
    }

    /// How devices on different nodes hear of each other.
    pub(crate) fn sync(&self) -> Result<Address, Failure> {
        self.or_fixed(self.sync.as_ref(), "local:")
    }

    /// How clients reach this deployment when the server listens at `bound`.
    pub(crate) fn public_url(&self, bound: SocketAddr) -> Result<Url, Failure> {
        if let Some(url) = &self.public_url {
            let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
            if !matches!(url.scheme(), "http" | "https")
                || url.host().is_none()
                || !plain
                || url.path() != "/"
            {
                return Err(Failure::new(
                    "public_url is not the address of a web site",
                    "set public_url to what a browser is given, such as https://music.example.org",
                ));
            }
            return Ok(url.clone());
        }
        let reached = SocketAddr::new(reachable(bound.ip()), bound.port());
        Url::parse(&format!("http://{reached}"))
            .map_err(|error| Failure::new(format!("{reached} makes no URL: {error}"), "set public_url"))
    }

    /// Whether somebody chose how clients reach this deployment.
    pub(crate) fn has_public_url(&self) -> bool {
        self.public_url.is_some()
    }

    /// What the services need to know.
    pub(crate) fn core(&self, public_url: Url) -> Config {
        /// Of a deployment that has no name: the port may be another one at the next start, and is
        /// another one for each service.
        const NAMELESS: &str = "http://localhost";
        let issuer = (!self.has_public_url()).then(|| NAMELESS.to_owned());
        Config {
            issuer,
            accounts: self.accounts.config(),
            catalog: self.catalog.config(),
            mail: self.mail.config(self.mailer.as_ref().map_or("file", Address::scheme)),
            playback: self.playback.config(),
            limits: self.limits.config(),
            ..Config::new(public_url)
        }
    }

    fn or_within_data(&self, set: Option<&Address>, scheme: &str, name: &str) -> Result<Address, Failure> {
        self.or_fixed(set, &format!("{scheme}://{}", self.data.join(name).display()))
    }

    fn or_fixed(&self, set: Option<&Address>, default: &str) -> Result<Address, Failure> {
        let address = set.cloned().map_or_else(|| Address::try_from(default.to_owned()), Ok);
        address.map_err(|why| Failure::new(why, "correct the URL"))
    }
}

/// The address by which this machine reaches a server that listens there.
pub(crate) fn reachable(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => std::net::Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}

fn seconds(set: Option<NonZeroU32>, default: Duration) -> Duration {
    set.map_or(default, |secs| Duration::from_secs(secs.get().into()))
}

/// The certificates in a file that may be named.
#[cfg(any(feature = "google", feature = "rabbitmq", feature = "redis", feature = "smtp"))]
fn read_authorities(setting: &str, file: Option<&std::path::Path>) -> Result<Option<String>, Failure> {
    let Some(file) = file else { return Ok(None) };
    std::fs::read_to_string(file).map(Some).map_err(|error| {
        Failure::new(
            format!("{setting}, {}, cannot be read: {error}", file.display()),
            "name a file with certificates in PEM, or leave it to the system's authorities",
        )
    })
}

#[cfg(test)]
mod tests {
    use moodify_core::Services;

    use super::{Address, Settings};

    #[test]
    fn the_defaults_need_nothing_installed() {
        let settings = Settings::default();
        let shown = [
            settings.database(Services::ALL),
            settings.media(),
            settings.queue(),
            settings.mailer(),
            settings.sync(),
        ]
        .map(|address| address.unwrap().to_string());
        let expected =
            ["sqlite://data/moodify.db", "file://data/media", "database:", "file://data/mail", "local:"];
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_service_keeps_its_own_in_its_own_database() {
        let address = |text: &str| Address::try_from(text.to_owned()).unwrap();
        let mut settings = Settings::default();
        let one = settings.every_database(Services::ALL).unwrap();
        assert_eq!(one, [(Services::ALL, address("sqlite://data/moodify.db"))]);

        settings.databases = toml::from_str("auth = \"sqlite://a.db\"\nmusic = \"sqlite://m.db\"").unwrap();
        assert_eq!(settings.database(Services::MUSIC).unwrap(), address("sqlite://m.db"));
        assert_eq!(settings.database(Services::SYNC).unwrap(), address("sqlite://data/moodify.db"));
        let refused = settings.database(Services::ALL).unwrap_err();
        assert!(refused.what().starts_with("databases.auth is set"), "{refused}");
        let all = settings.every_database(Services::ALL).unwrap();
        let shown: Vec<String> = all.iter().map(|(_, address)| address.to_string()).collect();
        assert_eq!(shown, ["sqlite://a.db", "sqlite://m.db", "sqlite://data/moodify.db"]);
    }

    #[test]
    fn without_a_public_url_clients_go_where_the_server_listens() {
        let settings = Settings::default();
        for (listen, url) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080/"),
            ("0.0.0.0:80", "http://127.0.0.1/"),
            ("[::]:9000", "http://[::1]:9000/"),
        ] {
            assert_eq!(settings.public_url(listen.parse().unwrap()).unwrap().as_str(), url);
        }
    }
}
