//! Where the links in mails lead.

use url::Url;

use crate::config::MailLinks;
use crate::model::LinkTemplate;

impl MailLinks {
    pub(super) fn verify(&self, public_url: &Url, token: &str) -> String {
        fill(self.verify.as_ref(), "/verify-email#token=", public_url, token)
    }

    pub(super) fn reset(&self, public_url: &Url, token: &str) -> String {
        fill(self.reset.as_ref(), "/reset-password#token=", public_url, token)
    }

    pub(super) fn track(&self, public_url: &Url, id: &str) -> String {
        fill(self.track.as_ref(), "/tracks/", public_url, id)
    }

    pub(super) fn artist(&self, public_url: &Url, id: &str) -> String {
        fill(self.artist.as_ref(), "/artists/", public_url, id)
    }
}

fn fill(template: Option<&LinkTemplate>, default: &'static str, public_url: &Url, value: &str) -> String {
    template.map_or_else(
        || LinkTemplate::ending_in(default).fill(public_url, value),
        |set| set.fill(public_url, value),
    )
}
