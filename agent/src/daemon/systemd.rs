//! What systemd is told (sd_notify(3)); silent where nobody listens.

use sd_notify::NotifyState;
use std::time::Duration;

/// Everything is open and bound.
pub(super) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The configuration is being loaded again; [`ready`] ends it.
pub(super) fn reloading() {
    // The time lets systemd tell this reload from one before (`Type=notify-reload`).
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

/// The end has begun.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Alive, and this is how it stands.
pub(super) fn alive(status: &str) {
    tell(&[NotifyState::Watchdog, NotifyState::Status(status)]);
}

/// How often systemd wants to hear [`alive`] at least, where `WatchdogSec=` is set.
pub(super) fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(e) = sd_notify::notify(state) {
        tracing::debug!("systemd does not hear: {e}");
    }
}
