//! A client that says exactly what it is told to: one WebSocket, frame by frame.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::stage::Stage;

/// An open transport.
pub(crate) struct Line {
    io: BufReader<TcpStream>,
    messages: u32,
}

impl Line {
    /// A transport that has not asked for anything.
    pub(crate) async fn open(stage: &Stage) -> Self {
        let address = stage.url.strip_prefix("http://").unwrap();
        let mut io = BufReader::new(TcpStream::connect(address).await.unwrap());
        let request = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n\
                       Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
        io.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(io.read_u8().await.unwrap());
        }
        assert!(head.starts_with(b"HTTP/1.1 101 "));
        let mut line = Self { io, messages: 0 };
        assert!(line.hear().await.starts_with('0'));
        line
    }

    /// A transport with a session, or why it was refused.
    pub(crate) async fn connect(stage: &Stage, token: &str) -> Result<Self, String> {
        let mut line = Self::open(stage).await;
        line.say(&format!("40{}", json!({ "token": token }))).await;
        let answer = line.hear().await;
        if answer.starts_with("40") { Ok(line) } else { Err(answer) }
    }

    /// Sends a packet.
    pub(crate) async fn say(&mut self, packet: &str) {
        let mut frame = vec![0x81];
        match u16::try_from(packet.len()).unwrap() {
            len @ ..126 => frame.push(0x80 | u8::try_from(len).unwrap()),
            len => {
                frame.push(0x80 | 126);
                frame.extend(len.to_be_bytes());
            }
        }
        // A mask that changes nothing.
        frame.extend([0; 4]);
        frame.extend(packet.as_bytes());
        self.io.write_all(&frame).await.unwrap();
    }

    /// The next packet that is no ping; those are answered.
    pub(crate) async fn hear(&mut self) -> String {
        loop {
            let packet =
                tokio::time::timeout(Stage::PATIENCE, self.frame()).await.expect("something is said");
            if packet != "2" {
                return packet;
            }
            self.say("3").await;
        }
    }

    /// Sends an event; returns its acknowledgement. What else is heard goes to `heard`.
    pub(crate) async fn emit_hearing(
        &mut self,
        event: &str,
        payload: Value,
        heard: &mut Vec<String>,
    ) -> Value {
        self.messages += 1;
        self.say(&format!("42{}{}", self.messages, json!([event, payload]))).await;
        let answer = format!("43{}[", self.messages);
        loop {
            let packet = self.hear().await;
            if let Some(ack) = packet.strip_prefix(&answer).and_then(|rest| rest.strip_suffix(']')) {
                return serde_json::from_str(ack).unwrap();
            }
            heard.push(packet);
        }
    }

    /// Sends an event; returns its acknowledgement.
    pub(crate) async fn emit(&mut self, event: &str, payload: Value) -> Value {
        self.emit_hearing(event, payload, &mut Vec::new()).await
    }

    async fn frame(&mut self) -> String {
        assert_eq!(self.io.read_u8().await.unwrap(), 0x81, "one text frame a packet");
        let len = match self.io.read_u8().await.unwrap() {
            126 => self.io.read_u16().await.unwrap().into(),
            127 => self.io.read_u64().await.unwrap(),
            len => len.into(),
        };
        let mut packet = vec![0; len.try_into().unwrap()];
        self.io.read_exact(&mut packet).await.unwrap();
        String::from_utf8(packet).unwrap()
    }
}
