//! The defers that are pending in a process, of every kind, by goroutine and statement: a walk over its memory while
//! it goes on.
//!
//! The walk is pure: [`Memory`] reads for it, be it a process, a core or a test. It follows `runtime.allgs` to all
//! goroutines, from each its list of records ([`chain`]), and along its stack the marks of open-coded defers
//! ([`stack`]). What it reads changes meanwhile, and may be made up by a hostile process: every address, length and
//! flag is checked, every loop has a limit, and what could not be settled is told as such ([`Records`],
//! [`OpenCoded`]), never as zero.
//!
//! It refuses to guess: a running goroutine's open-coded defers are in no memory that can be told, and are said to be
//! unreadable.

mod blocks;
mod calls;
mod chain;
mod defer_calls;
mod functions;
mod goroutine;
mod holders;
mod limits;
mod memory;
mod program;
#[cfg(test)]
mod recorded;
mod report;
#[cfg(test)]
mod sample;
mod sites;
mod stack;
#[cfg(test)]
mod tests;
mod wait_reason;
mod walk;
mod walked;

pub use defer_calls::{DeferCall, DeferCalls};
pub use functions::{Frame, Place};
pub use goroutine::Status;
pub use holders::{Holders, Standing};
pub use limits::Limits;
pub use memory::{Memory, Piece, Stop};
pub use program::{Code, Program};
pub use report::{Counts, Loaded, Report, SiteCount};
pub use sites::{Site, SiteNumber};
pub use walked::{OpenCoded, Records, Walked};

use functions::Functions;
use report::Tally;
use sites::Sites;
use walk::Walker;

/// Censuses of one program. It keeps what it learnt of the program's code, a few hundred KB.
#[derive(Debug)]
pub struct Census<F> {
    program: Program,
    functions: Functions<F>,
    sites: Sites,
}

impl<F: Memory> Census<F> {
    /// Of processes that run this program, whose file `file` reads by address, before a process was moved.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn new(program: Program, file: F) -> Result<Self, Stop> {
        let functions = Functions::new(&program.code, file)?;
        Ok(Self { program, functions, sites: Sites::default() })
    }

    /// What it knows of the program.
    #[must_use]
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// A statement by its number.
    #[must_use]
    pub fn site(&self, number: SiteNumber) -> Option<&Site> {
        self.sites.get(number)
    }

    /// Counts what is pending in a process. `bias` is what its addresses are above those of the file; `each` is told
    /// of every goroutine, and of how many are pending in it at which statement.
    ///
    /// # Errors
    ///
    /// When the process ended or was replaced, or its memory may not be read any more. When time is over, what was
    /// counted by then is the answer, and [`Counts::not_reached`] says what is missing.
    pub fn take(
        &mut self,
        memory: &mut impl Memory,
        bias: u64,
        limits: &Limits,
        mut each: impl FnMut(&Walked, &[(SiteNumber, u64)]),
    ) -> Result<Report, Stop> {
        let mut tally = Tally::new(limits);
        let sites = &mut self.sites;
        let mut walker = Walker::new(memory, &mut self.functions, &self.program, limits, bias);
        let listed = walker.all(&mut |functions, walked| {
            each(&walked, tally.find(sites, functions, &walked)?);
            tally.add(walked);
            Ok(())
        })?;
        let report = tally.report(&self.sites, &mut self.functions, listed);
        self.functions.let_go();
        report
    }
}
