//! WAL records, as stored and behind their checksum and zstd: `cargo +nightly fuzz run wal`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = linger_store::hostile::wal_records(bytes);
    let _ = linger_store::hostile::wal_body(bytes);
});
