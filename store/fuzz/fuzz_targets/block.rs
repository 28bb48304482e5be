//! A sealed block, as stored and behind its checksum and zstd: `cargo +nightly fuzz run block`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = linger_store::hostile::block(bytes);
    let _ = linger_store::hostile::block_raw(bytes);
});
