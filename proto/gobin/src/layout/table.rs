//! Offsets by release of Go, for programs without debug information: what the debug information of programs built by
//! 1.21.13, 1.22.10, 1.23.9, 1.24.11, 1.25.5, 1.26.6 and 1.27.3 says, on amd64 and arm64 alike. The structures are
//! in runtime/runtime2.go. `tests/toolchains` compares the table with programs it builds.

use super::{DeferLayout, GLayout, Layout, LayoutSource, MLayout, NoDwarf, PanicLayout};
use crate::go_version::GoVersion;

/// `None` for a release that is not known.
pub(super) fn of(version: &GoVersion, because: NoDwarf) -> Option<Layout> {
    let (g, defer, panic, m) = match version.minor() {
        21 => (G_1_21, DEFER_1_21, PANIC_1_21, M_1_21),
        22 => (G_1_21, DEFER_1_22, PANIC_1_22, M_1_21),
        23 | 24 => (G_1_23, DEFER_1_22, PANIC_1_22, M_1_21),
        25 => (G_1_25, DEFER_1_22, PANIC_1_25, M_1_25),
        26 => (G_1_26, DEFER_1_22, PANIC_1_26, M_1_25),
        27 => (G_1_26, DEFER_1_22, PANIC_1_27, M_1_25),
        _ => return None,
    };
    Some(Layout { source: LayoutSource::Table { because }, g, defer, panic, m })
}

const G_1_21: GLayout = GLayout {
    bytes: 304,
    stack_lo: 0,
    stack_hi: 8,
    panic: 32,
    defer: 40,
    m: 48,
    sched_sp: 56,
    sched_pc: 64,
    syscall_sp: 112,
    syscall_pc: 120,
    atomic_status: 144,
    goid: 152,
    wait_since: 168,
    wait_reason: 176,
    parent_goid: 272,
    go_pc: 280,
    start_pc: 296,
};

/// `syscallbp` came.
const G_1_23: GLayout = GLayout {
    bytes: 312,
    atomic_status: 152,
    goid: 160,
    wait_since: 176,
    wait_reason: 184,
    parent_goid: 280,
    go_pc: 288,
    start_pc: 304,
    ..G_1_21
};

/// `gobuf.ret` went, in `sched`.
const G_1_25: GLayout = GLayout { syscall_sp: 104, syscall_pc: 112, ..G_1_21 };

const G_1_26: GLayout = GLayout { bytes: 312, parent_goid: 280, go_pc: 288, start_pc: 304, ..G_1_25 };

const DEFER_1_21: DeferLayout = DeferLayout {
    bytes: 72,
    heap: 1,
    open_defer: Some(2),
    range_func: None,
    sp: 8,
    pc: 16,
    function: 24,
    link: 40,
    head: None,
};

const DEFER_1_22: DeferLayout = DeferLayout {
    bytes: 48,
    heap: 0,
    open_defer: None,
    range_func: Some(1),
    sp: 8,
    pc: 16,
    function: 24,
    link: 32,
    head: Some(40),
};

const PANIC_1_21: PanicLayout = PanicLayout { bytes: 56, link: 24, goexit: 50, defer_bits: None };
const PANIC_1_22: PanicLayout = PanicLayout { bytes: 104, link: 24, goexit: 97, defer_bits: Some(80) };
const PANIC_1_25: PanicLayout = PanicLayout { goexit: 98, ..PANIC_1_22 };
const PANIC_1_26: PanicLayout = PanicLayout { bytes: 104, link: 16, goexit: 90, defer_bits: Some(72) };
const PANIC_1_27: PanicLayout = PanicLayout { bytes: 96, ..PANIC_1_26 };

const M_1_21: MLayout = MLayout { thread_id: 72, current_g: 192 };
const M_1_25: MLayout = MLayout { thread_id: 64, current_g: 184 };
