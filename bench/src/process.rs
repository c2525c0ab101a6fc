//! The programs that are measured: what they cost in processor time and memory.

use std::{
    path::Path,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use procfs::process::Process as Proc;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

/// How often memory is looked at while a load runs.
const SAMPLE: Duration = Duration::from_millis(20);

/// How long it may take until nothing of a load is left.
const SETTLE_SECONDS: u32 = 60;
/// What a process that has nothing to do may use of a second.
const IDLE: Duration = Duration::from_millis(30);

/// A program under measurement. It ends when this is dropped.
pub(crate) struct Process {
    child: Child,
    pid: i32,
}

impl Process {
    /// Starts a program and waits for a line of its output in which `ready` finds something.
    pub(crate) async fn start<T>(
        command: &mut Command,
        log: &Path,
        ready: impl Fn(&str) -> Option<T>,
    ) -> Result<(Self, T)> {
        let stderr = std::fs::File::create(log)?;
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr).kill_on_drop(true);
        let mut child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        let pid = i32::try_from(child.id().context("the program ended at once")?)?;
        let stdout = child.stdout.take().context("no output to read")?;
        let mut lines = BufReader::new(stdout).lines();
        while let Some(line) = lines.next_line().await? {
            if let Some(found) = ready(&line) {
                // Whatever else it says is read, so that the pipe never fills.
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return Ok((Self { child, pid }, found));
            }
        }
        bail!("{command:?} ended before it was ready:\n{}", std::fs::read_to_string(log).unwrap_or_default())
    }

    /// Starts a program that says nothing when it is ready.
    pub(crate) fn silent(command: &mut Command, log: &Path) -> Result<Self> {
        let log = std::fs::File::create(log)?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
        let child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        let pid = i32::try_from(child.id().context("the program ended at once")?)?;
        Ok(Self { child, pid })
    }

    /// Asks it to end, as an operator does, and waits.
    pub(crate) async fn stop(mut self) -> Result<()> {
        // The shell has it built in: the program is not on every machine.
        let kill = format!("kill {}", self.pid);
        tokio::process::Command::new("sh").args(["-c", &kill]).status().await.context("sh")?;
        self.child.wait().await?;
        Ok(())
    }
}

/// What the processes of a subject have used while a load ran.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Used {
    /// Processor time, with that of children which ended.
    pub(crate) cpu: Duration,
    /// Resident memory before, in bytes.
    pub(crate) memory_before: u64,
    /// The most resident memory seen, children included, in bytes.
    pub(crate) memory_peak: u64,
}

impl Used {
    /// By how much memory grew, in bytes.
    pub(crate) fn growth(&self) -> u64 {
        self.memory_peak.saturating_sub(self.memory_before)
    }
}

/// Watches processes from its start to its end.
pub(crate) struct Meter {
    pids: Vec<i32>,
    cpu_before: Duration,
    memory_before: u64,
    peak: Arc<AtomicU64>,
    done: Arc<AtomicBool>,
}

impl Meter {
    pub(crate) fn start(processes: &[&Process]) -> Result<Self> {
        let pids: Vec<i32> = processes.iter().map(|process| process.pid).collect();
        let memory_before = memory(&pids)?;
        let (peak, done) = (Arc::new(AtomicU64::new(memory_before)), Arc::new(AtomicBool::new(false)));
        let (sampled, seen, over) = (pids.clone(), peak.clone(), done.clone());
        thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                if let Ok(now) = memory(&sampled) {
                    seen.fetch_max(now, Ordering::Relaxed);
                }
                thread::sleep(SAMPLE);
            }
        });
        Ok(Self { cpu_before: cpu(&pids)?, pids, memory_before, peak, done })
    }

    pub(crate) fn stop(self) -> Result<Used> {
        let cpu = cpu(&self.pids)?.saturating_sub(self.cpu_before);
        let memory_peak = self.peak.load(Ordering::Relaxed).max(memory(&self.pids)?);
        Ok(Used { cpu, memory_before: self.memory_before, memory_peak })
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
    }
}

fn cpu(pids: &[i32]) -> Result<Duration> {
    let ticks_a_second = procfs::ticks_per_second();
    let mut total = Duration::ZERO;
    for pid in pids {
        let stat = Proc::new(*pid)?.stat()?;
        let of_children = u64::try_from(stat.cutime + stat.cstime).unwrap_or(0);
        let ticks = stat.utime + stat.stime + of_children;
        total += Duration::from_micros(ticks * 1_000_000 / ticks_a_second);
    }
    Ok(total)
}

/// Resident memory of these processes and of the children they have now, in bytes.
fn memory(pids: &[i32]) -> Result<u64> {
    let page = procfs::page_size();
    let mut pages = 0;
    for pid in pids {
        let process = Proc::new(*pid)?;
        pages += process.statm()?.resident;
        let started_as = process.cmdline()?;
        for task in process.tasks()?.flatten() {
            for child in task.children().unwrap_or_default() {
                pages +=
                    i32::try_from(child).ok().and_then(|child| of_child(child, &started_as)).unwrap_or(0);
            }
        }
    }
    Ok(pages * page)
}

/// Resident memory of a child in pages, unless it has ended since. Until it runs its own program, its memory is
/// its parent's, and counted there.
fn of_child(pid: i32, parent: &[String]) -> Option<u64> {
    let child = Proc::new(pid).ok()?;
    let resident = child.statm().ok()?.resident;
    (child.cmdline().ok()? != parent).then_some(resident)
}

impl Process {
    /// Waits until it does next to nothing: what an earlier load has left to do is not the next one's.
    pub(crate) async fn settle(&self) -> Result<()> {
        for _ in 0..SETTLE_SECONDS {
            let before = cpu(&[self.pid])?;
            tokio::time::sleep(Duration::from_secs(1)).await;
            if cpu(&[self.pid])?.saturating_sub(before) < IDLE {
                return Ok(());
            }
        }
        bail!("it is still busy {SETTLE_SECONDS} s after a load")
    }
}
