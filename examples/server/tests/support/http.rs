//! The least of HTTP/1.1: a test decides itself when which byte goes out.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::Value;

/// An answer that was read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A request whose body may still be under way.
pub(crate) struct Open {
    stream: TcpStream,
}

impl Open {
    /// Sends the head, announcing a body of this length.
    pub(crate) fn begin(url: &str, head: &str, len: usize) -> Self {
        Self::try_begin(url, head, len).unwrap()
    }

    fn try_begin(url: &str, head: &str, len: usize) -> io::Result<Self> {
        let address: SocketAddr = url.strip_prefix("http://").unwrap().parse().unwrap();
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        write!(stream, "{head}\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {len}\r\n\r\n")?;
        Ok(Self { stream })
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
        self.stream.flush().unwrap();
    }

    pub(crate) fn answer(self) -> Answer {
        self.try_answer().unwrap()
    }

    fn try_answer(mut self) -> io::Result<Answer> {
        let mut bytes = Vec::new();
        self.stream.read_to_end(&mut bytes)?;
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let end = end.ok_or(io::ErrorKind::UnexpectedEof)?;
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Ok(Answer { status, body: bytes[end + 4..].to_vec() })
    }
}

pub(crate) fn get(url: &str, path: &str, token: &str) -> Answer {
    Open::begin(url, &format!("GET {path} HTTP/1.1\r\nAuthorization: Bearer {token}"), 0).answer()
}

pub(crate) fn post(url: &str, path: &str, body: &Value) -> Answer {
    try_post(url, path, body).unwrap()
}

/// The same with a server that may die.
pub(crate) fn try_post(url: &str, path: &str, body: &Value) -> io::Result<Answer> {
    let body = body.to_string();
    let head = format!("POST {path} HTTP/1.1\r\nContent-Type: application/json");
    let mut open = Open::try_begin(url, &head, body.len())?;
    open.stream.write_all(body.as_bytes())?;
    open.try_answer()
}
