//! `moodify healthcheck`: a container's question, asked without any client library.

use std::{
    io::{self, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    time::Duration,
};

use url::Url;

use crate::{
    config::{Settings, reachable},
    failure::Failure,
};

/// A server that takes longer is as good as none.
const PATIENCE: Duration = Duration::from_secs(5);

/// Longest answer that is read; ours has some hundred bytes.
const MAX_ANSWER: u64 = 64 * 1024;

/// What is asked of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// Whether to send it requests.
    Ready,
    /// Whether to leave it running: what it stands on may be away for now.
    Live,
}

impl Question {
    fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Live => "live",
        }
    }
}

/// Asks it of this address, or of the one that is configured.
///
/// # Errors
/// If there is no answer, or any but 200.
pub(crate) fn run(url: Option<&str>, question: Question, settings: &Settings) -> Result<(), Failure> {
    let host = match url {
        Some(url) => host_and_port(url)?,
        None => format!("{}:{}", bracketed(settings), settings.listen.port()),
    };
    let answer = ask(&host, question).map_err(|error| {
        Failure::new(
            format!("no answer from {host}: {error}"),
            "start the server, or name its address with --url or --listen",
        )
    })?;
    let status = answer.split(' ').nth(1).unwrap_or_default();
    if status == "200" {
        return Ok(());
    }
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body.trim());
    let what = format!("{host} is not {}: status {status}: {body}", question.word());
    Err(Failure::new(what, "run `moodify doctor`"))
}

fn bracketed(settings: &Settings) -> String {
    let ip = reachable(settings.listen.ip());
    if ip.is_ipv6() { format!("[{ip}]") } else { ip.to_string() }
}

fn host_and_port(url: &str) -> Result<String, Failure> {
    let parsed = Url::parse(url).ok().filter(|url| url.scheme() == "http");
    let host =
        parsed.as_ref().and_then(|url| Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?)));
    host.ok_or_else(|| {
        Failure::new(
            "--url is not an http:// address",
            "give the address inside the container, such as http://127.0.0.1:8080; TLS ends before it",
        )
    })
}

fn ask(host: &str, question: Question) -> io::Result<String> {
    let address = host.to_socket_addrs()?.next().ok_or_else(|| io::Error::other("the name is unknown"))?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    // In one piece: formatting straight into the socket would send it word by word.
    let path = question.word();
    let request = format!("GET /health/{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use super::*;

    /// Answers one question with this and returns the address.
    fn server(answer: &'static str) -> String {
        server_asked("ready", answer)
    }

    fn server_asked(question: &'static str, answer: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                request.extend(byte);
            }
            let asked = format!("GET /health/{question} HTTP/1.1\r\nHost: 127.0.0.1:");
            assert!(request.starts_with(asked.as_bytes()));
            stream.write_all(answer.as_bytes()).unwrap();
        });
        url
    }

    fn check(url: &str) -> Result<(), Failure> {
        run(Some(url), Question::Ready, &Settings::default())
    }

    #[test]
    fn whoever_restarts_asks_another_question() {
        let live = |url: &str| run(Some(url), Question::Live, &Settings::default());
        live(&server_asked("live", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")).unwrap();
        let refused = live(&server_asked("live", "HTTP/1.1 500 Oh\r\n\r\n")).unwrap_err();
        assert!(refused.what().contains("is not live: status 500"), "{refused}");
    }

    #[test]
    fn only_200_is_ready() {
        check(&server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")).unwrap();
        let refused =
            check(&server("HTTP/1.1 503 Service Unavailable\r\n\r\n{\"database\":\"down\"}")).unwrap_err();
        assert!(refused.what().ends_with("status 503: {\"database\":\"down\"}"), "{refused}");
        check(&server("SSH-2.0-x\r\n")).unwrap_err();
        check(&server("")).unwrap_err();
    }

    #[test]
    fn nobody_there_is_not_ready() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert!(check(&format!("http://{free}")).unwrap_err().what().starts_with("no answer"));
    }

    #[test]
    fn only_plain_http_is_asked() {
        for url in ["https://127.0.0.1:1", "127.0.0.1:1", "ftp://x", ""] {
            assert!(check(url).unwrap_err().what().starts_with("--url"), "{url}");
        }
    }
}
