//! The walk over made-up memory: what stands, what grows, what is taken away under it, and what nobody should meet.

use super::memory::{Memory, Stop};
use super::recorded::put;
use super::sample::{HEAP, Sample, goroutine, heap_record, push};
use super::{Limits, OpenCoded, Records, Walked};
use crate::audit::DeferKind;
use proptest::prelude::*;

/// One goroutine's result: how far its records hold, how far its open-coded defers, how many of each kind.
#[track_caller]
fn check(mut sample: Sample, expected: (Records, OpenCoded, u64, u64)) {
    let (report, walked) = sample.take(&Limits::default()).expect("a census");
    let [one] = walked.as_slice() else { panic!("one goroutine: {walked:?}") };
    assert_eq!((one.records, one.open_coded, on_heap(one), open(one)), expected);
    assert_eq!(report.pending(), expected.2 + expected.3);
}

fn on_heap(walked: &Walked) -> u64 {
    walked.marks.iter().filter(|(mark, _)| mark.kind != DeferKind::Open).map(|(_, count)| count).sum()
}

fn open(walked: &Walked) -> u64 {
    walked.marks.iter().filter(|(mark, _)| mark.kind == DeferKind::Open).map(|(_, count)| count).sum()
}

#[test]
fn what_stands_is_counted_exactly() {
    let mut sample = Sample::new(1);
    sample.stands(0, 0b11);
    sample.pile(0, 0, 10_000);
    check(sample, (Records::Exact, OpenCoded::Exact, 10_000, 2));
}

#[test]
fn sites_and_holders_are_told() {
    let mut sample = Sample::new(3);
    for i in 0..2 {
        sample.stands(i, 0b01);
        sample.pile(i, i * 100, 5 + i);
    }
    let (report, _) = sample.take(&Limits::default()).expect("a census");
    assert!(report.is_exact() && report.goroutines.alive == 2);
    let [heap, open] = report.sites.as_slice() else { panic!("two sites: {:?}", report.sites) };
    assert_eq!((heap.pending, heap.goroutines, heap.most_in_one, heap.exact), (11, 2, 6, true));
    assert_eq!((open.pending, open.goroutines, open.most_in_one), (2, 2, 1));
    let place = &heap.site.place;
    assert_eq!((place.function.as_str(), place.file.as_str(), place.line), ("main.hold", "hold.go", 9));
    let [most, next] = report.most_loaded.as_slice() else { panic!("two goroutines") };
    assert_eq!((most.goroutine.id, most.goroutine.pending()), (2, 7));
    assert_eq!((next.goroutine.id, next.goroutine.wait_reason), (1, Some("chan receive")));
}

#[test]
fn a_pile_that_grows_is_counted_as_of_the_first_look() {
    let mut sample = Sample::new(1);
    sample.runs(0);
    sample.pile(0, 10_000, 2_000);
    // With every read ten more, also while the list is walked.
    let mut next = 10_000;
    sample.memory.change = Some(Box::new(move |mapped, _| {
        for _ in 0..10 {
            next -= 1;
            push(mapped, 0, next, heap_record(next + 1));
        }
    }));
    let (report, walked) = sample.take(&Limits::default()).expect("a census");
    let [one] = walked.as_slice() else { panic!("one goroutine") };
    assert_eq!((one.records, one.open_coded), (Records::Exact, OpenCoded::Unreadable));
    assert!((2_000..2_200).contains(&on_heap(one)), "{}", on_heap(one));
    assert_eq!((report.goroutines.open_coded_unreadable, report.is_exact()), (1, false));
}

#[test]
fn a_pile_that_comes_and_goes_is_at_least_what_was_walked() {
    let mut sample = Sample::new(1);
    sample.runs(0);
    sample.pile(0, 0, 100);
    // Nothing is pending at every second look.
    let mut looks = 0;
    sample.memory.change = Some(Box::new(move |mapped, address| {
        if address == goroutine(0) {
            looks += 1;
            put(mapped, goroutine(0) + 40, if looks % 2 == 0 { heap_record(0) } else { 0 });
        }
    }));
    check(sample, (Records::LowerBound, OpenCoded::Unreadable, 100, 0));
}

#[test]
fn a_record_used_anew_is_not_taken_for_the_one_before() {
    let mut sample = Sample::new(1);
    sample.runs(0);
    sample.pile(0, 0, 100);
    // The head stays, what it leads to does not.
    let mut looks = 0;
    sample.memory.change = Some(Box::new(move |mapped, address| {
        if address == goroutine(0) {
            looks += 1;
            put(mapped, heap_record(0) + 32, heap_record(1 + looks % 7));
        }
    }));
    let (_, walked) = sample.take(&Limits::default()).expect("a census");
    assert_eq!(walked.first().map(|w| w.records), Some(Records::LowerBound));
}

#[test]
fn the_newest_record_half_written_is_not_pending_yet() {
    let mut sample = Sample::new(1);
    sample.runs(0);
    sample.pile(0, 0, 100);
    sample.memory.put(heap_record(0) + 16, 0);
    check(sample, (Records::Exact, OpenCoded::Unreadable, 99, 0));
}

#[test]
fn a_list_that_breaks_off_is_no_number_and_not_zero() {
    let broken: [fn(&mut Sample); 6] = [
        |s| s.memory.put(heap_record(50) + 32, 0x1234_5678), // leads nowhere
        |s| s.memory.put(heap_record(50), 0),                // says it is on the stack
        |s| s.memory.put(heap_record(50) + 8, HEAP),         // of a frame that is not on the stack
        |s| s.memory.put(heap_record(50) + 16, HEAP),        // made by no instruction
        |s| s.memory.put(heap_record(50) + 32, heap_record(20)), // a circle
        |s| s.memory.put(heap_record(50), 0x1_01),           // a loop without a list
    ];
    for (i, spoil) in broken.into_iter().enumerate() {
        let mut sample = Sample::new(1);
        sample.stands(0, 0b1);
        sample.pile(0, 0, 100);
        spoil(&mut sample);
        let (report, walked) = sample.take(&Limits::default()).expect("a census");
        let [one] = walked.as_slice() else { panic!("one goroutine") };
        assert_eq!((i, one.records), (i, Records::Unstable));
        assert!(on_heap(one) >= 50 && report.goroutines.unstable == 1, "{i}: {}", on_heap(one));
    }
}

#[test]
fn a_loop_over_a_function_holds_a_list_of_its_own() {
    let mut sample = Sample::new(1);
    sample.stands(0, 0);
    sample.pile(0, 0, 3);
    // The second one is a loop's, and leads to a cell that leads to seven more.
    let cell = HEAP + 0x8_0000;
    sample.memory.put(heap_record(1), 0x1_01);
    sample.memory.put(heap_record(1) + 40, cell);
    sample.memory.put(cell, heap_record(100));
    for n in 100..107 {
        sample.record(0, n, if n == 106 { 0 } else { heap_record(n + 1) });
    }
    let (_, walked) = sample.take(&Limits::default()).expect("a census");
    let kinds: Vec<_> = walked.iter().flat_map(|w| w.marks.iter().map(|(m, n)| (m.kind, *n))).collect();
    assert_eq!(kinds, [(DeferKind::Heap, 2), (DeferKind::Range, 7)]);
    sample = Sample::new(1);
    sample.stands(0, 0);
    sample.pile(0, 0, 2);
    sample.memory.put(heap_record(1), 0x1_01);
    sample.memory.put(heap_record(1) + 40, cell);
    sample.memory.put(cell, 1); // its records are being moved to the goroutine's list
    check(sample, (Records::Unstable, OpenCoded::Exact, 1, 0));
}

#[test]
fn a_limit_makes_a_lower_bound() {
    let mut sample = Sample::new(1);
    sample.stands(0, 0);
    sample.pile(0, 0, 1_000);
    let limits = Limits { records_in_one: 300, ..Limits::default() };
    let (report, walked) = sample.take(&limits).expect("a census");
    let [one] = walked.as_slice() else { panic!("one goroutine") };
    assert_eq!(
        (one.records, on_heap(one), report.sites.first().map(|s| s.exact)),
        (Records::LowerBound, 300, Some(false))
    );
}

#[test]
fn what_there_was_no_time_for_is_said() {
    let mut sample = Sample::new(3_000);
    for i in 0..3_000 {
        sample.stands(i, 0b1);
    }
    sample.memory.calls_max = Some(5_000);
    let (report, _) = sample.take(&Limits::default()).expect("a census");
    let counts = report.goroutines;
    assert!(counts.not_reached >= 900 && counts.alive + counts.not_reached == 3_000, "{counts:?}");
    assert!(!report.is_exact());
}

#[test]
fn who_ended_or_is_not_born_is_none() {
    for status in [0, 6, 11, 0x1006] {
        let mut sample = Sample::new(1);
        sample.stands(0, 0b1);
        sample.memory.put(goroutine(0) + 144, status);
        let (report, walked) = sample.take(&Limits::default()).expect("a census");
        assert_eq!((walked.len(), report.pending(), report.is_exact()), (0, 0, true));
    }
}

#[test]
fn whose_stack_is_moved_is_unstable() {
    let mut sample = Sample::new(1);
    sample.stands(0, 0b1);
    sample.pile(0, 0, 10);
    sample.memory.put(goroutine(0) + 144, 8);
    check(sample, (Records::Unstable, OpenCoded::Unreadable, 10, 0));
}

#[test]
fn a_stack_that_leads_nowhere_makes_open_coded_ones_a_lower_bound() {
    let mut sample = Sample::new(1);
    sample.stands(0, 0b11);
    let top = super::sample::stack(0) + super::sample::STACK_BYTES - 8;
    sample.memory.put(top, HEAP);
    check(sample, (Records::Exact, OpenCoded::LowerBound, 0, 2));
}

/// Memory that holds something at every address: what a hostile process could show at worst. Words point to where
/// records and goroutines would be, or are small, or anything.
struct Made {
    seed: u64,
    calls: u64,
}

impl Made {
    fn byte(&self, address: u64) -> u8 {
        let word = address & !7;
        let mut x = word ^ self.seed;
        for _ in 0..2 {
            x = (x ^ (x >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
        let value = match x % 8 {
            0..=3 => HEAP + (x >> 8) % 0x1_0000 * 8,
            4 => (x >> 8) % 12,
            5 => super::sample::TEXT + (x >> 8) % 0x200,
            6 => 0x1_01,
            _ => x,
        };
        let [byte, ..] = (value >> ((address & 7) * 8)).to_le_bytes();
        byte
    }
}

impl Memory for Made {
    fn read(&mut self, address: u64, into: &mut [u8]) -> Result<bool, Stop> {
        self.calls += 1;
        for (byte, at) in into.iter_mut().zip(0..) {
            *byte = self.byte(address.wrapping_add(at));
        }
        Ok(!self.byte(address ^ self.seed).is_multiple_of(16))
    }

    fn confirm(&mut self) -> Result<(), Stop> {
        if self.calls > 3_000 { Err(Stop::OutOfTime) } else { Ok(()) }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn made_up_memory_neither_panics_nor_keeps_us(seed: u64) {
        let mut sample = Sample::new(0);
        let limits = Limits { goroutines: 200, records_in_one: 1_000, most_loaded: 5, holders: 20 };
        let mut census = sample.census();
        let mut memory = Made { seed, calls: 0 };
        if let Ok(report) = census.take(&mut memory, 0, &limits, |_, _| ()) {
            prop_assert!(report.goroutines.alive <= 200 && report.most_loaded.len() <= 5);
            prop_assert!(report.holders.len() <= 20);
        }
    }

    #[test]
    fn a_spoiled_word_neither_panics_nor_makes_a_whole_of_what_is_not(
        at in 0_u64..312,
        record in 0_u64..40,
        value in prop_oneof![any::<u64>(), 0_u64..16, HEAP..HEAP + 4096],
        in_goroutine: bool,
    ) {
        let mut sample = Sample::new(2);
        for i in 0..2 {
            sample.stands(i, 0b11);
            sample.pile(i, i * 20, 20);
        }
        sample.memory.put(if in_goroutine { goroutine(0) + (at & !7) % 304 } else { heap_record(record) + at % 40 }, value);
        let (report, walked) = sample.take(&Limits { records_in_one: 1_000, ..Limits::default() }).expect("a census");
        let exact = |w: &&Walked| w.records == Records::Exact;
        prop_assert!(walked.iter().filter(exact).all(|w| on_heap(w) <= 40));
        prop_assert!(report.goroutines.alive <= 2);
    }
}
