//! Method B: goroutines inside a deferred call, from a goroutine profile with debug=0.
//!
//! A frame that returns behind a call of `runtime.deferreturn` is a function that is about to return and runs what it
//! deferred; which addresses those are the program's file tells. A deferred call that a panic or `runtime.Goexit` runs
//! is told by their frames alone. A clean-up that hangs is seen here and nowhere else: what runs is not pending any more.
//!
//! It is blind to open-coded defers that run at a return: they are plain calls, from inlined code.

use super::program::{Program, is_named};
use crate::Frame;
use crate::package::{package_of, readable};
use crate::site::{SITE_ID_BYTES_MAX, Site, StartLines, bounded};
use linger_gobin::audit::Callee;
use linger_gobin::census::Stop;
use linger_proto::pprof::{self, Profile};
use std::collections::BTreeMap;

/// What made a deferred call run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum How {
    /// Its function returns.
    Return,
    /// A panic.
    Panic,
    /// `runtime.Goexit`.
    Exit,
}

impl How {
    /// All, in the order they are shown.
    pub const ALL: [Self; 3] = [Self::Return, Self::Panic, Self::Exit];

    /// The word used in labels and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Return => "return",
            Self::Panic => "panic",
            Self::Exit => "exit",
        }
    }
}

/// Goroutines inside a deferred call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// What made it run.
    pub how: How,
    /// Where its function returns, where the panic came from, or who called `Goexit`.
    pub site: Site,
    /// The function that is called; empty where it has no name.
    pub call: String,
    /// How many.
    pub goroutines: u64,
}

/// Who is inside a deferred call, each goroutine once, by the innermost one; the most first. Without a program those of
/// [`How::Return`] are not known. `None` when the profile holds no goroutines.
///
/// # Errors
///
/// When the program's file cannot be read any more.
pub fn running(
    profile: &Profile,
    mut program: Option<&mut dyn Program>,
    start_lines: &StartLines,
) -> Result<Option<Vec<Running>>, Stop> {
    let Some(value) = profile.value_index("goroutine") else { return Ok(None) };
    let mut found: BTreeMap<(How, String, String), Running> = BTreeMap::new();
    for sample in profile.samples() {
        let goroutines = u64::try_from(sample.value(value)).unwrap_or(0);
        if goroutines == 0 {
            continue;
        }
        let frames: Vec<pprof::Frame<'_>> = sample.frames().collect();
        let Some((how, site, call)) = innermost(&frames, &mut program, start_lines)? else { continue };
        found
            .entry((how, site.id.clone(), call.clone()))
            .and_modify(|known| known.goroutines += goroutines)
            .or_insert(Running { how, site, call, goroutines });
    }
    let mut found: Vec<Running> = found.into_values().collect();
    found.sort_by_key(|running| std::cmp::Reverse(running.goroutines));
    Ok(Some(found))
}

/// The innermost deferred call of a stack, leaf first.
fn innermost(
    frames: &[pprof::Frame<'_>],
    program: &mut Option<&mut dyn Program>,
    start_lines: &StartLines,
) -> Result<Option<(How, Site, String)>, Stop> {
    for (i, pair) in frames.windows(2).enumerate() {
        let [called, frame] = pair else { continue };
        let call = || bounded(readable(called.function), SITE_ID_BYTES_MAX);
        let how = match frame.function {
            // What a panic that ends the process calls to print itself is no deferred call.
            "runtime.gopanic" if package_of(called.function) != "runtime" => Some(How::Panic),
            "runtime.Goexit" if package_of(called.function) != "runtime" => Some(How::Exit),
            _ => None,
        };
        if let Some(how) = how {
            let outer = frames.get(i + 2..).unwrap_or_default();
            let of_runtime = |f: &&pprof::Frame<'_>| package_of(f.function) == "runtime";
            let from = outer.iter().skip_while(of_runtime).copied().map(Frame::from);
            let site = Site::of_statement(from, start_lines).unwrap_or_else(Site::unknown);
            return Ok(Some((how, site, call())));
        }
        // An inlined frame has its caller's address.
        let Some(program) = program.as_deref_mut().filter(|_| !frame.inlined) else { continue };
        let returns = program.before(frame.address.wrapping_add(1))?;
        if let Some(found) = returns.filter(|f| f.callee == Callee::Return && is_named(f, frame.function)) {
            let place = &found.place;
            let site = Site::of_line(&place.function, &place.file, place.line, place.start_line);
            return Ok(Some((How::Return, site, call())));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::running;
    use crate::defers::program::tests::MadeUp;
    use crate::site::StartLines;
    use linger_gobin::audit::Callee;
    use linger_proto::{Limits, pprof};

    /// A goroutine profile of these stacks, leaf first, each frame at the address of its place in the list of names.
    fn profile(stacks: &[(i64, &str)]) -> pprof::Profile {
        let names: Vec<&str> = stacks.iter().flat_map(|(_, stack)| stack.split(' ')).collect();
        let mut bytes = Vec::new();
        field(&mut bytes, 1, &message(&[(1, 1), (2, 2)]));
        let mut at = 0;
        for (count, stack) in stacks {
            let mut sample = Vec::new();
            for _ in stack.split(' ') {
                at += 1;
                sample.extend([0x08, at]);
            }
            sample.extend([0x10, u8::try_from(*count).unwrap()]);
            field(&mut bytes, 2, &sample);
        }
        for (id, _) in (1..).zip(&names) {
            let line = message(&[(1, id), (2, 40)]);
            let mut location = message(&[(1, id), (3, 0x10 + id)]);
            field(&mut location, 4, &line);
            field(&mut bytes, 4, &location);
            field(&mut bytes, 5, &message(&[(1, id), (2, id + 2), (5, 30)]));
        }
        for text in ["", "goroutine", "count"].iter().chain(&names) {
            field(&mut bytes, 6, text.as_bytes());
        }
        pprof::decode(&bytes, &Limits::default()).unwrap()
    }

    fn message(numbers: &[(u8, u8)]) -> Vec<u8> {
        numbers.iter().flat_map(|(field, value)| [field << 3, *value]).collect()
    }

    fn field(into: &mut Vec<u8>, number: u8, bytes: &[u8]) {
        into.extend([number << 3 | 2, u8::try_from(bytes.len()).unwrap()]);
        into.extend(bytes);
    }

    #[track_caller]
    fn check(stacks: &[(i64, &str)], program: Option<MadeUp>, expected: &[&str]) {
        let mut program = program;
        let program = program.as_mut().map(|p| p as &mut dyn crate::defers::program::Program);
        let found = running(&profile(stacks), program, &StartLines::default()).unwrap().unwrap();
        let told: Vec<String> = found
            .iter()
            .map(|r| format!("{} {} {} runs {}", r.goroutines, r.how.as_str(), r.site.id, r.call))
            .collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn panics_and_exits_are_told_by_their_frames() {
        check(
            &[
                (
                    3,
                    "runtime.gopark main.clean runtime.gopanic runtime.panicmem runtime.sigpanic main.f main.main",
                ),
                (2, "runtime.gopark main.clean runtime.Goexit testing.FailNow main.f"),
                (1, "runtime.gopark runtime.printpanics runtime.gopanic main.f"),
                (1, "runtime.gopark main.f runtime.main"),
                (1, "runtime.gopark main.clean runtime.gopanic"),
            ],
            None,
            &[
                "3 panic main.f+10 runs main.clean",
                "2 exit testing.FailNow+10 runs main.clean",
                "1 panic unknown runs main.clean",
            ],
        );
    }

    #[test]
    fn a_return_is_told_by_the_address_behind_its_call() {
        // Frame `main.f` is the third: its address is 0x13.
        let stacks =
            [(4, "runtime.gopark main.clean main.f main.main"), (1, "runtime.gopark main.f main.main")];
        let program = || MadeUp::default().with(0x14, Callee::Return, "main.f", 17);
        check(&stacks, Some(program()), &["4 return main.f+7 runs main.clean"]);
        check(&stacks, None, &[]);
        check(&stacks, Some(MadeUp::default().with(0x14, Callee::Proc, "main.f", 17)), &[]);
        let other_program = MadeUp::default().with(0x14, Callee::Return, "main.g", 17);
        check(&stacks, Some(other_program), &[]);
        let inner = [(1, "main.x main.clean main.f runtime.gopanic main.g main.main")];
        check(&inner, Some(program()), &["1 return main.f+7 runs main.clean"]);
    }
}
