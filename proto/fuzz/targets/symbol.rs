//! Any bytes: an error or names.
#![no_main]

use libfuzzer_sys::fuzz_target;
use linger_proto::symbol;

fuzz_target!(|body: &[u8]| {
    if let Ok(names) = symbol::parse(body) {
        let pcs: Vec<u64> = names.into_keys().collect();
        assert_eq!(symbol::request_queries(&pcs).is_empty(), pcs.is_empty());
    }
});
