//! Exchanges and queues of the test's own, on a broker that others use too.

use std::io::Write;
use std::sync::{Arc, Once};
use std::thread;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use lapin::options::{BasicAckOptions, BasicGetOptions, BasicPublishOptions};
use lapin::{Channel, Connection, ConnectionProperties};
use moodify_adapters::rabbitmq::{RabbitConfig, RabbitQueue};
use moodify_core::memory::SystemClock;
use uuid::Uuid;

const VARIABLE: &str = "MOODIFY_TEST_RABBITMQ";
const DEFAULT: &str = "amqp://guest:guest@127.0.0.1:5672/%2f";

/// For a broker that is about to go, or to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// Everybody that tests declare.
const CONSUMERS: [&str; 4] = ["notification", "music", "sync", "releases"];

/// Removes what it stands for when it is dropped.
pub(crate) struct Slot {
    server: String,
    pub(crate) config: RabbitConfig,
}

impl Slot {
    /// A prefix of its own on the broker that is shared. `None`, said aloud, where no broker runs: but not
    /// in CI, and not if one was named.
    pub(crate) async fn take() -> Option<Self> {
        let named = std::env::var(VARIABLE).ok();
        let must = named.is_some() || std::env::var("CI").is_ok_and(|value| value == "true");
        let server = named.unwrap_or_else(|| DEFAULT.to_owned());
        match connect(&server).await {
            Ok(_) => Some(Self::on(&server)),
            Err(error) if must => panic!("no RabbitMQ for the tests: {error}; set {VARIABLE}"),
            Err(error) => {
                static ONCE: Once = Once::new();
                // Not `eprintln!`: the test harness would hide it.
                ONCE.call_once(|| {
                    let _ = writeln!(std::io::stderr(), "skipped: set {VARIABLE} ({DEFAULT}: {error})");
                });
                None
            }
        }
    }

    /// A prefix of its own on this broker.
    pub(crate) fn on(server: &str) -> Self {
        let mut config = RabbitConfig::from_url(&server.to_owned().into()).unwrap();
        config.prefix = format!("test-{}", Uuid::from_bytes(moodify_core::conformance::samples::random()));
        Self { server: server.to_owned(), config }
    }

    /// The same with these waits.
    pub(crate) fn waiting(mut self, waits: &[Duration]) -> Self {
        self.config.waits = waits.to_vec();
        self
    }

    /// The broker's address.
    pub(crate) fn server(&self) -> &str {
        &self.server
    }

    pub(crate) async fn queue(&self) -> Arc<RabbitQueue> {
        Arc::new(RabbitQueue::connect(self.config.clone(), Arc::new(SystemClock)).await.unwrap())
    }

    pub(crate) async fn channel(&self) -> Channel {
        connect(&self.server).await.unwrap().create_channel().await.unwrap()
    }

    pub(crate) fn name(&self, rest: &str) -> lapin::types::ShortString {
        format!("{}.{rest}", self.config.prefix).into()
    }

    fn waits(&self, consumer: &str) -> Vec<lapin::types::ShortString> {
        let name = |wait: &Duration| {
            let millis = wait.as_millis();
            let wait = if millis.is_multiple_of(1000) {
                format!("{}s", millis / 1000)
            } else {
                format!("{millis}ms")
            };
            self.name(&format!("{consumer}.wait.{wait}"))
        };
        self.config.waits.iter().map(name).collect()
    }

    /// Moves whatever waits to where it comes back to, as the broker does when the time is over.
    pub(crate) fn ends_waiting(&self) -> impl Fn() -> BoxFuture<'static, ()> + Send + Sync + use<> {
        let (server, prefix) = (self.server.clone(), self.config.prefix.clone());
        let waits: Vec<_> = CONSUMERS.map(|name| (name, self.waits(name))).into_iter().collect();
        let connection = Arc::new(tokio::sync::OnceCell::new());
        move || {
            let (server, prefix, waits) = (server.clone(), prefix.clone(), waits.clone());
            let connection = connection.clone();
            async move {
                let connection: &Connection =
                    connection.get_or_init(async || connect(&server).await.unwrap()).await;
                for (consumer, queues) in waits {
                    let channel = connection.create_channel().await.unwrap();
                    for queue in queues {
                        move_all(&channel, &queue, &format!("{prefix}.{consumer}")).await;
                    }
                }
            }
            .boxed()
        }
    }
}

/// The end of the channel where there is no such queue.
async fn move_all(channel: &Channel, from: &lapin::types::ShortString, to: &str) {
    while let Ok(Some(message)) = channel.basic_get(from.clone(), BasicGetOptions::default()).await {
        let (options, properties) = (BasicPublishOptions::default(), message.properties.clone());
        channel.confirm_select(Default::default()).await.unwrap();
        let published = channel.basic_publish("".into(), to.into(), options, &message.data, properties);
        published.await.unwrap().await.unwrap();
        message.ack(BasicAckOptions::default()).await.unwrap();
    }
}

async fn connect(server: &str) -> lapin::Result<Connection> {
    let connecting = Connection::connect(server, ConnectionProperties::default());
    tokio::time::timeout(PATIENCE, connecting).await.unwrap_or_else(|_| Err(silence()))
}

fn silence() -> lapin::Error {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}

impl Drop for Slot {
    fn drop(&mut self) {
        let server = self.server.clone();
        let queues: Vec<_> = CONSUMERS
            .iter()
            .flat_map(|name| [self.waits(name), vec![self.name(name), self.name(&format!("{name}.dead"))]])
            .flatten()
            .collect();
        let exchanges = ["events", "again", "dead"].map(|name| self.name(name));
        // The runtime of the test may be no more.
        let cleaning = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let cleaning = async {
                // It may be the test's own broker, and gone.
                let Ok(connection) = connect(&server).await else { return };
                let Ok(channel) = connection.create_channel().await else { return };
                for queue in queues {
                    let _ = channel.queue_delete(queue, Default::default()).await;
                }
                for exchange in exchanges {
                    let _ = channel.exchange_delete(exchange, Default::default()).await;
                }
                let _ = connection.close(200, "done".into()).await;
            };
            // What is left behind is in nobody's way.
            let _ = runtime.block_on(async { tokio::time::timeout(PATIENCE, cleaning).await });
        });
        let _ = cleaning.join();
    }
}
