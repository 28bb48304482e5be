//! The rules over recordings of a known service, one folder per Go version (`tests/recordings/record` makes
//! them): what was planted there is what must be derived.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of these tests fail like the tests"
)]

use linger_derive::defers::cpu::{self, Rate};
use linger_derive::defers::heap::{self, HeapDefers, Symbols};
use linger_derive::goroutines::{Goroutines, Memory, SiteLimit, by_site};
use linger_derive::incarnation::{Verdict, same_process};
use linger_derive::site::StartLines;
use linger_derive::{Frame, GoRoot, Site, WaitClass, contention, defers::Kind};
use linger_proto::goroutine_text::{DumpParser, Goroutine};
use linger_proto::pprof::Profile;
use linger_proto::{Limits, heap_text, pprof, symbol};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

struct Recording {
    folder: PathBuf,
    version: String,
}

/// All recordings there are, the oldest version first; fails when there are none.
fn recordings() -> Vec<Recording> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/recordings"));
    let mut all: Vec<Recording> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("truth.json").is_file())
        .map(|folder| Recording {
            version: folder.file_name().unwrap().to_str().unwrap().trim_start_matches("go").to_owned(),
            folder,
        })
        .collect();
    all.sort_by_key(Recording::minor);
    assert!(all.len() >= 2, "recordings of two versions at least");
    all
}

impl Recording {
    fn minor(&self) -> u32 {
        self.version.trim_start_matches("1.").parse().unwrap()
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.folder.join(name)).unwrap_or_else(|e| panic!("{} {name}: {e}", self.version))
    }

    fn profile(&self, name: &str) -> Profile {
        pprof::decode(&self.read(name), &Limits::default()).unwrap()
    }

    fn truth(&self) -> Value {
        serde_json::from_slice(&self.read("truth.json")).unwrap()
    }

    fn planted(&self) -> Vec<Planted> {
        let planted = |v: &Value| Planted {
            class: v["class"].as_str().unwrap().parse().unwrap(),
            function: v["function"].as_str().unwrap().to_owned(),
            line: u32::try_from(v["line"].as_u64().unwrap()).unwrap(),
            leaked: v["leaked"].as_bool().unwrap(),
            count: v["count"].as_u64().unwrap(),
        };
        self.truth()["goroutines"].as_array().unwrap().iter().map(planted).collect()
    }

    fn heap(&self) -> (heap_text::HeapText, Symbols) {
        let heap = heap_text::parse(&self.read("heap1.txt"), &Limits::default()).unwrap();
        // The recording asked for return addresses; we ask for the calls before them.
        let symbols = symbol::parse(&self.read("symbol.txt")).unwrap();
        (heap, symbols.into_iter().map(|(pc, name)| (pc - 1, name)).collect())
    }

    fn goroutines(&self, name: &str) -> Goroutines {
        let profile = self.profile(name);
        let go_root = GoRoot::learn(Frame::of_functions(&profile));
        assert!(go_root.is_known(), "{}", self.version);
        by_site(&profile, &go_root, SiteLimit::default(), &Memory::default()).unwrap()
    }

    fn dump(&self, name: &str) -> Vec<Goroutine> {
        let mut parser = DumpParser::new(Limits::default());
        let mut all = parser.push(&self.read(name)).unwrap();
        all.extend(parser.finish().unwrap().last);
        all
    }
}

#[derive(Debug)]
struct Planted {
    class: WaitClass,
    function: String,
    line: u32,
    leaked: bool,
    count: u64,
}

/// The goroutines of one planted site. One of them waits in a function that is inlined into the planted one,
/// and the inlined one is the owner: a line of its own.
fn count_of(counts: &BTreeMap<(WaitClass, String, u32), u64>, p: &Planted) -> u64 {
    let key = |function: &str, line| (p.class, function.to_owned(), line);
    match &*p.function {
        "main.receiveInlined" => {
            let inlined = counts.iter().filter(|((class, f, _), _)| *class == p.class && f == "main.take");
            inlined.map(|(_, n)| n).sum()
        }
        function => counts.get(&key(function, p.line)).copied().unwrap_or(0),
    }
}

#[test]
fn every_planted_goroutine_is_counted_at_its_line_in_its_class() {
    for r in recordings() {
        let g = r.goroutines("goroutine.pb.gz");
        let counts: BTreeMap<_, _> =
            g.sites.iter().map(|s| ((s.class, s.site.function.clone(), s.site.line), s.count)).collect();
        for p in r.planted() {
            assert_eq!(count_of(&counts, &p), p.count, "{} {p:?} in {counts:#?}", r.version);
        }
        let planted: u64 = r.planted().iter().map(|p| p.count).sum();
        assert!(g.total >= planted && g.total <= planted + 10, "{}: {} of {planted}", r.version, g.total);
        assert_eq!(g.sites.iter().map(|s| s.count).sum::<u64>() + g.empty_stacks, g.total);
        assert_eq!(g.max_waiters_on_one_stack, 3, "{}", r.version);
        for s in &g.sites {
            // Go tells start lines from 1.20 on.
            let mark = if r.minor() >= 20 { '+' } else { ':' };
            assert!(s.site.id.contains(mark), "{}: {:?}", r.version, s.site);
        }
    }
}

#[test]
fn every_planted_goroutine_of_a_dump_has_its_class() {
    for r in recordings() {
        for name in ["goroutine2.txt", "goroutine2_leaked.txt"] {
            if !r.folder.join(name).is_file() {
                continue;
            }
            let mut counts = BTreeMap::new();
            for g in r.dump(name) {
                let class = WaitClass::from_state(&g.state, g.frames.iter().map(Frame::from));
                let frames = g.frames.iter().map(Frame::from);
                let site = Site::of_stack(frames, &GoRoot::default(), &StartLines::default()).unwrap();
                *counts.entry((class, site.function, site.line)).or_default() += 1;
            }
            for p in r.planted() {
                assert_eq!(count_of(&counts, &p), p.count, "{} {name} {p:?} in {counts:#?}", r.version);
            }
        }
    }
}

#[test]
fn proven_leaks_are_those_that_were_planted() {
    for r in recordings().into_iter().filter(|r| r.folder.join("goroutineleak.pb.gz").is_file()) {
        let g = r.goroutines("goroutineleak.pb.gz");
        let counts: BTreeMap<_, _> =
            g.sites.iter().map(|s| ((s.class, s.site.function.clone(), s.site.line), s.count)).collect();
        for p in r.planted() {
            let expected = if p.leaked { p.count } else { 0 };
            assert_eq!(count_of(&counts, &p), expected, "{} {p:?} in {counts:#?}", r.version);
        }
    }
}

/// Of a 95 % interval one in twenty misses, so all of many would be too much to ask: a share of them may miss,
/// and none by far.
#[test]
fn the_interval_of_pending_heap_defers_holds_the_truth() {
    let (mut intervals, mut missed) = (0, Vec::new());
    for r in recordings() {
        let (heap, symbols) = r.heap();
        let HeapDefers::Sampled(s) = heap::pending(&heap, &symbols, &StartLines::default()) else {
            panic!("{}: profiling is on", r.version)
        };
        for pile in r.truth()["defers"].as_array().unwrap() {
            let id = format!("{}:{}", pile["function"].as_str().unwrap(), pile["line"]);
            let truth = pile["count"].as_f64().unwrap();
            let found = s.pending.iter().find(|p| p.site.id == id);
            let found = found.unwrap_or_else(|| panic!("{} {id} is not in {:#?}", r.version, s.pending));
            intervals += 1;
            if truth < found.low || found.high < truth {
                missed.push(format!("{} {truth}: {found:?}", r.version));
            }
            assert!(
                found.low / 2.0 <= truth && truth <= found.high * 2.0,
                "{} {truth}: {found:?}",
                r.version
            );
            assert_eq!(found.kind, Kind::Heap);
            assert!(truth >= s.floor);
        }
        assert_eq!(s.pending.len(), r.truth()["defers"].as_array().unwrap().len(), "{:#?}", s.pending);
        assert_eq!((s.unresolved.records, s.unnamed), (0, None), "{}", r.version);
        assert!(s.as_of_gc.unwrap().num_gc > 0);
    }
    assert!(missed.len() <= 1 + intervals / 10, "{missed:#?} of {intervals}");
}

#[test]
fn few_addresses_have_to_be_resolved_and_then_none() {
    for r in recordings() {
        let (heap, symbols) = r.heap();
        let asked = heap::pcs_to_resolve(&heap, &Symbols::new());
        let all: usize = heap.records.iter().map(|record| record.pcs.len()).sum();
        assert!(!asked.is_empty() && asked.len() <= 16, "{}: {} of {all}", r.version, asked.len());
        assert!(asked.iter().all(|pc| symbols.contains_key(pc)), "{}: {asked:x?}", r.version);
        assert!(heap::pcs_to_resolve(&heap, &symbols).is_empty());
    }
}

#[test]
fn start_lines_of_the_goroutine_profile_name_the_piles_for_good() {
    for r in recordings().into_iter().filter(|r| r.minor() >= 20) {
        let (heap, symbols) = r.heap();
        let mut lines = StartLines::default();
        lines.learn(Frame::of_functions(&r.profile("goroutine.pb.gz")));
        let HeapDefers::Sampled(s) = heap::pending(&heap, &symbols, &lines) else {
            panic!("profiling is on")
        };
        let ids: Vec<&str> = s.pending.iter().map(|p| &*p.site.id).collect();
        assert_eq!(ids, ["main.pileCapturing+3", "main.pilePlain+3"], "{}", r.version);
    }
}

#[test]
fn a_cpu_profile_shows_the_kinds_that_ran_and_the_functions_that_ran_them() {
    for r in recordings() {
        let profile = cpu::from_profile(&r.profile("cpu.pb.gz")).unwrap();
        assert_eq!(profile.sample_seconds, 0.01);
        assert!(profile.window_seconds > 1.5 && profile.cpu_seconds > 0.1, "{}: {profile:?}", r.version);
        let pooled = cpu::pool([&profile], Some(r.minor()), 1);
        for (kind, function) in [(Kind::Heap, "main.heapDefers"), (Kind::Stack, "main.stackDefer")] {
            // Registering a stack defer is so cheap that a short profile may miss it: then the kind is open.
            let told = |k| k == kind || (kind == Kind::Stack && k == Kind::Mixed);
            let found = pooled.by_function.iter().find(|d| told(d.kind) && d.function == function);
            let found = found.unwrap_or_else(|| panic!("{} {kind} {function}: {pooled:#?}", r.version));
            let Rate::Estimate { per_second, interval } = found.rate else { panic!("{found:?}") };
            assert!(interval.low < per_second && per_second < interval.high);
            assert!(found.ratio.interval.low > 0.0 && found.ratio.value < 0.95, "{found:?}");
        }
        // Open-coded defers leave nothing to see, and the service has no range-over-func.
        assert!(pooled.by_function.iter().all(|d| d.function != "main.openDefer" && d.kind != Kind::Range));
        let range = pooled.by_kind.iter().find(|d| d.kind == Kind::Range).unwrap();
        assert!(matches!(range.rate, Rate::BelowFloor { at_most } if at_most > 0.0));
    }
}

#[test]
fn the_trailer_of_a_heap_page_identifies_its_process() {
    let stats: Vec<_> = recordings().iter().map(|r| r.heap().0.mem_stats.unwrap()).collect();
    for (i, a) in stats.iter().enumerate() {
        for (j, b) in stats.iter().enumerate() {
            assert_eq!(same_process(a, b) == Verdict::Same, i == j);
        }
    }
}

#[test]
fn waiting_for_locks_is_charged_to_the_user_code_around_them() {
    for r in recordings() {
        for name in ["mutex.pb.gz", "block.pb.gz"] {
            let profile = r.profile(name);
            let sites = contention::by_site(&profile, &GoRoot::learn(Frame::of_functions(&profile))).unwrap();
            let found = sites.iter().find(|c| c.site.function.starts_with("main.contend"));
            let found = found.unwrap_or_else(|| panic!("{} {name}: {sites:#?}", r.version));
            assert!(found.seconds > 0.0 && found.count > 0, "{} {name}: {found:?}", r.version);
        }
    }
    let recordings = recordings();
    assert!(contention::by_site(&recordings[0].profile("cpu.pb.gz"), &GoRoot::default()).is_none());
    assert!(cpu::from_profile(&recordings[0].profile("mutex.pb.gz")).is_none());
}
