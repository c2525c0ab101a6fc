//! Pages that are written by hand must say what the code says.

use std::{collections::BTreeSet, fs, io, path::Path};

use moodify_core::{
    Config,
    model::{Epoch, Event, EventKind, MailKind, PlaybackState, Timestamp},
    service::{notifications::value_names, playback::Refusal},
};
use serde_json::Value;

fn read(path: &str) -> io::Result<String> {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path))
}

/// The part of a page under this heading of the second level.
fn section<'a>(page: &'a str, heading: &str) -> Option<&'a str> {
    let (_, rest) = page.split_once(&format!("\n## {heading}\n"))?;
    Some(rest.split("\n## ").next().unwrap_or(rest))
}

#[test]
fn every_event_has_a_section_with_an_example_that_is_one() {
    let page = read("docs/events.md").unwrap();
    for kind in EventKind::ALL {
        let name = kind.as_str();
        let text = section(&page, &format!("`{name}`"))
            .unwrap_or_else(|| panic!("docs/events.md has no section `{name}`"));
        let example = text.split("```json").nth(1).and_then(|rest| rest.split("```").next());
        let written: Value = serde_json::from_str(example.expect("an example")).expect("JSON");
        let event: Event = serde_json::from_value(written.clone()).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(event.payload.kind(), kind);
        assert_eq!(serde_json::to_value(&event).unwrap(), written, "{name}: fields are missing or too many");
    }
}

#[test]
fn events_documents_no_kind_that_does_not_exist() {
    let page = read("docs/events.md").unwrap();
    let documented: BTreeSet<&str> =
        page.lines().filter_map(|line| line.strip_prefix("## `")?.strip_suffix('`')).collect();
    assert_eq!(documented, EventKind::ALL.iter().map(|kind| kind.as_str()).collect());
}

#[test]
fn the_ports_table_names_every_port_and_nothing_else() {
    let page = read("docs/architecture.md").unwrap();
    let table = section(&page, "Ports").expect("a section Ports");
    let documented: BTreeSet<&str> =
        table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();

    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/moodify-core/src/port");
    let files = fs::read_dir(folder).unwrap().map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap());
    let sources: Vec<String> = files.collect();
    let traits: BTreeSet<&str> = sources
        .iter()
        .flat_map(|source| source.lines())
        .filter_map(|line| line.strip_prefix("pub trait ")?.split(':').next())
        // What a probe hands out; nobody configures it.
        .filter(|name| *name != "StagedMedia")
        .collect();
    assert_eq!(documented, traits);
}

#[test]
fn mails_documents_every_mail_with_its_values_and_no_other() {
    let page = read("docs/mails.md").unwrap();
    let config = Config::new("https://moodify.example".parse().unwrap());
    for kind in MailKind::ALL {
        let name = kind.as_str();
        assert!(page.contains(&format!("\n| `{name}` | ")), "docs/mails.md does not say when {name} is sent");
        let heading = format!("\n### `{name}`\n");
        let (_, rest) = page.split_once(&heading).unwrap_or_else(|| panic!("no section {name}"));
        let text = rest.split("\n### ").next().unwrap();
        let documented: BTreeSet<String> = text
            .lines()
            .filter_map(|line| Some(line.strip_prefix("| `mail.")?.split('`').next()?.to_owned()))
            .collect();
        assert_eq!(documented, value_names(kind, &config).into_iter().collect(), "{name}");
    }
    assert_eq!(page.matches("\n### `").count(), MailKind::ALL.len());
}

#[test]
fn every_refusal_of_playback_is_in_its_table() {
    let page = read("docs/playback.md").unwrap();
    let table = section(&page, "When something is refused").expect("a section for refusals");
    for refusal in Refusal::ALL {
        assert!(
            table.contains(&format!("`{}`", refusal.code())),
            "docs/playback.md lacks {}",
            refusal.code()
        );
    }
}

#[test]
fn every_field_of_a_playback_state_is_on_its_page() {
    let page = read("docs/playback.md").unwrap();
    let text = section(&page, "The state").expect("a section for the state");
    let named = text.split("`{").nth(1).and_then(|rest| rest.split("}`").next()).expect("the fields");
    let epoch: Epoch = serde_json::from_str("\"01890a5d-ac96-774b-bcce-b302099a8057\"").expect("a UUID");
    let state = serde_json::to_value(PlaybackState::initial(epoch, Timestamp::UNIX_EPOCH)).unwrap();
    for field in state.as_object().unwrap().keys() {
        let is_named = named.split(|c: char| !(c.is_ascii_lowercase() || c == '_')).any(|word| word == field);
        assert!(is_named, "docs/playback.md does not name {field}");
    }
}

#[test]
fn alerts_watch_metrics_that_there_are() {
    // Which a test of the adapter holds to what is registered.
    let list = read("crates/moodify-adapters/src/prometheus/docs.md").unwrap();
    let is_word = |c: char| c.is_ascii_lowercase() || c == '_';
    let page = read("docs/operations.md").unwrap();
    let rules = page.split("```yaml").nth(1).and_then(|rest| rest.split("```").next()).expect("alerts");
    let words = rules.split(|c: char| !is_word(c));
    let named: BTreeSet<&str> = words.filter(|word| word.starts_with("moodify_")).collect();
    assert!(named.len() > 4, "{named:?}");
    for name in named {
        assert!(
            list.contains(&format!("`{name}`")),
            "docs/operations.md watches {name}, which nobody counts"
        );
    }
}

/// Appends all Rust in a folder.
fn append_sources(folder: &Path, to: &mut String) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            append_sources(&path, to)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            to.push_str(&fs::read_to_string(path)?);
        }
    }
    Ok(())
}

/// As far as nothing is filled into them.
#[test]
fn faults_are_known_by_words_that_are_said() {
    let page = read("docs/operations.md").unwrap();
    let faults = section(&page, "What faults look like").expect("a section for faults");
    let is_plain = |c: char| c.is_ascii_lowercase() || " ,;:'-".contains(c);
    let quoted = faults.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    let said = quoted.filter(|words| words.split(' ').count() > 3 && words.chars().all(is_plain));
    let said: BTreeSet<&str> = said.collect();
    assert!(said.len() > 8, "{said:?}");
    let mut sources = String::new();
    for folder in ["crates/moodify-core", "crates/moodify-adapters", "crates/moodify-http", "examples/server"]
    {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder).join("src");
        append_sources(&folder, &mut sources).unwrap();
    }
    // Long texts go on in the next line.
    let sources = sources.replace("\\\n", "").split_whitespace().collect::<Vec<_>>().join(" ");
    for words in said {
        assert!(sources.contains(words), "docs/operations.md quotes what nobody says: {words}");
    }
}

#[test]
fn the_list_of_decisions_is_complete() {
    let list = read("docs/adr/README.md").unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/adr");
    for entry in fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.starts_with(|c: char| c.is_ascii_digit()) {
            assert!(list.contains(&format!("({name})")), "docs/adr/README.md does not list {name}");
        }
    }
}
