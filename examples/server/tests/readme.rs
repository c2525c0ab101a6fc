//! The README's walk-through, run as a reader would paste it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[cfg(feature = "rabbitmq")]
#[path = "../../../crates/moodify-adapters/tests/shared/broker.rs"]
mod broker;
#[path = "js/device.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod device;
mod support;

use std::process::Command;

use crate::support::Place;

fn walk_through() -> String {
    let readme = include_str!("../../../README.md");
    let (_, rest) = readme.split_once("<!-- walk-through: begin -->").expect("its begin");
    let (part, _) = rest.split_once("<!-- walk-through: end -->").expect("its end");
    let blocks = part.split("```bash\n").skip(1).map(|block| block.split("```").next().unwrap());
    blocks.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_walk_through_works_as_pasted() {
    if !device::is_available() {
        return;
    }
    let place = Place::new();
    let server = place.serve(&["all"]);
    walks_through(&place, &server.url);
}

/// The same lines, with four services apart behind the address.
#[cfg(feature = "rabbitmq")]
#[test]
fn the_walk_through_works_with_the_services_apart() {
    use support::apart::{Addresses, Apart};
    if !device::is_available() {
        return;
    }
    let Some(addresses) = Addresses::choose(1, 1) else { return };
    let Some(broker) = broker::Broker::start() else { return };
    let place = Place::new();
    place.file("moodify.toml", addresses.settings(&broker.url(), |name| format!("sqlite://data/{name}.db")));
    let apart = Apart::start(&place, addresses);
    walks_through(&place, &apart.front.url);
    apart.ends_well();
}

fn walks_through(place: &Place, url: &str) {
    // The reader stands in the repository; the data of this test's server is somewhere else, and
    // its packages are there already.
    let script = walk_through()
        .replace("http://127.0.0.1:8080", url)
        .replace(" data/", &format!(" {}/", place.path().join("data").display()))
        .replace("npm ci --silent --prefix examples/server/tests/js\n", "");
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let bash =
        Command::new("bash").args(["-euo", "pipefail", "-c", &script]).current_dir(root).output().unwrap();
    let said = String::from_utf8_lossy(&bash.stdout);
    assert!(bash.status.success(), "{said}\n{}", String::from_utf8_lossy(&bash.stderr));

    let played = std::fs::read(place.path().join("data/slow-tide.mp3")).unwrap();
    assert_eq!(played, std::fs::read(format!("{root}/examples/media/vbr-stereo-id3v24-cover.mp3")).unwrap());
    for promised in [
        "\"title\":\"Slow Tide\"",
        "\"title\":\"Evening\"",
        "ok: true",
        "kitchen hears:",
        "from: 'phone'",
        ".eml",
    ] {
        assert!(said.contains(promised), "{promised} is not in:\n{said}");
    }
}
