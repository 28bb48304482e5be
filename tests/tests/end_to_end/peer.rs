//! Go programs from Debian as they come, on loopback ports and in folders of their own: services nobody here wrote.

use crate::agent::free_address;
use crate::environment;
use crate::program::Program;
use crate::service;
use crate::wait;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// The five.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Prometheus 2.
    Prometheus,
    /// Its node exporter.
    NodeExporter,
    /// etcd, with pprof switched on.
    Etcd,
    /// Caddy; pprof is on its admin address.
    Caddy,
    /// VictoriaMetrics, whose mutex profile takes ten seconds by default.
    VictoriaMetrics,
}

impl Kind {
    /// All of them.
    pub(crate) const ALL: [Self; 5] =
        [Self::Prometheus, Self::NodeExporter, Self::Etcd, Self::Caddy, Self::VictoriaMetrics];

    /// Its program.
    pub(crate) fn program(self) -> &'static str {
        match self {
            Self::Prometheus => "prometheus",
            Self::NodeExporter => "prometheus-node-exporter",
            Self::Etcd => "etcd",
            Self::Caddy => "caddy",
            Self::VictoriaMetrics => "victoria-metrics",
        }
    }

    fn command(self, listen: &str, folder: &Path) -> Command {
        let mut command = Command::new(environment::peer(self.program()));
        let data = folder.display();
        match self {
            Self::Prometheus => {
                let config = folder.join("prometheus.yml");
                std::fs::write(&config, "global: {scrape_interval: 15s}\n")
                    .expect("a configuration can be written");
                command.args([
                    format!("--config.file={}", config.display()),
                    format!("--storage.tsdb.path={data}/tsdb"),
                ]);
                command.arg(format!("--web.listen-address={listen}"));
            }
            Self::NodeExporter => {
                command.arg(format!("--web.listen-address={listen}"));
            }
            Self::Etcd => {
                let peers = format!("http://{}", free_address());
                let clients = format!("http://{listen}");
                command.args(["--enable-pprof", "--data-dir", &format!("{data}/etcd")]);
                command.args(["--listen-client-urls", &clients, "--advertise-client-urls", &clients]);
                command.args(["--listen-peer-urls", &peers, "--initial-advertise-peer-urls", &peers]);
                command.args(["--initial-cluster", &format!("default={peers}")]);
            }
            Self::Caddy => {
                let config = folder.join("caddy.json");
                std::fs::write(&config, format!("{{\"admin\": {{\"listen\": \"{listen}\"}}}}"))
                    .expect("a configuration can be written");
                command.arg("run").arg("--config").arg(&config);
                for home in ["HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"] {
                    command.env(home, folder);
                }
            }
            Self::VictoriaMetrics => {
                command.args([format!("-httpListenAddr={listen}"), format!("-storageDataPath={data}/vm")]);
            }
        }
        command
    }
}

/// A running one, seen to serve /debug/pprof/.
#[derive(Debug)]
pub(crate) struct Peer {
    /// Which.
    pub(crate) kind: Kind,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    program: Program,
    // Holds its data and log.
    _folder: TempDir,
}

impl Peer {
    /// Starts it and waits until its index page lists goroutines.
    pub(crate) fn start(kind: Kind) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let listen = free_address();
        let mut program =
            Program::start(&mut kind.command(&listen, folder.path()), &folder.path().join("log"));
        let address: SocketAddr = listen.parse().expect("an address");
        wait::until(kind.program(), || {
            program.assert_runs();
            match index_count(address) {
                Some(_) => Ok(()),
                None => Err(program.log()),
            }
        });
        Self { kind, address, program, _folder: folder }
    }

    /// What linger is told to watch.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Goroutines by its own index page.
    pub(crate) fn goroutines(&mut self) -> u64 {
        self.program.assert_runs();
        index_count(self.address).expect("a peer that served its index page before")
    }
}

/// The count beside `goroutine` on an index page, read without linger's parser: the number in the last `<td>`, or
/// table cell, before the link.
fn index_count(address: SocketAddr) -> Option<u64> {
    let page = String::from_utf8(service::get(address, "/debug/pprof/").ok()?.body).ok()?;
    let row = page.lines().find(|l| l.contains(">goroutine</a>"))?;
    let before = row.split("<a href").next()?;
    let digits: String = before.chars().filter(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// States a collector may end in: what a service does not offer or sample, it says so.
pub(crate) const STATES: &[&str] = &[
    "ok",
    "not sampled",
    "unsupported",
    "busy",
    "held",
    "off",
    "scheduled",
    // Of pending defers: built by a Go that is too old to be counted; not known yet to be the one that answers.
    "program unknown",
    "process unknown",
];
