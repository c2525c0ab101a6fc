//! A file that nobody can hold in mind fails.

use std::{fs, path::Path};

use anyhow::{Result, ensure};

use super::{Outcome, Run};
use crate::shell;

/// The house aims at 400 lines a file; past this many there is no excuse.
const MAX_LINES: usize = 450;

const SOURCES: [&str; 8] = ["rs", "ts", "tsx", "js", "mjs", "py", "sh", "sql"];

/// Folders that hold no source of ours, tests, or how the tests' input was made.
const SKIPPED: [&str; 6] = ["target", "node_modules", "data", "tests", "dist", "examples/media"];

/// Fails when a source file, its tests aside, is too long.
pub(super) fn check(_: &mut Run) -> Result<Outcome> {
    let mut long = Vec::new();
    visit(&shell::root(), &mut long)?;
    ensure!(long.is_empty(), "more than {MAX_LINES} lines without tests:\n{}", long.join("\n"));
    Ok(Outcome::Passed)
}

fn visit(folder: &Path, long: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if entry.file_type()?.is_dir() {
            if !name.starts_with('.') && !SKIPPED.iter().any(|skipped| path.ends_with(skipped)) {
                visit(&path, long)?;
            }
        } else if is_source(&path) {
            let lines = lines_without_tests(&fs::read_to_string(&path)?);
            if lines > MAX_LINES {
                let shown = path.strip_prefix(shell::root()).unwrap_or(&path).display().to_string();
                long.push(format!("  {shown}: {lines}"));
            }
        }
    }
    Ok(())
}

fn is_source(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| SOURCES.contains(&extension))
        && path.file_name().is_some_and(|name| name != "tests.rs")
}

/// Lines up to the test module, which stands last in a file.
fn lines_without_tests(text: &str) -> usize {
    text.lines().take_while(|line| *line != "#[cfg(test)]").count()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{is_source, lines_without_tests};

    #[test]
    fn tests_do_not_count() {
        assert_eq!(lines_without_tests("one\ntwo\n\n#[cfg(test)]\nmod tests {\n}\n"), 3);
        assert_eq!(lines_without_tests("one\ntwo"), 2);
    }

    #[test]
    fn only_source_files_count() {
        for (name, expected) in [
            ("src/main.rs", true),
            ("client.ts", true),
            ("src/tests.rs", false),
            ("Cargo.lock", false),
            ("README", false),
        ] {
            assert_eq!(is_source(Path::new(name)), expected, "{name}");
        }
    }
}
