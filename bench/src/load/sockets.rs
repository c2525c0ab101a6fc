//! Thousands of sockets, a thousand commands a second, and one device that sends them all at once.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use tokio::{
    sync::{Barrier, Semaphore, oneshot},
    task::JoinSet,
    time::{sleep_until, timeout},
};

use super::{micros, new_histogram};
use crate::{
    process::{Meter, Used},
    socket::{Incoming, Socket},
    subject::Subject,
};

/// How many sockets are being opened at once.
const OPENING: usize = 64;
/// How long a hint may take before it counts as lost.
const LOST: Duration = Duration::from_secs(5);

/// What many sockets cost and how fast they were.
pub(crate) struct Sockets {
    pub(crate) sockets: usize,
    /// Memory an idle socket, in bytes.
    pub(crate) idle_bytes: f64,
    pub(crate) commands: u64,
    pub(crate) per_second: f64,
    /// From the sending of a command to its arrival at the other device, in microseconds.
    pub(crate) latency: Histogram<u64>,
    pub(crate) used: Used,
}

/// Opens `pairs` pairs of devices and `crowds` crowds of 20, then lets the pairs command for this
/// long: one of each two sends, the other one listens.
pub(crate) async fn fan_out(
    subject: &Subject,
    tokens: &[String],
    pairs: usize,
    per_second: u32,
    time: Duration,
) -> Result<Sockets> {
    let (of_pairs, of_crowds) = tokens.split_at_checked(pairs).context("too few listeners")?;
    let meter = Meter::start(&subject.sync())?;
    let crowd_tokens = of_crowds.iter().flat_map(|token| std::iter::repeat_n(token, 20));
    let crowd = open(subject, crowd_tokens, Nodes::All).await?;
    let of_pairs = of_pairs.iter().flat_map(|token| [token, token]);
    let devices = open(subject, of_pairs, Nodes::All).await?;
    let sockets = crowd.len() + devices.len();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let idle_bytes = meter.stop()?.growth() as f64 / sockets as f64;

    let (stop_crowd, stopped) = oneshot::channel();
    let crowd = tokio::spawn(keep_alive(crowd, stopped));
    let meter = Meter::start(&subject.sync())?;
    let begin = Instant::now();
    let latency = command_all(devices, per_second, time).await?;
    let (elapsed, used) = (begin.elapsed(), meter.stop()?);
    drop(stop_crowd);
    crowd.await??;
    let commands = latency.len();
    Ok(Sockets {
        sockets,
        idle_bytes,
        commands,
        per_second: commands as f64 / elapsed.as_secs_f64(),
        latency,
        used,
    })
}

/// Which of its processes a sync service is asked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nodes {
    First,
    All,
}

async fn open(subject: &Subject, tokens: impl Iterator<Item = &String>, nodes: Nodes) -> Result<Vec<Socket>> {
    let room = Arc::new(Semaphore::new(OPENING));
    let mut opening = JoinSet::new();
    for (number, token) in tokens.enumerate() {
        // Of a pair one sends and the other one listens: by two nodes, where there are two.
        let second = subject.second_sync.as_ref().filter(|_| nodes == Nodes::All && number % 2 == 1);
        let base = second.unwrap_or(&subject.at.sync).clone();
        let (room, token) = (room.clone(), token.clone());
        opening.spawn(async move {
            let _permit = room.acquire_owned().await?;
            let mut socket = Socket::connect(&base, &token).await?;
            let hello = json!({"device_id": format!("device-{number}"), "name": "Bench", "kind": "other", "capabilities": []});
            socket.ask("hello", &hello).await?;
            anyhow::Ok((number, socket))
        });
    }
    let mut sockets = Vec::new();
    while let Some(opened) = opening.join_next().await {
        sockets.push(opened??);
    }
    // Pairs were asked for side by side.
    sockets.sort_by_key(|(number, _)| *number);
    Ok(sockets.into_iter().map(|(_, socket)| socket).collect())
}

/// Answers the pings of sockets that nothing else is asked of.
async fn keep_alive(sockets: Vec<Socket>, mut stopped: oneshot::Receiver<()>) -> Result<()> {
    let mut running = JoinSet::new();
    for mut socket in sockets {
        running.spawn(async move { while socket.next().await.is_ok() {} });
    }
    tokio::select! {
        _ = &mut stopped => Ok(()),
        Some(_) = running.join_next() => bail!("an idle socket was closed"),
    }
}

async fn command_all(devices: Vec<Socket>, per_second: u32, time: Duration) -> Result<Histogram<u64>> {
    let pairs = devices.len() / 2;
    let pause = Duration::from_secs(1) * u32::try_from(pairs)? / per_second;
    let together = Arc::new(Barrier::new(pairs));
    let mut running = JoinSet::new();
    let mut devices = devices.into_iter();
    let mut number = 0;
    while let (Some(sender), Some(listener)) = (devices.next(), devices.next()) {
        let (together, offset) = (together.clone(), pause * number / u32::try_from(pairs)?);
        number += 1;
        running.spawn(async move {
            together.wait().await;
            command(sender, listener, offset, pause, time).await
        });
    }
    let mut latency = new_histogram()?;
    while let Some(pair) = running.join_next().await {
        latency.add(pair??)?;
    }
    Ok(latency)
}

/// Sends a command each `pause` and notes when the other device hears of it.
async fn command(
    mut sender: Socket,
    mut listener: Socket,
    offset: Duration,
    pause: Duration,
    time: Duration,
) -> Result<Histogram<u64>> {
    let mut latency = new_histogram()?;
    let begin = tokio::time::Instant::now() + offset;
    let mut at = begin;
    let mut number = 0u64;
    while at < begin + time {
        sleep_until(at).await;
        number += 1;
        let command = pause_command(number);
        let sent = Instant::now();
        sender.emit("command", &command, Some(number)).await?;
        timeout(LOST, hear(&mut listener, number)).await.context("a command did not arrive")??;
        latency.saturating_record(micros(sent.elapsed()));
        let answered =
            timeout(LOST, acknowledged(&mut sender, number)).await.context("no acknowledgement")??;
        ensure!(answered["ok"] == true, "a command was refused: {answered}");
        at += pause;
    }
    Ok(latency)
}

/// Pausing changes the state whatever it is, and needs no track.
fn pause_command(number: u64) -> Value {
    json!({"command_id": format!("bench-{number}"), "seq": number, "op": "pause", "args": {}})
}

async fn hear(listener: &mut Socket, number: u64) -> Result<()> {
    let wanted = format!("bench-{number}");
    loop {
        if let Incoming::Event(event, state) = listener.next().await?
            && event == "state"
            && state["cause"]["command_id"] == wanted
        {
            return Ok(());
        }
    }
}

async fn acknowledged(sender: &mut Socket, number: u64) -> Result<Value> {
    loop {
        if let Incoming::Ack(acknowledged, answer) = sender.next().await?
            && acknowledged == number
        {
            return Ok(answer);
        }
    }
}

/// Sends so many commands, a burst at a time, and counts those which were applied before an earlier
/// one.
pub(crate) async fn out_of_order(subject: &Subject, token: &str, commands: u64) -> Result<u64> {
    let pair = [token.to_owned(), token.to_owned()];
    // Between nodes a hint may be lost, which is no wrong order.
    let mut devices = open(subject, pair.iter(), Nodes::First).await?.into_iter();
    let (Some(sender), Some(mut listener)) = (devices.next(), devices.next()) else {
        bail!("two sockets are needed");
    };
    let sending = tokio::spawn(send_in_bursts(sender, commands));
    let (mut last, mut wrong) = (0, 0);
    for seen in 0..commands {
        let number = timeout(LOST, hear_any(&mut listener)).await;
        let number = number.with_context(|| format!("only {seen} of {commands} commands were seen"))??;
        wrong += u64::from(number < last);
        last = last.max(number);
    }
    sending.await??;
    Ok(wrong)
}

/// Bursts that the server takes without calling them a flood.
async fn send_in_bursts(mut sender: Socket, commands: u64) -> Result<()> {
    let numbers: Vec<u64> = (1..=commands).collect();
    for burst in numbers.chunks(100) {
        for number in burst {
            sender.emit("command", &pause_command(*number), Some(*number)).await?;
        }
        for _ in burst {
            let answer = loop {
                if let Incoming::Ack(_, answer) = sender.next().await? {
                    break answer;
                }
            };
            ensure!(answer["ok"] == true, "a command was refused: {answer}");
        }
    }
    Ok(())
}

/// The number of the next command that a device hears of.
async fn hear_any(listener: &mut Socket) -> Result<u64> {
    loop {
        let Incoming::Event(event, state) = listener.next().await? else { continue };
        let id = state["cause"]["command_id"].as_str().and_then(|id| id.strip_prefix("bench-")?.parse().ok());
        if let (true, Some(number)) = (event == "state", id) {
            return Ok(number);
        }
    }
}
