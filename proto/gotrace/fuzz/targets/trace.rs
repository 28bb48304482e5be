//! Any bytes: an error or a summary, and what it counts is no more than the bytes can hold.
#![no_main]

use libfuzzer_sys::fuzz_target;
use linger_gotrace::summary::Summarizer;
use linger_gotrace::{Options, read};

fuzz_target!(|trace: &[u8]| {
    let mut summarizer = Summarizer::new();
    let read = read(&trace, &Options::default(), &mut summarizer);
    let summary = summarizer.finish(read.as_ref().ok().map(|read| read.end));
    assert!(summary.events_total <= trace.len() as u64 * 3 / 2);
    let goroutines = &summary.goroutines;
    assert_eq!(goroutines.at_start + goroutines.created - goroutines.ended, goroutines.alive);
    let functions = &summary.functions;
    assert_eq!(functions.iter().map(|f| f.at_start).sum::<u64>(), goroutines.at_start);
    assert_eq!(functions.iter().map(|f| f.created).sum::<u64>(), goroutines.created);
    assert_eq!(functions.iter().map(|f| f.ended).sum::<u64>(), goroutines.ended);
    if let Ok(read) = read {
        assert!(read.events <= summary.events_total);
    }
});
