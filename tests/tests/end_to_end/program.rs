//! A child process with a log, ended with its owner.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

/// A running program. Dropping it kills it: no test leaves one behind.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts it, both outputs appended to `log`.
    pub(crate) fn start(command: &mut Command, log: &Path) -> Self {
        let out = File::options().create(true).append(true).open(log).expect("a log can be opened");
        let err = out.try_clone().expect("a log can be shared");
        let child = command
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
            .unwrap_or_else(|e| panic!("{command:?}: {e}"));
        Self { child, log: log.to_owned() }
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything it has said.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Fails the test when it has ended by itself.
    #[track_caller]
    pub(crate) fn assert_runs(&mut self) {
        if let Some(status) = self.child.try_wait().expect("a child can be asked") {
            panic!("ended by itself, {status}:\n{}", self.log());
        }
    }

    /// SIGKILL, at once.
    pub(crate) fn kill(&mut self) {
        // An error means that it had ended before.
        let _ = self.child.kill();
        self.child.wait().expect("a child can be waited for");
    }

    /// SIGTERM, and waits for the end.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        // The standard library sends only SIGKILL; the shell's own kill needs no other package.
        let sent =
            Command::new("sh").args(["-c", "kill -TERM \"$0\"", &self.child.id().to_string()]).status();
        assert!(sent.is_ok_and(|s| s.success()), "SIGTERM could not be sent");
        self.child.wait().expect("a child can be waited for")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}
