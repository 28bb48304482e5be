//! Places in the program: stacks told by what they say, so that one place is one site in all generations.

use std::collections::HashMap;

use super::park;
use crate::event::{Name, StackRef};
use crate::names::Names;
use crate::tables::Tables;

/// Sites that are told apart. Beyond it places are [`OTHER`]: counted, but not named. At most 128 frames of 12 bytes
/// each, real ones about 10.
const SITES_MAX: usize = 1 << 12;

/// Names of functions and files that are learnt for them. Beyond it places are [`OTHER`] too: large services have some
/// thousands, and a trace could have a name for each two of its frames.
const NAMES_MAX: usize = 1 << 16;

/// Numbers of stacks whose sites are remembered within a generation. The runtime counts from 1.
const REMEMBERED: usize = 1 << 16;

/// The site of what has no stack, or whose stack did not come.
pub(super) const UNKNOWN: u32 = 0;
/// The site of places beyond the limit.
pub(super) const OTHER: u32 = 1;

/// A frame of a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct SiteFrame {
    pub(super) function: Name,
    pub(super) file: Name,
    pub(super) line: u32,
}

/// Which frames of a stack make a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frames {
    /// All: where something was done.
    All,
    /// Those of the program: where something waits.
    OfWaiting,
}

/// All sites, and the texts of their frames.
#[derive(Debug)]
pub(super) struct Sites {
    pub(super) names: Names,
    all: Vec<Box<[SiteFrame]>>,
    by_frames: HashMap<Box<[SiteFrame]>, u32>,
    of_stack: Vec<Option<u32>>,
    of_waiting: Vec<Option<u32>>,
    frames: Vec<SiteFrame>,
}

impl Sites {
    pub(super) fn new() -> Self {
        Self {
            names: Names::default(),
            all: vec![Box::default(), Box::default()],
            by_frames: HashMap::new(),
            of_stack: Vec::new(),
            of_waiting: Vec::new(),
            frames: Vec::new(),
        }
    }

    /// To be called when stacks get new numbers.
    pub(super) fn forget_numbers(&mut self) {
        self.names.forget_numbers();
        self.of_stack.clear();
        self.of_waiting.clear();
    }

    pub(super) fn frames(&self, site: u32) -> &[SiteFrame] {
        self.all.get(site as usize).map_or(&[], |frames| frames)
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// The site of a stack of the present generation.
    #[inline]
    pub(super) fn of(&mut self, tables: &Tables, stack: StackRef, which: Frames) -> u32 {
        let known = match which {
            Frames::All => &self.of_stack,
            Frames::OfWaiting => &self.of_waiting,
        };
        match usize::try_from(stack.0).ok().and_then(|number| known.get(number)) {
            Some(Some(site)) => *site,
            _ => self.of_new(tables, stack, which),
        }
    }

    #[cold]
    fn of_new(&mut self, tables: &Tables, stack: StackRef, which: Frames) -> u32 {
        let site = self.find(tables, stack, which);
        let known = match which {
            Frames::All => &mut self.of_stack,
            Frames::OfWaiting => &mut self.of_waiting,
        };
        if let Some(number) = usize::try_from(stack.0).ok().filter(|number| *number < REMEMBERED) {
            if known.len() <= number {
                known.resize(number + 1, None);
            }
            if let Some(place) = known.get_mut(number) {
                *place = Some(site);
            }
        }
        site
    }

    fn find(&mut self, tables: &Tables, stack: StackRef, which: Frames) -> u32 {
        let frames = tables.stack(stack).unwrap_or(&[]);
        let text = |frame: &crate::Frame| tables.string(frame.function).unwrap_or(b"");
        let skipped = match which {
            Frames::All => 0,
            Frames::OfWaiting => frames
                .iter()
                .take_while(|frame| park::is_machinery(text(frame)))
                .count()
                // The runtime's own goroutines are told by where they started.
                .min(frames.len().saturating_sub(1)),
        };
        if frames.is_empty() {
            return UNKNOWN;
        }
        if self.all.len() >= SITES_MAX || self.names.len() >= NAMES_MAX {
            // Without new names: those are bounded by the sites.
            return OTHER;
        }
        self.frames.clear();
        for frame in frames.iter().skip(skipped) {
            let function = self.names.of(tables, frame.function);
            let file = self.names.of(tables, frame.file);
            self.frames.push(SiteFrame {
                function,
                file,
                line: u32::try_from(frame.line).unwrap_or(u32::MAX),
            });
        }
        if let Some(site) = self.by_frames.get(self.frames.as_slice()) {
            return *site;
        }
        let site = u32::try_from(self.all.len()).unwrap_or(OTHER);
        self.all.push(self.frames.as_slice().into());
        self.by_frames.insert(self.frames.as_slice().into(), site);
        site
    }

    /// The function a goroutine with this stack started with: its outermost frame.
    pub(super) fn root(&mut self, tables: &Tables, stack: StackRef) -> Option<Name> {
        let frames = tables.stack(stack)?;
        // A stack that was cut off at its greatest depth does not show its root.
        let whole = frames.len() < usize::try_from(crate::wire::FRAMES_MAX).unwrap_or(usize::MAX);
        let root = frames.last().filter(|_| whole)?;
        Some(self.names.of(tables, root.function))
    }

    /// What a goroutine with this stack waits for, as far as its frames say.
    pub(super) fn reason(&self, tables: &Tables, stack: StackRef) -> Option<&'static str> {
        let frames = tables.stack(stack)?;
        let functions = frames.iter().map(|frame| tables.string(frame.function).unwrap_or(b""));
        functions
            .take_while(|function| park::is_machinery(function) || park::reason(function).is_some())
            .find_map(park::reason)
    }
}
