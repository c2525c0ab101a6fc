//! A server that was started here, and ends here.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};

/// How often a server is asked whether it is there, and how many times: Erlang takes its time on a busy machine.
const PAUSE: Duration = Duration::from_millis(100);
const ASKED: u32 = 1_200;

/// How long one may take to end when it is asked to, in pauses.
const ENDING: u32 = 150;

/// Stands between us and the server: when our end of its standard input closes, because we end the server or because
/// we are gone in whatever way, it asks the server to end.
const GUARDIAN: &str = r#"
signal=$1; shift
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
(cat <&3 >/dev/null; kill -"$signal" "$server") &
wait "$server"
"#;

/// Runs until it is ended or dropped, or this program ends.
pub(crate) struct Process {
    name: String,
    guardian: Child,
    log: PathBuf,
}

impl Process {
    /// Starts it; `TERM` will end it. What it says goes into a file in that folder: a pipe would fill.
    pub(crate) fn start(name: &str, command: &Command, folder: &Path) -> Result<Self> {
        Self::start_ended_by("TERM", name, command, folder)
    }

    /// The same for one that ends in order by another signal.
    pub(crate) fn start_ended_by(signal: &str, name: &str, command: &Command, folder: &Path) -> Result<Self> {
        use std::os::unix::process::CommandExt;
        let log = folder.join("output.log");
        let output = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut guardian = Command::new("sh");
        guardian
            .args(["-c", GUARDIAN, "guardian", signal])
            .arg(command.get_program())
            .args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => guardian.env(name, value),
                None => guardian.env_remove(name),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            guardian.current_dir(folder);
        }
        // In a group of its own: Ctrl-C is for us alone.
        guardian.stdin(Stdio::piped()).stdout(output.try_clone()?).stderr(output).process_group(0);
        let guardian = guardian.spawn().with_context(|| format!("{name} cannot be started"))?;
        Ok(Self { name: name.to_owned(), guardian, log })
    }

    /// Waits until something listens there.
    pub(crate) fn listening(self, address: SocketAddr) -> Result<Self> {
        self.ready(|| TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok())
    }

    /// Waits until it is so.
    pub(crate) fn ready(mut self, is_so: impl Fn() -> bool) -> Result<Self> {
        for _ in 0..ASKED {
            if is_so() {
                return Ok(self);
            }
            if let Some(status) = self.guardian.try_wait()? {
                bail!("{} has ended ({status}): {}", self.name, self.said());
            }
            thread::sleep(PAUSE);
        }
        bail!("{} is not ready after two minutes: {}", self.name, self.said());
    }

    /// Whether it has ended by itself, and what it said last.
    pub(crate) fn has_ended(&mut self) -> Result<Option<String>> {
        let ended = self.guardian.try_wait()?;
        Ok(ended.map(|status| format!("{} has ended ({status}): {}", self.name, self.said())))
    }

    /// Asks it to end, and makes it if it does not.
    pub(crate) fn end(mut self) {
        // Who has ended already is asked nothing: the number may be another's by now.
        if matches!(self.guardian.try_wait(), Ok(Some(_))) {
            return;
        }
        drop(self.guardian.stdin.take());
        for _ in 0..ENDING {
            if matches!(self.guardian.try_wait(), Ok(Some(_))) {
                break;
            }
            thread::sleep(PAUSE);
        }
        // Dropped: whatever is left of its group goes now.
    }

    /// The end of its log.
    fn said(&self) -> String {
        const LAST: u64 = 2_000;
        let mut text = Vec::new();
        if let Ok(mut file) = File::open(&self.log) {
            let length = file.metadata().map_or(0, |about| about.len());
            let begun = file.seek(SeekFrom::Start(length.saturating_sub(LAST)));
            if begun.is_ok() && file.read_to_end(&mut text).is_err() {
                text.clear();
            }
        }
        String::from_utf8_lossy(&text).trim().to_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It, and all that it has started, as far as it has not ended already.
        let group = format!("kill -KILL -{} 2>/dev/null", self.guardian.id());
        let _ = Command::new("sh").args(["-c", &group]).status();
        let _ = self.guardian.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("moodify-process-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn who_ends_too_early_is_told_with_what_it_said() {
        let folder = folder("early");
        let mut command = Command::new("sh");
        let process = Process::start("it", &*command.args(["-c", "echo no room; exit 3"]), &folder).unwrap();
        let failed = process.ready(|| false).err().unwrap().to_string();
        assert!(failed.contains("it has ended") && failed.ends_with("no room"), "{failed}");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn who_is_asked_to_end_ends_in_order() {
        let folder = folder("order");
        let script = "trap 'echo goodbye; exit 0' TERM; echo here; while :; do sleep 0.05; done";
        let mut command = Command::new("sh");
        let process = Process::start("it", &*command.args(["-c", script]), &folder).unwrap();
        let log = folder.join("output.log");
        let says = |word: &str| std::fs::read_to_string(&log).is_ok_and(|text| text.contains(word));
        let process = process.ready(|| says("here")).unwrap();
        process.end();
        assert!(says("goodbye"));
        std::fs::remove_dir_all(folder).unwrap();
    }
}
