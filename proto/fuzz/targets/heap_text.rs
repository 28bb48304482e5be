//! Any bytes: an error or a page, and never more records than lines.
#![no_main]

use libfuzzer_sys::fuzz_target;
use linger_proto::{Limits, heap_text};

fuzz_target!(|body: &[u8]| {
    if let Ok(heap) = heap_text::parse(body, &Limits::default()) {
        let entries: usize = heap.records.iter().map(|r| 1 + r.frames.len()).sum();
        assert!(entries <= body.split(|b| *b == b'\n').count());
    }
});
