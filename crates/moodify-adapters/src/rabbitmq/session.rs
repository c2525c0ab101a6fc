//! A pair of connections, from their opening to their end.

use std::future::Future;
use std::time::Duration;

use futures::future::join_all;
use futures::stream::{Stream, StreamExt, select};
use lapin::options::{
    BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::tcp::OwnedTLSConfig;
use lapin::types::{FieldTable, ShortString};
use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Event};
use secrecy::ExposeSecret;
use tokio::sync::Mutex;

use super::RabbitConfig;
use super::error::{Fault, is_certificate, is_log_in, is_virtual_host};
use super::message::Outgoing;

/// After two of them without a word the connection counts as broken.
const HEARTBEAT_SECONDS: u16 = 10;
/// "Success", as AMQP has it.
const GOODBYE: u16 = 200;

/// Connections that were opened. A broker with an alarm hears nothing more of one that has published, not even
/// what makes room: so there is one for publishing, and one for all the rest.
pub(super) struct Session {
    connection: Connection,
    publishing: Connection,
    /// With confirmations. Whatever the broker objects to ends it; then there is another.
    publisher: Mutex<Channel>,
    timeout: Duration,
}

impl Session {
    /// Connects and logs in.
    pub(super) async fn open(config: &RabbitConfig) -> Result<Self, Fault> {
        let (host, user) = (format!("{}:{}", config.host, config.port), config.user.clone());
        let opened = async {
            let connection = connect(config, "moodify").await?;
            let publishing = connect(config, "moodify publisher").await?;
            let publisher = confirming(&publishing).await?;
            Ok((connection, publishing, publisher))
        };
        match tokio::time::timeout(config.timeout, opened).await {
            Ok(Ok((connection, publishing, publisher))) => {
                let (publisher, timeout) = (Mutex::new(publisher), config.timeout);
                Ok(Self { connection, publishing, publisher, timeout })
            }
            Ok(Err(source)) if is_log_in(&source) => Err(Fault::LogIn { host, user }),
            Ok(Err(source)) if is_virtual_host(&source) => {
                Err(Fault::VirtualHost { host, user, vhost: config.vhost.clone(), source: source.into() })
            }
            Ok(Err(source)) if is_certificate(&source) => {
                Err(Fault::Certificate { host, source: source.into() })
            }
            Ok(Err(source)) => Err(Fault::OutOfReach { host, source: source.into() }),
            Err(_) => Err(Fault::Silent(config.timeout, "a connection")),
        }
    }

    /// What is heard of the connections; there may be more to hear after the end of one.
    pub(super) fn events(&self) -> impl Stream<Item = Event> + Send + Unpin + 'static {
        select(self.connection.events_listener(), self.publishing.events_listener()).boxed()
    }

    /// Whether neither has ended: one is of no use without the other.
    pub(super) fn is_open(&self) -> bool {
        self.connection.status().connected() && self.publishing.status().connected()
    }

    /// Whether the broker takes no messages because of an alarm. It says so to whoever publishes all the same.
    pub(super) fn is_held_up(&self) -> bool {
        self.publishing.status().blocked()
    }

    /// Ends what has not ended in good order: what is written has arrived, what is not settled is the broker's
    /// again.
    pub(super) async fn close(&self) {
        for connection in [&self.publishing, &self.connection] {
            // One that an alarm holds up has no goodbye; it ends with the process, or with the alarm.
            if !connection.status().connected() || connection.status().blocked() {
                continue;
            }
            let closed = self.within("the goodbye", connection.close(GOODBYE, "goodbye".into())).await;
            if let Err(error) = closed {
                tracing::debug!(%error, "a connection was not closed in good order");
            }
        }
    }

    /// A channel for a purpose of its own.
    pub(super) async fn channel(&self) -> Result<Channel, Fault> {
        self.within("open a channel", self.connection.create_channel()).await
    }

    /// The broker's answer, if it comes in time.
    pub(super) async fn within<T>(
        &self,
        what: &'static str,
        answer: impl Future<Output = lapin::Result<T>>,
    ) -> Result<T, Fault> {
        in_time(self.timeout, what, answer).await?.map_err(|error| Fault::refused(what, error))
    }

    /// The same for what declares something.
    pub(super) async fn declared<T>(
        &self,
        answer: impl Future<Output = lapin::Result<T>>,
    ) -> Result<T, Fault> {
        in_time(self.timeout, "declare something", answer).await?.map_err(Fault::declaring)
    }

    /// Ends a channel that has done its work.
    pub(super) async fn end(&self, channel: &Channel) {
        if let Err(error) = self.within("close a channel", channel.close(GOODBYE, "done".into())).await {
            tracing::debug!(%error, "a channel was not closed in good order");
        }
    }

    async fn publisher(&self) -> Result<Channel, Fault> {
        let mut publisher = self.publisher.lock().await;
        if !publisher.status().connected() {
            *publisher = self.within("open a channel", confirming(&self.publishing)).await?;
        }
        Ok(publisher.clone())
    }

    /// Publishes these in their order, and returns once all of them are durable. Those that no queue
    /// takes, though one must, come back by their place.
    pub(super) async fn publish(&self, messages: &[Outgoing]) -> Result<Vec<usize>, Fault> {
        if messages.is_empty() {
            return Ok(Vec::new());
        }
        // What the driver is given now it keeps, and sends when the alarm is over: each try once more.
        if self.is_held_up() {
            return Err(Fault::Alarm);
        }
        let channel = self.publisher().await?;
        let published = async {
            let mut confirmations = Vec::with_capacity(messages.len());
            for message in messages {
                let options = BasicPublishOptions { mandatory: message.mandatory, ..Default::default() };
                let (exchange, key) = (message.exchange.clone(), message.key.clone());
                let properties = message.properties.clone();
                let publishing = channel.basic_publish(exchange, key, options, &message.body, properties);
                confirmations.push(publishing.await?);
            }
            join_all(confirmations).await.into_iter().collect::<Result<Vec<_>, _>>()
        };
        let mut returned = Vec::new();
        for (place, confirmation) in self.within("keep a message", published).await?.into_iter().enumerate() {
            match confirmation {
                Confirmation::Ack(None) => {}
                Confirmation::Ack(Some(_)) => returned.push(place),
                Confirmation::Nack(_) | Confirmation::NotRequested => return Err(Fault::NotKept),
            }
        }
        Ok(returned)
    }

    /// Publishes what must get into a queue.
    pub(super) async fn deliver(&self, messages: &[Outgoing]) -> Result<(), Fault> {
        let returned = self.publish(messages).await?;
        // What is sent on was in one of the queues that were declared together.
        if returned.is_empty() { Ok(()) } else { Err(Fault::NotKept) }
    }

    /// Sends a message to a queue of its own and takes it back.
    pub(super) async fn round_trip(&self) -> Result<(), Fault> {
        if self.is_held_up() {
            return Err(Fault::Alarm);
        }
        let channel = self.channel().await?;
        let options = QueueDeclareOptions { exclusive: true, auto_delete: true, ..Default::default() };
        let declared = channel.queue_declare("".into(), options, FieldTable::default());
        let queue = self.within("declare a queue", declared).await?.name().clone();
        let message = Outgoing {
            exchange: "".into(),
            key: queue.clone(),
            mandatory: true,
            body: b"moodify was here".to_vec(),
            properties: BasicProperties::default(),
        };
        self.deliver(std::slice::from_ref(&message)).await?;
        let taken = channel.basic_get(queue.clone(), BasicGetOptions { no_ack: true });
        let taken = self.within("give a message back", taken).await?;
        let options = QueueDeleteOptions::default();
        self.within("delete a queue", channel.queue_delete(queue, options)).await?;
        self.end(&channel).await;
        taken.map(|_| ()).ok_or(Fault::NotKept)
    }

    /// How many messages stand in a queue that nobody has been given; `None` if there is no such queue,
    /// and then the channel is closed.
    pub(super) async fn standing(&self, channel: &Channel, queue: ShortString) -> Result<Option<u32>, Fault> {
        let options = QueueDeclareOptions { passive: true, ..Default::default() };
        let asked = channel.queue_declare(queue, options, FieldTable::default());
        match self.within("look at a queue", asked).await {
            Ok(queue) => Ok(Some(queue.message_count())),
            Err(Fault::NoQueue) => Ok(None),
            Err(fault) => Err(fault),
        }
    }
}

/// What the driver promises, if it comes in time. It answers some calls never: those that meet the end of
/// their connection half-way.
pub(super) async fn in_time<T>(
    timeout: Duration,
    what: &'static str,
    answer: impl Future<Output = T>,
) -> Result<T, Fault> {
    tokio::time::timeout(timeout, answer).await.map_err(|_| Fault::Silent(timeout, what))
}

async fn connect(config: &RabbitConfig, name: &'static str) -> lapin::Result<Connection> {
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    let tls = OwnedTLSConfig { cert_chain: config.authorities.clone(), ..Default::default() };
    let runtime = lapin::runtime::default_runtime()?;
    Connection::connect_uri_with_config(uri(config), properties, tls, runtime).await
}

async fn confirming(connection: &Connection) -> lapin::Result<Channel> {
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    Ok(channel)
}

/// Put together by hand: the driver would read an IPv6 address as `localhost`.
fn uri(config: &RabbitConfig) -> AMQPUri {
    AMQPUri {
        scheme: if config.tls { AMQPScheme::AMQPS } else { AMQPScheme::AMQP },
        authority: AMQPAuthority {
            userinfo: AMQPUserInfo {
                username: config.user.clone(),
                password: config.password.expose_secret().to_owned(),
            },
            host: config.host.clone(),
            port: config.port,
        },
        vhost: config.vhost.clone(),
        query: AMQPQueryString { heartbeat: Some(HEARTBEAT_SECONDS), ..Default::default() },
    }
}
