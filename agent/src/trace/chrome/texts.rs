//! Texts of stacks and names of functions, made once for each number of a generation and not for each event.

use super::json::push_text;
use linger_derive::is_standard_library;
use linger_gotrace::event::StackRef;
use linger_gotrace::{Frame, Tables};
use std::collections::HashMap;

/// Frames of a stack that are written: stacks are half of a file.
const FRAMES_MAX: usize = 8;

/// A stack of so many frames was cut off there, and does not show where its goroutine began (Go 1.22 to 1.27,
/// `runtime/tracestack.go` `traceStackSize`).
const FRAMES_CUT: usize = 128;

/// Bytes of stacks that are remembered: those of a busy service take 1 to 3 MB.
const REMEMBERED_BYTES_MAX: usize = 16 << 20;

/// Functions that goroutines start with that are told apart; beyond them a goroutine is known by its number alone.
const FUNCTIONS_MAX: usize = 1 << 16;

/// The function a goroutine starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Function(u32);

/// A stack as members of a JSON object: the place in the program, then the frames.
#[derive(Debug, Default)]
struct Members {
    text: String,
    /// Where the place ends and the frames begin.
    place_bytes: usize,
}

/// The texts.
#[derive(Debug, Default)]
pub(super) struct Texts {
    stacks: HashMap<u64, Members>,
    stacks_bytes: usize,
    /// The one that is not remembered.
    last: Members,
    functions: Vec<Box<[u8]>>,
    by_name: HashMap<Box<[u8]>, Function>,
    by_stack: HashMap<u64, Option<Function>>,
}

impl Texts {
    /// To be called when numbers mean something else.
    pub(super) fn forget_numbers(&mut self) {
        self.stacks.clear();
        self.stacks_bytes = 0;
        self.by_stack.clear();
    }

    /// A stack as members of a JSON object: the place in the program, and the frames. Empty without one.
    pub(super) fn stack(&mut self, tables: &Tables, stack: StackRef) -> &str {
        &self.members(tables, stack).text
    }

    /// The place alone.
    pub(super) fn place(&mut self, tables: &Tables, stack: StackRef) -> &str {
        let members = self.members(tables, stack);
        members.text.get(..members.place_bytes).unwrap_or("")
    }

    fn members(&mut self, tables: &Tables, stack: StackRef) -> &Members {
        if !self.stacks.contains_key(&stack.0) {
            let made = Members::of(tables, tables.stack(stack).unwrap_or(&[]));
            self.stacks_bytes += made.text.len();
            if self.stacks_bytes > REMEMBERED_BYTES_MAX {
                self.stacks_bytes -= made.text.len();
                self.last = made;
                return &self.last;
            }
            self.stacks.insert(stack.0, made);
        }
        self.stacks.get(&stack.0).unwrap_or(&self.last)
    }

    /// The function that a goroutine with this stack started with: the outermost one.
    pub(super) fn root(&mut self, tables: &Tables, stack: StackRef) -> Option<Function> {
        if let Some(known) = self.by_stack.get(&stack.0) {
            return *known;
        }
        let frames = tables.stack(stack).filter(|frames| frames.len() < FRAMES_CUT);
        let name = frames.and_then(<[Frame]>::last).and_then(|root| tables.string(root.function));
        let function = name.and_then(|name| self.function_of(name));
        self.by_stack.insert(stack.0, function);
        function
    }

    fn function_of(&mut self, name: &[u8]) -> Option<Function> {
        if let Some(function) = self.by_name.get(name) {
            return Some(*function);
        }
        if self.functions.len() >= FUNCTIONS_MAX {
            return None;
        }
        let function = Function(u32::try_from(self.functions.len()).ok()?);
        self.functions.push(name.into());
        self.by_name.insert(name.into(), function);
        Some(function)
    }

    /// Its name, which need not be UTF-8.
    pub(super) fn function(&self, function: Function) -> &[u8] {
        self.functions.get(function.0 as usize).map_or(&[], |name| name)
    }
}

impl Members {
    fn of(tables: &Tables, frames: &[Frame]) -> Self {
        if frames.is_empty() {
            return Self::default();
        }
        let text = |string| String::from_utf8_lossy(tables.string(string).unwrap_or(b""));
        let place = |frame: &Frame| {
            let file = text(frame.file);
            format!("{} {}:{}", text(frame.function), file.rsplit('/').next().unwrap_or(""), frame.line)
        };
        let own = frames.iter().find(|frame| !is_standard_library(&text(frame.function)));
        let mut members = b"\"at\":".to_vec();
        push_text(&mut members, own.or(frames.first()).map(place).unwrap_or_default().as_bytes());
        let place_bytes = members.len();
        let shown: Vec<String> = frames.iter().take(FRAMES_MAX).map(place).collect();
        members.extend_from_slice(b",\"stack\":");
        push_text(&mut members, shown.join(" < ").as_bytes());
        Self { text: String::from_utf8_lossy(&members).into_owned(), place_bytes }
    }
}
