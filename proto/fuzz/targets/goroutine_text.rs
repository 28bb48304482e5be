//! How a dump is cut into pieces must not change what is read. The first byte chooses the pieces.
#![no_main]

use libfuzzer_sys::fuzz_target;
use linger_proto::Limits;
use linger_proto::goroutine_text::{DumpEnd, DumpParser, Goroutine};

fn parse(dump: &[u8], step: usize) -> Option<(Vec<Goroutine>, DumpEnd)> {
    let mut parser = DumpParser::new(Limits::default());
    let mut all = Vec::new();
    for piece in dump.chunks(step) {
        all.extend(parser.push(piece).ok()?);
    }
    Some((all, parser.finish().ok()?))
}

fuzz_target!(|input: &[u8]| {
    let Some((first, dump)) = input.split_first() else { return };
    assert_eq!(parse(dump, usize::from(*first) + 1), parse(dump, usize::MAX));
});
