//! The two text formats, and which of them a request wants.
//!
//! OpenMetrics 1.0 (its specification's ABNF) and Prometheus' text format 0.0.4. They differ in how a family is called,
//! in `info`, in the escaping of help, and in the end mark; samples look the same. Label values come from the watched
//! service: what a parser could stumble over is replaced here, so that no function name can spoil a scrape.

use super::histogram;
use linger_series::metric::{Kind, Metric};
use std::fmt::Write;

/// Longest label value told, in bytes; the store takes keys of 16 KiB, a page for people ends long before.
const LABEL_VALUE_BYTES_MAX: usize = 1024;
/// Stands for a character that is not told.
const REPLACED: char = '\u{fffd}';
/// Ends a value that was cut.
const CUT: char = '…';

/// A text format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Prometheus' text format 0.0.4.
    Text,
}

impl Format {
    /// Both, in the order of preference among equals.
    pub(super) const ALL: [Self; 2] = [Self::OpenMetrics, Self::Text];

    /// What `Accept` asks for. Where it names neither, the older format: every reader knows it.
    pub(super) fn accepted(accept: &str) -> Self {
        let quality = |format: Self| {
            let matching = accept.split(',').filter_map(|range| format.quality(range));
            matching.fold(0.0, f64::max)
        };
        let (open, text) = (quality(Self::OpenMetrics), quality(Self::Text));
        if open > 0.0 && open >= text { Self::OpenMetrics } else { Self::Text }
    }

    /// The quality one media range gives this format; none when it names another.
    fn quality(self, range: &str) -> Option<f64> {
        let mut parts = range.split(';').map(str::trim);
        let media = parts.next()?.to_ascii_lowercase();
        let (mut quality, mut version) = (1.0, None);
        for parameter in parts {
            match parameter.split_once('=') {
                Some((name, value)) if name.trim().eq_ignore_ascii_case("q") => {
                    quality = value.trim().parse().unwrap_or(0.0);
                }
                Some((name, value)) if name.trim().eq_ignore_ascii_case("version") => {
                    version = Some(value.trim().trim_matches('"'));
                }
                _ => {}
            }
        }
        let named = match self {
            Self::OpenMetrics => {
                media == "application/openmetrics-text" && version.is_none_or(|v| v == "1.0.0")
            }
            Self::Text => {
                (media == "text/plain" && version.is_none_or(|v| v == "0.0.4"))
                    || media == "text/*"
                    || media == "*/*"
            }
        };
        named.then_some(quality)
    }

    /// The word for it in labels.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::OpenMetrics => "openmetrics",
            Self::Text => "text",
        }
    }

    /// Its media type.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// What stands at the end of a whole page.
    pub(super) fn end(self) -> &'static str {
        match self {
            Self::OpenMetrics => "# EOF\n",
            Self::Text => "",
        }
    }

    /// Writes the lines that open a family.
    pub(super) fn open_family(self, metric: &Metric, out: &mut String) {
        let (name, kind) = match (self, metric.kind) {
            (Self::OpenMetrics, Kind::Counter) => (stem(metric.name, "_total"), "counter"),
            (Self::OpenMetrics, Kind::Gauge) if metric.name.ends_with("_info") => {
                (stem(metric.name, "_info"), "info")
            }
            (Self::Text, Kind::Counter) => (metric.name, "counter"),
            (_, Kind::Histogram) => (histogram::stem(metric.name), "histogram"),
            (_, Kind::Gauge) => (metric.name, "gauge"),
        };
        // The order TYPE, UNIT, HELP is that of the specification's examples.
        let _ = writeln!(out, "# TYPE {name} {kind}");
        if self == Self::OpenMetrics
            && kind != "info"
            && let Some(unit) = unit_of(name)
        {
            let _ = writeln!(out, "# UNIT {name} {unit}");
        }
        let _ = write!(out, "# HELP {name} ");
        for c in metric.help.chars() {
            match c {
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '"' if self == Self::OpenMetrics => out.push_str("\\\""),
                c => out.push(c),
            }
        }
        out.push('\n');
    }
}

fn stem<'a>(name: &'a str, suffix: &str) -> &'a str {
    name.strip_suffix(suffix).unwrap_or(name)
}

/// The unit a family's name ends in: OpenMetrics wants it to be the whole last word.
fn unit_of(family: &str) -> Option<&'static str> {
    let ends_in = |unit: &&str| family.strip_suffix(unit).is_some_and(|rest| rest.ends_with('_'));
    ["seconds", "bytes", "ratio"].into_iter().find(ends_in)
}

/// Writes `{name="value",…}`, or nothing for no labels. True when a value was told otherwise than it is, so that two
/// series may have become one.
pub(super) fn write_labels<'a>(labels: impl Iterator<Item = (&'a str, &'a str)>, out: &mut String) -> bool {
    let (mut first, mut marked) = (true, false);
    for (name, value) in labels {
        out.push(if first { '{' } else { ',' });
        first = false;
        out.push_str(name);
        out.push_str("=\"");
        marked |= write_value(value, out);
        out.push('"');
    }
    if !first {
        out.push('}');
    }
    marked
}

/// Escapes a value. Control characters are replaced: Prometheus' own lexers end at a NUL (model/textparse, 2.42), and
/// nobody needs the others. True when the value holds a mark, put there now or by whoever named it.
fn write_value(value: &str, out: &mut String) -> bool {
    let mut marked = false;
    for (at, c) in value.char_indices() {
        if at >= LABEL_VALUE_BYTES_MAX {
            out.push(CUT);
            return true;
        }
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {
                out.push(REPLACED);
                marked = true;
            }
            c => {
                out.push(c);
                marked |= c == REPLACED || c == CUT;
            }
        }
    }
    marked
}

/// Writes a number as both formats read it.
pub(super) fn write_number(value: f64, out: &mut String) {
    let _ = if value.is_nan() {
        write!(out, "NaN")
    } else if value.is_infinite() {
        write!(out, "{}Inf", if value > 0.0 { '+' } else { '-' })
    } else if value != 0.0 && !(1e-7..1e21).contains(&value.abs()) {
        // In full it would have up to 300 digits.
        write!(out, "{value:e}")
    } else {
        write!(out, "{value}")
    };
}

#[cfg(test)]
mod tests {
    use super::{Format, LABEL_VALUE_BYTES_MAX, write_labels, write_number};
    use linger_series::metric::{Kind, Metric};

    #[track_caller]
    fn accepts(accept: &str, expected: Format) {
        assert_eq!(Format::accepted(accept), expected, "{accept}");
    }

    #[test]
    fn the_format_is_what_accept_prefers() {
        // Prometheus 2.42 (scrape/scrape.go, acceptHeader) and 3.0 (config.ScrapeProtocols).
        accepts(
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            Format::OpenMetrics,
        );
        accepts(
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            Format::OpenMetrics,
        );
        for text in ["", "*/*", "text/html,*/*;q=0.8", "text/plain;version=0.0.4", "application/json"] {
            accepts(text, Format::Text);
        }
        accepts("application/openmetrics-text; version=0.0.1, */*;q=0.1", Format::Text);
        accepts("application/openmetrics-text;q=0.2, text/plain;q=0.9", Format::Text);
        accepts("application/openmetrics-text;q=0", Format::Text);
        accepts("Application/OpenMetrics-Text; Version=\"1.0.0\"", Format::OpenMetrics);
    }

    #[track_caller]
    fn opens(format: Format, name: &'static str, kind: Kind, expected: &str) {
        let mut out = String::new();
        format.open_family(&Metric { name, kind, labels: &[], help: "A \"b\" \\ c." }, &mut out);
        assert_eq!(out, expected);
    }

    #[test]
    fn families_are_called_as_each_format_wants() {
        let (open, text) = (Format::OpenMetrics, Format::Text);
        opens(
            open,
            "a_seconds_total",
            Kind::Counter,
            "# TYPE a_seconds counter\n# UNIT a_seconds seconds\n# HELP a_seconds A \\\"b\\\" \\\\ c.\n",
        );
        opens(
            text,
            "a_seconds_total",
            Kind::Counter,
            "# TYPE a_seconds_total counter\n# HELP a_seconds_total A \"b\" \\\\ c.\n",
        );
        opens(open, "a_info", Kind::Gauge, "# TYPE a info\n# HELP a A \\\"b\\\" \\\\ c.\n");
        opens(text, "a_info", Kind::Gauge, "# TYPE a_info gauge\n# HELP a_info A \"b\" \\\\ c.\n");
        for format in [open, text] {
            let unit = if format == open { "# UNIT a_seconds seconds\n" } else { "" };
            let help = if format == open { "A \\\"b\\\" \\\\ c." } else { "A \"b\" \\\\ c." };
            opens(
                format,
                "a_seconds_bucket",
                Kind::Histogram,
                &format!("# TYPE a_seconds histogram\n{unit}# HELP a_seconds {help}\n"),
            );
        }
        opens(
            open,
            "a_per_second",
            Kind::Gauge,
            "# TYPE a_per_second gauge\n# HELP a_per_second A \\\"b\\\" \\\\ c.\n",
        );
    }

    #[track_caller]
    fn labels(value: &str, expected: &str, marked: bool) {
        let mut out = String::new();
        let was_marked = write_labels([("f", value)].into_iter(), &mut out);
        assert_eq!((out.as_str(), was_marked), (expected, marked));
    }

    #[test]
    fn no_value_can_break_out_of_its_quotes() {
        labels("main.(*T).f+7", r#"{f="main.(*T).f+7"}"#, false);
        labels("a\"b\\c\nd", r#"{f="a\"b\\c\nd"}"#, false);
        labels("\"} 1\nlinger_up 1", r#"{f="\"} 1\nlinger_up 1"}"#, false);
        labels("a\0b\rc\u{1b}[31m\u{85}", "{f=\"a\u{fffd}b\u{fffd}c\u{fffd}[31m\u{fffd}\"}", true);
        labels("a\u{fffd}", "{f=\"a\u{fffd}\"}", true);
        let long = "ö".repeat(LABEL_VALUE_BYTES_MAX);
        labels(&long, &format!("{{f=\"{}…\"}}", "ö".repeat(LABEL_VALUE_BYTES_MAX / 2)), true);
    }

    #[test]
    fn numbers_are_short_and_exact() {
        let cases = [
            (0.0, "0"),
            (-0.5, "-0.5"),
            (123456789012.0, "123456789012"),
            (1e300, "1e300"),
            (2.5e-9, "2.5e-9"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ];
        for (value, expected) in cases {
            let mut out = String::new();
            write_number(value, &mut out);
            assert_eq!(out, expected);
        }
    }
}
