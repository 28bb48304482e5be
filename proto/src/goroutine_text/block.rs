//! One goroutine of a dump: its header, its frames, who created it.

use super::{CreatedBy, DumpFrame, Goroutine, header};
use crate::Error;
use crate::lines::{file_line, hex, warn};

/// Parses one goroutine's text. `line` and `offset` are where it starts in the dump, for the warnings. `None` where
/// not even its header can be read.
pub(super) fn parse(text: &str, line: usize, offset: usize, warnings: &mut Vec<Error>) -> Option<Goroutine> {
    let mut offset = offset;
    let mut numbered = (line..).zip(text.split_inclusive('\n')).map(|(number, raw)| {
        let start = offset;
        offset += raw.len();
        (number, start, raw.trim_end_matches(['\n', '\r']))
    });
    let (line, offset, first) = numbered.find(|(_, _, text)| !text.is_empty())?;
    let Some(mut goroutine) = header::parse(first) else {
        warn(warnings, Error::Line { line, offset, expected: "a goroutine's header" });
        return None;
    };
    let mut place = Place::Nowhere;
    for (line, offset, text) in numbered {
        match goroutine.line(text, place) {
            Some(Place::Ancestors) => break,
            Some(next) => place = next,
            None => warn(warnings, Error::Line { line, offset, expected: "a frame of a goroutine" }),
        }
    }
    Some(goroutine)
}

/// What the next indented line belongs to.
#[derive(Clone, Copy)]
enum Place {
    Nowhere,
    /// The frame added last.
    Frame,
    CreatedBy,
    /// The goroutines that led to this one: nothing after this is about this goroutine.
    Ancestors,
}

impl Goroutine {
    /// Takes a line below the header; `None` where it is none of those known.
    fn line(&mut self, text: &str, place: Place) -> Option<Place> {
        if let Some(detail) = text.strip_prefix('\t') {
            self.detail(detail, place)?;
            return Some(Place::Nowhere);
        }
        if text.is_empty() {
            return Some(Place::Nowhere);
        }
        if let Some(creator) = text.strip_prefix("created by ") {
            self.created_by = Some(created_by(creator));
            return Some(Place::CreatedBy);
        }
        if text.starts_with("...") && text.ends_with("frames elided...") {
            self.frames_elided = true;
            return Some(Place::Nowhere);
        }
        if text.starts_with("[originating from goroutine ") {
            return Some(Place::Ancestors);
        }
        self.frames.push(frame(text)?);
        Some(Place::Frame)
    }

    /// Takes an indented line.
    fn detail(&mut self, detail: &str, place: Place) -> Option<()> {
        match place {
            Place::Frame => {
                let frame = self.frames.last_mut()?;
                let (position, offset) = position(detail);
                if let Some((file, line)) = file_line(position) {
                    frame.file = file.to_owned();
                    frame.line = line;
                    frame.offset = offset;
                    return Some(());
                }
                // A cgo symbolizer that knows no file.
                detail.starts_with("pc=").then_some(())
            }
            Place::CreatedBy => {
                let (file, line) = file_line(position(detail).0)?;
                let creator = self.created_by.as_mut()?;
                creator.file = file.to_owned();
                creator.line = line;
                Some(())
            }
            Place::Nowhere | Place::Ancestors => {
                let unavailable = detail.ends_with("stack unavailable");
                self.stack_unavailable |= unavailable;
                unavailable.then_some(())
            }
        }
    }
}

/// `main.f in goroutine 7`; the second half since Go 1.21.
fn created_by(creator: &str) -> CreatedBy {
    let split = creator.rsplit_once(" in goroutine ").and_then(|(f, id)| Some((f, id.parse().ok()?)));
    let (function, parent) = split.map_or((creator, None), |(function, id)| (function, Some(id)));
    CreatedBy { function: function.to_owned(), parent, ..CreatedBy::default() }
}

/// `main.(*T).f(0x1, {0x2, ...})`, `main.g(...)` where inlined, or what a cgo symbolizer says. Arguments hold no
/// parenthesis, so the last one starts them.
fn frame(text: &str) -> Option<DumpFrame> {
    if text.starts_with("non-Go function") {
        return Some(DumpFrame::default());
    }
    let (function, arguments) = match text.strip_suffix(')') {
        Some(call) => call.rsplit_once('(')?,
        // Only a cgo symbolizer prints a function without arguments; it has no blank in its name.
        None if text.contains(' ') => return None,
        None => (text, ""),
    };
    Some(DumpFrame { function: function.to_owned(), inlined: arguments == "...", ..DumpFrame::default() })
}

/// Splits `/src/a.go:12 +0x1f fp=0x… sp=0x… pc=0x…` into the position and the offset. The path may hold blanks.
fn position(detail: &str) -> (&str, Option<u64>) {
    let detail = [" fp=0x", " pc=0x"].iter().fold(detail, |d, mark| d.split_once(mark).map_or(d, |(d, _)| d));
    match detail.rsplit_once(" +") {
        Some((position, offset)) if hex(offset).is_some() => (position, hex(offset)),
        _ => (detail, None),
    }
}
