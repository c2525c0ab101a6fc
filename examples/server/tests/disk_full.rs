//! A disk without room: uploads are refused with a code, nothing is left behind, and all goes on once
//! there is room again.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
#![cfg(target_os = "linux")]

mod support;

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};
use support::{
    Place, Server,
    http::{Answer, Open, get, post},
};

const PASSWORD: &str = "low water at the pier";

#[test]
fn a_full_disk_refuses_writes_and_leaves_nothing_behind() {
    let place = Place::new();
    let Some(disk) = SmallDisk::mount(&place.path().join("data")) else {
        let advice = "no small disk can be mounted here: run this test as root";
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{advice}");
        // Not `eprintln!`: the test harness would hide it.
        let _ = writeln!(std::io::stderr(), "skipped: {advice}");
        return;
    };
    let server = place.serve(&["all"]);
    let nina = sign_up(&server, "nina@example.org");
    let first = upload(&server, &nina);
    assert_eq!(first.status, 201, "{first:?}");
    let before = disk.files();

    disk.fill();
    for _ in 0..3 {
        let refused = upload(&server, &nina);
        assert_eq!(refused.status, 503, "{refused:?}");
        assert_eq!(refused.json()["code"], "unavailable", "{refused:?}");
    }
    let refused = post(&server.url, "/v1/auth/artists/signup", &artist("ada@example.org"));
    assert_eq!(refused.status, 503, "{refused:?}");
    assert_eq!(refused.json()["code"], "unavailable", "{refused:?}");
    assert_eq!(get(&server.url, "/health/live", "").status, 200);
    let listed = get(&server.url, "/v1/tracks", &nina);
    assert_eq!(listed.json()["items"].as_array().unwrap().len(), 1, "reads go on: {listed:?}");

    disk.make_room();
    assert_eq!(disk.files(), before, "nothing is left of what was refused");
    let again = upload(&server, &nina);
    assert_eq!(again.status, 201, "{again:?}");
    sign_up(&server, "ada@example.org");
    let listed = get(&server.url, "/v1/tracks", &nina);
    assert_eq!(listed.json()["items"].as_array().unwrap().len(), 2, "{listed:?}");
    server.terminate();
    let (code, log) = server.ended();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("No space left on device"), "the log says why: {log}");
}

/// A file system of a few megabytes, gone with this.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=8m", "moodify"]).arg(at).status();
        mounted.is_ok_and(|status| status.success()).then(|| Self(at.to_owned()))
    }

    /// Takes all room there is.
    fn fill(&self) {
        let mut filler = fs::File::create(self.filler()).unwrap();
        for size in [1 << 16, 1 << 12, 1] {
            while filler.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn make_room(&self) {
        fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }

    /// What lies in the media store and in staging.
    fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut folders = vec![self.0.join("media"), self.0.join("staging")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                let list = if entry.file_type().unwrap().is_dir() { &mut folders } else { &mut files };
                list.push(entry.path());
            }
        }
        files.sort();
        files
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // A server that is still ending keeps it busy: it goes when that has ended.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

fn artist(email: &str) -> Value {
    json!({
        "email": email, "password": PASSWORD, "first_name": "Nina", "last_name": "Tide",
        "artist_name": "Nina and the Tides",
    })
}

fn sign_up(server: &Server, email: &str) -> String {
    let session = post(&server.url, "/v1/auth/artists/signup", &artist(email));
    assert_eq!(session.status, 201, "{session:?}");
    session.json()["access_token"].as_str().unwrap().to_owned()
}

fn upload(server: &Server, token: &str) -> Answer {
    let sample = format!("{}/../media/cbr-stereo-id3v23.mp3", env!("CARGO_MANIFEST_DIR"));
    let mut body =
        b"--cut\r\nContent-Disposition: form-data; name=\"audio\"; filename=\"a.mp3\"\r\n\r\n".to_vec();
    body.extend(fs::read(sample).unwrap());
    body.extend(b"\r\n--cut--\r\n");
    let head = "POST /v1/tracks HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=cut";
    let mut open = Open::begin(&server.url, &format!("{head}\r\nAuthorization: Bearer {token}"), body.len());
    open.send(&body);
    open.answer()
}
