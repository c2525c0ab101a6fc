//! How many requests one caller may make. Signed media URLs, health and metrics are not counted:
//! players and load balancers ask as often as they must.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::Uri;

use crate::app::App;
use crate::extract::{client, present};
use crate::problem::Problem;
use crate::sync::is_socket;

/// Takes a request from the budget of whoever makes it, and of where it comes from.
pub(crate) async fn limit(State(app): State<App>, mut request: Request, next: Next) -> Response {
    if !is_counted(request.uri()) {
        return next.run(request).await;
    }
    let presented = present(request.headers(), &app).await;
    let from = client(request.extensions(), request.headers(), app.config.trusted_proxies);
    // Whoever is about to be somebody else does not choose whose budget pays for it.
    let is_own = from.is_none() || !request.uri().path().starts_with("/v1/auth/");
    let account = presented.0.as_ref().ok().map(|caller| caller.account_id).filter(|_| is_own);
    if let Err(busy) = app.moodify.limits().request(account, from) {
        return Problem::from(busy).into_response();
    }
    request.extensions_mut().insert(presented);
    next.run(request).await
}

/// The contract, and sockets that are to be opened: open ones have limits of their own.
fn is_counted(uri: &Uri) -> bool {
    let opens = || !uri.query().unwrap_or_default().split('&').any(|pair| pair.starts_with("sid="));
    uri.path().starts_with("/v1/") || (is_socket(uri.path()) && opens())
}
