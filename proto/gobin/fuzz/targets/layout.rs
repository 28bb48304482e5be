//! Any bytes as debug information: offsets from it, or those of the table. Seed it with programs built with
//! `-ldflags=-compressdwarf=false`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use linger_gobin::Binary;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(binary) = Binary::read(bytes) {
        let _ = binary.layout();
    }
});
