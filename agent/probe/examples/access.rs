//! Prints whether the memory of the process given may be read: `allowed`, or `refused: CHECK` and a line of why.
//! Ends with 0 when allowed, 1 when refused, 2 when asked wrongly. For trying users and capabilities by hand.

use linger_probe::{Pid, may_read_memory};
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(pid) = std::env::args().nth(1).and_then(|word| word.parse().ok()) else {
        eprintln!("error: usage: access PID");
        return ExitCode::from(2);
    };
    match may_read_memory(Pid(pid)) {
        Ok(()) => {
            println!("allowed");
            ExitCode::SUCCESS
        }
        Err(refused) => {
            println!("refused: {}\n{refused}", refused.check.as_str());
            ExitCode::FAILURE
        }
    }
}
