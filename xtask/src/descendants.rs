//! Which processes a process has started, and those in turn, as Linux tells it.

use std::{collections::BTreeMap, fs};

use anyhow::Result;

/// A process, which no later one of the same number is taken for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Descendant {
    pub(crate) id: u32,
    /// When it began, in ticks since the machine did.
    begun: String,
}

/// What one line of `/proc/…/stat` says: state, parent, begin.
struct Stat {
    state: String,
    parent: u32,
    begun: String,
}

impl Descendant {
    /// All of this process, its own children first.
    ///
    /// # Errors
    /// If there is no `/proc`.
    pub(crate) fn all_of(process: u32) -> Result<Vec<Self>> {
        let mut children = Self::by_parent()?;
        let mut found = children.remove(&process).unwrap_or_default();
        let mut next = 0;
        while let Some(one) = found.get(next) {
            let further = children.remove(&one.id).unwrap_or_default();
            found.extend(further);
            next += 1;
        }
        Ok(found)
    }

    /// Those that this process has started itself.
    ///
    /// # Errors
    /// If there is no `/proc`.
    pub(crate) fn children_of(process: u32) -> Result<Vec<Self>> {
        Ok(Self::by_parent()?.remove(&process).unwrap_or_default())
    }

    fn by_parent() -> Result<BTreeMap<u32, Vec<Self>>> {
        let mut children = BTreeMap::<u32, Vec<Self>>::new();
        for entry in fs::read_dir("/proc")? {
            let name = entry?.file_name();
            let Some(id) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
            // One may have ended meanwhile.
            if let Some(stat) = stat(id) {
                children.entry(stat.parent).or_default().push(Self { id, begun: stat.begun });
            }
        }
        Ok(children)
    }

    /// Whether it still runs; one that nobody has asked how it ended does not.
    pub(crate) fn runs(&self) -> bool {
        stat(self.id).is_some_and(|stat| stat.begun == self.begun && stat.state != "Z")
    }

    /// How it was started.
    pub(crate) fn command(&self) -> Vec<String> {
        let line = fs::read(format!("/proc/{}/cmdline", self.id)).unwrap_or_default();
        let words = line.split(|byte| *byte == 0).filter(|word| !word.is_empty());
        words.map(|word| String::from_utf8_lossy(word).into_owned()).collect()
    }
}

fn stat(id: u32) -> Option<Stat> {
    parsed(&fs::read_to_string(format!("/proc/{id}/stat")).ok()?)
}

/// `123 (a name) S parent …`, the begin as the twenty-second word; the name may hold anything.
fn parsed(line: &str) -> Option<Stat> {
    let mut words = line.rsplit_once(") ")?.1.split(' ');
    let (state, parent) = (words.next()?.to_owned(), words.next()?.parse().ok()?);
    Some(Stat { state, parent, begun: words.nth(17)?.to_owned() })
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_line_is_read_whatever_the_name_is() {
        let line = "7 (a) (b) c) S 3 7 7 0 -1 1 2 3 4 5 6 7 8 9 20 0 1 0 4711 100 200";
        let stat = parsed(line).unwrap();
        assert_eq!((stat.state.as_str(), stat.parent, stat.begun.as_str()), ("S", 3, "4711"));
    }

    #[test]
    fn a_child_of_a_child_is_found_until_it_ends() {
        // Two commands, so that the shell does not become the first one.
        let mut shell = Command::new("sh");
        let mut child = shell.args(["-c", "cat -u; true"]).stdin(Stdio::piped()).spawn().unwrap();
        let reading = loop {
            let all = Descendant::all_of(std::process::id()).unwrap();
            if let Some(found) = all.into_iter().find(|one| one.command() == ["cat", "-u"]) {
                break found;
            }
        };
        assert!(reading.runs() && reading.id != child.id());
        let children = Descendant::children_of(std::process::id()).unwrap();
        assert!(children.iter().any(|one| one.id == child.id()) && !children.contains(&reading));
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
        assert!(!reading.runs());
    }
}
