//! The command line and the settings, through the built program.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::{fs, path::PathBuf};

use support::Place;

#[test]
fn help_names_every_command_but_the_hidden_one() {
    let help = Place::new().run(&["--help"]);
    assert_eq!(help.code, Some(0));
    for command in ["serve", "migrate", "openapi", "doctor", "keys", "dead-letters", "mail", "healthcheck"] {
        assert!(help.stdout.contains(&format!("\n  {command} ")), "{command}: {}", help.stdout);
    }
    assert!(!help.stdout.contains("probe-media"), "{}", help.stdout);

    let help = Place::new().run(&["doctor", "--help"]);
    assert!(help.stdout.contains("Exit code 0") && help.stdout.contains("15 seconds"), "{}", help.stdout);

    let help = Place::new().run(&["serve", "--help"]);
    for word in ["auth", "music", "notification", "sync", "--listen", "--data", "127.0.0.1:8080"] {
        assert!(help.stdout.contains(word), "{word}: {}", help.stdout);
    }
}

#[test]
fn wrong_usage_ends_with_code_2() {
    for args in
        [&[][..], &["fly"], &["serve", "video"], &["serve", "--listen", "nowhere"], &["doctor", "--x"]]
    {
        let ended = Place::new().run(args);
        assert_eq!(ended.code, Some(2), "{args:?}: {ended:?}");
        assert!(ended.stderr.contains("--help") || ended.stderr.contains("Usage"), "{args:?}: {ended:?}");
    }
}

/// What a run of `healthcheck` asked, with nobody there to answer.
fn asked(place: &Place, variable: Option<&str>, flags: &[&str]) -> String {
    let mut command = place.command(&[&["healthcheck"], flags].concat());
    if let Some(value) = variable {
        command.env("MOODIFY_LISTEN", value);
    }
    let stderr = String::from_utf8(command.output().unwrap().stderr).unwrap();
    let (_, rest) = stderr.split_once("no answer from ").unwrap();
    rest.split(": ").next().unwrap().to_owned()
}

#[test]
fn a_flag_wins_over_a_variable_over_the_file() {
    let place = Place::new();
    place.file("moodify.toml", "listen = \"127.0.0.1:1\"\n");
    assert_eq!(asked(&place, None, &[]), "127.0.0.1:1");
    assert_eq!(asked(&place, Some("127.0.0.1:2"), &[]), "127.0.0.1:2");
    assert_eq!(asked(&place, Some("127.0.0.1:2"), &["--listen", "127.0.0.1:3"]), "127.0.0.1:3");

    place.file("other.toml", "listen = \"127.0.0.1:4\"\n");
    assert_eq!(asked(&place, None, &["--config", "other.toml"]), "127.0.0.1:4");
}

#[test]
fn a_configuration_with_a_mistake_is_refused_with_file_and_line() {
    let place = Place::new();
    place.file("moodify.toml", "data = \"d\"\n\n[acounts]\nmin_password_length = 9\n");
    place.run(&["serve"]).assert_told("moodify.toml, line 3: unknown field `acounts`", "correct that line");

    place.file("moodify.toml", "data = \"d\nlisten\n");
    place.run(&["serve"]).assert_told("moodify.toml, line 1: ", "correct that line");
    assert!(!place.path().join("d").exists(), "nothing is made before the settings are right");

    place.run(&["serve", "--config", "absent.toml"]).assert_told("absent.toml cannot be read", "--config");
}

#[test]
fn a_variable_with_a_mistake_is_refused_with_its_name() {
    let place = Place::new();
    let mut command = place.command(&["serve"]);
    let ended =
        support::Ended::from(command.env("MOODIFY_ACCOUNTS_MIN_PASSWORD_LENGTH", "4").output().unwrap());
    ended.assert_told(
        "MOODIFY_ACCOUNTS_MIN_PASSWORD_LENGTH: a number from 8 to 1024 is expected",
        "leave MOODIFY_ACCOUNTS_MIN_PASSWORD_LENGTH out",
    );

    let mut command = place.command(&["serve"]);
    let ended = support::Ended::from(command.env("MOODIFY_LOG_FILTER", "loud=very").output().unwrap());
    ended.assert_told("log.filter is not a filter", "MOODIFY_LOG_FILTER");
}

/// Every row of docs/faults.md names the tests that hold it, and each of them is there.
#[test]
fn every_fault_on_the_page_has_its_test() {
    let page = include_str!("../../../docs/faults.md");
    let rows = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| Failure "));
    let mut count = 0;
    for row in rows {
        count += 1;
        let tests: Vec<&str> = row.split('`').skip(1).step_by(2).filter(|code| code.contains("::")).collect();
        assert!(!tests.is_empty(), "no test: {row}");
        for test in tests {
            assert!(is_there(test), "{test} is not there: {row}");
        }
    }
    assert!(count > 30, "only {count} rows were found");
}

/// Whether there is a function of that name in the file or folder that stands before it.
fn is_there(test: &str) -> bool {
    let (place, name) = test.split_once("::").unwrap();
    let name = format!("fn {name}(");
    let folder = match place.split_once('/') {
        Some(("adapters", place)) => format!("crates/moodify-adapters/tests/{place}"),
        Some(("conformance", place)) => format!("crates/moodify-core/src/conformance/{place}"),
        _ => format!("examples/server/tests/{place}"),
    };
    let folder = format!("{}/../../{folder}", env!("CARGO_MANIFEST_DIR"));
    let files = fs::read_dir(&folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let mut files = files.chain([PathBuf::from(format!("{folder}.rs"))]);
    files.any(|file| fs::read_to_string(file).is_ok_and(|text| text.contains(&name)))
}
