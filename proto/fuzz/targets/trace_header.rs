//! Any bytes: an error or a version that Go has written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use linger_proto::trace_header;

fuzz_target!(|head: &[u8]| {
    if let Ok(version) = trace_header::recognise(head) {
        assert!((11..=26).contains(&version.minor));
    }
});
