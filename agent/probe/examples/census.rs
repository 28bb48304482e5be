//! Counts the defers that are pending in a local Go process: `census [--json] [--within MS] [--times N] [--every MS] PID`.
//! A table, or with `--json` an object a line for each census, which begin so long after each other as `--every` says. Ends with 1 when there can be no census, 2 when asked wrongly.

use linger_gobin::census::{Counts, Loaded, Place, SiteCount, Standing, Walked};
use linger_gobin::layout::LayoutSource;
use linger_probe::{DeferCensus, NoCensus, Pid, StartTime, Taken};
use serde_json::{Value, json};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Groups of holders shown; `--json` has all.
const HOLDERS_SHOWN: usize = 10;

struct Asked {
    pid: Pid,
    json: bool,
    times: u32,
    within: Duration,
    every: Duration,
}

fn asked() -> Option<Asked> {
    let mut asked =
        Asked { pid: Pid(0), json: false, times: 1, within: Duration::from_secs(30), every: Duration::ZERO };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--json" => asked.json = true,
            "--times" => asked.times = words.next()?.parse().ok()?,
            "--every" => asked.every = Duration::from_millis(words.next()?.parse().ok()?),
            "--within" => asked.within = Duration::from_millis(words.next()?.parse().ok()?),
            pid => asked.pid = Pid(pid.parse().ok()?),
        }
    }
    (asked.pid.0 != 0).then_some(asked)
}

fn main() -> ExitCode {
    let Some(asked) = asked() else {
        eprintln!("error: usage: census [--json] [--within MS] [--times N] [--every MS] PID");
        return ExitCode::from(2);
    };
    match run(&asked) {
        Ok(()) => ExitCode::SUCCESS,
        Err(no) => {
            println!("refused: {}\n{no}", no.as_str());
            ExitCode::FAILURE
        }
    }
}

fn run(asked: &Asked) -> Result<(), NoCensus> {
    let started = StartTime::of(asked.pid).unwrap_or(StartTime(0));
    let mut census = DeferCensus::attach(asked.pid, started)?;
    for i in 0..asked.times {
        let began = Instant::now();
        let taken = census.take(asked.within, |_, _| ())?;
        if asked.json {
            println!("{}", as_json(&census, &taken));
        } else {
            show(&census, &taken);
        }
        if i + 1 < asked.times {
            std::thread::sleep(asked.every.saturating_sub(began.elapsed()));
        }
    }
    Ok(())
}

fn show(census: &DeferCensus, taken: &Taken) {
    let report = &taken.report;
    let Counts { alive, exact, open_coded_unreadable, lower_bound, unstable, not_reached } =
        report.goroutines;
    let offsets = match census.program().layout_source() {
        LayoutSource::Dwarf => "its debug information".to_owned(),
        LayoutSource::Table { because } => format!("the table of its release ({because})"),
    };
    println!("process {}, built by {}; offsets by {offsets}", census.pid(), census.program().version());
    println!(
        "{} pending; goroutines: {alive} alive, {exact} exact, {open_coded_unreadable} exact but for open-coded ones, \
         {lower_bound} lower bounds, {unstable} unstable, {not_reached} not reached",
        report.pending()
    );
    println!(
        "\n{:>10} {:>10} {:>10}  {:<6} {:<5} statement",
        "pending", "goroutines", "most", "kind", "exact"
    );
    for SiteCount { site, pending, goroutines, most_in_one, exact } in &report.sites {
        let exact = if *exact { "yes" } else { "no" };
        println!(
            "{pending:>10} {goroutines:>10} {most_in_one:>10}  {:<6} {exact:<5} {}",
            site.kind.name(),
            place(&site.place)
        );
    }
    println!("\n{:>10} {:>10}  {:<24} made at, holds", "pending", "goroutine", "does");
    for Loaded { goroutine, pending, standing } in &report.most_loaded {
        let Walked { id, status, wait_reason, .. } = goroutine;
        let does = wait_reason.unwrap_or(status.name());
        println!(
            "{:>10} {id:>10}  {does:<24} {}",
            goroutine.pending(),
            report.standings.get(*standing).map(|s| place(&s.created_at)).unwrap_or_default()
        );
        for (site, count) in pending.iter().take(3) {
            println!("{:>47}  {count} {}", "", place(&site.place));
        }
    }
    println!("\n{:>10} {:>10}  {:<24} made at; stack", "pending", "goroutines", "do");
    for held in report.holders.iter().take(HOLDERS_SHOWN) {
        let Some(from) = report.standings.get(held.standing) else { continue };
        let does = from.wait_reason.unwrap_or(from.status.name());
        println!("{:>10} {:>10}  {does:<24} {}", held.pending, held.goroutines, place(&from.created_at));
        for frame in from.places() {
            println!("{:>47}  {}", "", place(frame));
        }
        let more = if from.frames_left_out > 0 { from.frames_left_out.to_string() } else { String::new() };
        match (from.is_whole, more.as_str()) {
            (true, "") => {}
            (true, more) => println!("{:>47}  … and {more} more", ""),
            (false, _) => println!("{:>47}  … and what cannot be told", ""),
        }
    }
    let cost = taken.cost;
    println!(
        "\ncost: CPU {:?}, time {:?}, {} calls, {} pieces, {} bytes",
        cost.cpu, cost.wall, cost.calls, cost.pieces, cost.bytes
    );
}

fn place(place: &Place) -> String {
    format!("{} {}:{}", place.function, place.file, place.line)
}

fn as_json(census: &DeferCensus, taken: &Taken) -> Value {
    let place = |p: &Place| json!({"function": p.function, "file": p.file, "line": p.line, "start_line": p.start_line});
    let standing = |s: &Standing| {
        json!({
            "status": s.status.name(), "wait_reason": s.wait_reason,
            "stack": s.places().map(place).collect::<Vec<_>>(), "frames_left_out": s.frames_left_out,
            "is_whole": s.is_whole, "created_at": place(&s.created_at), "start": place(&s.start),
        })
    };
    let report = &taken.report;
    let holders = report.holders.iter().map(|h| {
        json!({
            "site": h.site, "standing": h.standing, "goroutines": h.goroutines, "pending": h.pending,
            "most_in_one": h.most_in_one, "exact": h.exact, "oldest": h.oldest,
        })
    });
    let sites = report.sites.iter().map(|s| {
        json!({
            "kind": s.site.kind.name(), "place": place(&s.site.place), "pending": s.pending,
            "goroutines": s.goroutines, "most_in_one": s.most_in_one, "exact": s.exact,
        })
    });
    let loaded = report.most_loaded.iter().map(|l| {
        let g = &l.goroutine;
        let pending = l.pending.iter();
        let pending =
            pending.map(|(s, n)| json!({"kind": s.kind.name(), "place": place(&s.place), "pending": n}));
        let waited =
            taken.clock_ns.filter(|_| g.wait_since_ns > 0).map(|now| now.saturating_sub(g.wait_since_ns));
        json!({
            "goroutine": g.id, "parent": g.parent_id, "status": g.status.name(), "wait_reason": g.wait_reason,
            "wait_ns_at_least": waited, "records": g.records.name(), "open_coded": g.open_coded.name(),
            "standing": l.standing,
            "pending": pending.collect::<Vec<_>>(),
        })
    });
    let counts = report.goroutines;
    let cost = taken.cost;
    json!({
        "version": 1, "pid": census.pid().0, "go": census.program().version(), "exact": report.is_exact(),
        "sites": sites.collect::<Vec<_>>(), "most_loaded": loaded.collect::<Vec<_>>(),
        "holders": holders.collect::<Vec<_>>(),
        "standings": report.standings.iter().map(standing).collect::<Vec<_>>(),
        "goroutines": {
            "alive": counts.alive, "exact": counts.exact, "open_coded_unreadable": counts.open_coded_unreadable,
            "lower_bound": counts.lower_bound, "unstable": counts.unstable, "not_reached": counts.not_reached,
        },
        "cost": {
            "cpu_ns": u64::try_from(cost.cpu.as_nanos()).unwrap_or(u64::MAX),
            "wall_ns": u64::try_from(cost.wall.as_nanos()).unwrap_or(u64::MAX),
            "calls": cost.calls, "pieces": cost.pieces, "bytes": cost.bytes,
        },
    })
}
