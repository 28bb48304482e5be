//! What scraping costs a real service: the meter finds its process by itself, and what it counts is what the process
//! used.

use crate::environment::{self, Go};
use crate::service::{Service, get};
use linger::scrape::cost::{Basis, Meter, SETTLE, predicted};
use linger_config::CollectorKind;
use linger_probe::{Address, CpuClock, Program};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Requests made; at 1 to 3 ms each they add up to many times what the idle service uses by itself.
const REQUESTS: usize = 60;
/// Between two requests, so that there are gaps that tell of the service's own use.
const PAUSE: Duration = Duration::from_millis(110);

#[test]
fn the_meter_counts_what_an_idle_service_used() {
    let service = Service::start(Go::Newest, "waits");
    let epoch = Instant::now();
    let address = Address::Tcp { host: service.address.ip().to_string(), port: service.address.port() };
    let mut meter = Meter::new(address);
    let found = meter.search_due(epoch.elapsed()).expect("the first search is due at once").run();
    meter.searched(found, epoch.elapsed());
    let process = meter.process().expect("the service listens").clone();
    assert_eq!(process.exe, Some(environment::service(Go::Newest, "waits")));
    assert_eq!((process.program, process.others), (Program::Go, 0));

    let clock = CpuClock::of(process.pid).expect("it runs");
    let used = || clock.read().expect("it runs").as_secs_f64();
    let (mut counted, mut truth, mut measured) = (0.0, 0.0, 0);
    for _ in 0..REQUESTS {
        let before = used();
        meter.before(CollectorKind::Goroutine, epoch.elapsed());
        let began = Instant::now();
        let answer = get(service.address, "/debug/pprof/goroutine").expect("the service answers");
        assert_eq!(answer.status, 200);
        let took = began.elapsed();
        sleep(SETTLE);
        let predicted = predicted(CollectorKind::Goroutine, took, 0, 100);
        let cost = meter.after(CollectorKind::Goroutine, took, predicted, epoch.elapsed());
        sleep(PAUSE);
        if cost.basis == Basis::Measured {
            measured += 1;
            counted += cost.cpu.as_secs_f64();
            truth += used() - before;
        }
    }
    assert!(measured >= REQUESTS / 2, "{measured} of {REQUESTS} were measured");
    let share = counted / truth;
    assert!((0.6..1.05).contains(&share), "{share}: counted {counted} s of {truth} s");
}
