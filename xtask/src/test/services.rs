//! `cargo xtask services`, from nothing, as a newcomer has it: it works, it goes on where it stopped, and however it
//! ends, nothing of it is left.

use std::{
    env,
    fs::{self, File},
    io::{BufRead, BufReader},
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::{Outcome, Run, built_server};
use crate::{
    descendants::Descendant,
    servers::{self, Place, free_port},
    shell,
};

const AUDIO: &str = "examples/media/vbr-stereo-id3v24-cover.mp3";
const EMAIL: &str = "nina@example.org";
const PASSWORD: &str = "low water at the pier";

/// How often something is looked at, and how many times: a mail takes a moment, an end in order a few.
const PAUSE: Duration = Duration::from_millis(100);
const LOOKS: u32 = 1_200;

/// Starts it on both kinds of databases, and ends it in each way that it can end.
pub(super) fn check(_: &mut Run) -> Result<Outcome> {
    if let Some(missing) = servers::missing()? {
        ensure!(!shell::in_ci(), "{missing}");
        return Ok(Outcome::Skipped(missing));
    }
    let (program, place) = (built_server()?, Place::temporary("services")?);

    let data = place.folder("postgresql")?;
    let services = Services::start(&program, &data, &[]).context("on PostgreSQL")?;
    services.take_somebody_in()?;
    services.end_by("TERM").context("at a process manager's word")?;
    let again = Services::start(&program, &data, &[]).context("on what the last run left")?;
    again.know_her()?;
    again.end_with("music").context("when one service was killed")?;

    let services =
        Services::start(&program, &place.folder("mongodb")?, &["--mongodb"]).context("on MongoDB")?;
    services.take_somebody_in()?;
    services.end_by("INT").context("at Ctrl-C")?;
    Ok(Outcome::Passed)
}

/// `cargo xtask services`, running; killed when dropped.
struct Services {
    child: Child,
    /// Open as long as it may say something.
    said: BufReader<ChildStdout>,
    program: PathBuf,
    data: PathBuf,
    front: String,
}

impl Services {
    /// Starts it and waits until it says that it is ready.
    fn start(program: &Path, data: &Path, more: &[&str]) -> Result<Self> {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port(19_080)?));
        // Cargo may have put another build in the place of this program since it began; that one does as well.
        let this = env::args_os().next().context("this program has no name")?;
        let mut command = Command::new(std::path::absolute(this)?);
        command.arg("services").arg("--program").arg(program).arg("--data").arg(data).args(more);
        command.args(["--listen", &listen.to_string()]).current_dir(shell::root());
        for (name, _) in env::vars_os().filter(|(name, _)| name.to_str().is_some_and(is_setting)) {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(data.join("errors"))?);
        let mut child = command.spawn().context("it does not start")?;
        let said = BufReader::new(child.stdout.take().context("it has no output")?);
        let (program, data) = (program.to_path_buf(), data.to_path_buf());
        // From here on it ends, whatever fails.
        let mut services = Self { child, said, program, data, front: format!("http://{listen}") };
        let mut line = String::new();
        while !line.starts_with("Ctrl-C") {
            line.clear();
            // It gives up by itself when a server does not start.
            if services.said.read_line(&mut line)? == 0 {
                services.child.wait()?;
                bail!("it has ended: {}", errors(&services.data));
            }
            print!("  {line}");
        }
        Ok(services)
    }

    /// An artist signs up, gets her mail, and plays what she has uploaded.
    fn take_somebody_in(&self) -> Result<()> {
        self.json("/health/ready", &[])?;
        let person = json!({
            "email": EMAIL, "password": PASSWORD, "first_name": "Nina", "last_name": "Tide",
            "artist_name": "Nina and the Tides"
        });
        let token = self.token("/v1/auth/artists/signup", &person)?;
        let audio = format!("audio=@{AUDIO}");
        let track = self.json("/v1/tracks", &["--form", &audio, "--header", &bearer(&token)])?;
        self.plays(&token, &track["id"])?;
        let mails = self.data.join("mail/mails/new");
        let is_welcomed = || {
            let mails = fs::read_dir(&mails).into_iter().flatten().flatten();
            let mut mails = mails.filter_map(|mail| fs::read_to_string(mail.path()).ok());
            mails.any(|mail| mail.contains("Subject: Welcome to Moodify") && mail.contains(EMAIL))
        };
        wait("a mail of welcome", is_welcomed)
    }

    /// She is known, and so is her music.
    fn know_her(&self) -> Result<()> {
        let token = self.token("/v1/auth/artists/login", &json!({"email": EMAIL, "password": PASSWORD}))?;
        self.plays(&token, &Value::Null)
    }

    /// The track is found, and its address leads to every byte of it.
    fn plays(&self, token: &str, id: &Value) -> Result<()> {
        let found = self.json("/v1/tracks?q=slow", &["--header", &bearer(token)])?;
        let track = &found["items"][0];
        ensure!(track["title"] == "Slow Tide" && (id.is_null() || track["id"] == *id), "found: {found}");
        let (file, url) = (self.data.join("played.mp3"), track["audio_url"].as_str().context("no address")?);
        shell::output(curl(url).arg("--output").arg(&file))?;
        let is_same = fs::read(&file)? == fs::read(shell::root().join(AUDIO))?;
        ensure!(is_same, "other bytes came than were sent");
        Ok(())
    }

    fn token(&self, path: &str, body: &Value) -> Result<String> {
        let body = body.to_string();
        let session = self.json(path, &["--header", "Content-Type: application/json", "--data", &body])?;
        Ok(session["access_token"].as_str().context("no token")?.to_owned())
    }

    fn json(&self, path: &str, options: &[&str]) -> Result<Value> {
        let answer = shell::output(curl(&format!("{}{path}", self.front)).args(options));
        Ok(serde_json::from_str(&answer.with_context(|| path.to_owned())?)?)
    }

    /// Asked to end, it does, in order.
    fn end_by(mut self, signal_name: &str) -> Result<()> {
        let processes = Descendant::all_of(self.child.id())?;
        ensure!(processes.len() > 18, "ten servers and services, each with its guardian: {processes:?}");
        shell::signal(signal_name, self.child.id())?;
        self.wait_for_its_end()?;
        let status = self.child.wait()?;
        ensure!(status.success(), "{status}: {}", errors(&self.data));
        all_gone(&processes)
    }

    /// One service is killed: it says which, and ends the others.
    fn end_with(mut self, service: &str) -> Result<()> {
        let processes = Descendant::all_of(self.child.id())?;
        let program = self.program.display().to_string();
        let start = [program.as_str(), "serve", service];
        let killed = processes.iter().find(|one| one.command() == start);
        shell::signal("KILL", killed.with_context(|| format!("{service} does not run"))?.id)?;
        self.wait_for_its_end()?;
        let (status, errors) = (self.child.wait()?, errors(&self.data));
        ensure!(!status.success() && errors.contains(&format!("{service} has ended")), "{status}: {errors}");
        all_gone(&processes)
    }

    fn wait_for_its_end(&mut self) -> Result<()> {
        let id = self.child.id();
        for _ in 0..LOOKS {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            thread::sleep(PAUSE);
        }
        bail!("process {id} does not end")
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        // It has ended already, if all went well; else what it has started ends with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn errors(data: &Path) -> String {
    fs::read_to_string(data.join("errors")).unwrap_or_default()
}

/// Whether it is the person's own deployment or network that this is for: settings of Moodify's, AWS' credentials and
/// endpoints, where traces go, and proxies, which do not reach this machine's servers. Where tests find what they need
/// is for this, too.
fn is_setting(variable: &str) -> bool {
    let is_ours = variable.starts_with("MOODIFY_") && !variable.starts_with("MOODIFY_TEST_");
    let is_others = ["AWS_", "OTEL_"].iter().any(|begin| variable.starts_with(begin));
    is_ours || is_others || variable.to_ascii_lowercase().ends_with("_proxy")
}

/// Past every proxy: all of it is on this machine.
fn curl(url: &str) -> Command {
    let args = ["--silent", "--show-error", "--fail-with-body", "--max-time", "60", "--noproxy", "*", url];
    shell::program("curl", &args)
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}")
}

/// What it had started; Erlang's own name service, which RabbitMQ starts for the whole machine, stays.
fn all_gone(processes: &[Descendant]) -> Result<()> {
    let left = || processes.iter().filter(|one| one.runs()).map(Descendant::command).collect::<Vec<_>>();
    wait("the end of every process", || left().is_empty()).with_context(|| format!("left: {:?}", left()))
}

fn wait(what: &str, is_so: impl Fn() -> bool) -> Result<()> {
    for _ in 0..LOOKS {
        if is_so() {
            return Ok(());
        }
        thread::sleep(PAUSE);
    }
    bail!("never: {what}")
}
