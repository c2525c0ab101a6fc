//! Google's and Azure's stores, as far as browsers and signed URLs are concerned. Azurite has CORS rules and judges by
//! them; those of Google's stand-in are ours, by Google's documentation.

use crate::{cloud_store::CloudStore, support::Place, told_with};

const ORIGIN: &str = "https://app.example.org";
const OTHER: &str = "https://other.example.org";

fn settings(media: &str) -> String {
    format!("media = \"{media}\"\n[http]\nallowed_origins = \"{ORIGIN}\"\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whether_pages_may_send_to_google_is_told() {
    let Some(google) = CloudStore::google().await else { return };
    let place = Place::new();
    let account = place.file("account.json", google.told("account"));
    let key = [("GOOGLE_APPLICATION_CREDENTIALS", account.to_str().unwrap())];
    let settings = settings(&google.google_media());
    let none = told_with(&place, &settings, &key);
    none.assert_row("media", "ok", "gs://music", "");
    none.assert_row("cors", "look", &format!("pages of {ORIGIN} may not send"), "the bucket's CORS");
    assert_eq!(none.ended.code, Some(0), "whoever uploads through the API needs none: {:?}", none.ended);
    assert!(!format!("{:?}", none.ended).contains("X-Goog-Signature"), "{:?}", none.ended);

    google.lets_send(OTHER, &["content-type", "x-goog-content-length-range"]).await;
    told_with(&place, &settings, &key).assert_row("cors", "look", "no CORS rule", "CORS");
    google.lets_send(ORIGIN, &["content-type"]).await;
    let length = "does not allow the header x-goog-content-length-range";
    told_with(&place, &settings, &key).assert_row("cors", "look", length, "x-goog-content-length-range");
    google.lets_send(ORIGIN, &["content-type", "x-goog-content-length-range"]).await;
    told_with(&place, &settings, &key).assert_row("cors", "ok", ORIGIN, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whether_pages_may_send_to_azure_is_told() {
    let place = Place::new();
    let told = |azure: &CloudStore| {
        let key = azure.told("key");
        let variables = [("AZURE_STORAGE_ACCOUNT_KEY", key.as_str())];
        let told = told_with(&place, &settings(&azure.azure_media()), &variables);
        let shown = format!("{:?}", told.ended);
        assert!(!shown.contains("sig=") && !shown.contains(&key), "{shown}");
        told.assert_row("media", "ok", "az://music", "");
        assert_eq!(told.ended.code, Some(0), "whoever uploads through the API needs none: {shown}");
        told
    };
    let Some(azure) = CloudStore::azure().await else { return };
    told(&azure).assert_row("cors", "look", "the store answers 403", "the account's blob service");
    let Some(azure) = CloudStore::azure_for(OTHER).await else { return };
    told(&azure).assert_row("cors", "look", &format!("pages of {ORIGIN} may not send"), "blob service");
    let Some(azure) = CloudStore::azure_for(ORIGIN).await else { return };
    told(&azure).assert_row("cors", "ok", ORIGIN, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_signs_no_url_is_told() {
    let Some(azure) = CloudStore::azure_for(ORIGIN).await else { return };
    let place = Place::new();
    let sas = azure.told("sas");
    let variables = [("AZURE_STORAGE_SAS_TOKEN", sas.as_str())];
    let told = told_with(&place, &settings(&azure.azure_media()), &variables);
    told.assert_failed("media", "signs no URL", "AZURE_STORAGE_ACCOUNT_KEY");
    told.assert_row("cors", "-", "it needs media", "");
    assert!(!format!("{:?}", told.ended).contains(&sas), "{:?}", told.ended);
}
