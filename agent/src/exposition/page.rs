//! One page of `/metrics`: families written piece by piece while they are sent, so that a large page costs little
//! memory, compressed on the way where that was asked for.
//!
//! Bounded by [`PAGE_BYTES_MAX`]. What is beyond is left out and counted: the last family of each page says how many
//! series it lacks. A page is never broken off inside a line.

use super::format::{Format, write_labels, write_number};
use super::fresh::Rows;
use super::histogram::{self, Part};
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::body::{Body, Bytes, Frame};
use linger_series::metric::{Kind, Metric};
use std::collections::{HashSet, VecDeque};
use std::convert::Infallible;
use std::io::Write;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Bytes of a page before compression: 50,000 series of 320 bytes each, which is what the table holds at most.
pub(super) const PAGE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes written before they are handed to the connection.
const PIECE_BYTES: usize = 16 * 1024;

/// How many series a page lacks: by the limits of the table and the page, or because what is told of two is the same.
pub(super) const DROPPED: Metric = Metric {
    name: "linger_agent_exposition_dropped_series",
    kind: Kind::Gauge,
    labels: &[],
    help: "Series that this page lacks because of its limits; 0 when it is whole.",
};

/// A metric and its series.
#[derive(Debug)]
pub(super) struct Family {
    /// What it is.
    pub(super) metric: Metric,
    /// Its series; a family without any is not told.
    pub(super) rows: Rows,
}

/// A page on its way. `P` is held until it is sent or given up: the right to one of the few pages at once.
pub(super) struct Page<P> {
    writer: Writer,
    packer: Option<GzEncoder<Vec<u8>>>,
    ended: bool,
    _place: P,
}

impl<P> Page<P> {
    /// A page of these families; `lacking` series have found no place before.
    pub(super) fn new(families: Vec<Family>, format: Format, gzip: bool, lacking: usize, place: P) -> Self {
        let packer = gzip.then(|| GzEncoder::new(Vec::new(), Compression::fast()));
        let writer = Writer::new(families, format, lacking, PAGE_BYTES_MAX);
        Self { writer, packer, ended: false, _place: place }
    }

    /// The next bytes to send; `None` after the last.
    fn piece(&mut self) -> Option<Vec<u8>> {
        while !self.ended {
            let text = self.writer.piece();
            let bytes = match (&mut self.packer, text) {
                (None, Some(text)) => text.into_bytes(),
                (Some(packer), Some(text)) => {
                    packer.write_all(text.as_bytes()).expect("a vector takes every byte");
                    std::mem::take(packer.get_mut())
                }
                (packer, None) => {
                    self.ended = true;
                    let rest = packer.take().map(GzEncoder::finish);
                    rest.map(|end| end.expect("a vector takes every byte")).unwrap_or_default()
                }
            };
            if !bytes.is_empty() {
                return Some(bytes);
            }
        }
        None
    }
}

impl<P: Unpin> Body for Page<P> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.piece().map(|bytes| Ok(Frame::data(bytes.into()))))
    }
}

/// The text of a page.
pub(super) struct Writer {
    format: Format,
    families: VecDeque<Family>,
    /// The family under way, with what is left of it.
    open: Option<(Metric, Box<dyn Iterator<Item = Part> + Send>)>,
    /// Labels told in the open family that hold a mark: only these can be alike.
    marked: HashSet<String>,
    lacking: usize,
    bytes_left: usize,
    ended: bool,
}

impl Writer {
    /// The text of these families, of at most so many bytes.
    pub(super) fn new(families: Vec<Family>, format: Format, lacking: usize, bytes_max: usize) -> Self {
        Self {
            format,
            families: families.into(),
            open: None,
            marked: HashSet::new(),
            lacking,
            bytes_left: bytes_max,
            ended: false,
        }
    }

    /// Some of the text; `None` after the end.
    pub(super) fn piece(&mut self) -> Option<String> {
        if self.ended {
            return None;
        }
        let mut out = String::with_capacity(PIECE_BYTES + 1024);
        while out.len() < PIECE_BYTES {
            if let Some((metric, rows)) = &mut self.open {
                match rows.next() {
                    Some((name, labels, value)) => {
                        let counts = metric.kind != Kind::Gauge;
                        self.row(name, counts, &labels, value, &mut out);
                    }
                    None => self.open = None,
                }
            } else if let Some(family) = self.families.pop_front() {
                self.open_family(family, &mut out);
            } else {
                self.format.open_family(&DROPPED, &mut out);
                out.push_str(DROPPED.name);
                out.push(' ');
                write_number(self.lacking as f64, &mut out);
                out.push('\n');
                out.push_str(self.format.end());
                self.ended = true;
                break;
            }
        }
        Some(out)
    }

    fn open_family(&mut self, family: Family, out: &mut String) {
        self.marked.clear();
        if family.rows.is_empty() {
            return;
        }
        let start = out.len();
        let metric = family.metric;
        self.format.open_family(&metric, out);
        let rows: Box<dyn Iterator<Item = Part> + Send> = match metric.kind {
            Kind::Histogram => Box::new(histogram::joined(family, &mut self.families).into_iter()),
            _ => Box::new(family.rows.into_iter().map(move |(labels, value)| (metric.name, labels, value))),
        };
        if self.afford(start, out) {
            self.open = Some((metric, rows));
        } else {
            self.lacking += rows.count();
        }
    }

    fn row(
        &mut self,
        name: &str,
        counts: bool,
        labels: &linger_series::Labels,
        value: f64,
        out: &mut String,
    ) {
        // A counter is a number from 0 upwards in both formats.
        if counts && !(value >= 0.0 && value.is_finite()) {
            self.lacking += 1;
            return;
        }
        let start = out.len();
        out.push_str(name);
        let marked = write_labels(labels.iter(), out);
        let told = out.get(start..).unwrap_or_default();
        if marked && !self.marked.insert(told.to_owned()) {
            out.truncate(start);
            self.lacking += 1;
            return;
        }
        out.push(' ');
        write_number(value, out);
        out.push('\n');
        if !self.afford(start, out) {
            self.lacking += 1;
        }
    }

    /// Takes what was written since `start` out of the budget, or back.
    fn afford(&mut self, start: usize, out: &mut String) -> bool {
        let written = out.len() - start;
        if written > self.bytes_left {
            out.truncate(start);
            return false;
        }
        self.bytes_left -= written;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{Family, Page, Writer};
    use crate::exposition::format::Format;
    use flate2::read::GzDecoder;
    use linger_series::Labels;
    use linger_series::metric::{Kind, Metric};
    use std::io::Read;

    fn family(kind: Kind, rows: &[(&str, f64)]) -> Family {
        let name = if kind == Kind::Counter { "x_total" } else { "x" };
        let rows = rows.iter().map(|(site, v)| (Labels::new([("site", *site)]), *v)).collect();
        Family { metric: Metric { name, kind, labels: &[], help: "X." }, rows }
    }

    fn text(families: Vec<Family>, format: Format, bytes_max: usize) -> String {
        let mut writer = Writer::new(families, format, 0, bytes_max);
        std::iter::from_fn(|| writer.piece()).collect()
    }

    const NONE_DROPPED: &str = "# TYPE linger_agent_exposition_dropped_series gauge\n# HELP linger_agent_exposition_dropped_series Series that this page lacks because of its limits; 0 when it is whole.\nlinger_agent_exposition_dropped_series 0\n";

    #[test]
    fn a_page_in_both_formats() {
        let gauge = || vec![family(Kind::Gauge, &[("a", 1.0), ("", 2.5)]), family(Kind::Gauge, &[])];
        assert_eq!(
            text(gauge(), Format::Text, 1000),
            format!("# TYPE x gauge\n# HELP x X.\nx{{site=\"a\"}} 1\nx 2.5\n{NONE_DROPPED}")
        );
        assert_eq!(
            text(vec![family(Kind::Counter, &[("a", 1.0)])], Format::OpenMetrics, 1000),
            format!("# TYPE x counter\n# HELP x X.\nx_total{{site=\"a\"}} 1\n{NONE_DROPPED}# EOF\n")
        );
    }

    #[test]
    fn the_parts_of_a_histogram_are_one_family_and_those_of_a_target_stand_together() {
        let part = |name, rows: &[(&str, &str, f64)]| Family {
            metric: Metric { name, kind: Kind::Histogram, labels: &[], help: "X." },
            rows: rows
                .iter()
                .map(|(target, le, v)| {
                    let labels = [("target", *target), ("le", *le)];
                    (Labels::new(labels.into_iter().filter(|(_, value)| !value.is_empty())), *v)
                })
                .collect(),
        };
        let families = vec![
            part("x_bucket", &[("a", "+Inf", 3.0), ("a", "0.5", 1.0), ("b", "10.5", 2.0), ("b", "2.5", 1.0)]),
            part("x_count", &[("a", "", 3.0), ("b", "", 2.0)]),
            part("x_sum", &[("a", "", 0.25), ("b", "", -1.0)]),
            family(Kind::Counter, &[("c", 1.0)]),
        ];
        let lacking = NONE_DROPPED.replace("series 0\n", "series 1\n");
        assert_eq!(
            text(families, Format::Text, 1000),
            format!(
                "# TYPE x histogram\n# HELP x X.\n\
                 x_bucket{{le=\"0.5\",target=\"a\"}} 1\nx_bucket{{le=\"+Inf\",target=\"a\"}} 3\n\
                 x_count{{target=\"a\"}} 3\nx_sum{{target=\"a\"}} 0.25\n\
                 x_bucket{{le=\"2.5\",target=\"b\"}} 1\nx_bucket{{le=\"10.5\",target=\"b\"}} 2\n\
                 x_count{{target=\"b\"}} 2\n\
                 # TYPE x_total counter\n# HELP x_total X.\nx_total{{site=\"c\"}} 1\n{lacking}"
            )
        );
    }

    /// What a page says it lacks, and its samples beside that.
    #[track_caller]
    fn check(bytes_max: usize, family: Family, samples: usize, lacking: &str) {
        let page = text(vec![family], Format::Text, bytes_max);
        let (body, said) = page.trim_end().rsplit_once(' ').expect("a last sample");
        let told = body.lines().filter(|l| !l.starts_with('#')).count() - 1;
        assert_eq!((told, said), (samples, lacking), "{page}");
    }

    #[test]
    fn what_does_not_fit_or_cannot_be_told_is_counted() {
        let gauge = || family(Kind::Gauge, &[("a", 1.0), ("b", 1.0), ("c", 1.0)]);
        check(1000, gauge(), 3, "0");
        check(27 + 2 * 14, gauge(), 2, "1");
        check(10, gauge(), 0, "3");
        check(1000, family(Kind::Gauge, &[("a\0", 1.0), ("a\u{fffd}", 2.0), ("a\u{1}", 3.0)]), 1, "2");
        check(1000, family(Kind::Counter, &[("a", -1.0), ("b", f64::NAN), ("c", 3.0)]), 1, "2");
    }

    #[test]
    fn a_packed_page_is_the_same_page() {
        let names: Vec<String> = (0..5000).map(|i| format!("example.com/app/pkg.F{i}+7")).collect();
        let rows: Vec<(&str, f64)> = names.iter().map(|n| (n.as_str(), 1.0)).collect();
        let plain = text(vec![family(Kind::Gauge, &rows)], Format::OpenMetrics, usize::MAX);
        let mut page = Page::new(vec![family(Kind::Gauge, &rows)], Format::OpenMetrics, true, 0, ());
        let packed: Vec<u8> = std::iter::from_fn(|| page.piece()).flatten().collect();
        let mut unpacked = String::new();
        GzDecoder::new(packed.as_slice()).read_to_string(&mut unpacked).unwrap();
        assert!(unpacked == plain && packed.len() * 4 < plain.len());
    }
}
