//! Signing in through an identity provider, with a browser that may be anybody's.

use std::sync::Arc;

use axum::body::Body;
use http::{Method, Request};
use moodify_core::config::LimitsConfig;
use moodify_core::memory::MemoryIdentityProvider;
use moodify_core::model::{EventPayload, Identity};
use moodify_core::port::VerifiedIdentity;
use moodify_http::Origin;
use serde_json::{Value, json};
use url::Url;

use crate::support::{Answer, PASSWORD, World};

const START: &str = "/v1/auth/google/start";
const CALLBACK: &str = "/v1/auth/google/callback";
const COOKIE: &str = "__Host-moodify_sign_in";

fn ada() -> VerifiedIdentity {
    VerifiedIdentity {
        identity: Identity::new("https://issuer.test", "4711").unwrap(),
        email: Some("ada@example.com".to_owned()),
        email_verified: true,
        given_name: Some("Ada".to_owned()),
        family_name: Some("Lovelace".to_owned()),
        name: None,
    }
}

fn world() -> (World, Arc<MemoryIdentityProvider>) {
    let provider = Arc::new(MemoryIdentityProvider::new());
    (World::federated(provider.clone(), |_| (), |_| ()), provider)
}

fn cookies(answer: &Answer) -> Vec<String> {
    let cookies = answer.headers.get_all("set-cookie").iter();
    cookies.map(|value| value.to_str().unwrap().to_owned()).collect()
}

fn cookie(answer: &Answer, name: &str) -> String {
    let cookies = cookies(answer);
    let cookie = cookies.iter().find_map(|cookie| cookie.strip_prefix(&format!("{name}=")));
    cookie.unwrap_or_else(|| panic!("{name} in {cookies:?}")).split(';').next().unwrap().to_owned()
}

async fn get(world: &World, path: &str, cookie: Option<&str>) -> Answer {
    let request = Request::builder().method(Method::GET).uri(path);
    // What browsers say when a page of somebody else leads here.
    let request = request.header("sec-fetch-site", "cross-site").header("sec-fetch-mode", "navigate");
    let request = cookie.into_iter().fold(request, |request, value| request.header("cookie", value));
    world.send(request.body(Body::empty()).unwrap()).await
}

/// A browser that has begun, and where it was sent.
struct Begun {
    cookie: String,
    state: String,
}

async fn begin(world: &World, query: &str) -> Begun {
    let answer = get(world, &format!("{START}{query}"), None).await;
    answer.empty(303);
    let url = Url::parse(answer.header("location")).unwrap();
    let field = |name: &str| url.query_pairs().find(|(found, _)| found == name).unwrap().1.into_owned();
    assert_eq!(field("redirect_uri"), format!("https://music.test{CALLBACK}"));
    Begun { cookie: format!("{COOKIE}={}", cookie(&answer, COOKIE)), state: field("state") }
}

impl Begun {
    async fn comes_back(&self, world: &World, query: &str) -> Answer {
        let path = format!("{CALLBACK}?state={}&{query}", self.state);
        let answer = get(world, &path, Some(&self.cookie)).await;
        answer.empty(303);
        answer
    }
}

/// The account of whoever holds the session that these cookies carry.
async fn account(world: &World, answer: &Answer) -> Value {
    let refresh = format!("__Secure-moodify_refresh={}", cookie(answer, "__Secure-moodify_refresh"));
    let request = Request::post("/v1/auth/refresh").header("cookie", refresh);
    let request = request.header("origin", "https://music.test").body(Body::empty()).unwrap();
    world.send(request).await.json(200)
}

#[tokio::test]
async fn whoever_is_new_gets_an_account_and_a_session_in_cookies() {
    let (world, google) = world();
    let begun = begin(&world, "?return_to=/library%3Fsort%3Dtitle").await;
    google.give("code", ada());
    // Google adds fields of its own.
    let answer = begun.comes_back(&world, "code=code&scope=email%20openid&authuser=0&prompt=none").await;
    assert_eq!(answer.header("location"), "/library?sort=title");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
    assert_eq!(cookies(&answer).len(), 3);
    assert!(
        cookies(&answer)[0].starts_with(&format!("{COOKIE}=; Path=/; Max-Age=0;")),
        "{:?}",
        cookies(&answer)
    );
    let session = account(&world, &answer).await;
    let me = &session["account"];
    assert_eq!((&me["email"], &me["email_verified"]), (&json!("ada@example.com"), &json!(true)));
    assert_eq!(
        (&me["first_name"], &me["last_name"], &me["role"]),
        (&json!("Ada"), &json!("Lovelace"), &json!("user"))
    );
    world.get("/v1/me", session["access_token"].as_str().unwrap()).await.json(200);
    let news = world.news().await;
    let kinds: Vec<_> = news.iter().map(|payload| payload.kind()).collect();
    assert!(matches!(news.first(), Some(EventPayload::AccountCreated(_))), "{kinds:?}");
    assert!(
        !news.iter().any(|told| matches!(told, EventPayload::EmailVerificationRequested(_))),
        "{kinds:?}"
    );

    // The second time it is the same account, whatever the address is by now.
    let begun = begin(&world, "").await;
    google.give("again", VerifiedIdentity { email: Some("countess@example.com".to_owned()), ..ada() });
    let answer = begun.comes_back(&world, "code=again").await;
    assert_eq!(answer.header("location"), "/");
    assert_eq!(account(&world, &answer).await["account"]["id"], me["id"]);
}

#[tokio::test]
async fn artists_come_through_their_own_door() {
    let (world, google) = world();
    let begun = begin(&world, "?role=artist&return_to=/studio").await;
    google.give("code", ada());
    let answer = begun.comes_back(&world, "code=code").await;
    let me = account(&world, &answer).await["account"].clone();
    assert_eq!(me["role"], "artist");
    let token = account(&world, &answer).await["access_token"].as_str().unwrap().to_owned();
    let artist = world.get(&format!("/v1/artists/{}", me["artist_id"].as_str().unwrap()), &token).await;
    assert!(artist.status == 200 || artist.status == 404, "told by an event");

    let begun = begin(&world, "?role=user&return_to=/library").await;
    google.give("code", ada());
    let answer = begun.comes_back(&world, "code=code").await;
    assert_eq!(answer.header("location"), "/library?error=wrong_role");
    assert_eq!(cookies(&answer).len(), 1, "the sign-in is over, and there is no session");
}

#[tokio::test]
async fn the_sign_in_is_bound_to_the_browser_that_began_it() {
    let (world, google) = world();
    google.give("code", ada());
    let (victim, attacker) =
        (begin(&world, "?return_to=/mine").await, begin(&world, "?return_to=/yours").await);
    for (cookie, query, expected) in [
        // Whoever sends a victim the address that they came back to.
        (None, format!("state={}&code=code", attacker.state), "/?error=sign_in_expired"),
        (Some(&victim), format!("state={}&code=code", attacker.state), "/mine?error=state_mismatch"),
        (Some(&victim), "code=code".to_owned(), "/mine?error=state_mismatch"),
        (Some(&victim), "state=&code=code".to_owned(), "/mine?error=state_mismatch"),
        (Some(&victim), format!("state={0}&state={0}&code=code", victim.state), "/mine?error=state_mismatch"),
        (Some(&victim), format!("state={}x&code=code", victim.state), "/mine?error=state_mismatch"),
    ] {
        let cookie = cookie.map(|begun| begun.cookie.as_str());
        let answer = get(&world, &format!("{CALLBACK}?{query}"), cookie).await;
        answer.empty(303);
        assert_eq!((answer.header("location"), cookies(&answer).len()), (expected, 0), "{query}");
    }
    // None of it has used the code up, or the browser's sign-in.
    let answer = victim.comes_back(&world, "code=code").await;
    assert_eq!(answer.header("location"), "/mine");
    // Once is enough: the code is gone, and in a browser so is the cookie.
    let again = victim.comes_back(&world, "code=code").await;
    assert_eq!(again.header("location"), "/mine?error=identity_refused");
}

#[tokio::test]
async fn cookies_that_are_not_ours_begin_nothing() {
    let (world, google) = world();
    google.give("code", ada());
    let begun = begin(&world, "").await;
    let value = begun.cookie.strip_prefix(&format!("{COOKIE}=")).unwrap();
    let planted = format!("{}; {COOKIE}=planted", begun.cookie);
    let evil = begun.cookie.replace("return_to=%2F", "return_to=%2F%2Fevil.example");
    for cookie in [
        planted.as_str(),
        &evil,
        &format!("moodify_sign_in={value}"),
        &format!("{COOKIE}="),
        &format!("{COOKIE}={}", "x".repeat(4000)),
        &begun.cookie.replace("role=user", "role=admin"),
    ] {
        let answer = get(&world, &format!("{CALLBACK}?state={}&code=code", begun.state), Some(cookie)).await;
        assert_eq!(answer.header("location"), "/?error=sign_in_expired", "{cookie}");
        assert_eq!(cookies(&answer), [""; 0]);
    }
}

#[tokio::test]
async fn the_cookie_of_a_sign_in_is_for_this_host_and_this_browser_alone() {
    let (world, _) = world();
    let answer = get(&world, START, None).await;
    let cookies = cookies(&answer);
    let [cookie] = cookies.as_slice() else { panic!("one cookie in {cookies:?}") };
    assert!(cookie.starts_with("__Host-moodify_sign_in=state="), "{cookie}");
    assert!(cookie.ends_with("; Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure"), "{cookie}");
    assert!(!answer.header("location").contains("verifier"), "only its hash leaves");
    let other = get(&world, START, None).await;
    assert_ne!(answer.header("location"), other.header("location"));
}

#[tokio::test]
async fn no_page_of_another_site_is_returned_to() {
    let (world, _) = world();
    for (given, code) in [
        ("//evil.example", "invalid_return_to"),
        ("/%5Cevil.example", "invalid_return_to"),
        ("/%2Fevil.example", "invalid_return_to"),
        ("/%252Fevil.example", "invalid_return_to"),
        ("https://evil.example/", "invalid_return_to"),
        ("/a%0d%0aSet-Cookie:x=y", "invalid_return_to"),
        ("/%09/evil.example", "invalid_return_to"),
        ("javascript:alert(1)", "invalid_return_to"),
        ("", "invalid_return_to"),
    ] {
        let answer = get(&world, &format!("{START}?return_to={given}"), None).await;
        assert_eq!(answer.field_errors(), [("/return_to".to_owned(), code.to_owned())], "{given}");
        assert_eq!(cookies(&answer), [""; 0]);
    }
    let wrong = get(&world, &format!("{START}?role=admin"), None).await;
    assert_eq!(wrong.field_errors(), [("/role".to_owned(), "invalid_value".to_owned())]);
    let twice = get(&world, &format!("{START}?return_to=/a&return_to=//evil"), None).await;
    assert_eq!(twice.field_errors(), [("/return_to".to_owned(), "duplicate_field".to_owned())]);
}

#[tokio::test]
async fn who_host_says_it_is_does_not_matter() {
    let (world, _) = world();
    let request =
        Request::get(START).header("host", "evil.example").header("x-forwarded-host", "evil.example");
    let answer = world.send(request.body(Body::empty()).unwrap()).await;
    answer.empty(303);
    assert!(!answer.header("location").contains("evil"), "{}", answer.header("location"));
}

#[tokio::test]
async fn what_the_provider_says_becomes_a_code() {
    let (world, google) = world();
    for (query, code) in [
        ("error=access_denied", "access_denied"),
        ("error=access_denied&code=code", "access_denied"),
        ("error=server_error&error_description=%3Cscript%3E", "identity_refused"),
        ("code=guessed", "identity_refused"),
        ("code=", "identity_refused"),
        ("", "identity_refused"),
        ("code=a&code=b", "identity_refused"),
        (&format!("code={}", "x".repeat(5_000)), "identity_refused"),
    ] {
        let begun = begin(&world, "?return_to=/library").await;
        let answer = begun.comes_back(&world, query).await;
        assert_eq!(answer.header("location"), format!("/library?error={code}"), "{query:.60}");
        assert_eq!(cookies(&answer).len(), 1, "{query:.60}");
    }
    for unproved in [
        VerifiedIdentity { email_verified: false, ..ada() },
        VerifiedIdentity { email: None, ..ada() },
        VerifiedIdentity { email: Some("ada".to_owned()), ..ada() },
    ] {
        let begun = begin(&world, "").await;
        google.give("code", unproved);
        let answer = begun.comes_back(&world, "code=code").await;
        assert_eq!(answer.header("location"), "/?error=email_not_verified");
    }
    assert!(world.news().await.is_empty(), "nothing was made");
}

#[tokio::test]
async fn a_provider_that_is_down_stops_nobody_else() {
    let (world, google) = world();
    let begun = begin(&world, "?return_to=/library").await;
    google.set_down(true);
    let answer = get(&world, START, None).await;
    answer.problem(503, "identity_provider_unavailable");
    assert_eq!(answer.header("retry-after"), "5");
    let answer = begun.comes_back(&world, "code=code").await;
    assert_eq!(answer.header("location"), "/library?error=identity_provider_unavailable");
    world.listener("grace").await;
    google.set_down(false);
    google.give("code", ada());
    let begun = begin(&world, "").await;
    assert_eq!(begun.comes_back(&world, "code=code").await.header("location"), "/");
}

#[tokio::test]
async fn without_a_provider_there_is_no_such_way_in() {
    let world = World::new();
    get(&world, START, None).await.problem(404, "identity_provider_not_found");
    let answer = get(&world, &format!("{CALLBACK}?code=a&state=b"), None).await;
    answer.empty(303);
    assert_eq!(answer.header("location"), "/?error=sign_in_expired");
}

#[tokio::test]
async fn pages_on_another_origin_are_returned_to() {
    let google = Arc::new(MemoryIdentityProvider::new());
    let pages = |config: &mut moodify_http::HttpConfig| {
        config.pages = Some(Origin::parse("https://app.music.test").unwrap());
    };
    let world = World::federated(google.clone(), |_| (), pages);
    let begun = begin(&world, "?return_to=/library").await;
    google.give("code", ada());
    let answer = begun.comes_back(&world, "code=code").await;
    assert_eq!(answer.header("location"), "https://app.music.test/library");
    let lost = get(&world, &format!("{CALLBACK}?code=a"), None).await;
    assert_eq!(lost.header("location"), "https://app.music.test/?error=sign_in_expired");
}

#[tokio::test]
async fn an_account_without_a_password_does_everything() {
    let (world, google) = world();
    let begun = begin(&world, "").await;
    google.give("code", ada());
    let answer = begun.comes_back(&world, "code=code").await;
    let session = account(&world, &answer).await;
    let token = session["access_token"].as_str().unwrap();
    let log_in = json!({"email": "ada@example.com", "password": ""});
    world.post("/v1/auth/users/login", "", log_in).await.problem(401, "invalid_credentials");
    let change = json!({"current_password": "", "new_password": "low tide, low water"});
    let changed = world.post("/v1/auth/password/change", token, change).await;
    assert_eq!(changed.field_errors(), [("/current_password".to_owned(), "wrong_password".to_owned())]);
    world.patch("/v1/me", token, json!({"first_name": "Augusta"})).await.json(200);
    world.post("/v1/me/artist", token, json!({"artist_name": "Ada & the Engines"})).await.json(200);
    world.get("/v1/me/sessions", token).await.json(200);
    world.post("/v1/auth/email/resend", token, json!({})).await;

    // The way to a password is the mailbox.
    world.news().await;
    world.post("/v1/auth/password/forgot", "", json!({"email": "ada@example.com"})).await.empty(202);
    let reset = world.news().await.into_iter().find_map(|payload| match payload {
        EventPayload::PasswordResetRequested(asked) => Some(asked.token.expose().to_owned()),
        _ => None,
    });
    let reset = json!({"token": reset.unwrap(), "password": PASSWORD});
    world.post("/v1/auth/password/reset", "", reset).await.empty(204);
    let log_in = json!({"email": "ada@example.com", "password": PASSWORD});
    let with_password = world.post("/v1/auth/artists/login", "", log_in).await.json(200);
    assert_eq!(with_password["account"]["id"], session["account"]["id"]);
    let begun = begin(&world, "?role=artist").await;
    google.give("code", ada());
    let answer = begun.comes_back(&world, "code=code").await;
    let token = account(&world, &answer).await["access_token"].as_str().unwrap().to_owned();

    // Gone with the account: the next time somebody new comes.
    world.delete("/v1/me", &token).await.empty(204);
    let begun = begin(&world, "").await;
    google.give("code", ada());
    let answer = begun.comes_back(&world, "code=code").await;
    assert_ne!(account(&world, &answer).await["account"]["id"], session["account"]["id"]);
}

#[tokio::test]
async fn new_accounts_are_counted_like_sign_ups() {
    let google = Arc::new(MemoryIdentityProvider::new());
    let limited = |config: &mut moodify_core::Config| {
        config.limits = LimitsConfig { signup_per_minute: 2, ..LimitsConfig::OFF };
    };
    let world = World::federated(google.clone(), limited, |_| ());
    let arrive = async |n: u32| {
        let begun = begin(&world, "").await;
        google.give(
            "code",
            VerifiedIdentity {
                identity: Identity::new("https://issuer.test", n.to_string()).unwrap(),
                email: Some(format!("ada{n}@example.com")),
                ..ada()
            },
        );
        let path = format!("{CALLBACK}?state={}&code=code", begun.state);
        let mut request = Request::get(path).header("cookie", &begun.cookie).body(Body::empty()).unwrap();
        let peer = std::net::SocketAddr::from(([192, 0, 2, 1], 4711));
        request.extensions_mut().insert(axum::extract::ConnectInfo(peer));
        world.send(request).await.header("location").to_owned()
    };
    assert_eq!([arrive(1).await, arrive(2).await], ["/", "/"]);
    assert_eq!(arrive(3).await, "/?error=rate_limited");
    assert_eq!(arrive(1).await, "/", "who is known already signs in");
}
