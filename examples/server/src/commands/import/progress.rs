//! How far it is: a bar for a person, a line a file for a log.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Tells on standard error: the report on standard output stays clean.
pub(in crate::commands) enum Progress {
    Bar(ProgressBar),
    Lines { done: usize, all: usize },
}

impl Progress {
    pub(in crate::commands) fn new(all: usize) -> Self {
        if !io::stderr().is_terminal() {
            return Self::Lines { done: 0, all };
        }
        Self::bar(all, ProgressDrawTarget::stderr())
    }

    fn bar(all: usize, target: ProgressDrawTarget) -> Self {
        let bar = ProgressBar::with_draw_target(Some(all as u64), target);
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {eta} {wide_msg}");
        Self::Bar(style.map_or(bar.clone(), |style| bar.with_style(style)))
    }

    /// One more is done: its name, and in a few words what came of it.
    pub(in crate::commands) fn tell(&mut self, name: &str, outcome: &str) {
        match self {
            Self::Bar(bar) => {
                bar.set_message(name.to_owned());
                bar.inc(1);
            }
            Self::Lines { done, all } => {
                *done += 1;
                eprintln!("[{done}/{all}] {name}: {outcome}");
            }
        }
    }

    pub(in crate::commands) fn end(self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use indicatif::InMemoryTerm;

    use super::*;

    #[test]
    fn a_person_sees_a_bar_that_goes_when_all_is_done() {
        let terminal = InMemoryTerm::new(5, 80);
        let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
        let mut progress = Progress::bar(3, target);
        for path in ["one.mp3", "two.mp3"] {
            progress.tell(path, "imported");
        }
        let shown = terminal.contents();
        assert!(shown.contains("█") && shown.contains("2/3") && shown.ends_with("two.mp3"), "{shown}");
        assert_eq!(shown.lines().count(), 1, "{shown}");
        progress.end();
        assert_eq!(terminal.contents(), "");
    }
}
