//! Claims about which check refused, and the real attempt on processes of our own.

use super::{Check, Evidence, Refused, explain, may_read_memory};
use crate::pid::Pid;
use crate::status::Status;
use std::process::{Command, Stdio};

const NONE: u64 = 0;
const TRACE: u64 = 1 << 19;
/// Docker's default set.
const CONTAINER: u64 = 0xa804_25fb;

fn status(uid: u32, gid: u32, held: u64) -> Status {
    let text = format!(
        "Uid:\t{uid}\t{uid}\t{uid}\t{uid}\nGid:\t{gid}\t{gid}\t{gid}\t{gid}\n\
         CapPrm:\t{held:016x}\nCapEff:\t{held:016x}\nCapBnd:\t{held:016x}\n"
    );
    Status::parse(&text).expect("it has user ids")
}

fn open(owner: u32) -> Evidence {
    Evidence { maps_readable: true, maps_owner: Some(owner), ..Evidence::default() }
}

fn closed(owner: u32) -> Evidence {
    Evidence { maps_readable: false, ..open(owner) }
}

fn yama(scope: u8, evidence: Evidence) -> Evidence {
    Evidence { yama_scope: Some(scope), ..evidence }
}

#[track_caller]
fn check(own: Status, theirs: Status, seen: Evidence, expected: Check) {
    assert_eq!(explain(&own, &theirs, &seen), expected);
}

#[test]
fn without_the_capability_the_first_failing_check_is_named() {
    let us = status(1000, 1000, NONE);
    check(us, status(0, 0, CONTAINER), closed(0), Check::Uid { ours: 1000, theirs: 0 });
    check(us, status(1000, 2000, NONE), closed(1000), Check::Gid { ours: 1000, theirs: 2000 });
    check(us, status(1000, 1000, NONE), closed(0), Check::Dumpable);
    check(us, status(1000, 1000, TRACE), closed(1000), Check::Capabilities);
    check(us, status(1000, 1000, NONE), yama(1, open(1000)), Check::Yama { scope: 1 });
    check(us, status(1000, 1000, NONE), yama(0, open(1000)), Check::SecurityModule);
    check(us, status(1000, 1000, NONE), open(1000), Check::SecurityModule);
    let elsewhere = Evidence { other_user_namespace: true, ..closed(1000) };
    check(us, status(1000, 1000, NONE), elsewhere, Check::Namespace);
}

#[test]
fn of_root_without_capabilities_the_set_is_asked_before_dumpable() {
    let us = status(0, 0, NONE);
    check(us, status(0, 0, CONTAINER), closed(0), Check::Capabilities);
    check(us, status(0, 0, NONE), closed(0), Check::Dumpable);
    check(us, status(0, 0, NONE), yama(1, open(0)), Check::Yama { scope: 1 });
}

#[test]
fn with_the_capability_only_what_outranks_it_is_named() {
    let us = status(0, 0, TRACE);
    let them = status(1000, 1000, CONTAINER);
    check(us, them, Evidence { other_user_namespace: true, ..closed(1000) }, Check::Namespace);
    check(us, them, yama(3, open(1000)), Check::Yama { scope: 3 });
    check(us, them, yama(2, open(1000)), Check::SecurityModule);
}

#[test]
fn one_that_changed_its_user_is_not_taken_for_ours() {
    let text = "Uid:\t1000\t1000\t0\t1000\nGid:\t1000\t1000\t1000\t1000\n";
    let them = Status::parse(text).expect("it has user ids");
    check(status(1000, 1000, NONE), them, closed(0), Check::Uid { ours: 1000, theirs: 1000 });
}

#[test]
fn a_lost_capability_is_part_of_the_sentence() {
    let refused = |capability_lost, no_new_privs| {
        Refused { check: Check::Yama { scope: 1 }, capability_lost, no_new_privs }.to_string()
    };
    assert!(!refused(false, true).contains("bounding"));
    assert!(refused(true, false).ends_with("at exec"));
    assert!(refused(true, true).ends_with("no_new_privs rules out the program file's own"));
}

#[test]
fn our_own_memory_may_be_read_and_what_ended_is_gone() {
    assert_eq!(may_read_memory(Pid::own()), Ok(()));
    let mut child = Command::new("true").stdin(Stdio::null()).spawn().expect("true is installed");
    let pid = Pid(child.id());
    child.wait().expect("it ends by itself");
    assert_eq!(may_read_memory(pid).map_err(|r| r.check), Err(Check::Gone));
    assert_eq!(may_read_memory(Pid(u32::MAX)).map_err(|r| r.check), Err(Check::Gone));
}
