//! `moodify mail`, and templates of an operator's own.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::fs;

use moodify_core::model::MailKind;
use support::Place;

fn files(place: &Place, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(place.path().join(folder)).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn every_mail_is_listed_and_previewed() {
    let place = Place::new();
    let list = place.run(&["mail", "list"]);
    assert_eq!(list.code, Some(0), "{list:?}");
    let previewed = place.run(&["mail", "preview", "all", "--public-url", "https://music.example.org"]);
    assert_eq!(previewed.code, Some(0), "{previewed:?}");
    for kind in MailKind::ALL {
        let name = kind.as_str();
        assert!(list.stdout.contains(&format!("\n{name} ")) || list.stdout.starts_with(name), "{list:?}");
        for extension in ["html", "txt", "eml"] {
            let path = place.path().join(format!("mail-preview/{name}.{extension}"));
            let text = fs::read_to_string(path).unwrap();
            assert!(text.contains("Nina") || extension == "eml", "{name}.{extension}: {text}");
        }
    }
    assert_eq!(files(&place, "mail-preview").len(), 3 * (MailKind::ALL.len() + 1), "an artist's welcome too");
    let text = fs::read_to_string(place.path().join("mail-preview/reset_password.txt")).unwrap();
    assert!(text.starts_with("Subject: Choose a new password for Moodify\n\n"), "{text}");
    assert!(text.contains("https://music.example.org/reset-password#token="), "{text}");

    let unknown = place.run(&["mail", "preview", "birthday"]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.stderr.contains("verify_email"), "{unknown:?}");
}

#[test]
fn exported_templates_can_be_changed_and_make_the_mails() {
    let place = Place::new();
    assert_eq!(place.run(&["mail", "export", "all"]).code, Some(0));
    assert_eq!(files(&place, "mails").len(), 2 * MailKind::ALL.len());
    place.run(&["mail", "export", "welcome"]).assert_told("mails/welcome.mjml exists", "--out");

    let mjml = fs::read_to_string(place.path().join("mails/welcome.mjml")).unwrap();
    place.file("mails/welcome.mjml", mjml.replace("#4b2fbf", "#00695c"));
    place.file("moodify.toml", "[mail]\ntemplates = \"mails\"\n");
    assert_eq!(place.run(&["mail", "preview", "welcome"]).code, Some(0));
    let html = fs::read_to_string(place.path().join("mail-preview/welcome.html")).unwrap();
    assert!(html.contains("#00695c") && !html.contains("#4b2fbf"), "{html}");
}

#[test]
fn a_broken_template_stops_the_start_and_an_unknown_one_is_told() {
    let place = Place::new();
    place.file("moodify.toml", "[mail]\ntemplates = \"mails\"\n");
    place
        .run(&["serve", "--listen", "127.0.0.1:0"])
        .assert_told("the templates in mails cannot be read", "mail.templates");

    place.file("mails/welcome.txt", "Welcome\n\nHello {{ mail.frist_name }}\n");
    let refused = place.run(&["serve", "--listen", "127.0.0.1:0"]);
    refused.assert_told("mails/welcome.txt, line 3: undefined value", "correct that file");
    assert!(!place.path().join("data/moodify.db").exists(), "nothing is made before the settings are right");

    fs::remove_file(place.path().join("mails/welcome.txt")).unwrap();
    place.file("mails/welcom.txt", "Welcome\n\nHello\n");
    place.file("mails/.welcome.txt.swp", [0xff, 0xfe]);
    let warned = place.run(&["mail", "preview", "welcome"]);
    assert_eq!(warned.code, Some(0), "{warned:?}");
    assert!(warned.stderr.contains("mails/welcom.txt") && !warned.stderr.contains(".swp"), "{warned:?}");
}

#[test]
fn links_without_their_gap_are_refused_with_the_setting() {
    let place = Place::new();
    for (key, value, expected) in [
        ("verify_url", "/verify", "a link with {token} in it"),
        ("reset_url", "javascript:{token}", "a link with {token} in it"),
        ("track_url", "/tracks/{token}", "a link with {track_id} in it"),
        ("artist_url", "//evil.example/{artist_id}", "a link with {artist_id} in it"),
    ] {
        place.file("moodify.toml", format!("[mail]\n{key} = \"{value}\"\n"));
        let told = place.run(&["mail", "list"]);
        told.assert_told(expected, "correct that line");
        told.assert_told("moodify.toml, line 2: ", "correct that line");
    }
}
