//! The notification service alone, with a mail server that does as it is told.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use moodify_core::Config;
use moodify_core::memory::{FixedClock, MemoryQueue, MemoryStore, SeededRng};
use moodify_core::model::event::{AccountCreated, AccountUpdated};
use moodify_core::model::{
    AccountId, ArtistId, Email, Event, EventPayload, Mail, PersonName, Role, SignedDuration, Timestamp,
};
use moodify_core::port::{DeadLetter, LateAnswer, MailError, Mailer, Queue, SendLog, Unavailable};
use moodify_core::service::delivery::{Handler, Worker};
use moodify_core::service::notifications::{Announcements, NotificationParts, Releases};
use moodify_core::service::{Context, Notifications};

/// How a mail server treats a mailbox.
#[derive(Clone, Copy)]
pub(crate) enum Manner {
    /// 5xx.
    Refuses,
    /// 4xx.
    Defers,
    /// No answer, ever.
    Hangs,
    /// Takes the mail, and does not say so.
    Swallows,
    /// The same, and says so when the mailer has given it up.
    AnswersLate,
    /// Wants no mails for an hour.
    Limits,
}

/// A mail server that counts every mail it takes, also a second one with the same id.
#[derive(Default)]
pub(crate) struct Server {
    manners: Mutex<HashMap<String, Manner>>,
    taken: Mutex<Vec<Mail>>,
    down: AtomicBool,
    knows: AtomicBool,
}

impl Server {
    pub(crate) fn treat(&self, mailbox: &str, manner: Option<Manner>) {
        let mut manners = self.manners.lock().unwrap();
        match manner {
            Some(manner) => manners.insert(mailbox.to_owned(), manner),
            None => manners.remove(mailbox),
        };
    }

    pub(crate) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::Relaxed);
    }

    /// From now on it says that it can tell mails that it has seen.
    pub(crate) fn know_messages(&self) {
        self.knows.store(true, Ordering::Relaxed);
    }

    pub(crate) fn taken(&self) -> Vec<Mail> {
        self.taken.lock().unwrap().clone()
    }

    /// To whom mails went, in the order of their addresses.
    pub(crate) fn mailboxes(&self) -> Vec<String> {
        let mut mailboxes: Vec<String> =
            self.taken().into_iter().map(|mail| mail.to.email.to_string()).collect();
        mailboxes.sort_unstable();
        mailboxes
    }
}

#[async_trait]
impl Mailer for Server {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        if self.down.load(Ordering::Relaxed) {
            return Err(Unavailable::passing("421 out of order").into());
        }
        let manner = self.manners.lock().unwrap().get(mail.to.email.as_str()).copied();
        match manner {
            Some(Manner::Refuses) => Err(MailError::Refused { reason: "550 no such mailbox".to_owned() }),
            Some(Manner::Defers) => Err(Unavailable::passing("451 greylisted").into()),
            Some(Manner::Hangs) => std::future::pending().await,
            Some(Manner::Limits) => {
                Err(MailError::Limited { reason: "450 too fast".to_owned(), wait: Duration::from_secs(3600) })
            }
            Some(Manner::Swallows | Manner::AnswersLate) | None => {
                self.taken.lock().unwrap().push(mail.clone());
                let late = match manner {
                    Some(Manner::Swallows) => None,
                    Some(_) => Some(LateAnswer::new(async { Ok(()) })),
                    None => return Ok(()),
                };
                Err(MailError::Unanswered { reason: "connection reset".to_owned(), late })
            }
        }
    }

    async fn check(&self) -> Result<(), MailError> {
        Ok(())
    }

    fn knows_messages(&self) -> bool {
        self.knows.load(Ordering::Relaxed)
    }
}

pub(crate) struct Desk {
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) server: Arc<Server>,
    pub(crate) context: Context,
    pub(crate) notifications: Notifications,
}

impl Desk {
    pub(crate) async fn new() -> Self {
        Self::with(Arc::new(MemoryQueue::new()), |_| {}).await
    }

    /// Over this queue, with settings of one's own.
    pub(crate) async fn with(queue: Arc<dyn Queue>, set: impl FnOnce(&mut Config)) -> Self {
        Self::noting(queue, |store| store, set).await
    }

    /// And with a send log of one's own.
    pub(crate) async fn noting(
        queue: Arc<dyn Queue>,
        log: impl FnOnce(Arc<dyn SendLog>) -> Arc<dyn SendLog>,
        set: impl FnOnce(&mut Config),
    ) -> Self {
        let (clock, store) = (Arc::new(FixedClock::default()), Arc::new(MemoryStore::new()));
        let server = Arc::new(Server::default());
        let context = Context::new(clock.clone(), Arc::new(SeededRng::new(7)));
        let mut config = Config::new("https://moodify.example".parse().unwrap());
        set(&mut config);
        let parts = NotificationParts {
            mailer: server.clone(),
            log: log(store.clone()),
            recipients: store.clone(),
            queue: queue.clone(),
        };
        let notifications = Notifications::new(parts, context.clone(), &config).unwrap();
        queue.declare(&notifications.consumer()).await.unwrap();
        queue.declare(&Releases::new(notifications.clone()).consumer()).await.unwrap();
        queue.declare(&Announcements::new(notifications.clone()).consumer()).await.unwrap();
        Self { clock, store, queue, server, context, notifications }
    }

    pub(crate) fn mails(&self) -> Worker {
        Worker::new(self.queue.clone(), Arc::new(self.notifications.clone()), self.context.clone())
    }

    pub(crate) fn releases(&self) -> Worker {
        let releases = Releases::new(self.notifications.clone());
        Worker::new(self.queue.clone(), Arc::new(releases), self.context.clone())
    }

    pub(crate) fn announcements(&self) -> Worker {
        let announcements = Announcements::new(self.notifications.clone());
        Worker::new(self.queue.clone(), Arc::new(announcements), self.context.clone())
    }

    pub(crate) async fn publish(&self, payload: EventPayload) -> Event {
        self.clock.advance(Duration::from_millis(1));
        let event = self.context.event(payload);
        self.queue.publish(&event, self.context.now()).await.unwrap();
        event
    }

    pub(crate) fn in_secs(&self, secs: i64) -> Timestamp {
        self.context.now().checked_add(SignedDuration::from_secs(secs)).unwrap()
    }

    /// Handles everything that is due.
    pub(crate) async fn work_off(&self) {
        let (mails, releases, announcements) = (self.mails(), self.releases(), self.announcements());
        let mut handled = 1;
        while handled > 0 {
            handled = mails.handle_due().await.unwrap() + releases.handle_due().await.unwrap();
            while announcements.handle_due().await.unwrap() > 0 {}
        }
    }

    pub(crate) async fn dead_letters(&self) -> Vec<DeadLetter> {
        self.queue.dead_letters("notification", 100).await.unwrap()
    }

    /// Somebody with a mailbox of this name signs up.
    pub(crate) async fn sign_up(&self, name: &str) -> AccountId {
        let account_id = self.context.new_id();
        let created = AccountCreated {
            account_id,
            email: email(name),
            first_name: first_name(),
            role: Role::User,
            artist_id: None,
            artist_name: None,
        };
        self.publish(EventPayload::AccountCreated(created)).await;
        account_id
    }

    /// Somebody with a proved mailbox of this name.
    pub(crate) async fn verified(&self, name: &str, artist_id: Option<ArtistId>) -> AccountId {
        let account_id = self.context.new_id();
        let updated = AccountUpdated {
            account_id,
            email: email(name),
            email_verified: true,
            first_name: first_name(),
            artist_id,
            artist_name: None,
        };
        self.publish(EventPayload::AccountUpdated(updated)).await;
        account_id
    }
}

pub(crate) fn email(name: &str) -> Email {
    Email::parse(&format!("{name}@example.com")).unwrap()
}

pub(crate) fn first_name() -> PersonName {
    PersonName::parse("Ada").unwrap()
}
