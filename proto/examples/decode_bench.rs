//! Our side of `tests/bench/pprof/run`: decodes a file over and over and says how much CPU time one decode takes.
//!
//! ```text
//! decode_bench MILLIS FILE     CPU nanoseconds a decode, from so many milliseconds of it
//! decode_bench once FILE       one decode, then the process' peak memory in KiB
//! ```
//!
//! CPU time, and not how long it took: others share the machine.

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::time::{Duration, Instant};

use linger_proto::Limits;
use linger_proto::pprof::decode;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [mode, file] = &*args else { return Err("usage: decode_bench MILLIS|once FILE".into()) };
    let body = fs::read(file)?;
    if mode == "once" {
        black_box(decode(&body, &Limits::default())?);
        println!("{}", peak_kib()?);
    } else {
        println!("{}", cpu_ns_per_decode(&body, Duration::from_millis(mode.parse()?))?);
    }
    Ok(())
}

/// Decodes for `length` after as long a time of warming up.
fn cpu_ns_per_decode(body: &[u8], length: Duration) -> Result<u64, Box<dyn Error>> {
    decode_for(body, length)?;
    let before = cpu_ns()?;
    let decodes = decode_for(body, length)?;
    Ok((cpu_ns()? - before) / decodes)
}

fn decode_for(body: &[u8], length: Duration) -> Result<u64, linger_proto::Error> {
    let start = Instant::now();
    let mut decodes = 0;
    while decodes == 0 || start.elapsed() < length {
        black_box(decode(black_box(body), &Limits::default())?);
        decodes += 1;
    }
    Ok(decodes)
}

/// Nanoseconds that all threads of this process have run so far, as Linux counts them.
fn cpu_ns() -> Result<u64, Box<dyn Error>> {
    let mut sum = 0;
    for thread in fs::read_dir("/proc/self/task")? {
        let stat = fs::read_to_string(thread?.path().join("schedstat"))?;
        sum += stat.split(' ').next().ok_or("empty schedstat")?.parse::<u64>()?;
    }
    Ok(sum)
}

/// The most memory this process ever had resident, as Linux counts it.
fn peak_kib() -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
