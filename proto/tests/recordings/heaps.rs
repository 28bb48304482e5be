//! `heap?debug=1` and the names of its addresses.

use std::collections::BTreeSet;
use std::path::Path;

use linger_proto::Limits;
use linger_proto::heap_text::{HeapText, parse};
use linger_proto::symbol;

use super::{minor, read, truth, versions};

fn heap(folder: &Path) -> HeapText {
    let heap = parse(&read(folder, "heap1.txt"), &Limits::default()).unwrap();
    assert_eq!(heap.warnings, [], "{}", folder.display());
    heap
}

#[test]
fn records_and_the_rate_are_read() {
    for folder in versions() {
        let heap = heap(&folder);
        assert_eq!(heap.rate_bytes, 512 << 10);
        assert!(heap.records.iter().all(|r| !r.pcs.is_empty() && !r.frames.is_empty()));
        let record_bytes = if minor(&folder) == 21 { 80 } else { 48 };
        for pile in truth(&folder)["defers"].as_array().unwrap() {
            let of_pile = |r: &&linger_proto::heap_text::HeapRecord| {
                r.frames.first().is_some_and(|f| {
                    f.function == pile["function"] && i64::from(f.line) == pile["line"].as_i64().unwrap()
                }) && r.in_use_bytes == r.in_use_objects * record_bytes
            };
            let sampled: i64 = heap.records.iter().filter(of_pile).map(|r| r.in_use_objects).sum();
            assert!(sampled > 0, "{}: {pile}", folder.display());
        }
    }
}

#[test]
fn the_trailer_tells_one_process_from_the_next() {
    for folder in versions() {
        let stats = heap(&folder).mem_stats.unwrap();
        assert!(stats.num_gc >= 2 && stats.num_forced_gc >= 2);
        let slot = (stats.num_gc as usize + 255) % 256;
        assert_eq!(stats.pause_end_ns[slot], stats.last_gc_ns, "{}", folder.display());
        assert!(stats.pause_ns[slot] > 0);
        assert_eq!(stats.mallocs - stats.frees, stats.heap_objects);
        assert_eq!(stats.heap_inuse_bytes + stats.heap_idle_bytes, stats.heap_sys_bytes);
        assert!(stats.heap_alloc_bytes <= stats.total_alloc_bytes && stats.heap_sys_bytes < stats.sys_bytes);
        assert!(stats.heap_released_bytes <= stats.heap_idle_bytes);
        assert!(stats.stack_inuse_bytes > 0 && stats.next_gc_bytes > 0);
        assert!((0.0..1.0).contains(&stats.gc_cpu_fraction));
        assert!(stats.max_rss_bytes.unwrap() > 20_000_000, "40 MB of defers are piled up");
    }
}

#[test]
fn every_address_gets_its_name_and_the_runtimes_own_are_there() {
    for folder in versions() {
        let names = symbol::parse(&read(&folder, "symbol.txt")).unwrap();
        let heap = heap(&folder);
        let pcs: BTreeSet<u64> = heap.records.iter().flat_map(|r| r.pcs.iter().copied()).collect();
        assert_eq!(pcs, names.keys().copied().collect(), "{}", folder.display());
        assert!(names.values().any(|name| name == "runtime.newdefer"));
        for record in heap.records.iter().filter(|r| r.frames[0].function == "main.pilePlain") {
            let chain: Vec<&str> = record.pcs.iter().map(|pc| &*names[pc]).collect();
            assert!(chain.ends_with(&[
                "runtime.newdefer",
                "runtime.deferproc",
                "main.pilePlain",
                "runtime.goexit"
            ]));
        }
    }
}
