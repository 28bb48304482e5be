//! The agent's HTTP API: `linger`'s own questions, answered as JSON, and `/metrics`.
//!
//! Read-only. On loopback or a unix socket it is open to who gets there; on a network it is not offered without TLS and
//! credentials ([`Listener::bind`] sees to that), and wherever credentials are configured everything but `/-/healthy`
//! asks for them: probes have none, and it tells nothing. It works on few requests at once so that questions cannot
//! starve the scraping.

mod auth;
mod raw;

use crate::answer::{self, Error};
use crate::exposition::{self, Sources};
use crate::live::Live;
use crate::question::{
    CheckQuestion, DefersQuestion, QueryQuestion, Question, RawTraceQuestion, SitesQuestion, TracesQuestion,
};
use crate::serve::{self, Guard, Hosts, Listener};
use crate::traces::Traces;
use auth::{Auth, Verdict};
use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use linger_config::{Config, Credentials};
use linger_store::Store;
use raw::FileBody;
use serde_json::json;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{Semaphore, watch};

/// Questions worked on at once: each may read a range from disk on a blocking thread.
const QUESTIONS_AT_ONCE_MAX: usize = 2;

/// What questions are answered from.
#[derive(Clone)]
pub struct Asked {
    /// Points.
    pub store: Store,
    /// The status.
    pub live: Arc<Live>,
    /// Traces as they came.
    pub traces: Arc<Traces>,
}

struct Api {
    from: Asked,
    at_once: Semaphore,
}

/// What must stand before the API by this configuration.
#[must_use]
pub fn guard(config: &Config) -> Guard {
    Guard::Api { authenticated: config.auth.is_some(), tls: config.tls.clone() }
}

/// Serves until `stop` turns true; `credentials` are asked of every request where they are given.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: Listener,
    credentials: Option<&Credentials>,
    from: Asked,
    sources: Sources,
    stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let auth = credentials.map(|c| Arc::new(Auth::new(c, sources.vitals().clone())));
    if let Some(auth) = &auth {
        auth.look().await;
    }
    let api = Arc::new(Api { from, at_once: Semaphore::new(QUESTIONS_AT_ONCE_MAX) });
    let hosts = Hosts::own_on_loopback(&listener);
    serve::serve(listener, hosts.guard(router(api, sources, auth)), stop).await
}

fn router(api: Arc<Api>, sources: Sources, auth: Option<Arc<Auth>>) -> Router {
    let answers = Router::new()
        .route("/", get(index))
        .route("/linger/v1/status", get(status))
        .route("/linger/v1/trend", get(trend))
        .route("/linger/v1/defers", get(defers))
        .route("/linger/v1/query", get(query))
        .route("/linger/v1/check", get(check))
        .route("/linger/v1/traces", get(traces))
        .route(RawTraceQuestion::PATH, get(raw_trace))
        .fallback(no_such_path)
        .with_state(api)
        .merge(Router::new().route("/metrics", get(exposition::metrics)).with_state(sources));
    let guarded = match auth {
        Some(auth) => answers.layer(middleware::from_fn_with_state(auth, authenticated)),
        None => answers,
    };
    guarded.route("/-/healthy", get(exposition::healthy))
}

async fn authenticated(State(auth): State<Arc<Auth>>, request: Request, next: Next) -> Response {
    match auth.judge(request.headers(), Instant::now()).await {
        Verdict::Right => next.run(request).await,
        Verdict::Wrong => {
            let error = "the API asks for credentials";
            let hint = Some("give the token or the password that the agent was configured with");
            let mut response = failed(StatusCode::UNAUTHORIZED, error, hint);
            response.headers_mut().insert(header::WWW_AUTHENTICATE, auth.challenge());
            response
        }
        Verdict::Unknown => failed(
            StatusCode::SERVICE_UNAVAILABLE,
            "the agent cannot read its own credentials and lets nobody in",
            Some("see the agent's log; it reads the file again by itself"),
        ),
    }
}

async fn index() -> &'static str {
    "linger: what lingers in your Go services\n\n\
     /linger/v1/status\n\
     /linger/v1/trend?from_ms=…&to_ms=…&limit=20[&target=…]\n\
     /linger/v1/defers?from_ms=…&to_ms=…&limit=20[&target=…][&site=…]\n\
     /linger/v1/query?selector=…&from_ms=…&to_ms=…\n\
     /linger/v1/check?subject=all|agent|goroutines|defers[&target=…]\n\
     /linger/v1/traces[?target=…]\n\
     /linger/v1/traces/raw?target=…[&id=…]\n\
     /metrics\n\
     /-/healthy\n"
}

async fn status(State(api): State<Arc<Api>>) -> Response {
    respond(api, Question::Status).await
}

async fn trend(State(api): State<Arc<Api>>, asked: Parsed<SitesQuestion>) -> Response {
    match asked {
        Ok(Query(q)) => respond(api, Question::Trend(q)).await,
        Err(e) => misasked(&e),
    }
}

async fn defers(State(api): State<Arc<Api>>, asked: Parsed<DefersQuestion>) -> Response {
    match asked {
        Ok(Query(q)) => respond(api, Question::Defers(q)).await,
        Err(e) => misasked(&e),
    }
}

async fn query(State(api): State<Arc<Api>>, asked: Parsed<QueryQuestion>) -> Response {
    match asked {
        Ok(Query(q)) => respond(api, Question::Query(q)).await,
        Err(e) => misasked(&e),
    }
}

async fn check(State(api): State<Arc<Api>>, asked: Parsed<CheckQuestion>) -> Response {
    match asked {
        Ok(Query(q)) => respond(api, Question::Check(q)).await,
        Err(e) => misasked(&e),
    }
}

async fn traces(State(api): State<Arc<Api>>, asked: Parsed<TracesQuestion>) -> Response {
    match asked {
        Ok(Query(q)) => respond(api, Question::Traces(q)).await,
        Err(e) => misasked(&e),
    }
}

/// A trace as it came. Opening it counts as a question; sending it takes as long as the reader does.
async fn raw_trace(State(api): State<Arc<Api>>, asked: Parsed<RawTraceQuestion>) -> Response {
    let q = match asked {
        Ok(Query(q)) => q,
        Err(e) => return misasked(&e),
    };
    let Ok(_place) = api.at_once.acquire().await else { return stopping() };
    let kept = api.from.traces.clone();
    let opened = tokio::task::spawn_blocking(move || kept.open_raw(&q.target, q.id.as_deref())).await;
    match opened {
        Ok(Ok(Some((trace, file)))) => {
            let body = Body::new(FileBody::new(file, trace.bytes));
            ([(header::CONTENT_TYPE, "application/octet-stream")], body).into_response()
        }
        Ok(Ok(None)) => failed(
            StatusCode::NOT_FOUND,
            "no such trace is kept",
            Some("those that are kept are listed at /linger/v1/traces"),
        ),
        Ok(Err(e)) => {
            failed(StatusCode::INTERNAL_SERVER_ERROR, &format!("the trace cannot be opened: {e}"), None)
        }
        Err(_) => failed(StatusCode::INTERNAL_SERVER_ERROR, "the answer failed; see the agent's log", None),
    }
}

fn stopping() -> Response {
    failed(StatusCode::SERVICE_UNAVAILABLE, "the agent is stopping", None)
}

type Parsed<Q> = Result<Query<Q>, axum::extract::rejection::QueryRejection>;

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
    let Ok(_place) = api.at_once.acquire().await else { return stopping() };
    let Asked { store, live, traces } = api.from.clone();
    let answered = tokio::task::spawn_blocking(move || {
        let status = live.status(&store, crate::clock::now().0);
        let answer = answer::answer(&store, status, |target| traces.list(target), &question)?;
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
