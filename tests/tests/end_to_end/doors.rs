//! Go services that ask who comes, or listen elsewhere than on plain TCP; and the certificates and secrets for them.

use crate::environment::{self, Go};
use crate::program::Program;
use crate::wait;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A folder with fresh certificates (tests/services/certificates says which), a token and a password.
#[derive(Debug)]
pub(crate) struct Secrets(TempDir);

impl Secrets {
    /// Made by Go's own crypto.
    pub(crate) fn make() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let mut command = Command::new(environment::service(Go::Newest, "certificates"));
        assert!(command.arg(folder.path()).status().is_ok_and(|s| s.success()), "certificates were made");
        let secrets = Self(folder);
        secrets.write("token", "s3cret-token\n");
        secrets.write("password", "s3cret-password\n");
        secrets.write("wrong", "s3cret-but-wrong\n");
        secrets
    }

    /// Writes one of them anew.
    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("a secret can be written");
    }

    /// Where it is.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Where it is, as text.
    pub(crate) fn file(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }
}

/// A running service behind a door.
#[derive(Debug)]
pub(crate) struct Guarded {
    // Ends with its owner.
    _program: Program,
    /// `127.0.0.1:port`, or the path of its socket.
    pub(crate) listens: String,
    _folder: TempDir,
}

impl Guarded {
    /// `waits`, built with the newest Go, with these arguments beside its address.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let mut command = Command::new(environment::service(Go::Newest, "waits"));
        command.args(["-for", "20m"]).args(arguments);
        let mut program = Program::start(&mut command, &folder.path().join("log"));
        let listens = wait::until("the service listens", || {
            program.assert_runs();
            let log = program.log();
            log.lines().find_map(|l| l.strip_prefix("listening on ").map(str::to_owned)).ok_or(log)
        });
        Self { _program: program, listens, _folder: folder }
    }

    /// The same over TLS, with a certificate of `secrets` by this name.
    pub(crate) fn tls(secrets: &Secrets, name: &str, more: &[&str]) -> Self {
        let (cert, key) = (secrets.file(&format!("{name}.pem")), secrets.file(&format!("{name}.key")));
        Self::start(&[&["-cert", &cert, "-key", &key], more].concat())
    }

    /// The same on a unix socket.
    pub(crate) fn on_socket(path: &Path) -> Self {
        Self::start(&["-unix", &path.display().to_string()])
    }
}
