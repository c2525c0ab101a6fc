//! As much of a Socket.IO client (protocol 5 over a WebSocket) as loads need: text packets, one
//! namespace. The end-to-end tests use the official one; nine thousand of those would measure
//! Node, not the server.

use anyhow::{Context, Result, bail, ensure};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{Message, protocol::WebSocketConfig},
};

/// A connected socket.
pub(crate) struct Socket {
    stream: WebSocketStream<TcpStream>,
}

/// What comes in.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// An event with its first argument.
    Event(String, Value),
    /// The acknowledgement with this number.
    Ack(u64, Value),
}

impl Socket {
    /// Connects to the server at this address as whoever holds the token.
    pub(crate) async fn connect(base: &str, token: &str) -> Result<Self> {
        let host = base.strip_prefix("http://").context("an address without http://")?;
        let tcp = TcpStream::connect(host).await?;
        tcp.set_nodelay(true)?;
        let url = format!("ws://{host}/socket.io/?EIO=4&transport=websocket");
        // Small buffers: thousands of these live in one process.
        let config = WebSocketConfig::default().read_buffer_size(2048).write_buffer_size(0);
        let (stream, _) = client_async_with_config(url, tcp, Some(config)).await?;
        let mut socket = Self { stream };
        let open = socket.text().await?;
        ensure!(open.starts_with('0'), "expected an open packet, got {open}");
        socket.send(format!("40{}", json!({"token": token}))).await?;
        loop {
            match socket.text().await? {
                text if text.starts_with("40") => return Ok(socket),
                text if text.starts_with("44") => bail!("refused: {text}"),
                // A ping or a state that comes early.
                _ => {}
            }
        }
    }

    /// Sends an event; with a number, it asks to be acknowledged.
    pub(crate) async fn emit(&mut self, event: &str, payload: &Value, ack: Option<u64>) -> Result<()> {
        let number = ack.map_or_else(String::new, |number| number.to_string());
        self.send(format!("42{number}{}", json!([event, payload]))).await
    }

    /// Sends an event and waits for its acknowledgement; whatever else comes is dropped.
    pub(crate) async fn ask(&mut self, event: &str, payload: &Value) -> Result<Value> {
        self.emit(event, payload, Some(0)).await?;
        loop {
            if let Incoming::Ack(0, answer) = self.next().await? {
                return Ok(answer);
            }
        }
    }

    /// What comes next.
    pub(crate) async fn next(&mut self) -> Result<Incoming> {
        loop {
            let text = self.text().await?;
            let Some(body) = text.strip_prefix('4') else { continue };
            let (kind, body) = body.split_at(1);
            let start = body.find('[').unwrap_or(body.len());
            let (number, arguments) = body.split_at(start);
            match kind {
                "1" => bail!("the server closed the socket"),
                "2" => {
                    let (event, payload): (String, Value) = serde_json::from_str(arguments)?;
                    return Ok(Incoming::Event(event, payload));
                }
                "3" => {
                    let mut arguments: Vec<Value> = serde_json::from_str(arguments)?;
                    ensure!(!arguments.is_empty(), "an empty acknowledgement");
                    return Ok(Incoming::Ack(number.parse()?, arguments.swap_remove(0)));
                }
                _ => {}
            }
        }
    }

    async fn send(&mut self, text: String) -> Result<()> {
        Ok(self.stream.send(Message::text(text)).await?)
    }

    /// The next packet that is no ping: pings are answered.
    async fn text(&mut self) -> Result<String> {
        loop {
            match self.stream.next().await.context("the server hung up")?? {
                Message::Text(text) if text.as_str() == "2" => self.send("3".to_owned()).await?,
                Message::Text(text) => return Ok(text.to_string()),
                Message::Close(_) => bail!("the server closed the connection"),
                _ => {}
            }
        }
    }
}
