//! The first line of a goroutine:
//!
//! ```text
//! goroutine 7 [chan send, 3 minutes, locked to thread]:
//! goroutine 7 [sync.WaitGroup.Wait (leaked)]:                          1.26+
//! goroutine 7 [select (durable), synctest bubble 2]:                   1.25+ ("synctest group 2" in 1.24)
//! goroutine 7 [IO wait labels:{"k": "v"}]:                             1.26, GODEBUG=tracebacklabels=1
//! goroutine 7 [IO wait] {k: v, "a b": "c"}:                            1.27
//! goroutine 7 gp=0xc000002380 m=nil [IO wait]:                         crash reports only, 1.22+
//! ```

use super::{Goroutine, labels};

/// Parses a header; `None` where the line is none.
pub(super) fn parse(line: &str) -> Option<Goroutine> {
    let rest = line.strip_prefix("goroutine ")?;
    let (ids, rest) = rest.split_once('[')?;
    let id = ids.split_ascii_whitespace().next()?.parse().ok()?;
    let mut goroutine = Goroutine { id, ..Goroutine::default() };

    let (status, rest) = match rest.split_once(" labels:{") {
        // Only where it is inside the brackets: 1.27's may hold such text as a value.
        Some((status, inside)) if !status.contains(']') => {
            let (labels, rest) = labels::parse(inside)?;
            goroutine.labels = labels;
            (status, rest.strip_prefix(']')?)
        }
        _ => rest.split_once(']')?,
    };
    let rest = match rest.strip_prefix(" {") {
        Some(inside) => {
            let (labels, rest) = labels::parse(inside)?;
            goroutine.labels = labels;
            rest
        }
        None => rest,
    };
    if rest != ":" {
        return None;
    }
    goroutine.status(status);
    Some(goroutine)
}

impl Goroutine {
    /// Takes what is between the brackets. Attributes that a later Go adds are passed over.
    fn status(&mut self, status: &str) {
        let mut parts = status.split(", ");
        let mut state = parts.next().unwrap_or_default();
        loop {
            state = if let Some(state) = state.strip_suffix(" (durable)") {
                self.durable = true;
                state
            } else if let Some(state) = state.strip_suffix(" (leaked)") {
                self.leaked = true;
                state
            } else if let Some(state) = state.strip_suffix(" (scan)") {
                // The collector is reading its stack: says nothing about the goroutine.
                state
            } else {
                break;
            };
        }
        self.state = state.to_owned();
        for part in parts {
            if part == "locked to thread" {
                self.locked_to_thread = true;
            } else if let Some(minutes) = part.strip_suffix(" minutes") {
                self.wait_minutes = minutes.parse().ok();
            } else if let Some(bubble) = part.strip_prefix("synctest ") {
                self.synctest_bubble = bubble.rsplit(' ').next().and_then(|id| id.parse().ok());
            }
        }
    }
}
