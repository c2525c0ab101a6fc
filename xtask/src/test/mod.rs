//! `cargo xtask test`: every check and test, in one order, stopping at the first failure.

mod deny;
mod direction;
mod features;
mod packages;
mod services;
mod sizes;
mod tally;
mod tools;

use std::{fmt, path::PathBuf, time::Duration};

use anyhow::{Context, Result, bail};

use crate::{openapi, servers, shell};
use tally::Tally;

/// The checks, cheap ones first.
///
/// Everything that compiles the whole workspace does it with one set of features and one set of
/// flags, so that each dependency is checked once and built once.
const STEPS: [Step; 14] = [
    Step { name: "format", advice: "run `cargo fmt --all`", check: format },
    Step { name: "file sizes", advice: "split the file: one idea each", check: sizes::check },
    Step {
        name: "dependency direction",
        advice: "move what needs the driver into crates/moodify-adapters",
        check: direction::check,
    },
    Step {
        name: "dependencies (cargo deny)",
        advice: "replace the dependency, or give deny.toml an exception with its reason",
        check: deny::check,
    },
    Step {
        name: "JavaScript test client (npm ci)",
        advice: "look at what npm says, or bring package-lock.json up to date with `npm install`",
        check: packages::check,
    },
    Step {
        name: "lints",
        advice: "fix what clippy names; it is never allowed without a reason",
        check: clippy,
    },
    Step {
        name: "lints of each feature alone",
        advice: "something is used that only another feature brings in",
        check: features::check,
    },
    Step {
        name: "build of the tests",
        advice: "fix what the compiler names",
        check: |_| shell::run(&mut shell::cargo(&[&BUILD_TESTS[..], &["--no-run"]].concat())).map(passed),
    },
    Step {
        name: "servers",
        advice: "install what is named, or have it installed by `cargo xtask test --install`",
        check: start_servers,
    },
    Step {
        name: "tests",
        advice: "run the named one again with `cargo test -p <package> <name>`",
        check: |run| run_tests(run, &[&BUILD_TESTS[..], &["--no-fail-fast"]].concat()),
    },
    Step {
        name: "examples in the documentation",
        advice: "run them again with `cargo test --doc -p <package>`",
        check: |run| run_tests(run, &["test", "--workspace", "--all-features", "--doc"]),
    },
    Step {
        name: "services apart",
        advice: "start them by hand with `cargo xtask services`, and look at data/services/*/output.log",
        check: services::check,
    },
    Step {
        name: "generated files",
        advice: "run `cargo xtask openapi` and commit the result",
        check: generated,
    },
    Step { name: "documentation", advice: "fix what rustdoc names", check: documentation },
];

const BUILD_TESTS: [&str; 7] =
    ["test", "--workspace", "--all-features", "--lib", "--bins", "--tests", "--examples"];

/// One check.
struct Step {
    name: &'static str,
    /// What to do when it fails.
    advice: &'static str,
    check: fn(&mut Run) -> Result<Outcome>,
}

/// What one check leaves to the next ones.
#[derive(Default)]
struct Run {
    tally: Tally,
    /// From the moment on when tests need them.
    servers: Option<servers::Running>,
}

/// How a check ended that did not fail.
enum Outcome {
    Passed,
    /// Part of it could not run here, and why; said aloud.
    Skipped(String),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => write!(f, "passed"),
            Self::Skipped(why) => write!(f, "skipped: {why}"),
        }
    }
}

/// Runs all checks, after it has installed what is missing, if it is to; the first failure ends it.
///
/// # Errors
/// If a check fails, or cannot be made here.
pub(crate) fn run(install: bool) -> Result<()> {
    tools::demand()?;
    if install {
        servers::install()?;
    }
    let mut run = Run::default();
    let outcome = check_all(&mut run);
    if let Some(servers) = run.servers.take() {
        servers.end();
    }
    outcome
}

fn check_all(run: &mut Run) -> Result<()> {
    let mut summary = Vec::new();
    let mut failure = None;
    for (number, step) in (1..).zip(&STEPS) {
        println!("\n=== {number}/{} {} ===", STEPS.len(), step.name);
        let (took, outcome) = timed(|| (step.check)(run));
        match outcome {
            Ok(outcome) => {
                if let Outcome::Skipped(_) = outcome {
                    println!("{outcome}");
                }
                summary.push((step.name, took, outcome.to_string()));
            }
            Err(error) => {
                summary.push((step.name, took, "FAILED".to_owned()));
                failure = Some((step, error));
                break;
            }
        }
    }
    println!("\n=== summary ===");
    for (name, took, outcome) in &summary {
        println!("{:>5} s  {name}: {outcome}", took.as_secs());
    }
    println!("{:>5} s  in all", summary.iter().map(|(_, took, _)| took.as_secs()).sum::<u64>());
    let tally = &run.tally;
    if let Some((step, error)) = failure {
        println!("\n{} failed: {error:#}\nWhat to do: {}.\n\n{tally}", step.name, step.advice);
        bail!("`{}` failed", step.name);
    }
    println!("\n{tally}");
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "how long a check took is for the person only")]
fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = std::time::Instant::now();
    let result = work();
    (start.elapsed(), result)
}

fn passed((): ()) -> Outcome {
    Outcome::Passed
}

fn format(_: &mut Run) -> Result<Outcome> {
    shell::run(&mut shell::cargo(&["fmt", "--all", "--check"]))?;
    // A workspace of its own.
    let args = ["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"];
    shell::run(&mut shell::cargo(&args)).map(passed)
}

fn clippy(_: &mut Run) -> Result<Outcome> {
    let args =
        ["clippy", "--no-deps", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"];
    shell::run(&mut shell::cargo(&args)).map(passed)
}

/// Those that tests are told of; of the others a test starts its own, if their programs are here.
fn start_servers(run: &mut Run) -> Result<Outcome> {
    let missing = servers::missing()?;
    if let (Some(missing), true) = (&missing, shell::in_ci()) {
        bail!("{missing}");
    }
    run.servers = Some(servers::Running::start()?);
    let skipped = |missing: String| format!("the tests of what is not here\n{missing}");
    Ok(missing.map_or(Outcome::Passed, |missing| Outcome::Skipped(skipped(missing))))
}

fn run_tests(run: &mut Run, args: &[&str]) -> Result<Outcome> {
    let Run { tally, servers } = run;
    let mut tests = shell::cargo(args);
    if let Some(servers) = servers {
        servers.told(&mut tests);
    }
    shell::watch(&mut tests, |line| tally.read(line)).map(passed)
}

/// The program that the tests were built with: with any other set of features it would be compiled anew.
fn built_server() -> Result<PathBuf> {
    let mut build = shell::cargo(&[&BUILD_TESTS[..], &["--no-run"]].concat());
    shell::built_program(&mut build, "moodify").context("the server was not built")
}

fn generated(_: &mut Run) -> Result<Outcome> {
    openapi::check(&built_server()?).map(passed)
}

fn documentation(_: &mut Run) -> Result<Outcome> {
    let mut doc = shell::cargo(&["doc", "--workspace", "--all-features", "--no-deps"]);
    shell::run(doc.env("RUSTDOCFLAGS", "-D warnings")).map(passed)
}
