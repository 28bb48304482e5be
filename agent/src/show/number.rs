//! Numbers for people: thousands separators, signs on growth, intervals, bytes, shares, durations.

/// `49,200`; as many decimals as tell something, none above 100.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return if value.is_nan() {
            "?".into()
        } else {
            format!("{}∞", if value < 0.0 { "-" } else { "" })
        };
    }
    let size = value.abs();
    let text = match size {
        s if s >= 1e15 => return format!("{value:.2e}"),
        s if s >= 100.0 => format!("{size:.0}"),
        s if s >= 10.0 => format!("{size:.1}"),
        s if s >= 0.01 => format!("{size:.2}"),
        s if s >= 0.0001 => format!("{size:.4}"),
        s if s > 0.0 => return format!("{value:.0e}"),
        _ => "0".into(),
    };
    let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
    let decimals = decimals.trim_end_matches('0');
    let point = if decimals.is_empty() { "" } else { "." };
    let sign = if value < 0.0 { "-" } else { "" };
    format!("{sign}{}{point}{decimals}", grouped(whole))
}

fn grouped(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A count.
pub(super) fn count(value: u64) -> String {
    grouped(&value.to_string())
}

/// `1 site`, `2 sites`, `1,200 sites`.
pub(super) fn plural(value: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(value), if value == 1 { "" } else { "s" })
}

/// With a sign, for what grows or shrinks.
pub(super) fn signed(value: f64) -> String {
    let text = number(value);
    if value > 0.0 && text != "0" { format!("+{text}") } else { text }
}

/// `[36,000 … 65,500]`.
pub(super) fn interval([low, high]: [f64; 2]) -> String {
    format!("[{} … {}]", number(low), number(high))
}

/// `[+1,100 … +1,300]`.
pub(super) fn signed_interval([low, high]: [f64; 2]) -> String {
    format!("[{} … {}]", signed(low), signed(high))
}

/// A share of 1 as `0.12 %`.
pub(super) fn percent(share: f64) -> String {
    format!("{} %", number(share * 100.0))
}

/// `2.1 KiB`.
pub fn bytes(value: u64) -> String {
    let mut size = value as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if size < 1023.5 {
            let shown =
                if unit == "B" || size >= 99.95 { format!("{size:.0}") } else { format!("{size:.1}") };
            return format!("{shown} {unit}");
        }
        size /= 1024.0;
    }
    format!("{size:.1} TiB")
}

/// A time something took: `310 ms`, `5.0 s`, `1m 30s`, `2h 5m`, `3d 4h`.
pub(super) fn took(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "?".into();
    }
    if seconds < 0.0995 {
        return format!("{} ms", number(seconds * 1000.0));
    }
    if seconds < 0.9995 {
        return format!("{:.0} ms", seconds * 1000.0);
    }
    if seconds < 59.95 { format!("{seconds:.1} s") } else { span(seconds) }
}

/// A time measured in nanoseconds: `640 ns`, `1.3 µs`, `46 µs`, `5.2 ms`, `310 ms`, `1.25 s`, `1m 30s`.
pub(super) fn nanoseconds(ns: u64) -> String {
    let units = [(1_000_000_000.0, "s"), (1_000_000.0, "ms"), (1_000.0, "µs")];
    let value = ns as f64;
    if ns == 0 {
        return "0".into();
    }
    if value >= 59.95e9 {
        return span(value / 1e9);
    }
    match units.iter().find(|(size, _)| value >= size * 0.9995) {
        Some((size, unit)) => format!("{} {unit}", three_digits(value / size)),
        None => format!("{ns} ns"),
    }
}

/// `1.25`, `46.1`, `310`: three digits tell two lengths apart, more say nothing.
fn three_digits(value: f64) -> String {
    let text = match value {
        v if v >= 99.95 => format!("{v:.0}"),
        v if v >= 9.995 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    };
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// A stretch of time in at most two units: `0s`, `20s`, `1m 30s`, `2h 5m`, `3d 4h`.
pub(super) fn span(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "?".into();
    }
    if seconds > 0.0 && seconds < 1.0 {
        return format!("{:.0}ms", (seconds * 1000.0).max(1.0));
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // finite, not negative; `as` saturates
    let mut rest = seconds.round() as u64;
    // With a larger unit the smallest shown is rounded, never cut: 59m 59s is 60 minutes at most by a second.
    if rest >= 86_400 {
        rest = (rest + 1_800) / 3_600 * 3_600;
    } else if rest >= 3_600 {
        rest = (rest + 30) / 60 * 60;
    }
    let units = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let mut parts = Vec::new();
    for (size, unit) in units {
        if rest >= size || (size == 1 && parts.is_empty()) {
            parts.push(format!("{}{unit}", rest / size));
            rest %= size;
        } else if !parts.is_empty() {
            break;
        }
        if parts.len() == 2 {
            break;
        }
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::{bytes, interval, nanoseconds, number, percent, plural, signed, signed_interval, span, took};

    #[track_caller]
    fn check(got: String, expected: &str) {
        assert_eq!(got, expected);
    }

    #[test]
    fn numbers_are_grouped_and_say_no_more_than_they_know() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "0"),
            (7.0, "7"),
            (999.0, "999"),
            (1000.0, "1,000"),
            (49_200.4, "49,200"),
            (1_234_567.0, "1,234,567"),
            (-1_234.0, "-1,234"),
            (99.96, "100"),
            (12.34, "12.3"),
            (1.5, "1.5"),
            (0.129, "0.13"),
            (0.0012, "0.0012"),
            (0.000_01, "1e-5"),
            (2.5e17, "2.50e17"),
            (f64::NAN, "?"),
            (f64::INFINITY, "∞"),
            (f64::NEG_INFINITY, "-∞"),
        ] {
            check(number(value), expected);
        }
    }

    #[test]
    fn growth_has_a_sign() {
        check(signed(1_230.0), "+1,230");
        check(signed(-5.25), "-5.25");
        check(signed(0.0), "0");
        check(interval([36_000.0, 65_500.0]), "[36,000 … 65,500]");
        check(signed_interval([-1.0, 1_300.0]), "[-1 … +1,300]");
        check(percent(0.0012), "0.12 %");
        check(plural(1, "site"), "1 site");
        check(plural(1_200, "site"), "1,200 sites");
    }

    #[test]
    fn bytes_and_durations_read_well_at_every_size() {
        check(bytes(0), "0 B");
        check(bytes(1_023), "1023 B");
        check(bytes(2_150), "2.1 KiB");
        check(bytes(1024 * 1024 - 1), "1.0 MiB");
        check(bytes(256 * 1024 * 1024), "256 MiB");
        check(bytes(u64::MAX), "16777216.0 TiB");
        check(took(0.000_4), "0.4 ms");
        check(took(0.31), "310 ms");
        check(took(0.9999), "1.0 s");
        check(took(5.01), "5.0 s");
        check(took(59.99), "1m");
        check(nanoseconds(0), "0");
        check(nanoseconds(640), "640 ns");
        check(nanoseconds(999), "999 ns");
        check(nanoseconds(1_000), "1 µs");
        check(nanoseconds(1_344), "1.34 µs");
        check(nanoseconds(46_080), "46.1 µs");
        check(nanoseconds(999_600), "1 ms");
        check(nanoseconds(310_000_000), "310 ms");
        check(nanoseconds(1_250_000_000), "1.25 s");
        check(nanoseconds(59_940_000_000), "59.9 s");
        check(nanoseconds(90_000_000_000), "1m 30s");
        check(span(0.0), "0s");
        check(span(0.25), "250ms");
        check(span(20.0), "20s");
        check(span(60.0), "1m");
        check(span(90.0), "1m 30s");
        check(span(7_500.0), "2h 5m");
        check(span(3_599.6), "1h");
        check(span(86_399.0), "1d");
        check(span(273_600.0), "3d 4h");
        check(span(f64::NAN), "?");
    }
}
