//! Asking: one question, answered by a running agent over HTTP or read from a stopped agent's folder.
//!
//! The two ends give the same types. A folder that a running agent holds is never opened beside it: the
//! agent is found through `agent.json` in the folder and asked instead. An agent is asked the way targets are: plain,
//! over TLS or a unix socket, with the same credentials from files and the same bounds.

mod error;

pub use error::AskError;

use crate::question::{Answer, Question, RawTraceQuestion};
use crate::report::{self, VERSION};
use crate::scrape::client::{Client, Request};
use crate::scrape::outcome::{Failure, State};
use crate::traces;
use bytes::Bytes;
use http::Uri;
use linger_config::{Access, TargetUrl};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest wait for an answer: a month of every series takes seconds.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

/// Longest wait for the answer that tells whose folder it is: it is this machine.
const KNOCK_TIME_MAX: Duration = Duration::from_secs(5);

/// Largest answer accepted: about 3 million points of `query`.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Largest `agent.json` read: it holds two short fields.
const AGENT_FILE_BYTES_MAX: u64 = 64 * 1024;

/// The file in a data folder that says which process holds it and where that listens.
pub const AGENT_FILE: &str = "agent.json";

/// Where answers come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A running agent's address: `http://127.0.0.1:6262`, `https://…` or `unix:/run/linger.sock`.
    Server(String),
    /// A data folder.
    Data(PathBuf),
}

/// Contents of [`AGENT_FILE`].
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, Deserialize)]
pub struct AgentFile {
    /// Process that holds the folder.
    pub pid: u32,
    /// Address its API listens on: `127.0.0.1:6262`, `https://…` or `unix:/run/linger.sock`.
    pub listen: String,
}

impl AgentFile {
    /// What the agent that holds `dir`, or held it when it was killed, left there.
    #[must_use]
    pub fn read(dir: &Path) -> Option<Self> {
        let path = dir.join(AGENT_FILE);
        let small = std::fs::metadata(&path).is_ok_and(|m| m.is_file() && m.len() <= AGENT_FILE_BYTES_MAX);
        serde_json::from_slice(&small.then(|| std::fs::read(&path).ok())??).ok()
    }
}

/// The answer to `question`; `access` says who asks and whom it believes.
///
/// # Errors
/// When nobody answers, the answer is not an agent's, the question is refused, or the folder cannot be read.
pub fn ask(source: &Source, access: &Access, question: &Question) -> Result<Answer, AskError> {
    match source {
        Source::Server(server) => over_http(server, access, question, ANSWER_TIME_MAX),
        // Opening a store creates one: a misspelt folder must not come into being by asking it.
        Source::Data(dir) if !dir.is_dir() => Err(AskError::NoFolder { dir: dir.clone() }),
        Source::Data(dir) => match agent_of(dir, access) {
            Some(server) => over_http(&server, access, question, ANSWER_TIME_MAX),
            None => crate::answer::from_folder(dir, question).map_err(|e| in_folder(dir, &e)),
        },
    }
}

fn in_folder(dir: &Path, error: &crate::answer::Error) -> AskError {
    AskError::Folder { dir: dir.to_owned(), why: error.to_string(), hint: error.hint().map(str::to_owned) }
}

/// The address of the running agent that holds `dir`. A file left behind by a killed agent may name a port
/// where another one listens by now: the process id must agree. Somebody there who does not let us in may be the
/// one, and says so when asked.
fn agent_of(dir: &Path, access: &Access) -> Option<String> {
    let file = AgentFile::read(dir)?;
    match over_http(&file.listen, access, &Question::Status, KNOCK_TIME_MAX) {
        Ok(Answer::Status(status)) if status.agent.pid == Some(file.pid) => Some(file.listen),
        Err(AskError::Unauthorized { .. } | AskError::Credentials(_)) => Some(file.listen),
        Err(AskError::Connection { hint, .. }) if hint == TRUST_HINT => Some(file.listen),
        _ => None,
    }
}

/// A kept trace as it came: the one with this id, or the target's newest.
///
/// # Errors
/// As for [`ask`]; [`AskError::Refused`] with status 404 where none is kept.
pub fn raw_trace(
    source: &Source,
    access: &Access,
    target: &str,
    id: Option<&str>,
) -> Result<Bytes, AskError> {
    let server = match source {
        Source::Server(server) => server.clone(),
        Source::Data(dir) if !dir.is_dir() => return Err(AskError::NoFolder { dir: dir.clone() }),
        Source::Data(dir) => match agent_of(dir, access) {
            Some(server) => server,
            None => return raw_trace_in(dir, target, id),
        },
    };
    let q = RawTraceQuestion { target: target.to_owned(), id: id.map(str::to_owned) };
    let query =
        serde_urlencoded::to_string(q).map_err(|e| AskError::Local(format!("writing the question: {e}")))?;
    let url = address(&server)?;
    let request = request(&url, RawTraceQuestion::PATH, &query, ANSWER_TIME_MAX)?;
    exchange(&url, access, &request)
}

fn raw_trace_in(dir: &Path, target: &str, id: Option<&str>) -> Result<Bytes, AskError> {
    let kept = traces::kept_in(dir, Some(target));
    let Some(trace) = kept.iter().find(|trace| id.is_none_or(|id| trace.id == id)) else {
        let error = "no such trace is kept".to_owned();
        return Err(AskError::Refused { status: 404, error, hint: None });
    };
    match std::fs::read(traces::file_in(dir, trace)) {
        Ok(body) => Ok(body.into()),
        Err(e) => Err(AskError::Folder { dir: dir.to_owned(), why: e.to_string(), hint: None }),
    }
}

fn over_http(
    server: &str,
    access: &Access,
    question: &Question,
    time_max: Duration,
) -> Result<Answer, AskError> {
    let url = address(server)?;
    let query = match question {
        Question::Status => Ok(String::new()),
        Question::Trend(q) => serde_urlencoded::to_string(q),
        Question::Defers(q) => serde_urlencoded::to_string(q),
        Question::Query(q) => serde_urlencoded::to_string(q),
        Question::Check(q) => serde_urlencoded::to_string(q),
        Question::Traces(q) => serde_urlencoded::to_string(q),
    };
    let query = query.map_err(|e| AskError::Local(format!("writing the question: {e}")))?;
    let body = exchange(&url, access, &request(&url, question.path(), &query, time_max)?)?;
    parse(question, &body).map_err(|why| AskError::NotLinger { server: url.to_string(), why })
}

/// The body of an answer that says yes.
fn exchange(url: &TargetUrl, access: &Access, request: &Request) -> Result<Bytes, AskError> {
    let shown = url.to_string();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| AskError::Local(format!("starting a runtime: {e}")))?;
    let answered = runtime.block_on(async { Client::of(url, access).get(request).await });
    let (status, body) = answered.map_err(|failure| unanswered(&shown, failure))?;
    match status.as_u16() {
        200 => Ok(body),
        401 | 403 => Err(AskError::Unauthorized { server: shown, sent: access.credentials.is_some() }),
        status => Err(refusal(&shown, status, &body)),
    }
}

/// The address of an agent: as targets are written, or without a scheme, or a socket as `unix:/path`.
fn address(server: &str) -> Result<TargetUrl, AskError> {
    let full = match server.strip_prefix("unix:") {
        Some(path) if path.starts_with('/') && !path.starts_with("//") => format!("unix://{path}"),
        _ if server.contains("://") => server.to_owned(),
        _ => format!("http://{server}"),
    };
    full.parse().map_err(|e: linger_config::NotThis| {
        // What stands before an `@` may be a password.
        let shown = server.rsplit_once('@').map_or(server, |(_, host)| host);
        let why = if e.hint.is_empty() { e.expected.to_owned() } else { e.hint };
        AskError::Address { server: shown.to_owned(), why }
    })
}

fn request(url: &TargetUrl, path: &str, query: &str, timeout: Duration) -> Result<Request, AskError> {
    let wrong = |why: String| AskError::Local(format!("writing the question: {why}"));
    let joint = if query.is_empty() { "" } else { "?" };
    let uri = url.join(&format!("{path}{joint}{query}"));
    let uri: Uri = uri.parse().map_err(|e: http::uri::InvalidUri| wrong(e.to_string()))?;
    let path = uri.path_and_query().cloned().ok_or_else(|| wrong("no path".into()))?;
    Ok(Request::get(path, timeout, ANSWER_BYTES_MAX))
}

/// For who reads that the agent's certificate is not believed.
const TRUST_HINT: &str = "--ca-file names the CA that signed the agent's certificate";

fn unanswered(server: &str, failure: Failure) -> AskError {
    let server = server.to_owned();
    let hint = match failure.state {
        State::Refused | State::NoRoute | State::Unresolved | State::SocketMissing => {
            return AskError::NoAgent { server };
        }
        State::CredentialsUnreadable => return AskError::Credentials(failure.detail),
        State::TooLarge => return AskError::TooLarge,
        State::NotHttp => return AskError::NotLinger { server, why: failure.detail },
        State::CertificateUntrusted | State::CertificateName => TRUST_HINT,
        State::CertificateWanted => "--cert-file and --key-file name a pair the agent trusts",
        State::SpeaksTls => "write https:// in the agent's address",
        State::SpeaksPlain => "write http:// in the agent's address",
        State::SocketDenied | State::CertificateExpired | State::NoTls | State::HandshakeFailed => {
            failure.state.next_step().unwrap_or_default()
        }
        _ => "is the agent busy or stopping? its log says more",
    };
    AskError::Connection { server, why: failure.detail, hint }
}

/// Body of every answer that is not 200.
#[derive(Deserialize)]
struct ErrorBody {
    error: String,
    hint: Option<String>,
}

fn refusal(server: &str, status: u16, body: &[u8]) -> AskError {
    match serde_json::from_slice::<ErrorBody>(body) {
        Ok(ErrorBody { error, hint }) => AskError::Refused { status, error, hint },
        Err(_) => {
            AskError::NotLinger { server: server.to_owned(), why: format!("it answered HTTP {status}") }
        }
    }
}

fn parse(question: &Question, body: &[u8]) -> Result<Answer, String> {
    #[derive(Deserialize)]
    struct Head {
        version: u32,
    }
    let head: Head =
        serde_json::from_slice(body).map_err(|_| "its answer is not linger's JSON".to_owned())?;
    if head.version != VERSION {
        return Err(format!("it speaks version {} of the JSON, this is version {VERSION}", head.version));
    }
    match question {
        Question::Status => of::<report::Status>(body).map(|s| Answer::Status(Box::new(s))),
        Question::Trend(_) => of::<report::Trend>(body).map(Answer::Trend),
        Question::Defers(_) => of::<report::Defers>(body).map(Answer::Defers),
        Question::Query(_) => of::<report::Query>(body).map(Answer::Query),
        Question::Check(_) => of::<report::Check>(body).map(Answer::Check),
        Question::Traces(_) => of::<report::Traces>(body).map(Answer::Traces),
    }
}

fn of<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|e| format!("unexpected JSON: {e}"))
}

#[cfg(test)]
mod tests;
