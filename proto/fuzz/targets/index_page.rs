//! Any bytes: an error or at least one profile.
#![no_main]

use libfuzzer_sys::fuzz_target;
use linger_proto::index_page;

fuzz_target!(|body: &[u8]| {
    if let Ok(page) = index_page::parse(body) {
        assert!(page.profiles.iter().all(|(name, _)| page.lists(name)) && !page.profiles.is_empty());
    }
});
