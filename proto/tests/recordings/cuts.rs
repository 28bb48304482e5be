//! Recordings cut at every length and with bytes changed: an error or a part, never a panic, and never a part that
//! looks whole where that can be told.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use linger_proto::goroutine_text::DumpParser;
use linger_proto::heap_text::HeapText;
use linger_proto::pprof::Profile;
use linger_proto::{Error, Limits, heap_text, index_page, pprof, symbol};

use super::versions;

/// Cuts tried of one recording; longer ones are cut at every so many bytes, by a step that is no power of two.
const CUTS_MAX: usize = 400;

/// All recordings with this end of their name.
fn recordings(end: &str) -> Vec<PathBuf> {
    let folders = versions();
    let files =
        folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap()).map(|file| file.unwrap().path());
    let files: Vec<PathBuf> =
        files.filter(|path| path.file_name().unwrap().to_string_lossy().ends_with(end)).collect();
    assert!(!files.is_empty(), "{end}");
    files
}

/// Calls `check` with what `read` makes of every such recording, and with each of its cuts.
fn each_cut<T>(
    end: &str,
    prepare: impl Fn(&Path) -> Vec<u8>,
    read: impl Fn(&[u8]) -> Result<T, Error>,
    check: impl Fn(&Path, &T, &[u8]),
) {
    for path in recordings(end) {
        let body = prepare(&path);
        let whole = read(&body).unwrap();
        let step = (body.len() / CUTS_MAX) | 1;
        for cut in (0..body.len()).step_by(step) {
            check(&path, &whole, &body[..cut]);
        }
    }
}

fn as_is(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap()
}

fn inflated(path: &Path) -> Vec<u8> {
    let mut raw = Vec::new();
    GzDecoder::new(&*as_is(path)).read_to_end(&mut raw).unwrap();
    raw
}

fn dump(body: &[u8]) -> Result<(usize, bool), Error> {
    let mut parser = DumpParser::new(Limits::default());
    let whole = parser.push(body)?.len();
    let end = parser.finish()?;
    Ok((whole + usize::from(end.last.is_some()), end.truncated))
}

fn profile(body: &[u8]) -> Result<Profile, Error> {
    pprof::decode(body, &Limits::default())
}

fn heap(body: &[u8]) -> Result<HeapText, Error> {
    heap_text::parse(body, &Limits::default())
}

#[test]
fn a_cut_gzip_body_is_always_told() {
    each_cut(".pb.gz", as_is, profile, |path, _, cut| {
        let error = profile(cut).expect_err("cut");
        let told = match cut.len() {
            0 | 1 => matches!(error, Error::NotPprof { .. } | Error::Framing { .. }),
            length => error == Error::TruncatedGzip { offset: length },
        };
        assert!(told, "{} at {}: {error}", path.display(), cut.len());
    });
}

#[test]
fn a_cut_profile_is_an_error_or_has_fewer_entries() {
    each_cut(".pb.gz", inflated, profile, |path, whole, cut| {
        if let Ok(part) = profile(cut) {
            assert!(part.samples().len() <= whole.samples().len(), "{} at {}", path.display(), cut.len());
            part.samples().for_each(|s| assert!(s.frames().count() + s.labels().len() < 10_000));
        }
    });
}

#[test]
fn a_cut_heap_page_keeps_the_records_before_the_cut() {
    each_cut("heap1.txt", as_is, heap, |path, whole, cut| {
        let at = || format!("{} at {}", path.display(), cut.len());
        match heap(cut) {
            Ok(part) => {
                let records = part.records.len();
                assert!(records <= whole.records.len(), "{}", at());
                // All but the last one, whose frames may be missing.
                let complete = records.saturating_sub(1);
                assert_eq!(part.records[..complete], whole.records[..complete], "{}", at());
                // Only a cut before the very last line, which not every platform has, cannot be told.
                let told = !part.warnings.is_empty();
                assert!(told || part.mem_stats.is_some_and(|s| s.max_rss_bytes.is_none()), "{}", at());
            }
            Err(e) => assert!(cut.len() < 60 && matches!(e, Error::NotWhatWasAsked { .. }), "{}: {e}", at()),
        }
    });
}

#[test]
fn a_cut_dump_keeps_the_goroutines_before_the_cut() {
    for end in ["goroutine2.txt", "goroutine2_leaked.txt"] {
        each_cut(end, as_is, dump, |path, (whole, _), cut| {
            if let Ok((goroutines, truncated)) = dump(cut) {
                let at = || format!("{} at {}", path.display(), cut.len());
                assert!(goroutines <= *whole, "{}", at());
                assert_eq!(truncated, !cut.ends_with(b"\n"), "{}", at());
            }
        });
    }
}

#[test]
fn cut_pages_say_nothing_that_the_whole_does_not() {
    each_cut("symbol.txt", as_is, symbol::parse, |path, whole, cut| {
        if let Ok(part) = symbol::parse(cut) {
            assert!(part.iter().all(|(pc, name)| whole.get(pc) == Some(name)), "{}", path.display());
        }
    });
    each_cut("index.html", as_is, index_page::parse, |path, whole, cut| {
        if let Ok(part) = index_page::parse(cut) {
            assert!(whole.profiles.starts_with(&part.profiles), "{}", path.display());
        }
    });
}

#[test]
fn no_decoder_panics_on_another_ones_recording() {
    for end in [".pb.gz", ".txt", ".html", ".head"] {
        for path in recordings(end) {
            let body = as_is(&path);
            assert_eq!(profile(&body).is_ok(), end == ".pb.gz", "{}", path.display());
            let is = |name: &str| path.file_name().unwrap().to_string_lossy().starts_with(name);
            assert_eq!(heap(&body).is_ok(), is("heap1"), "{}", path.display());
            assert_eq!(dump(&body).is_ok(), is("goroutine2"), "{}", path.display());
            assert_eq!(index_page::parse(&body).is_ok(), end == ".html", "{}", path.display());
            assert_eq!(symbol::parse(&body).is_ok(), is("symbol"), "{}", path.display());
        }
    }
}

#[test]
fn changed_bytes_are_survived() {
    for path in recordings("goroutine.pb.gz").iter().chain(&recordings("heap.pb.gz")) {
        let whole = inflated(path);
        for position in (0..whole.len()).step_by((whole.len() / 100) | 1) {
            for change in [0x01, 0x80, 0xff] {
                let mut body = whole.clone();
                body[position] ^= change;
                if let Ok(profile) = profile(&body) {
                    profile.samples().for_each(|s| assert!(s.frames().count() < 100_000));
                }
            }
        }
    }
    for path in recordings("1.txt").iter().chain(&recordings("goroutine2.txt")) {
        let whole = as_is(path);
        for position in (0..whole.len()).step_by((whole.len() / 100) | 1) {
            for byte in [b'\n', b'[', 0xff, b' '] {
                let mut body = whole.clone();
                body[position] = byte;
                let heap = heap(&body);
                let dump = dump(&body);
                assert!(heap.is_err() || dump.is_err(), "one body cannot be both");
            }
        }
    }
}
