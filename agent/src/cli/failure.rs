//! Why a command failed, as `main` prints it: `error: …`, `hint: …`, no backtrace.

use crate::ask::AskError;
use crate::show::harmless;
use std::io::Write;

/// A command's failure.
#[derive(Debug)]
pub(super) struct Failure {
    kind: Kind,
    message: String,
    hint: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Failed,
    Usage,
    /// Nobody reads what we print: quiet, and no failure of ours.
    BrokenPipe,
}

impl Failure {
    /// Something did not work.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { kind: Kind::Failed, message: message.into(), hint: None }
    }

    /// What was asked makes no sense.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self { kind: Kind::Usage, message: message.into(), hint: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same, with what led there said first.
    pub(super) fn after(self, first: &str) -> Self {
        Self { message: format!("{first}{}", self.message), ..self }
    }

    /// What did not work.
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    pub(super) fn code(&self) -> u8 {
        match self.kind {
            Kind::Failed => super::FAILED,
            Kind::Usage => super::USAGE,
            Kind::BrokenPipe => super::OK,
        }
    }

    /// To standard error. Messages may quote what a server or a file said, and may have several lines (all
    /// faults of a configuration): each is made harmless.
    pub(super) fn print(&self) {
        if self.kind == Kind::BrokenPipe {
            return;
        }
        let mut err = anstream::stderr().lock();
        let lines: Vec<String> = self.message.lines().map(harmless).collect();
        // Nothing is left to be done when standard error is closed too.
        let _ = writeln!(err, "\x1b[1;31merror\x1b[0m: {}", lines.join("\n"));
        if let Some(hint) = &self.hint {
            let _ = writeln!(err, "\x1b[32mhint\x1b[0m: {}", harmless(hint));
        }
    }
}

impl From<AskError> for Failure {
    fn from(error: AskError) -> Self {
        let failure = match &error {
            AskError::Address { .. } => Self::usage(error.to_string()),
            _ => Self::new(error.to_string()),
        };
        Self { hint: error.hint(), ..failure }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        let kind =
            if error.kind() == std::io::ErrorKind::BrokenPipe { Kind::BrokenPipe } else { Kind::Failed };
        Self { kind, message: format!("writing to standard output: {error}"), hint: None }
    }
}
