//! `cargo xtask fuzz`: throws generated input at what strangers send.
//!
//! libFuzzer with the coverage counters of the stable compiler: no nightly, no further tool. What it
//! finds on the way is kept in `target/fuzz/corpus`, and starts the next run.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use crate::shell;

/// What can be fuzzed: a program in `fuzz/targets`, its seeds, and the longest input worth trying.
const TARGETS: [Target; 4] = [
    Target { name: "upload", seeds: "fuzz/seeds/upload", longest: 40_000 },
    Target { name: "tags", seeds: "examples/media", longest: 40_000 },
    Target { name: "cursors", seeds: "fuzz/seeds/cursors", longest: 4_000 },
    Target { name: "socket", seeds: "fuzz/seeds/socket", longest: 8_000 },
];

struct Target {
    name: &'static str,
    seeds: &'static str,
    longest: u32,
}

/// What makes the compiler count which branches an input takes. libFuzzer asks for these; cargo-fuzz
/// sets the same.
const COUNTERS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
     -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg fuzzing";

/// Fuzzes one target, or each of them, for this long. What it found of use is where the next run begins, unless
/// all runs are to be alike.
pub(crate) fn run(target: Option<&str>, time: Duration, alike: bool) -> Result<()> {
    let wanted: Vec<&Target> =
        TARGETS.iter().filter(|known| target.is_none_or(|name| name == known.name)).collect();
    let names = TARGETS.map(|target| target.name).join(", ");
    ensure!(!wanted.is_empty(), "there is no such target; there are {names}");
    ensure!(has_compiler(), "there is no C++ compiler: install one (apt-get install g++)");
    let programs = build()?;
    for target in wanted {
        let corpus = folder().join(if alike { "brief" } else { "corpus" }).join(target.name);
        if alike && corpus.exists() {
            fs::remove_dir_all(&corpus)?;
        }
        fuzz(target, &programs, time, &corpus, alike.then_some(1))?;
    }
    Ok(())
}

/// Whether libFuzzer can be built here: it is C++.
fn has_compiler() -> bool {
    let compiler = std::env::var_os("CXX").unwrap_or_else(|| "c++".into());
    shell::succeeds(&mut shell::program(compiler, &["--version"]))
}

fn folder() -> PathBuf {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| shell::root().join("target"), PathBuf::from);
    target.join("fuzz")
}

/// Builds all targets: what they share is most of the work. Returns where they are.
fn build() -> Result<PathBuf> {
    // With a platform of its own, so that build scripts and macros are built without counters.
    let platform = shell::output(&mut shell::program("rustc", &["--print", "host-tuple"]))?;
    let platform = platform.trim();
    let args = ["build", "--locked", "--manifest-path", "fuzz/Cargo.toml", "--target", platform, "--bins"];
    let mut command = shell::cargo(&args);
    shell::run(command.env("RUSTFLAGS", COUNTERS).env("CARGO_TARGET_DIR", folder()))?;
    Ok(folder().join(platform).join("debug"))
}

fn fuzz(target: &Target, programs: &Path, time: Duration, corpus: &Path, dice: Option<u32>) -> Result<()> {
    println!("--- {} for {} s", target.name, time.as_secs());
    let found = folder().join("found").join(target.name);
    fs::create_dir_all(corpus)?;
    fs::create_dir_all(&found)?;
    let mut options = vec![
        format!("-max_total_time={}", time.as_secs()),
        format!("-max_len={}", target.longest),
        // Longer than the slowest judgement of a file may take.
        "-timeout=20".to_owned(),
        "-rss_limit_mb=2048".to_owned(),
        "-print_final_stats=1".to_owned(),
        "-verbosity=0".to_owned(),
        format!("-artifact_prefix={}/", found.display()),
    ];
    options.extend(dice.map(|dice| format!("-seed={dice}")));
    let mut command = shell::program(programs.join(target.name), &[]);
    command.args(options).arg(corpus).arg(shell::root().join(target.seeds));
    shell::run(&mut command).with_context(|| format!("an input broke it; it is in {}", found.display()))
}
