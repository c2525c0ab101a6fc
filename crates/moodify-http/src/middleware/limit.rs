//! How many requests one caller may make. Signed media URLs, health and metrics are not counted:
//! players and load balancers ask as often as they must.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::Uri;
use moodify_core::service::limits::Requester;

use crate::app::App;
use crate::extract::{Presented, client, present};
use crate::problem::Problem;
use crate::sync::is_socket;

/// Takes a request from the budget of whoever makes it.
pub(crate) async fn limit(State(app): State<App>, mut request: Request, next: Next) -> Response {
    if !is_counted(request.uri()) {
        return next.run(request).await;
    }
    let presented = present(request.headers(), &app).await;
    let requester = match &presented {
        Presented(Ok(caller)) => Some(Requester::Account(caller.account_id)),
        Presented(Err(_)) => client(request.extensions(), request.headers(), app.config.trusted_proxies)
            .map(Requester::Network),
    };
    if let Some(requester) = requester
        && let Err(busy) = app.moodify.limits().request(requester)
    {
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
