//! Statements by the marks that memory shows: instances of a generic function and copies that were inlined are one.

use super::functions::{Functions, Mark, Place};
use super::memory::{Memory, Stop};
use crate::audit::DeferKind;
use std::collections::HashMap;

/// Most statements told apart: Kubernetes' API server has 6,000. Those beyond are summed as one.
const SITES_MAX: usize = 32 << 10;

/// A defer statement. Of a loop over a function ([`DeferKind::Range`]) it is the loop, which is what memory tells; of
/// several loops in a function that Go 1.23 or 1.24 compiled, the line is not told.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Site {
    /// How it keeps its record.
    pub kind: DeferKind,
    /// Where it is.
    pub place: Place,
}

/// A statement by its number, which stays the same in all censuses of one [`super::Census`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SiteNumber(pub(super) usize);

/// All that were seen of one program.
#[derive(Debug, Default)]
pub(super) struct Sites {
    sites: Vec<Site>,
    by_mark: HashMap<Mark, SiteNumber>,
    by_site: HashMap<Site, SiteNumber>,
}

impl Sites {
    /// The number of the statement that a mark belongs to.
    pub(super) fn number<F: Memory>(
        &mut self,
        functions: &mut Functions<F>,
        mark: Mark,
    ) -> Result<SiteNumber, Stop> {
        if let Some(number) = self.by_mark.get(&mark) {
            return Ok(*number);
        }
        let full = self.by_mark.len() >= SITES_MAX;
        let place = match mark.kind {
            _ if full => {
                let others = "?".to_owned();
                Place { function: others.clone(), file: others, line: 0, start_line: 0 }
            }
            DeferKind::Open => functions.place_of_slot(mark.pc, mark.slot)?,
            DeferKind::Range => functions.place_of_loop(mark.pc)?,
            // The byte before belongs to the call.
            _ => functions.place(mark.pc.wrapping_sub(1))?,
        };
        let site = Site { kind: mark.kind, place };
        let next = SiteNumber(self.sites.len());
        let number = *self.by_site.entry(site.clone()).or_insert(next);
        if number == next {
            self.sites.push(site);
        }
        if !full {
            self.by_mark.insert(mark, number);
        }
        Ok(number)
    }

    pub(super) fn get(&self, number: SiteNumber) -> Option<&Site> {
        self.sites.get(number.0)
    }
}
