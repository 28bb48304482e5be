//! The agent's HTTP API on loopback: `linger`'s own questions, answered as JSON.
//!
//! Read-only. It answers no request whose Host header names another machine (a page in a browser could
//! otherwise reach it by DNS rebinding), and works on few requests at once so that questions cannot starve the
//! scraping.

use crate::answer::{self, Error};
use crate::live::Live;
use crate::question::{CheckQuestion, QueryQuestion, Question, SitesQuestion};
use axum::extract::{Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use linger_store::Store;
use serde_json::json;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

/// Questions worked on at once: each may read a range from disk on a blocking thread.
const QUESTIONS_AT_ONCE_MAX: usize = 2;

struct Api {
    store: Store,
    live: Arc<Live>,
    at_once: Semaphore,
    listen: SocketAddr,
}

/// Serves until `stop` turns true.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    store: Store,
    live: Arc<Live>,
    mut stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let listen = listener.local_addr()?;
    let api = Arc::new(Api { store, live, at_once: Semaphore::new(QUESTIONS_AT_ONCE_MAX), listen });
    let stopped = async move {
        let _ = stop.wait_for(|stop| *stop).await;
    };
    axum::serve(listener, router(api)).with_graceful_shutdown(stopped).await
}

fn router(api: Arc<Api>) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/-/healthy", get(|| async { "linger is up\n" }))
        .route("/linger/v1/status", get(status))
        .route("/linger/v1/trend", get(trend))
        .route("/linger/v1/defers", get(defers))
        .route("/linger/v1/query", get(query))
        .route("/linger/v1/check", get(check))
        .fallback(no_such_path)
        .layer(middleware::from_fn_with_state(api.clone(), own_host_only))
        .with_state(api)
}

async fn index() -> &'static str {
    "linger: what lingers in your Go services\n\n\
     /linger/v1/status\n\
     /linger/v1/trend?from_ms=…&to_ms=…&limit=20[&target=…]\n\
     /linger/v1/defers?from_ms=…&to_ms=…&limit=20[&target=…]\n\
     /linger/v1/query?selector=…&from_ms=…&to_ms=…\n\
     /linger/v1/check?subject=all|agent|goroutines|defers[&target=…]\n\
     /-/healthy\n"
}

async fn status(State(api): State<Arc<Api>>) -> Response {
    respond(api, Question::Status).await
}

async fn trend(State(api): State<Arc<Api>>, asked: Asked<SitesQuestion>) -> Response {
    match asked {
        Ok(Query(q)) => respond(api, Question::Trend(q)).await,
        Err(e) => misasked(&e),
    }
}

async fn defers(State(api): State<Arc<Api>>, asked: Asked<SitesQuestion>) -> Response {
    match asked {
        Ok(Query(q)) => respond(api, Question::Defers(q)).await,
        Err(e) => misasked(&e),
    }
}

async fn query(State(api): State<Arc<Api>>, asked: Asked<QueryQuestion>) -> Response {
    match asked {
        Ok(Query(q)) => respond(api, Question::Query(q)).await,
        Err(e) => misasked(&e),
    }
}

async fn check(State(api): State<Arc<Api>>, asked: Asked<CheckQuestion>) -> Response {
    match asked {
        Ok(Query(q)) => respond(api, Question::Check(q)).await,
        Err(e) => misasked(&e),
    }
}

type Asked<Q> = Result<Query<Q>, axum::extract::rejection::QueryRejection>;

fn misasked(rejection: &axum::extract::rejection::QueryRejection) -> Response {
    failed(
        StatusCode::BAD_REQUEST,
        &rejection.body_text(),
        Some("the paths and their parameters are listed at /"),
    )
}

async fn no_such_path() -> Response {
    failed(StatusCode::NOT_FOUND, "no such path", Some("the paths are listed at /"))
}

async fn respond(api: Arc<Api>, question: Question) -> Response {
    let Ok(_place) = api.at_once.acquire().await else {
        return failed(StatusCode::SERVICE_UNAVAILABLE, "the agent is stopping", None);
    };
    let worker = api.clone();
    let answered = tokio::task::spawn_blocking(move || {
        let status = worker.live.status(&worker.store, crate::clock::now().0);
        let answer = answer::answer(&worker.store, status, &question)?;
        // Here and not on the runtime's thread: an answer may hold a million points.
        serde_json::to_vec(&answer).map_err(|e| Error::Internal(format!("the answer cannot be written: {e}")))
    });
    match answered.await {
        Ok(Ok(json)) => ([(header::CONTENT_TYPE, "application/json")], json).into_response(),
        Ok(Err(e)) => {
            let code = match e {
                Error::Asked { .. } => StatusCode::BAD_REQUEST,
                Error::NotFound { .. } => StatusCode::NOT_FOUND,
                Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
            };
            failed(code, &e.to_string(), e.hint())
        }
        Err(_) => failed(StatusCode::INTERNAL_SERVER_ERROR, "the answer failed; see the agent's log", None),
    }
}

fn failed(code: StatusCode, error: &str, hint: Option<&str>) -> Response {
    let body = json!({"version": crate::report::VERSION, "error": error, "hint": hint});
    (code, Json(body)).into_response()
}

async fn own_host_only(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|h| h.to_str().ok()).unwrap_or("");
    if is_own_host(host, api.listen) {
        return next.run(request).await;
    }
    let error = "this Host header names another machine";
    failed(StatusCode::MISDIRECTED_REQUEST, error, Some("use the address the agent listens on"))
}

/// Whether a Host header names us: a loopback name or address, or the address listened on.
fn is_own_host(host: &str, listen: SocketAddr) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.is_empty() => name,
        _ => host,
    };
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(ip) => ip.is_loopback() || ip == listen.ip(),
        Err(_) => name.eq_ignore_ascii_case("localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::is_own_host;

    #[test]
    fn only_loopback_names_and_the_own_address_are_answered() {
        let listen = "10.1.2.3:6262".parse().unwrap();
        for own in ["127.0.0.1:6262", "localhost", "LOCALHOST:80", "[::1]:6262", "10.1.2.3:6262", "10.1.2.3"]
        {
            assert!(is_own_host(own, listen), "{own}");
        }
        for other in ["", "evil.example:6262", "10.1.2.4:6262", "localhost.evil.example", "127.0.0.1.evil:1"]
        {
            assert!(!is_own_host(other, listen), "{other}");
        }
    }
}
