//! Why there is no answer, and what to do about it.

use super::ANSWER_BYTES_MAX;
use std::path::PathBuf;

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
    /// The connection broke, could not be trusted, or the answer took too long.
    Connection {
        /// Address asked.
        server: String,
        /// What happened.
        why: String,
        /// What to do about it.
        hint: &'static str,
    },
    /// The agent wants to know who asks, or somebody else to ask.
    Unauthorized {
        /// Address asked.
        server: String,
        /// Whether credentials were sent.
        sent: bool,
    },
    /// A file with a token, password, key or certificate cannot be used.
    Credentials(String),
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
            Self::Connection { server, why, .. } => write!(f, "asking {server}: {why}"),
            Self::Unauthorized { server, sent: true } => {
                write!(f, "the agent at {server} refuses these credentials")
            }
            Self::Unauthorized { server, sent: false } => {
                write!(f, "the agent at {server} asks for credentials")
            }
            Self::Credentials(why) => f.write_str(why),
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
            Self::Address { .. } => "an address looks like http://127.0.0.1:6262 or unix:/run/linger.sock",
            Self::NoAgent { .. } => {
                "start one with `linger agent URL`, or read a stopped agent's folder with --data DIR"
            }
            Self::Connection { hint, .. } => hint,
            Self::Unauthorized { .. } => "give --token-file FILE, or --user NAME and --password-file FILE",
            Self::Credentials(_) => "check the file's path, owner and mode",
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
