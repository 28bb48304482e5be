//! What the system tells the agent to do.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that are caught.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// To stop (SIGTERM, SIGINT).
    Stop,
    /// To load the configuration again (SIGHUP).
    Reload,
}

impl Signals {
    /// Catches them from now on.
    pub(super) fn catch() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// The next one.
    pub(super) async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::Stop,
            _ = self.interrupt.recv() => Asked::Stop,
            _ = self.hangup.recv() => Asked::Reload,
        }
    }

    /// From now on a further call to stop ends the process at once: the store loses nothing acknowledged by it.
    pub(super) fn stop_means_now(mut self) {
        tokio::task::spawn_local(async move {
            while self.next().await != Asked::Stop {}
            std::process::exit(130);
        });
    }
}
