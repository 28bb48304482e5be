//! `/debug/pprof/symbol`: function names for raw addresses, from the service itself.
//!
//! Format: Go 1.21-1.27, `net/http/pprof/pprof.go`, `Symbol`. Addresses the service does not know are left out of
//! its answer, and of ours.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::lines::{hex, lines};
use crate::{Error, Limits};

const FORMAT: &str = "an answer of /debug/pprof/symbol";

/// Bytes of one name with its address. Generic code has names of a few hundred.
const LINE_BYTES_MAX: usize = 64 << 10;

/// The body of the POST request that asks for `pcs`: `0x1+0x2`.
#[must_use]
pub fn request_body(pcs: &[u64]) -> String {
    pcs.iter().enumerate().fold(String::new(), |mut body, (i, pc)| {
        let plus = if i == 0 { "" } else { "+" };
        // Writing to a string cannot fail.
        let _ = write!(body, "{plus}{pc:#x}");
        body
    })
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
