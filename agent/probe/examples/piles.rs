//! Holds censuses against what `tests/services/piles` counts of itself:
//!
//! - `piles exact ADDRESS [TIMES]`: every statement to the last defer, while nothing is added. The quickest of the
//!   censuses tells the cost.
//! - `piles growing ADDRESS [TIMES]`: the statement that a goroutine in a loop adds to, between what the service said
//!   before and after the census.
//!
//! Prints a line of words for each statement that differs, then one of what was found; where there can be no census
//! `refused: WHY` and a line about it. Ends with 1 when something was wrong, 2 when asked wrongly.

use linger_gobin::census::{Place, SiteCount};
use linger_probe::{DeferCensus, NoCensus, Pid, StartTime, Taken};
use serde_json::Value;
use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::Duration;

/// Longest that one census may take.
const WITHIN: Duration = Duration::from_secs(30);
/// Between two censuses of a pile that grows.
const REST: Duration = Duration::from_millis(100);
/// The statement that `/push` adds to.
const PUSHER: &str = "main.pushOn";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (what, address, times) = match words.as_slice() {
        [what, address] => (*what, *address, "1"),
        [what, address, times] => (*what, *address, *times),
        _ => ("", "", ""),
    };
    let result = match (what, times.parse()) {
        ("exact", Ok(times)) => exact(address, times),
        ("growing", Ok(times)) => growing(address, times),
        _ => {
            eprintln!("error: usage: piles exact|growing ADDRESS [TIMES]");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            match error.downcast_ref::<NoCensus>() {
                Some(no) => println!("refused: {}\n{no}", no.as_str()),
                None => println!("failed: {error}"),
            }
            ExitCode::FAILURE
        }
    }
}

fn exact(address: &str, times: u32) -> Result<bool, Box<dyn Error>> {
    let (mut census, truth) = attach(address)?;
    let mut quickest: Option<Taken> = None;
    let mut wrong = 0;
    for _ in 0..times {
        let taken = census.take(WITHIN, |_, _| ())?;
        for statement in &truth {
            let found = at(&taken, statement);
            let (counted, is_exact) = found.map_or((0, true), |s| (s.pending, s.exact));
            if counted != statement.pending || !is_exact {
                wrong += 1;
                println!(
                    "WRONG {} {}:{} holds {}, counted {counted}{}",
                    statement.kind,
                    statement.function,
                    statement.line,
                    statement.pending,
                    if is_exact { "" } else { ", not exact" }
                );
            }
        }
        if quickest.as_ref().is_none_or(|q| taken.cost.cpu < q.cost.cpu) {
            quickest = Some(taken);
        }
    }
    let taken = quickest.ok_or("no census")?;
    let pending: u64 = truth.iter().map(|s| s.pending).sum();
    let goroutines = taken.report.goroutines;
    println!(
        "{} statements {} pending {pending} wrong {wrong} goroutines {} unsettled {} cpu_ms {:.1} wall_ms {:.1} calls {} mib {:.1}",
        census.program().version(),
        truth.len(),
        goroutines.alive,
        goroutines.lower_bound + goroutines.unstable + goroutines.not_reached,
        taken.cost.cpu.as_secs_f64() * 1e3,
        taken.cost.wall.as_secs_f64() * 1e3,
        taken.cost.calls,
        taken.cost.bytes as f64 / f64::from(1 << 20),
    );
    Ok(wrong == 0)
}

fn growing(address: &str, times: u32) -> Result<bool, Box<dyn Error>> {
    let (mut census, _) = attach(address)?;
    let (mut within, mut zero, mut bounds, mut cpu_per_pending) = (0, 0, 0, Vec::new());
    for _ in 0..times {
        let before = pushed(address)?;
        let taken = census.take(WITHIN, |_, _| ())?;
        let after = pushed(address)?;
        let found = at(&taken, &after);
        let (counted, is_exact) = found.map_or((0, true), |s| (s.pending, s.exact));
        zero += u32::from(counted == 0);
        bounds += u32::from(!is_exact);
        if (before.pending..=after.pending).contains(&counted) {
            within += 1;
        } else {
            println!("OUTSIDE counted {counted}, held {} to {}", before.pending, after.pending);
        }
        let pending = f64::from(u32::try_from(counted.max(1)).unwrap_or(u32::MAX));
        cpu_per_pending.push((taken.cost.cpu, taken.cost.cpu.as_secs_f64() * 1e9 / pending, counted));
        std::thread::sleep(REST);
    }
    cpu_per_pending.sort_by_key(|(cpu, _, _)| *cpu);
    let (cpu, per_pending, counted) =
        cpu_per_pending.get(cpu_per_pending.len() / 2).copied().ok_or("no census")?;
    println!(
        "within {within} of {times} zero {zero} bounds {bounds} counted {counted} cpu_ms {:.1} ns_each {per_pending:.1}",
        cpu.as_secs_f64() * 1e3
    );
    Ok(within * 20 >= times * 19 && zero == 0)
}

/// A statement as the service knows it.
struct Statement {
    kind: String,
    function: String,
    file: String,
    line: u64,
    pending: u64,
}

fn attach(address: &str) -> Result<(DeferCensus, Vec<Statement>), Box<dyn Error>> {
    let truth = truth(address)?;
    let pid = truth
        .get("pid")
        .and_then(Value::as_u64)
        .and_then(|pid| u32::try_from(pid).ok())
        .map(Pid)
        .ok_or("no pid")?;
    let started = StartTime::of(pid).ok_or("no such process")?;
    Ok((DeferCensus::attach(pid, started)?, statements(&truth)))
}

fn statements(truth: &Value) -> Vec<Statement> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    let each = truth["statements"].as_array().into_iter().flatten();
    each.map(|s| Statement {
        kind: text(&s["kind"]),
        function: text(&s["function"]),
        file: text(&s["file"]),
        line: number(&s["line"]),
        pending: number(&s["pending"]),
    })
    .collect()
}

fn pushed(address: &str) -> Result<Statement, Box<dyn Error>> {
    let found = statements(&truth(address)?).into_iter().find(|s| s.function == PUSHER);
    found.ok_or_else(|| "nothing is pushed".into())
}

fn at<'t>(taken: &'t Taken, statement: &Statement) -> Option<&'t SiteCount> {
    taken.report.sites.iter().find(|count| {
        let Place { function, file, line, .. } = &count.site.place;
        count.site.kind.name() == statement.kind
            && *function == statement.function
            && *file == statement.file
            && u64::from(*line) == statement.line
    })
}

fn truth(address: &str) -> Result<Value, Box<dyn Error>> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET /truth HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (_, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
    Ok(serde_json::from_str(body)?)
}
