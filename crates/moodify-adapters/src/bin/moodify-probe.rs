//! The child process of a `ProcessProbe`, as a program of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    moodify_adapters::probe::child::main(std::env::args_os().skip(1))
}
