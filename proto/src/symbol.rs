//! `/debug/pprof/symbol`: function names for raw addresses, from the service itself.
//!
//! Format: Go 1.21-1.27, `net/http/pprof/pprof.go`, `Symbol`. Addresses the service does not know are left out of
//! its answer, and of ours.

use std::collections::BTreeMap;

use crate::lines::{hex, lines};
use crate::{Error, Limits};

const FORMAT: &str = "an answer of /debug/pprof/symbol";

/// Bytes of one name with its address. Generic code has names of a few hundred.
const LINE_BYTES_MAX: usize = 64 << 10;

/// Bytes of one query: servers in front of the service commonly stop at 8 KiB for the whole request line.
const QUERY_BYTES_MAX: usize = 4 << 10;

/// The queries that ask for `pcs`, as `0x1+0x2`, each for one GET of `/debug/pprof/symbol?0x1+0x2`.
///
/// A POST would take all of them at once, but `net/http/pprof` registers its pages for GET only since Go 1.23
/// (`init`, unless `GODEBUG=httpmuxgo121=1`) and answers 405.
#[must_use]
pub fn request_queries(pcs: &[u64]) -> Vec<String> {
    let mut queries: Vec<String> = Vec::new();
    for pc in pcs {
        let pc = format!("{pc:#x}");
        match queries.last_mut() {
            Some(query) if query.len() + 1 + pc.len() <= QUERY_BYTES_MAX => {
                query.push('+');
                query.push_str(&pc);
            }
            _ => queries.push(pc),
        }
    }
    queries
}

/// Function names by address.
///
/// # Errors
///
/// [`Error::NotWhatWasAsked`] where the first line is not `num_symbols: …`, [`Error::Line`] for a line that is no
/// symbol, [`Error::CutOff`] where the last line has no end: half a name is a wrong name.
pub fn parse(body: &[u8]) -> Result<BTreeMap<u64, String>, Error> {
    let bytes_max = Limits::default().body_bytes_max;
    if body.len() > bytes_max {
        return Err(Error::TooLarge { limit: "body_bytes_max", bytes_max });
    }
    let mut lines = lines(body, LINE_BYTES_MAX);
    let first = lines.next().transpose()?;
    if !first.and_then(|line| line.text).is_some_and(|text| text.starts_with("num_symbols: ")) {
        return Err(Error::not(FORMAT, body));
    }
    if !body.ends_with(b"\n") {
        return Err(Error::CutOff { offset: body.len() });
    }
    let mut names = BTreeMap::new();
    for line in lines {
        let line = line?;
        let symbol = line.text.and_then(|text| text.split_once(' '));
        let symbol = symbol.and_then(|(pc, name)| Some((hex(pc)?, name)));
        let (pc, name) = symbol.ok_or_else(|| line.expected("an address and a name"))?;
        names.insert(pc, name.to_owned());
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::{QUERY_BYTES_MAX, parse, request_queries};
    use crate::{Error, Limits};

    #[test]
    fn queries_are_joined_by_plus_and_stay_short() {
        assert_eq!(request_queries(&[]), [""; 0]);
        assert_eq!(request_queries(&[1, 0xff]), ["0x1+0xff"]);
        let pcs: Vec<u64> = (0..2000).map(|i| 0x40_0000 + i).collect();
        let queries = request_queries(&pcs);
        assert_eq!(queries.join("+").split('+').count(), 2000);
        assert!(queries.len() > 1 && queries.iter().all(|query| query.len() <= QUERY_BYTES_MAX));
    }

    #[track_caller]
    fn check(body: &[u8], expected: Result<&[(u64, &str)], Error>) {
        let names = parse(body);
        let names =
            names.as_ref().map(|names| names.iter().map(|(pc, name)| (*pc, &**name)).collect::<Vec<_>>());
        assert_eq!(names, expected.as_ref().map(|names| names.to_vec()));
    }

    #[test]
    fn names_may_hold_blanks() {
        check(
            b"num_symbols: 1\n0x10 main.f\n0x8 type:.eq.struct { a int }\n",
            Ok(&[(0x8, "type:.eq.struct { a int }"), (0x10, "main.f")]),
        );
        check(b"num_symbols: 1\n", Ok(&[]));
    }

    #[test]
    fn half_an_answer_is_none() {
        check(b"num_symbols: 1\n0x10 main.f\n0x20 main.g", Err(Error::CutOff { offset: 38 }));
        let expected = "an address and a name";
        check(
            b"num_symbols: 1\n0x10 main.f\nreading request: EOF\n",
            Err(Error::Line { line: 3, offset: 27, expected }),
        );
        check(b"num_symbols: 1\n0x+1 main.f\n", Err(Error::Line { line: 2, offset: 15, expected }));
    }

    #[test]
    fn other_pages_are_refused() {
        for body in [b"".as_slice(), b"Method Not Allowed\n", b"<html>", &[0xff; 40]] {
            assert!(matches!(parse(body), Err(Error::NotWhatWasAsked { .. })));
        }
        let long = vec![b'a'; Limits::default().body_bytes_max + 1];
        assert!(matches!(parse(&long), Err(Error::TooLarge { .. })));
    }
}
