//! A process whose memory holds what the input says: at every address one of its words. The walk ends, within its
//! limits, whatever it meets.
#![no_main]

use libfuzzer_sys::fuzz_target;
use linger_gobin::Binary;
use linger_gobin::census::{Census, Limits, Memory, Program, Stop};

#[path = "../../tests/synthetic/program.rs"]
mod program;

/// Reads after which time is over.
const READS_MAX: u32 = 20_000;

/// The program's file; what is not in it cannot be read.
struct File<'f>(&'f Binary<'f>);

impl Memory for File<'_> {
    fn read(&mut self, address: u64, into: &mut [u8]) -> Result<bool, Stop> {
        let Some(bytes) = self.0.elf().from(address) else { return Ok(false) };
        into.fill(0);
        for (to, from) in into.iter_mut().zip(bytes) {
            *to = *from;
        }
        Ok(true)
    }

    fn confirm(&mut self) -> Result<(), Stop> {
        Ok(())
    }
}

/// Memory with a word of the input at every address.
struct Words<'w> {
    words: &'w [u64],
    reads: u32,
}

impl Memory for Words<'_> {
    fn read(&mut self, address: u64, into: &mut [u8]) -> Result<bool, Stop> {
        self.reads += 1;
        for (byte, at) in into.iter_mut().zip(0..) {
            let at = address.wrapping_add(at);
            let index = (at / 8) % self.words.len() as u64;
            *byte = self.words[index as usize].to_le_bytes()[(at % 8) as usize];
        }
        Ok(address >= 8)
    }

    fn confirm(&mut self) -> Result<(), Stop> {
        if self.reads > READS_MAX { Err(Stop::OutOfTime) } else { Ok(()) }
    }
}

fuzz_target!(|input: (bool, bool, u64, Vec<u64>)| {
    let (arm64, is_oldest, list, words) = input;
    if words.is_empty() {
        return;
    }
    let version = if is_oldest { "go1.21.13" } else { "go1.27.3" };
    let bytes = program::Program { arm64, ..program::Program::of(version) }.bytes();
    let binary = Binary::read(&bytes).expect("a sound program");
    let program = Program::with_list(&binary, list).expect("its layouts are known");
    let limits = Limits { goroutines: 100, records_in_one: 1_000, most_loaded: 5, holders: 20 };
    let mut census = Census::new(program, File(&binary)).expect("its file can be read");
    if let Ok(report) = census.take(&mut Words { words: &words, reads: 0 }, 0, &limits, |_, _| ()) {
        assert!(report.goroutines.alive <= 100 && report.most_loaded.len() <= 5);
        assert!(report.holders.len() <= 20);
    }
});
