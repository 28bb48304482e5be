//! A made-up process for tests: a program of two functions, and goroutines with piles of records.

use super::memory::Stop;
use super::program::Program;
use super::recorded::{Mapped, Recorded, put};
use super::{Census, Limits, Report, Walked};
use crate::layout::{DeferLayout, GLayout, Layout, LayoutSource, MLayout, NoDwarf, PanicLayout};
use crate::moduledata::ModuleData;

const TABLE: u64 = 0x50_0000;
const FUNCTION_DATA: u64 = 0x60_0000;
const LIST: u64 = 0x70_0000;
const GOROUTINES: u64 = 0x100_0000;
const STACKS: u64 = 0x200_0000;
pub(super) const STACK_BYTES: u64 = 0x4000;
pub(super) const HEAP: u64 = 0x800_0000;
pub(super) const TEXT: u64 = 0x40_0000;
/// `main.hold`, with 64 bytes of stack and two open-coded defers.
const HOLD: u64 = TEXT;
/// `runtime.goexit`, above which nothing is.
const EXIT: u64 = TEXT + 0x100;
const HOLD_STACK_BYTES: u64 = 64;
/// The marks of its open-coded defers, below the end of its frame.
const BITS_BELOW: u64 = 24;
const LAYOUT: Layout = Layout {
    source: LayoutSource::Table { because: NoDwarf::Absent },
    g: GLayout {
        bytes: 312,
        stack_lo: 0,
        stack_hi: 8,
        panic: 32,
        defer: 40,
        m: 48,
        sched_sp: 56,
        sched_pc: 64,
        syscall_sp: 104,
        syscall_pc: 112,
        atomic_status: 144,
        goid: 152,
        wait_since: 168,
        wait_reason: 176,
        parent_goid: 280,
        go_pc: 288,
        start_pc: 304,
    },
    defer: DeferLayout {
        bytes: 48,
        heap: 0,
        open_defer: None,
        range_func: Some(1),
        sp: 8,
        pc: 16,
        function: 24,
        link: 32,
        head: Some(40),
    },
    panic: PanicLayout { bytes: 96, link: 16, goexit: 90, defer_bits: Some(72) },
    m: MLayout { thread_id: 64, current_g: 184 },
};

pub(super) struct Sample {
    pub(super) memory: Recorded,
    file: Recorded,
    goroutines: u64,
}

impl Sample {
    /// A process with so many goroutines, none of which is alive.
    pub(super) fn new(goroutines: u64) -> Self {
        let mut memory = Recorded::default();
        for i in 0..goroutines {
            memory.map(goroutine(i), vec![0; 312]);
            memory.map(stack(i), vec![0; usize::try_from(STACK_BYTES).expect("small")]);
            let put = |memory: &mut Recorded, at, value| memory.put(goroutine(i) + at, value);
            put(&mut memory, 0, stack(i));
            put(&mut memory, 8, stack(i) + STACK_BYTES);
            put(&mut memory, 152, i + 1);
        }
        let addresses = (0..goroutines).flat_map(|i| goroutine(i).to_le_bytes()).collect();
        memory.map(LIST + 64, addresses);
        memory.map(LIST, vec![0; 24]);
        for (at, value) in [(0, LIST + 64), (8, goroutines), (16, goroutines)] {
            memory.put(LIST + at, value);
        }
        memory.map(HEAP, vec![0; 1 << 20]);
        let mut sample = Self { memory, file: Recorded::default(), goroutines };
        sample.write_file();
        sample
    }

    /// The function table and the functions' data, in blocks as a file would have them.
    fn write_file(&mut self) {
        let mut table = vec![0; 0x1_0000];
        let mut set = |at: usize, bytes: &[u8]| {
            table.get_mut(at..at + bytes.len()).expect("inside").copy_from_slice(bytes);
        };
        let parts: [u64; 5] = [0x100, 0x200, 0x300, 0x400, 0x500];
        set(8, &2_u64.to_le_bytes());
        for (i, part) in parts.iter().enumerate() {
            set(32 + i * 8, &part.to_le_bytes());
        }
        set(0x100, b"\0main.hold\0runtime.goexit\0");
        set(0x300, b"\0hold.go\0");
        set(0x200, &1_u32.to_le_bytes());
        // Stack bytes of either, and file and line of both: differences from -1, for 0x100 bytes of code each.
        set(0x401, &[130, 1, 0x80, 2, 0]);
        set(0x411, &[2, 0x80, 2, 0]);
        set(0x421, &[20, 0x80, 2, 0]);
        for (i, word) in [0, 0x40, 0x100, 0xa0, 0x200].into_iter().enumerate() {
            set(0x500 + i * 4, &u32::to_le_bytes(word));
        }
        let record = |name: u32, calls_return: u32, sizes: u32, data: u8, flags: u8| {
            let mut bytes = [0; 64];
            let words = [(4, name), (12, calls_return), (16, sizes), (20, 0x11), (24, 0x21), (36, 5)];
            for (at, word) in words {
                bytes.get_mut(at..at + 4).expect("inside").copy_from_slice(&word.to_le_bytes());
            }
            *bytes.get_mut(41).expect("inside") = flags;
            *bytes.get_mut(43).expect("inside") = data;
            bytes
        };
        let mut hold = record(1, 0x80, 1, 5, 0);
        for at in (44..60).step_by(4) {
            hold.get_mut(at..at + 4).expect("inside").fill(0xff);
        }
        set(0x540, &hold);
        set(0x5a0, &record(11, 0, 0x11, 0, 1));
        self.file.map(TABLE, table);
        let mut data = vec![0; 0x1_0000];
        data.get_mut(..2).expect("inside").copy_from_slice(&[24, 16]);
        self.file.map(FUNCTION_DATA, data);
        self.file.map(TEXT, vec![0x90; 0x200]);
    }

    /// Lets a goroutine stand in `main.hold`, called by nobody, with these open-coded defers reached.
    pub(super) fn stands(&mut self, i: u64, bits: u64) {
        let sp = stack(i) + STACK_BYTES - HOLD_STACK_BYTES - 8;
        self.memory.put(sp + HOLD_STACK_BYTES - 8 - BITS_BELOW, bits);
        self.memory.put(sp + HOLD_STACK_BYTES, EXIT + 1);
        for (at, value) in [(56, sp), (64, HOLD + 0x20), (144, 4), (176, 19), (304, HOLD)] {
            self.memory.put(goroutine(i) + at, value);
        }
    }

    /// Lets it run.
    pub(super) fn runs(&mut self, i: u64) {
        self.stands(i, 0);
        self.memory.put(goroutine(i) + 144, 2);
    }

    /// Gives it a pile of so many records on the heap, from this one on.
    pub(super) fn pile(&mut self, i: u64, first: u64, records: u64) {
        for n in 0..records {
            self.record(i, first + n, if n + 1 == records { 0 } else { heap_record(first + n + 1) });
        }
        self.memory.put(goroutine(i) + 40, if records == 0 { 0 } else { heap_record(first) });
    }

    pub(super) fn record(&mut self, i: u64, n: u64, link: u64) {
        for (at, value) in record(i, link) {
            self.memory.put(heap_record(n) + at, value);
        }
    }

    /// Censuses of the program.
    pub(super) fn census(&mut self) -> Census<Recorded> {
        let module = ModuleData {
            address: 0,
            function_table: TABLE,
            text: TEXT,
            text_end: TEXT + 0x200,
            function_data: FUNCTION_DATA,
        };
        let program = Program::made_up(module, LAYOUT, LIST);
        Census::new(program, std::mem::take(&mut self.file)).expect("its file is made up")
    }

    pub(super) fn take(&mut self, limits: &Limits) -> Result<(Report, Vec<Walked>), Stop> {
        let mut census = self.census();
        let mut walked = Vec::new();
        let report = census.take(&mut self.memory, 0, limits, |w, _| walked.push(w.clone()))?;
        assert!(report.goroutines.alive + report.goroutines.not_reached <= self.goroutines);
        Ok((report, walked))
    }
}

/// Where a goroutine's structure is.
pub(super) fn goroutine(i: u64) -> u64 {
    GOROUTINES + i * 512
}

/// Where its stack is.
pub(super) fn stack(i: u64) -> u64 {
    STACKS + i * STACK_BYTES
}

/// Where a record on the heap is.
pub(super) fn heap_record(n: u64) -> u64 {
    HEAP + n * 48
}

/// The words of a record on the heap that belongs to a frame of this goroutine.
pub(super) fn record(i: u64, link: u64) -> [(u64, u64); 4] {
    [(0, 1), (8, stack(i) + STACK_BYTES - 256), (16, HOLD + 0x30), (32, link)]
}

/// Writes a record while the walk goes on, and makes it the head.
pub(super) fn push(mapped: &mut Mapped, i: u64, n: u64, link: u64) {
    for (at, value) in record(i, link) {
        put(mapped, heap_record(n) + at, value);
    }
    put(mapped, goroutine(i) + 40, heap_record(n));
}
