//! Colour, for states only: green is well, yellow wants a look, red wants you.
//!
//! Texts carry invisible markers of width zero until a page is finished, so that tables measure them right;
//! [`finish`] turns markers into escape sequences. Whether those reach the terminal is decided by who writes
//! (anstream: no terminal or `NO_COLOR`, no colour). Markers cannot come from outside: `text::harmless`
//! replaces them.

/// What a state means to the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paint {
    /// As it should be.
    Good,
    /// Worth a look.
    Warn,
    /// Needs someone.
    Bad,
    /// Neither good nor bad.
    Plain,
}

// Unicode's invisible operators: width 0, never part of a word.
const GOOD: char = '\u{2061}';
const WARN: char = '\u{2062}';
const BAD: char = '\u{2063}';
const END: char = '\u{2064}';

impl Paint {
    /// `text` with this meaning.
    pub(super) fn on(self, text: &str) -> String {
        let start = match self {
            Self::Good => GOOD,
            Self::Warn => WARN,
            Self::Bad => BAD,
            Self::Plain => return text.to_owned(),
        };
        format!("{start}{text}{END}")
    }
}

/// The meaning of a target's or a collector's state.
pub(super) fn of_state(state: &str) -> Paint {
    match state {
        "ok" | "up" | "running" => Paint::Good,
        "off" | "unsupported" => Paint::Plain,
        "down" | "refused" | "unauthorized" | "not pprof" | "timed out" | "failed" => Paint::Bad,
        _ => Paint::Warn,
    }
}

/// The meaning of a threshold's state.
pub(super) fn of_alert(state: &str) -> Paint {
    if state == "firing" { Paint::Bad } else { Paint::Warn }
}

/// Markers become escape sequences.
pub(super) fn finish(page: &str) -> String {
    let mut out = String::with_capacity(page.len() + 64);
    for c in page.chars() {
        match c {
            GOOD => out.push_str("\x1b[32m"),
            WARN => out.push_str("\x1b[33m"),
            BAD => out.push_str("\x1b[1;31m"),
            END => out.push_str("\x1b[0m"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Paint, finish, of_state};
    use unicode_width::UnicodeWidthStr;

    #[test]
    fn markers_take_no_room_and_become_colour() {
        let painted = Paint::Bad.on("refused");
        assert_eq!(painted.width(), "refused".len());
        assert_eq!(finish(&painted), "\x1b[1;31mrefused\x1b[0m");
        assert_eq!(Paint::Plain.on("off"), "off");
    }

    #[test]
    fn a_state_nobody_named_here_is_worth_a_look() {
        assert_eq!(of_state("something new"), Paint::Warn);
        assert_eq!(of_state("ok"), Paint::Good);
    }
}
