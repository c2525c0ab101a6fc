//! One pair of connections, from their opening to their end: one for commands, one for what others publish.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use moodify_core::port::Unavailable;
use redis::aio::{MultiplexedConnection, PubSub};
use redis::{
    AsyncConnectionConfig, Cmd, ErrorKind, FromRedisValue, Pipeline, RedisConnectionInfo, RedisError,
    RedisResult, Script, ScriptInvocation,
};
use rustls::pki_types::ServerName;
use secrecy::ExposeSecret;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use uuid::Uuid;

use super::RedisConfig;
use super::error::{Fault, code};
use super::facts::Facts;
use crate::tls::client_config;

/// How many commands may wait to be written before others wait for their turn.
const WAITING_COMMANDS: usize = 1_024;

/// A connection that may be encrypted.
trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

/// Connections that were opened.
pub(super) struct Session {
    connection: MultiplexedConnection,
    driver: JoinHandle<()>,
    broken: Arc<Notify>,
    timeout: Duration,
    /// Which run of which server this is: what another run has written may be older than what was answered.
    pub(super) run: String,
    /// What this process is present as.
    pub(super) lease: Uuid,
}

/// How to open them.
pub(super) struct Opener {
    config: RedisConfig,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Opener {
    /// Reads the certificates.
    pub(super) fn new(config: RedisConfig) -> Result<Self, Fault> {
        let tls = if config.tls { Some(trust(&config)?) } else { None };
        Ok(Self { config, tls })
    }

    /// Connects and logs in, and looks whom it has met.
    pub(super) async fn open(&self, lease: Uuid) -> Result<(Session, PubSub, Facts), Fault> {
        let timeout = self.config.timeout;
        let opened = async {
            let settings = AsyncConnectionConfig::new()
                .set_response_timeout(Some(timeout))
                .set_pipeline_buffer_size(WAITING_COMMANDS);
            let log_in = self.log_in();
            let connected =
                MultiplexedConnection::new_with_config(&log_in, self.dial().await?, settings).await;
            let (connection, driving) = connected.map_err(|error| self.refused(&error))?;
            let broken = Arc::new(Notify::new());
            let tell = broken.clone();
            let driver = tokio::spawn(async move {
                driving.await;
                tell.notify_one();
            });
            // From here on the driver ends with the session.
            let mut session = Session { connection, driver, broken, timeout, run: String::new(), lease };
            let info: RedisResult<String> =
                redis::cmd("INFO").query_async(&mut session.connection.clone()).await;
            let facts = Facts::read(&info.map_err(|error| self.refused(&error))?);
            facts.must_be_usable(&self.host())?;
            session.run = facts.run();
            let listening = PubSub::new(&log_in, self.dial().await?).await;
            Ok((session, listening.map_err(|error| self.refused(&error))?, facts))
        };
        tokio::time::timeout(timeout, opened).await.unwrap_or(Err(Fault::Silent(timeout, "a connection")))
    }

    fn host(&self) -> String {
        format!("{}:{}", self.config.host, self.config.port)
    }

    fn log_in(&self) -> RedisConnectionInfo {
        let info = RedisConnectionInfo::default()
            .set_db(self.config.database.into())
            .set_lib_name("moodify", env!("CARGO_PKG_VERSION"));
        let info = match &self.config.user {
            Some(user) => info.set_username(user),
            None => info,
        };
        match &self.config.password {
            Some(password) => info.set_password(password.expose_secret()),
            None => info,
        }
    }

    async fn dial(&self) -> Result<Box<dyn Wire>, Fault> {
        let out_of_reach =
            |error: io::Error| Fault::OutOfReach { host: self.host(), source: Arc::new(error) };
        let stream =
            TcpStream::connect((self.config.host.as_str(), self.config.port)).await.map_err(out_of_reach)?;
        // Commands are small, and somebody waits for each.
        stream.set_nodelay(true).map_err(out_of_reach)?;
        let Some((connector, name)) = &self.tls else { return Ok(Box::new(stream)) };
        // A server that does not speak TLS may wait for the rest of what it takes for a command.
        let patience = self.config.timeout / 2;
        match tokio::time::timeout(patience, connector.connect(name.clone(), stream)).await {
            Ok(Ok(stream)) => Ok(Box::new(stream)),
            Ok(Err(error)) => Err(self.no_tls(error)),
            Err(_) => Err(Fault::NoHandshake { host: self.host(), patience }),
        }
    }

    fn no_tls(&self, error: io::Error) -> Fault {
        let why = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let (host, of_certificate) = (self.host(), matches!(why, Some(rustls::Error::InvalidCertificate(_))));
        let speaks_otherwise = matches!(why, Some(rustls::Error::InvalidMessage(_)))
            || error.kind() == io::ErrorKind::UnexpectedEof;
        let source = Arc::new(error);
        match (of_certificate, speaks_otherwise) {
            (true, _) => Fault::Certificate { host, source },
            (false, true) => Fault::NoTls { host, source },
            (false, false) => Fault::OutOfReach { host, source },
        }
    }

    /// Why a connection that was opened is of no use.
    fn refused(&self, error: &RedisError) -> Fault {
        let host = self.host();
        let is_log_in = error.kind() == ErrorKind::AuthenticationFailed
            || matches!(code(error).as_deref(), Some("NOAUTH" | "WRONGPASS"));
        if is_log_in {
            return Fault::LogIn { host, reply: error.to_string() };
        }
        match Fault::of("let us in", self.config.timeout, error) {
            Fault::Lost => {
                let closed = io::Error::new(io::ErrorKind::ConnectionReset, error.to_string());
                Fault::OutOfReach { host, source: Arc::new(closed) }
            }
            fault => fault,
        }
    }
}

fn trust(config: &RedisConfig) -> Result<(TlsConnector, ServerName<'static>), Fault> {
    let host = &config.host;
    let trusted = client_config(config.authorities.as_deref())
        .map_err(|Unavailable { source, .. }| Fault::Tls(host.clone(), source.to_string()))?;
    let name = ServerName::try_from(host.clone());
    let name = name.map_err(|error| Fault::Tls(host.clone(), error.to_string()))?;
    Ok((TlsConnector::from(Arc::new(trusted)), name))
}

impl Session {
    /// Returns when the connection for commands is no more.
    pub(super) async fn broken(&self) {
        self.broken.notified().await;
    }

    /// Asks one thing.
    pub(super) async fn ask<T: FromRedisValue>(&self, what: &'static str, command: &Cmd) -> Result<T, Fault> {
        let mut connection = self.connection.clone();
        self.within(what, command.query_async(&mut connection)).await
    }

    /// Asks many things at once.
    pub(super) async fn ask_all<T: FromRedisValue>(
        &self,
        what: &'static str,
        commands: &Pipeline,
    ) -> Result<T, Fault> {
        let mut connection = self.connection.clone();
        self.within(what, commands.query_async(&mut connection)).await
    }

    /// Has a script run.
    pub(super) async fn call<T: FromRedisValue>(
        &self,
        what: &'static str,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, Fault> {
        let mut connection = self.connection.clone();
        self.within(what, script.invoke_async(&mut connection)).await
    }

    /// The server's answer, if it comes in time.
    pub(super) async fn within<T>(
        &self,
        what: &'static str,
        answer: impl Future<Output = RedisResult<T>>,
    ) -> Result<T, Fault> {
        let error = match tokio::time::timeout(self.timeout, answer).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => error,
            Err(_) => return Err(Fault::Silent(self.timeout, what)),
        };
        // It was the primary, and is no more: another one is, perhaps under the same name.
        if code(&error).as_deref() == Some("READONLY") {
            self.broken.notify_one();
        }
        Err(Fault::of(what, self.timeout, &error))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// What is asked of a server in one go, as it stands beside this file.
pub(super) struct Scripts {
    pub(super) applied: Script,
    pub(super) create: Script,
    pub(super) load: Script,
    pub(super) online: Script,
    pub(super) own: Script,
    pub(super) renew: Script,
    pub(super) replace: Script,
    pub(super) restore: Script,
    pub(super) saved: Script,
    pub(super) sweep: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            applied: Script::new(include_str!("scripts/applied.lua")),
            create: Script::new(include_str!("scripts/create.lua")),
            load: Script::new(include_str!("scripts/load.lua")),
            online: Script::new(include_str!("scripts/online.lua")),
            own: Script::new(include_str!("scripts/own.lua")),
            renew: Script::new(include_str!("scripts/renew.lua")),
            replace: Script::new(include_str!("scripts/replace.lua")),
            restore: Script::new(include_str!("scripts/restore.lua")),
            saved: Script::new(include_str!("scripts/saved.lua")),
            sweep: Script::new(include_str!("scripts/sweep.lua")),
        }
    }
}
