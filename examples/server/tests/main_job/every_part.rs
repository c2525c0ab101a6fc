//! The services apart on every real part: MongoDB (SecantusDB stands for it), S3, RabbitMQ, a mail server and Redis,
//! two processes of auth, of music and of sync behind the nginx configuration of `deploy/`, and the devices of one
//! listener at different processes.

use std::net::{IpAddr, Ipv4Addr};

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::support::{
    Place,
    apart::{Addresses, Apart},
    mongodb,
};
use crate::{
    broker::Broker,
    device,
    mail_server::MailServer,
    redis::RedisServer,
    s3_server::{KEY, S3Server, SECRET},
    steps::{Deployment, main_job},
};

struct EveryPart {
    apart: Apart,
    mail: MailServer,
    s3: S3Server,
    _broker: Broker,
    _mongodb: mongodb::Server,
    _redis: RedisServer,
    _place: Place,
}

impl EveryPart {
    /// `None`, said aloud, where a server is missing: but not in CI.
    async fn start() -> Option<Self> {
        if !device::is_available() {
            return None;
        }
        let addresses = Addresses::choose(2, 2)?.with_sync(2);
        let (s3, mail) = (S3Server::start().await?, MailServer::start().await?);
        let (broker, mongodb, redis) = (Broker::start()?, mongodb::Server::start()?, RedisServer::start()?);
        let place = Place::new()
            .with("AWS_ACCESS_KEY_ID", KEY)
            .with("AWS_SECRET_ACCESS_KEY", SECRET)
            .with("AWS_EC2_METADATA_DISABLED", "true");
        let apart = addresses.settings(&broker.url(), |service| mongodb.url(&format!("moodify_{service}")));
        // Over TLS, and with a password.
        let settings = format!(
            "media = \"{}\"\nmailer = \"smtp://ada:se%3Acret%2F@localhost:{}\"\nsync = \"{}\"\n{apart}\
             [smtp]\nca_file = \"{}\"\n[mail]\nfrom = \"Moodify <hello@example.com>\"\n",
            S3Server::media_at(&s3.url),
            mail.ports.starttls,
            redis.url(),
            mail.authority().display(),
        );
        place.file("moodify.toml", settings);
        let apart = Apart::start(&place, addresses);
        Some(Self { apart, mail, s3, _broker: broker, _mongodb: mongodb, _redis: redis, _place: place })
    }

    /// Addresses of this machine whose requests nginx gives to the first, and to the second process of sync.
    async fn sides(&self) -> [IpAddr; 2] {
        let mut sides = [None, None];
        for last in 2..=255 {
            let from = IpAddr::from(Ipv4Addr::new(127, 0, 0, last));
            let side = self.side_of(from).await;
            assert_eq!(self.side_of(from).await, side, "who comes from one address stays at one process");
            sides[side].get_or_insert(from);
            if let [Some(first), Some(second)] = sides {
                return [first, second];
            }
        }
        panic!("all go to one process: {sides:?}");
    }

    /// Which process of sync knows the socket that was opened at the front from this address.
    async fn side_of(&self, from: IpAddr) -> usize {
        const PATH: &str = "/socket.io/?EIO=4&transport=polling";
        let client = Client::builder().local_address(from).build().unwrap();
        let opened = client.get(format!("{}{PATH}", self.apart.front.url)).send().await.unwrap();
        let opened = opened.text().await.unwrap();
        // `0` opens, `1` closes.
        let opened: Value = serde_json::from_str(opened.strip_prefix('0').unwrap()).unwrap();
        let sid = opened["sid"].as_str().unwrap();
        for (side, sync) in self.apart.sync.iter().enumerate() {
            let close = client.post(format!("{}{PATH}&sid={sid}", sync.url)).body("1");
            if close.send().await.unwrap().status() == StatusCode::OK {
                return side;
            }
        }
        panic!("nobody knows {sid}");
    }
}

impl Deployment for EveryPart {
    fn doors(&self) -> [String; 2] {
        let front = &self.apart.front.url;
        [front.clone(), front.clone()]
    }

    /// The phone by WebSocket at one process, the kitchen by polling at the other, and a device that begins with the
    /// one and goes on with the other, as clients do by default.
    async fn ways(&self) -> [Value; 3] {
        let [one, other] = self.sides().await;
        [
            json!({"from": one, "options": {"transports": ["websocket"]}}),
            json!({"from": other, "options": {"transports": ["polling"]}}),
            json!({"from": other}),
        ]
    }

    async fn mails_to(&self, address: &str) -> Vec<String> {
        let mails = self.mail.seen().await.mails.into_iter();
        let welcomes = mails.filter(|mail| mail.raw.contains("Subject: Welcome to Moodify\r\n"));
        let mails = welcomes.filter(|mail| mail.to == [address]);
        mails.map(|mail| mail.raw).collect()
    }

    fn stored_media(&self) -> Vec<String> {
        self.s3.objects()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_services_apart_do_the_main_job_on_every_real_part() {
    let Some(deployment) = EveryPart::start().await else { return };
    main_job(&deployment).await;
    let mails = deployment.mail.seen().await.mails;
    assert!(mails.iter().all(|mail| mail.secure && mail.user.as_deref() == Some("ada")), "{mails:?}");
    deployment.apart.ends_well();
}
