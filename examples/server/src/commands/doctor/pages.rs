//! How browsers reach this deployment, and what its pages may do.

use std::net::SocketAddr;

#[cfg(any(feature = "azure", feature = "gcs", feature = "s3"))]
use moodify_adapters::preflight::{self, Preflight};
#[cfg(any(feature = "azure", feature = "gcs", feature = "s3"))]
use moodify_core::{model::MediaKey, service::Context};
use url::{Host, Url};

use super::{
    checks::{Found, works},
    report::Finding,
};
#[cfg(any(feature = "azure", feature = "gcs", feature = "s3"))]
use crate::{assemble, failure::one_line};
use crate::{config::Settings, failure::Failure};

/// How long what is signed to be asked about lives.
#[cfg(any(feature = "azure", feature = "gcs", feature = "s3"))]
const TTL: std::time::Duration = std::time::Duration::from_secs(60);

pub(super) fn public_url(settings: &Settings) -> Found {
    let url = settings.public_url(settings.listen)?;
    if !settings.has_public_url() && !is_local(settings.listen) {
        return doubt(
            format!("it is not set, and {url} reaches this machine only"),
            "set public_url to what a browser is given: signed URLs and mails are built from it",
        );
    }
    if is_in_clear(&url) {
        return doubt(format!("{url} is not encrypted: tokens can be read on the way"), "put TLS before it");
    }
    for origin in settings.http.allowed_origins() {
        if Url::parse(origin.as_str()).is_ok_and(|origin| is_in_clear(&origin)) {
            return doubt(
                format!(
                    "http.allowed_origins has {}, whose pages can be changed on the way",
                    origin.as_str()
                ),
                "serve them over https, and name them so",
            );
        }
    }
    works(url.to_string())
}

/// Asks the bucket what a browser asks it before a page may send there.
#[cfg(any(feature = "azure", feature = "gcs", feature = "s3"))]
pub(super) async fn cors(settings: &Settings, context: &Context) -> Found {
    let untried = |why: &str| Ok(Finding::Untried(why.to_owned()));
    let address = settings.media()?;
    if address.scheme() == "file" {
        return untried("files are sent to this server itself, by http.allowed_origins");
    }
    let origins = origins(settings)?;
    if origins.is_empty() {
        return untried("neither http.allowed_origins nor public_url says where pages are");
    }
    let Ok(store) = assemble::media(settings, context.clock.clone()).await else {
        return untried("it needs media");
    };
    let Some(signer) = store.signer() else { return untried("this store makes no URLs") };
    let put = signer.sign_put(&MediaKey::audio(context.new_id()), 1, context.now(), TTL).await;
    let put = put.map_err(|error| assemble::signing_failure(&address, &error))?;
    for origin in &origins {
        match preflight::ask(&put, origin).await {
            Ok(Preflight::Allowed) => {}
            Ok(Preflight::Refused(why)) => {
                return doubt(
                    format!("pages of {origin} may not send files straight to {address}: {why}"),
                    how_to_allow(address.scheme()),
                );
            }
            Err(error) => {
                let why = one_line(&error);
                return doubt(
                    format!("{address} could not be asked whether pages of {origin} may send: {why}"),
                    "ask again later; if it lasts, check the endpoint in `media`: browsers must reach it too",
                );
            }
        }
    }
    works(format!("pages of {} may send files straight to {address}", origins.join(", ")))
}

/// Where each store keeps what it tells browsers.
#[cfg(any(feature = "azure", feature = "gcs", feature = "s3"))]
fn how_to_allow(scheme: &str) -> &'static str {
    match scheme {
        "az" => {
            "allow PUT with all headers from there in the CORS rules of the account's blob service, or let \
             pages upload through the API"
        }
        "gs" => {
            "allow PUT with content-type and x-goog-content-length-range from there in the bucket's CORS, or \
             let pages upload through the API"
        }
        _ => "allow PUT from there in the bucket's CORS, or let pages upload through the API",
    }
}

/// Where pages come from that call the API.
#[cfg(any(feature = "azure", feature = "gcs", feature = "s3"))]
fn origins(settings: &Settings) -> Result<Vec<String>, Failure> {
    let allowed = settings.http.allowed_origins();
    let mut origins: Vec<String> = allowed.iter().map(|origin| origin.as_str().to_owned()).collect();
    if settings.has_public_url() {
        let own = settings.public_url(settings.listen)?.origin().ascii_serialization();
        if !origins.contains(&own) {
            origins.push(own);
        }
    }
    Ok(origins)
}

fn is_in_clear(url: &Url) -> bool {
    url.scheme() == "http" && !is_this_machine(url)
}

pub(super) fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

fn is_local(listen: SocketAddr) -> bool {
    listen.ip().is_loopback()
}

fn doubt(what: String, fix: &str) -> Found {
    Ok(Finding::Doubtful(Failure::new(what, fix)))
}
