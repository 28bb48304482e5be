//! Asking: one question, answered by a running agent over HTTP or read from a stopped agent's folder.
//!
//! The two ends give the same types. A folder that a running agent holds is never opened beside it: the
//! agent is found through `agent.json` in the folder and asked instead.

use crate::question::{Answer, Question};
use crate::report::{self, VERSION};
use reqwest::Url;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest wait for an answer: a month of every series takes seconds.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

/// Longest wait for a connection and for the answer that tells whose folder it is: it is this machine.
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
    /// A running agent's address, `http://127.0.0.1:6262`.
    Server(String),
    /// A data folder.
    Data(PathBuf),
}

/// Contents of [`AGENT_FILE`].
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, Deserialize)]
pub struct AgentFile {
    /// Process that holds the folder.
    pub pid: u32,
    /// Address its API listens on, `127.0.0.1:6262`.
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

/// Why there is no answer.
#[derive(Debug)]
#[non_exhaustive]
pub enum AskError {
    /// The address is not one an agent can have.
    Address {
        /// As given.
        server: String,
        /// What is wrong with it.
        why: String,
    },
    /// Nothing listens there.
    NoAgent {
        /// Address asked.
        server: String,
    },
    /// The connection broke, or the answer took too long.
    Connection {
        /// Address asked.
        server: String,
        /// What happened.
        why: String,
    },
    /// Something answered that is not an agent, or one of another version.
    NotLinger {
        /// Address asked.
        server: String,
        /// What it said.
        why: String,
    },
    /// The answer is larger than is accepted.
    TooLarge,
    /// The agent refused the question.
    Refused {
        /// HTTP status: 400, 404, 422 or 500.
        status: u16,
        /// Its reason.
        error: String,
        /// Its advice.
        hint: Option<String>,
    },
    /// There is no such folder.
    NoFolder {
        /// The folder.
        dir: PathBuf,
    },
    /// The folder could not be read.
    Folder {
        /// The folder.
        dir: PathBuf,
        /// What happened.
        why: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// This machine could not ask (no sockets, no threads).
    Local(String),
}

impl std::fmt::Display for AskError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Address { server, why } => write!(f, "--server {server}: {why}"),
            Self::NoAgent { server } => write!(f, "no agent answers at {server}"),
            Self::Connection { server, why } => write!(f, "asking {server}: {why}"),
            Self::NotLinger { server, why } => {
                write!(f, "{server} is not an agent this linger can read: {why}")
            }
            Self::TooLarge => write!(f, "the answer is larger than {} MiB", ANSWER_BYTES_MAX >> 20),
            Self::Refused { error, .. } => f.write_str(error),
            Self::NoFolder { dir } => write!(f, "{}: no such folder", dir.display()),
            Self::Folder { dir, why, .. } => write!(f, "{}: {why}", dir.display()),
            Self::Local(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for AskError {}

impl AskError {
    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Address { .. } => "an address looks like http://127.0.0.1:6262",
            Self::NoAgent { .. } => {
                "start one with `linger agent URL`, or read a stopped agent's folder with --data DIR"
            }
            Self::Connection { .. } => "is the agent busy or stopping? its log says more",
            Self::NotLinger { .. } => {
                "--server takes the address of `linger agent`, not of the watched service; \
                 agent and command line should be of one version"
            }
            Self::TooLarge => "ask for a shorter range with --from and --to, or for fewer series",
            Self::Refused { hint, .. } | Self::Folder { hint, .. } => return hint.clone(),
            Self::NoFolder { .. } => "--data takes the folder that `linger agent --data` was given",
            Self::Local(_) => return None,
        };
        Some(text.into())
    }
}

/// The answer to `question`.
///
/// # Errors
/// When nobody answers, the answer is not an agent's, the question is refused, or the folder cannot be read.
pub fn ask(source: &Source, question: &Question) -> Result<Answer, AskError> {
    match source {
        Source::Server(server) => over_http(server, question, ANSWER_TIME_MAX),
        // Opening a store creates one: a misspelt folder must not come into being by asking it.
        Source::Data(dir) if !dir.is_dir() => Err(AskError::NoFolder { dir: dir.clone() }),
        Source::Data(dir) => match agent_of(dir) {
            Some(server) => over_http(&server, question, ANSWER_TIME_MAX),
            None => crate::answer::from_folder(dir, question).map_err(|e| in_folder(dir, &e)),
        },
    }
}

fn in_folder(dir: &Path, error: &crate::answer::Error) -> AskError {
    AskError::Folder { dir: dir.to_owned(), why: error.to_string(), hint: error.hint().map(str::to_owned) }
}

/// The address of the running agent that holds `dir`. A file left behind by a killed agent may name a port
/// where another one listens by now: the process id must agree.
fn agent_of(dir: &Path) -> Option<String> {
    let file = AgentFile::read(dir)?;
    let server = format!("http://{}", file.listen);
    match over_http(&server, &Question::Status, KNOCK_TIME_MAX) {
        Ok(Answer::Status(status)) if status.agent.pid == Some(file.pid) => Some(server),
        _ => None,
    }
}

fn over_http(server: &str, question: &Question, time_max: Duration) -> Result<Answer, AskError> {
    let url = url_of(server, question)?;
    let shown = shown(&url);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| AskError::Local(format!("starting a runtime: {e}")))?;
    let (status, body) = runtime.block_on(get(url, &shown, time_max))?;
    if status != 200 {
        return Err(refusal(&shown, status, &body));
    }
    parse(question, &body).map_err(|why| AskError::NotLinger { server: shown, why })
}

fn url_of(server: &str, question: &Question) -> Result<Url, AskError> {
    let wrong = |why: String| AskError::Address { server: server.to_owned(), why };
    let with_scheme = if server.contains("://") { server.to_owned() } else { format!("http://{server}") };
    let mut url = Url::parse(&with_scheme).map_err(|e| wrong(e.to_string()))?;
    if url.scheme() != "http" {
        return Err(wrong(format!("{}:// is not spoken here, only http://", url.scheme())));
    }
    if !url.username().is_empty() || url.password().is_some() {
        // Not echoed: it may be a password.
        let why = "an agent takes no user name or password".into();
        return Err(AskError::Address { server: shown(&url), why });
    }
    url.set_path(&format!("{}{}", url.path().trim_end_matches('/'), question.path()));
    let query = match question {
        Question::Status => Ok(String::new()),
        Question::Trend(q) | Question::Defers(q) => serde_urlencoded::to_string(q),
        Question::Query(q) => serde_urlencoded::to_string(q),
        Question::Check(q) => serde_urlencoded::to_string(q),
    };
    let query = query.map_err(|e| AskError::Local(format!("writing the question: {e}")))?;
    url.set_query((!query.is_empty()).then_some(&query));
    url.set_fragment(None);
    Ok(url)
}

/// Scheme, host and port: all that is ever shown of an address.
fn shown(url: &Url) -> String {
    let port = url.port().map(|p| format!(":{p}")).unwrap_or_default();
    format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or(""))
}

async fn get(url: Url, shown: &str, time_max: Duration) -> Result<(u16, Vec<u8>), AskError> {
    let broken = |e: reqwest::Error| connection_error(shown, &e);
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(KNOCK_TIME_MAX)
        .timeout(time_max)
        .build()
        .map_err(|e| AskError::Local(format!("building the HTTP client: {e}")))?;
    let mut response = client.get(url).send().await.map_err(broken)?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(AskError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok((status, body))
}

fn connection_error(server: &str, error: &reqwest::Error) -> AskError {
    let server = server.to_owned();
    if error.is_timeout() && !error.is_connect() {
        let why = format!("no complete answer within {} s", ANSWER_TIME_MAX.as_secs());
        return AskError::Connection { server, why };
    }
    if error.is_connect() {
        return AskError::NoAgent { server };
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    AskError::Connection { server, why: cause.to_string() }
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
    }
}

fn of<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|e| format!("unexpected JSON: {e}"))
}

#[cfg(test)]
mod tests;
