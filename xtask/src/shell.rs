//! Running other programs, always from the root of the workspace.

use std::{
    env,
    ffi::OsString,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
    process::{ChildStdout, Command, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::descendants::Descendant;

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    // As cargo says at run time: checkouts that share a target folder also share this binary, and the
    // path it was built with may be another checkout's.
    let here = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let here = PathBuf::from(here);
    here.parent().unwrap_or(&here).to_path_buf()
}

/// Whether nobody is there to read hints: then what is missing is a failure.
pub(crate) fn in_ci() -> bool {
    env::var("CI").is_ok_and(|value| value == "true")
}

/// `cargo` with these arguments: the same one that runs this program.
pub(crate) fn cargo(args: &[&str]) -> Command {
    program(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")), args)
}

/// Some other program with these arguments.
pub(crate) fn program(name: impl AsRef<std::ffi::OsStr>, args: &[&str]) -> Command {
    let mut command = Command::new(name);
    command.args(args).current_dir(root());
    command
}

/// Runs a command whose output the person sees; anything but success is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| cannot_start(command))?;
    ensure!(status.success(), "`{}` failed ({status})", shown(command));
    Ok(())
}

/// Runs a command that may be missing or refuse, without output, and says whether it succeeded.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// Runs a command and returns what it printed; what it says on standard error the person sees.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.stderr(Stdio::inherit()).output().with_context(|| cannot_start(command))?;
    ensure!(output.status.success(), "`{}` failed ({})", shown(command), output.status);
    String::from_utf8(output.stdout).with_context(|| format!("`{}` printed no text", shown(command)))
}

/// Longer than any test takes, on a slow machine too.
const SILENCE: Duration = Duration::from_secs(10 * 60);

/// Runs a command and shows each line it prints as it comes, after `each` has seen it. Whatever it started
/// and waits for is killed when nothing is printed for ten minutes: a test that hangs fails, and the others
/// go on.
pub(crate) fn watch(command: &mut Command, mut each: impl FnMut(&str)) -> Result<()> {
    let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| cannot_start(command))?;
    let (sender, lines) = mpsc::channel();
    let reading = child.stdout.take().map(|stdout| thread::spawn(move || read_lines(stdout, &sender)));
    loop {
        match lines.recv_timeout(SILENCE) {
            Ok(line) => {
                each(&line);
                print!("{line}");
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                println!("nothing was printed for {SILENCE:?}: what runs is killed");
                // Not cargo itself, which goes on with the next test.
                let mut children = Descendant::children_of(child.id()).unwrap_or_default();
                children.retain(|one| one.runs() && signal("KILL", one.id).is_ok());
                if children.is_empty() {
                    child.kill()?;
                    bail!("`{}` hangs", shown(command));
                }
            }
        }
    }
    if let Some(Err(error)) = reading.and_then(|reading| reading.join().ok()) {
        return Err(error.into());
    }
    let status = child.wait()?;
    ensure!(status.success(), "`{}` failed ({status})", shown(command));
    Ok(())
}

fn read_lines(stdout: ChildStdout, to: &mpsc::Sender<String>) -> io::Result<()> {
    let mut reader = BufReader::new(stdout);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        // Whoever listens does so to the end.
        let _ = to.send(String::from_utf8_lossy(&line).into_owned());
        line.clear();
    }
    Ok(())
}

/// Sends a process a signal, by the shell's own `kill`: the program of that name is not on every machine.
pub(crate) fn signal(name: &str, process: u32) -> Result<()> {
    run(Command::new("sh").args(["-c", &format!("kill -{name} {process}")]))
}

/// Builds with a `cargo` command that prints JSON messages and returns where the program is.
pub(crate) fn built_program(command: &mut Command, name: &str) -> Result<PathBuf> {
    let messages = output(command.arg("--message-format=json-render-diagnostics"))?;
    let built = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let executable = built
        .filter(|message| message["target"]["name"] == name && message["target"]["kind"][0] == "bin")
        // The program's own unit tests are a program of the same name and kind, in no fixed order.
        .filter(|message| message["profile"]["test"] == false)
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .next_back();
    match executable {
        Some(path) => Ok(path),
        None => bail!("`{}` built no program `{name}`", shown(command)),
    }
}

fn cannot_start(command: &Command) -> String {
    format!("cannot start `{}`", shown(command))
}

fn shown(command: &Command) -> String {
    let name = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy();
    let words = command.get_args().map(|arg| arg.to_string_lossy());
    std::iter::once(name).chain(words).collect::<Vec<_>>().join(" ")
}
