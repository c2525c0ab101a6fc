//! `cargo xtask test`: every check and test, in one order, stopping at the first failure.

mod deny;
mod direction;
mod features;
mod packages;
mod sizes;
mod tally;

use std::{fmt, time::Duration};

use anyhow::{Context, Result, bail};

use crate::{openapi, shell};
use tally::Tally;

/// The checks, cheap ones first.
///
/// Everything that compiles the whole workspace does it with one set of features and one set of
/// flags, so that each dependency is checked once and built once.
const STEPS: [Step; 12] = [
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
        advice: "install Node 20 or newer, or bring package-lock.json up to date with `npm install`",
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
        name: "tests",
        advice: "run the named one again with `cargo test -p <package> <name>`",
        check: |tally| run_tests(tally, &[&BUILD_TESTS[..], &["--no-fail-fast"]].concat()),
    },
    Step {
        name: "examples in the documentation",
        advice: "run them again with `cargo test --doc -p <package>`",
        check: |tally| run_tests(tally, &["test", "--workspace", "--all-features", "--doc"]),
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
    check: fn(&mut Tally) -> Result<Outcome>,
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

/// Runs all checks; the first failure ends it.
pub(crate) fn run() -> Result<()> {
    let mut summary = Vec::new();
    let mut tally = Tally::default();
    let mut failure = None;
    for (number, step) in (1..).zip(&STEPS) {
        println!("\n=== {number}/{} {} ===", STEPS.len(), step.name);
        let (took, outcome) = timed(|| (step.check)(&mut tally));
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

fn format(_: &mut Tally) -> Result<Outcome> {
    shell::run(&mut shell::cargo(&["fmt", "--all", "--check"]))?;
    // A workspace of its own.
    let args = ["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"];
    shell::run(&mut shell::cargo(&args)).map(passed)
}

fn clippy(_: &mut Tally) -> Result<Outcome> {
    let args =
        ["clippy", "--no-deps", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"];
    shell::run(&mut shell::cargo(&args)).map(passed)
}

fn run_tests(tally: &mut Tally, args: &[&str]) -> Result<Outcome> {
    shell::watch(&mut shell::cargo(args), |line| tally.read(line)).map(passed)
}

/// Uses the program that the tests were built with: with any other set of features it would be
/// compiled anew.
fn generated(_: &mut Tally) -> Result<Outcome> {
    let mut build = shell::cargo(&[&BUILD_TESTS[..], &["--no-run"]].concat());
    let program = shell::built_program(&mut build, "moodify").context("the server was not built")?;
    openapi::check(&program).map(passed)
}

fn documentation(_: &mut Tally) -> Result<Outcome> {
    let mut doc = shell::cargo(&["doc", "--workspace", "--all-features", "--no-deps"]);
    shell::run(doc.env("RUSTDOCFLAGS", "-D warnings")).map(passed)
}
