//! Prints whose process listens on a TCP address or at a unix socket's path, what the search cost, and the process's
//! CPU clock. For trying namespaces, users and `hidepid` by hand.

use linger_probe::{Address, CpuClock, Finder, Usage};
use std::process::ExitCode;
use std::time::{Duration, Instant};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let address = match words.as_slice() {
        [path] => Address::Unix(path.into()),
        [host, port] if port.parse::<u16>().is_ok() => {
            Address::Tcp { host: host.clone(), port: port.parse().unwrap_or_default() }
        }
        _ => {
            eprintln!("error: usage: find HOST PORT | find PATH");
            return ExitCode::from(2);
        }
    };
    let finder = Finder::here();
    let (began, spent) = (Instant::now(), Usage::now().cpu.unwrap_or_default());
    let found = finder.find(&address);
    println!("search: {:?}, CPU {:?}", began.elapsed(), Usage::now().cpu.unwrap_or_default() - spent);
    let process = match found {
        Ok(process) => process,
        Err(absent) => {
            println!("none: {}\n{absent}", absent.as_str());
            return ExitCode::FAILURE;
        }
    };
    println!("{process:?}");
    println!(
        "still there: {}, asked in {:?}",
        finder.still_listens(&process),
        mean(|| finder.still_listens(&process))
    );
    if let Some(clock) = CpuClock::of(process.pid) {
        println!(
            "CPU {:?}, steps of {:?}, read in {:?}",
            clock.read(),
            clock.resolution(),
            mean(|| clock.read())
        );
    }
    ExitCode::SUCCESS
}

/// Mean time of a thousand calls.
fn mean<T>(call: impl Fn() -> T) -> Duration {
    let began = Instant::now();
    for _ in 0..1_000 {
        std::hint::black_box(call());
    }
    began.elapsed() / 1_000
}
