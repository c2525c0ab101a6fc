//! How far it is: a bar for a person, a line a file for a log.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressStyle};

use super::report::Entry;

/// Tells on standard error: the report on standard output stays clean.
pub(super) enum Progress {
    Bar(ProgressBar),
    Lines { done: usize, all: usize },
}

impl Progress {
    pub(super) fn new(all: usize) -> Self {
        if !io::stderr().is_terminal() {
            return Self::Lines { done: 0, all };
        }
        let bar = ProgressBar::new(all as u64);
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {eta} {wide_msg}");
        Self::Bar(style.map_or(bar.clone(), |style| bar.with_style(style)))
    }

    pub(super) fn tell(&mut self, entry: &Entry) {
        let Entry { path, outcome } = entry;
        match self {
            Self::Bar(bar) => {
                bar.set_message(path.clone());
                bar.inc(1);
            }
            Self::Lines { done, all } => {
                *done += 1;
                eprintln!("[{done}/{all}] {path}: {}", outcome.words());
            }
        }
    }

    pub(super) fn end(self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
