//! `linger check` in the words of Nagios' plugins: one line `LINGER STATE - summary | figures`, then details.

use super::paint::{self, Paint};
use super::text::harmless;
use crate::report::Check;

/// The page. The first line never holds a second `|`: what follows the first is figures. A verdict that no
/// agent gave (`answered` false) has none: nobody counted.
#[must_use]
pub fn check(check: &Check, answered: bool) -> String {
    let (word, paint) = match check.code {
        0 => ("OK", Paint::Good),
        1 => ("WARNING", Paint::Warn),
        2 => ("CRITICAL", Paint::Bad),
        _ => ("UNKNOWN", Paint::Warn),
    };
    let count = |state| check.alerts.iter().filter(|a| a.state == state).count();
    let mut page = format!("LINGER {} - {}", paint.on(word), figureless(&check.summary));
    if answered {
        let (firing, pending, stale) = (count("firing"), count("pending"), count("stale"));
        page.push_str(&format!(" | firing={firing} pending={pending} stale={stale}"));
    }
    page.push('\n');
    for detail in &check.details {
        page.push_str(&figureless(detail));
        page.push('\n');
    }
    paint::finish(&page)
}

fn figureless(text: &str) -> String {
    harmless(text).replace('|', "/")
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::report::Check;

    #[track_caller]
    fn expect(code: u8, summary: &str, details: &[&str], expected: &str) {
        let details = details.iter().map(ToString::to_string).collect();
        let report = Check { version: 1, code, summary: summary.into(), details, alerts: vec![] };
        assert_eq!(anstream::adapter::strip_str(&check(&report, code < 3)).to_string(), expected);
    }

    #[test]
    fn the_first_line_is_what_nagios_reads() {
        expect(0, "2 targets up", &[], "LINGER OK - 2 targets up | firing=0 pending=0 stale=0\n");
        expect(
            2,
            "DeferPile firing|x=1\nLINGER OK",
            &["api: main.pile main.go:9 | 49,200"],
            "LINGER CRITICAL - DeferPile firing/x=1�LINGER OK | firing=0 pending=0 stale=0\n\
             api: main.pile main.go:9 / 49,200\n",
        );
        expect(1, "w", &[], "LINGER WARNING - w | firing=0 pending=0 stale=0\n");
        expect(3, "u", &[], "LINGER UNKNOWN - u\n");
        expect(77, "u", &[], "LINGER UNKNOWN - u\n");
    }
}
