//! A line to MongoDB that can give the answers of reads again, at once.
//!
//! What stands for MongoDB here takes milliseconds where a database takes less than one. A process that mostly waits
//! runs each request with cold caches, and costs up to three times what it costs at work (bench/README.md).

use std::{
    collections::HashMap,
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Result;
use bson::{RawDocument, RawDocumentBuf};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Where the parts of a message are (MongoDB wire protocol): length, number, number of what it answers, kind, flags.
const LENGTH: usize = 4;
const NUMBER: std::ops::Range<usize> = 4..8;
const ANSWERS: std::ops::Range<usize> = 8..12;
const HEADER: usize = 16;
/// Kind and flags, and that one document follows.
const OP_MSG: i32 = 2013;
const MORE_TO_COME: i32 = 1 << 1;
const BODY: usize = 21;
/// The most that the protocol allows.
const MAX_BYTES: usize = 48_000_000;

/// What differs each time that the same is asked.
const OF_THE_MOMENT: [&str; 2] = ["lsid", "$clusterTime"];

/// Listens beside a server and hands everything on to it, until it is dropped.
pub(crate) struct Replay {
    port: u16,
    answers: Arc<Answers>,
    accepting: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Answers {
    is_on: AtomicBool,
    given: AtomicU64,
    known: Mutex<HashMap<Vec<u8>, Vec<u8>>>,
}

impl Replay {
    /// A line to this port of this machine.
    pub(crate) async fn to(server: u16) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let answers = Arc::<Answers>::default();
        let accepting = tokio::spawn(accept(listener, server, Arc::clone(&answers)));
        Ok(Self { port, answers, accepting })
    }

    /// The address of a database over it.
    pub(crate) fn url(&self, database: &str) -> String {
        // A replica set tells its members' own addresses.
        format!("mongodb://127.0.0.1:{}/{database}?directConnection=true", self.port)
    }

    /// From here on a read that was answered once is answered by this line. Nothing may be written any more.
    pub(crate) fn begin(&self) {
        self.answers.given.store(0, Ordering::Relaxed);
        self.answers.is_on.store(true, Ordering::Relaxed);
    }

    /// Hands everything on again. Returns how many answers were given by this line.
    pub(crate) fn end(&self) -> u64 {
        self.answers.is_on.store(false, Ordering::Relaxed);
        self.answers.given.load(Ordering::Relaxed)
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Answers {
    fn find(&self, read: &[u8]) -> Option<Vec<u8>> {
        let answer = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(read).cloned();
        self.given.fetch_add(u64::from(answer.is_some()), Ordering::Relaxed);
        answer
    }

    fn note(&self, read: Vec<u8>, answer: Vec<u8>) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(read, answer);
    }
}

async fn accept(listener: TcpListener, server: u16, answers: Arc<Answers>) {
    loop {
        let Ok((client, _)) = listener.accept().await else {
            // Too many open files, perhaps; that passes.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let answers = Arc::clone(&answers);
        tokio::spawn(async move {
            // Either side may end it whenever it likes.
            let _ = serve(client, server, &answers).await;
        });
    }
}

/// Hands on one message after the other: no driver asks before it has its answer.
async fn serve(mut client: TcpStream, server: u16, answers: &Answers) -> io::Result<()> {
    let mut server = TcpStream::connect(("127.0.0.1", server)).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    loop {
        let question = message(&mut client).await?;
        let read = if answers.is_on.load(Ordering::Relaxed) { read(&question) } else { None };
        if let Some(mut answer) = read.as_ref().and_then(|read| answers.find(read)) {
            answer[ANSWERS].copy_from_slice(&question[NUMBER]);
            client.write_all(&answer).await?;
            continue;
        }
        server.write_all(&question).await?;
        // Such a question wants no answer.
        let mut is_over = has_more(&question);
        while !is_over {
            let answer = message(&mut server).await?;
            client.write_all(&answer).await?;
            is_over = !has_more(&answer);
            if let Some(read) = read.clone().filter(|_| is_whole(&answer)) {
                answers.note(read, answer);
            }
        }
    }
}

async fn message(from: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut message = vec![0; HEADER];
    from.read_exact(&mut message).await?;
    let length =
        usize::try_from(number(&message, 0)).ok().filter(|length| (HEADER..MAX_BYTES).contains(length));
    message.resize(length.ok_or(io::ErrorKind::InvalidData)?, 0);
    from.read_exact(&mut message[HEADER..]).await?;
    Ok(message)
}

/// What this message asks for, if it only reads, outside of a transaction.
fn read(question: &[u8]) -> Option<Vec<u8>> {
    let mut asked = RawDocumentBuf::new();
    for element in document(question)?.iter() {
        let (name, value) = element.ok()?;
        let is_first = asked.is_empty();
        if is_first && !matches!(name.as_str(), "find" | "aggregate") || name.as_str() == "autocommit" {
            return None;
        }
        if !OF_THE_MOMENT.contains(&name.as_str()) {
            asked.append(name, value);
        }
    }
    Some(asked.into_bytes())
}

/// Whether this answer succeeded, and all of it is here.
fn is_whole(answer: &[u8]) -> bool {
    let cursor = document(answer).and_then(|answer| answer.get_document("cursor").ok());
    cursor.is_some_and(|cursor| cursor.get_i64("id").is_ok_and(|id| id == 0))
}

fn document(message: &[u8]) -> Option<&RawDocument> {
    let is_message = message.len() > BODY && number(message, 12) == OP_MSG && message[BODY - 1] == 0;
    if is_message { RawDocument::from_bytes(&message[BODY..]).ok() } else { None }
}

fn has_more(message: &[u8]) -> bool {
    message.len() > BODY && number(message, 12) == OP_MSG && number(message, HEADER) & MORE_TO_COME != 0
}

fn number(message: &[u8], at: usize) -> i32 {
    let mut bytes = [0; LENGTH];
    bytes.copy_from_slice(&message[at..at + LENGTH]);
    i32::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use bson::{RawDocumentBuf, rawdoc};

    use super::*;

    fn packed(number: i32, answers: i32, document: &RawDocumentBuf) -> Vec<u8> {
        let body = document.as_bytes();
        let length = i32::try_from(BODY + body.len()).unwrap();
        let mut message: Vec<u8> =
            [length, number, answers, OP_MSG, 0].iter().flat_map(|part| part.to_le_bytes()).collect();
        message.push(0);
        message.extend_from_slice(body);
        message
    }

    /// Answers with how many questions it has had; a find of "open" leaves its cursor open.
    async fn counting_server() -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut asked = 0;
            while let Ok(question) = message(&mut client).await {
                asked += 1;
                let is_open = document(&question).unwrap().get_str("find").is_ok_and(|name| name == "open");
                let cursor = rawdoc! { "id": i64::from(is_open), "asked": asked };
                let answer = packed(asked, number(&question, 4), &rawdoc! { "ok": 1.0, "cursor": cursor });
                client.write_all(&answer).await.unwrap();
            }
        });
        port
    }

    #[tokio::test]
    async fn a_read_is_answered_again_and_nothing_else_is() {
        let replay = Replay::to(counting_server().await).await.unwrap();
        let mut client = TcpStream::connect(("127.0.0.1", replay.port)).await.unwrap();
        let mut number_of_question = 100;
        let mut ask = async |question: RawDocumentBuf| {
            number_of_question += 1;
            client.write_all(&packed(number_of_question, 0, &question)).await.unwrap();
            let answer = message(&mut client).await.unwrap();
            assert_eq!(number(&answer, ANSWERS.start), number_of_question);
            document(&answer).unwrap().get_document("cursor").unwrap().get_i32("asked").unwrap()
        };
        let found = |name: &str, session: i32| rawdoc! { "find": name, "lsid": session, "limit": 1 };
        assert_eq!(ask(found("tracks", 1)).await, 1);
        assert_eq!(ask(found("tracks", 1)).await, 2, "not before it begins");
        replay.begin();
        assert_eq!(ask(found("tracks", 1)).await, 3);
        assert_eq!(ask(found("tracks", 2)).await, 3, "whichever session asks");
        assert_eq!(ask(found("likes", 2)).await, 4);
        for again in 5..=6 {
            assert_eq!(ask(rawdoc! { "update": "tracks" }).await, 2 * again - 5);
            assert_eq!(ask(rawdoc! { "find": "tracks", "autocommit": false }).await, 2 * again - 4);
        }
        for asked in 9..=10 {
            assert_eq!(ask(found("open", 1)).await, asked);
        }
        assert_eq!(replay.end(), 1);
        assert_eq!(ask(found("tracks", 1)).await, 11);
    }
}
