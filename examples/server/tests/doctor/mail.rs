//! Mail servers that speak, and not as they are spoken to. Passwords, certificates and Google's refusals are in
//! `mail_server.rs`.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    thread,
};

use crate::{SECRET, support::Place, told};

/// The port of one that knows no STARTTLS, and speaks in the clear only.
fn in_the_clear() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            // Who connected may have gone.
            thread::spawn(move || drop(greet(stream)));
        }
    });
    port
}

fn greet(mut stream: TcpStream) -> std::io::Result<()> {
    stream.write_all(b"220 mail.example.org ESMTP\r\n")?;
    let commands = BufReader::new(stream.try_clone()?).split(b'\n');
    for command in commands {
        let answer: &[u8] = match command? {
            hello if hello.starts_with(b"EHLO") => b"250 mail.example.org\r\n",
            quit if quit.starts_with(b"QUIT") => b"221 bye\r\n",
            _ => b"502 not here\r\n",
        };
        stream.write_all(answer)?;
    }
    Ok(())
}

#[test]
fn a_server_that_does_not_encrypt_is_told() {
    let port = in_the_clear();
    let place = Place::new();
    let mailer = |scheme: &str| {
        format!("mailer = \"{scheme}://ada:{SECRET}@localhost:{port}\"\n[smtp]\ntimeout_secs = 5\n")
    };
    told(&place, &mailer("smtp")).assert_failed("mailer", "STARTTLS is not supported", "smtps://");
    told(&place, &mailer("smtps")).assert_failed("mailer", "smtps://***@localhost", "");
}
