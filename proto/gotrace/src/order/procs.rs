//! Procs by id. They are few, and never go away.

use std::collections::HashMap;

/// The place of no proc.
pub(crate) const NO_PLACE: u32 = u32::MAX;

/// Ids that are asked by index. The runtime counts procs from 0.
const NEAR: usize = 1 << 10;

/// What a proc is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProcState {
    Running,
    Idle,
    /// Its goroutine is in a system call, and it may be taken away.
    Syscall,
    /// As before, but the thread it belonged to is gone.
    Abandoned,
}

impl ProcState {
    /// By the number of the format. 0 is the state of none, which only hostile traces name.
    pub(crate) fn of(status: u64) -> Option<Self> {
        match status {
            1 => Some(Self::Running),
            2 => Some(Self::Idle),
            3 => Some(Self::Syscall),
            4 => Some(Self::Abandoned),
            _ => None,
        }
    }
}

/// A proc as the order knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Proc {
    pub(crate) seq: u32,
    pub(crate) epoch: u32,
    pub(crate) state: ProcState,
    pub(crate) sweeps: bool,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Procs {
    all: Vec<Proc>,
    near: Vec<u32>,
    far: HashMap<u64, u32>,
}

impl Procs {
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// The place of an id, or [`NO_PLACE`].
    #[inline(always)]
    pub(crate) fn find(&self, id: u64) -> u32 {
        match usize::try_from(id).ok().and_then(|id| self.near.get(id)) {
            Some(place) => *place,
            None => self.far.get(&id).copied().unwrap_or(NO_PLACE),
        }
    }

    /// The proc at a place.
    #[expect(
        clippy::indexing_slicing,
        reason = "places come from `find` and `insert` alone; procs never go away"
    )]
    #[inline(always)]
    pub(crate) fn at(&mut self, place: u32) -> &mut Proc {
        &mut self.all[place as usize]
    }

    /// Adds one that is not there yet.
    pub(crate) fn insert(&mut self, id: u64, proc: Proc) -> u32 {
        let place = u32::try_from(self.all.len()).unwrap_or(NO_PLACE);
        self.all.push(proc);
        match usize::try_from(id).ok().filter(|id| *id < NEAR) {
            Some(id) => {
                if self.near.len() <= id {
                    self.near.resize(id + 1, NO_PLACE);
                }
                if let Some(near) = self.near.get_mut(id) {
                    *near = place;
                }
            }
            None => {
                self.far.insert(id, place);
            }
        }
        place
    }
}
