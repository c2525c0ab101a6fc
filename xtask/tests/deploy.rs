//! Images and compose file are not run by any check, for want of a Docker engine: what they name is there.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

fn place(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn read(path: &str) -> io::Result<String> {
    fs::read_to_string(place(path))
}

/// The variables of all settings: those of docs/settings.md, which a test of the program holds to its code.
fn variables(page: &str) -> BTreeSet<String> {
    let file = page.split("```toml").nth(1).and_then(|rest| rest.split("```").next()).unwrap_or_default();
    let (mut section, mut names) = (String::new(), BTreeSet::new());
    for line in file.lines().filter(|line| !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = format!("{name}_");
        } else if let Some((key, _)) = line.split_once(" = ") {
            names.insert(format!("MOODIFY_{section}{key}").to_uppercase());
        }
    }
    names
}

/// Each service of a compose file, with its lines.
fn services(compose: &str) -> BTreeMap<&str, Vec<&str>> {
    let inside = compose.lines().skip_while(|line| *line != "services:").skip(1);
    let (mut name, mut found) = ("", BTreeMap::<&str, Vec<&str>>::new());
    for line in inside.take_while(|line| line.is_empty() || line.starts_with(' ')) {
        if let Some(begun) = line.strip_prefix("  ").filter(|rest| !rest.starts_with([' ', '#'])) {
            name = begun.trim_end_matches(':');
        }
        found.entry(name).or_default().push(line.trim());
    }
    found
}

#[test]
fn every_variable_that_is_named_is_a_setting() {
    let settings = variables(&read("docs/settings.md").unwrap());
    assert!(settings.len() > 60, "{settings:?}");
    let is_part = |c: char| c.is_ascii_uppercase() || c == '_';
    for file in ["Dockerfile", "deploy/compose.yaml", "docs/operations.md", "README.md"] {
        let text = read(file).unwrap();
        for name in text.split(|c: char| !is_part(c)).filter(|word| word.starts_with("MOODIFY_")) {
            // Before three dots there is the beginning of several.
            let begins = name.ends_with('_') && settings.iter().any(|setting| setting.starts_with(name));
            assert!(begins || settings.contains(name), "{file} names {name}, which is no setting");
        }
    }
}

#[test]
fn the_image_is_built_from_what_is_there() {
    let (dockerfile, ignored) = (read("Dockerfile").unwrap(), read(".dockerignore").unwrap());
    let manifest = read("Cargo.toml").unwrap();
    let members = manifest.lines().find_map(|line| line.strip_prefix("members = ")).unwrap();
    let members = members.split('"').skip(1).step_by(2).map(|member| member.trim_end_matches("/*"));
    let copied = dockerfile.lines().filter_map(|line| line.strip_prefix("COPY ")?.split(' ').next());
    let copied = copied.filter(|source| !source.starts_with("--"));
    for path in members.chain(copied).chain(["Cargo.toml", "Cargo.lock"]) {
        assert!(place(path).exists(), "the image is built from {path}, which is not there");
        let is_ignored = |part: &Path| ignored.lines().any(|line| part == Path::new(line));
        assert!(!Path::new(path).ancestors().any(is_ignored), ".dockerignore leaves {path} out");
    }
    let mut stages = BTreeSet::<&str>::new();
    for line in dockerfile.lines() {
        if let Some(from) = line.strip_prefix("COPY --from=") {
            assert!(stages.contains(from.split(' ').next().unwrap()), "{line}: there is no such stage yet");
        }
        stages.extend(line.split_once(" AS ").map(|(_, stage)| stage));
    }
}

#[test]
fn the_image_runs_what_it_has_as_nobody() {
    let (dockerfile, manifest) = (read("Dockerfile").unwrap(), read("Cargo.toml").unwrap());
    let version = manifest.lines().find_map(|line| line.strip_prefix("rust-version = \"")).unwrap();
    assert!(dockerfile.contains(&format!("FROM rust:{}-", version.trim_end_matches('"'))), "{version}");
    let entry = dockerfile.lines().find_map(|line| line.strip_prefix("ENTRYPOINT [\"")).unwrap();
    let program = entry.trim_end_matches("\"]");
    assert!(dockerfile.contains(&format!("/target/release/moodify {program}\n")), "{program}");
    assert!(dockerfile.contains(&format!("CMD [\"{program}\", \"healthcheck\"]\n")), "{program}");
    // By number: who looks whether it is root cannot look names up.
    let (_, last) = dockerfile.rsplit_once("\nFROM ").unwrap();
    assert!(last.contains("\nUSER 65532:65532\n") && last.contains("--chown=65532:65532 "), "{last}");
    for secret in ["PASSWORD", "SECRET", "TOKEN", "ARG "] {
        assert!(!dockerfile.contains(secret), "{secret} would stay in a layer");
    }
}

#[test]
fn what_services_wait_for_is_there_and_says_when_it_is_ready() {
    let compose = read("deploy/compose.yaml").unwrap();
    let services = services(&compose);
    for name in ["auth", "music", "notification", "sync", "proxy", "mongodb"] {
        assert!(services.contains_key(name), "{name}: {:?}", services.keys());
    }
    for (name, lines) in &services {
        for (other, condition) in lines.iter().filter_map(|line| line.split_once(": {condition: ")) {
            let other = services.get(other).unwrap_or_else(|| panic!("{name} waits for {other}"));
            let tells = other.iter().any(|line| line.starts_with("healthcheck:"));
            assert!(
                tells || condition != "service_healthy}",
                "{name} waits for what never says it is healthy"
            );
        }
    }
    let upstreams = read("deploy/compose/nginx.conf").unwrap();
    let upstreams: Vec<_> =
        upstreams.lines().filter_map(|line| line.trim().strip_prefix("server ")?.split_once(':')).collect();
    assert_eq!(upstreams.len(), 3, "{upstreams:?}");
    for (name, _) in upstreams {
        assert!(services.contains_key(name), "the proxy sends requests to {name}");
    }
}

#[test]
fn what_the_compose_file_mounts_and_opens_is_there() {
    let compose = read("deploy/compose.yaml").unwrap();
    let (_, declared) = compose.rsplit_once("\nvolumes: {").unwrap();
    let mounts = compose.lines().filter_map(|line| {
        let line = line.trim();
        line.strip_prefix("volumes: [").or_else(|| line.strip_prefix("- "))?.split_once(":/")
    });
    let mut seen = 0;
    for (source, _) in mounts {
        let is_there = match source.strip_prefix("./") {
            Some(path) => place("deploy").join(path).exists(),
            None => declared.contains(&format!("{source}: {{}}")),
        };
        assert!(is_there, "{source} is mounted");
        seen += 1;
    }
    assert!(seen > 10, "{seen}");
    let databases = read("deploy/compose/databases.sql").unwrap();
    for name in compose.split("@postgres:5432/").skip(1).filter_map(|rest| rest.split('}').next()) {
        assert!(databases.contains(&format!("CREATE DATABASE {name};")), "{name}");
    }
}

/// Docker kills what has not ended by then.
#[test]
fn whoever_ends_is_given_the_time_that_it_takes() {
    /// In seconds: for the events that are being handled, and for goodbyes.
    const AFTER_DRAINING: u64 = 10 + 10;
    fn number(text: &str, before: &str) -> Option<u64> {
        let (_, rest) = text.split_once(before)?;
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    }
    let drain = number(&read("docs/settings.md").unwrap(), "\ndrain_secs = ").unwrap();
    let page = read("docs/operations.md").unwrap();
    for (given, to) in [
        (number(&read("deploy/compose.yaml").unwrap(), "\n  stop_grace_period: "), "compose"),
        (number(&page, "\nTimeoutStopSec="), "systemd"),
        (number(&page, "docker run --read-only --tmpfs /tmp --stop-timeout "), "docker"),
    ] {
        assert!(given.unwrap() >= drain + AFTER_DRAINING, "{to}: {given:?}");
    }
}
