//! What a return address says of defers: which of the runtime's defer functions is called right before it, and by which
//! statement. It is the audit's rule ([`crate::audit::RuntimeCalls`]) asked of single addresses, so that a profile's few
//! hundred cost a few reads of the program's file each, once, whatever the program's size.
//!
//! It refuses to look for the statement of an open-coded defer, which calls nothing.

use super::functions::{Functions, Place};
use super::memory::{Memory, Stop};
use super::program::Code;
use crate::audit::Callee;
use std::collections::HashMap;

/// Addresses remembered, and functions that are called before them: a large server's profiles have some thousand.
const REMEMBERED_MAX: usize = 32 << 10;

/// A call of one of the runtime's defer functions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeferCall {
    /// Which.
    pub callee: Callee,
    /// Where: the `defer` statement; of [`Callee::RangeFunc`] the loop, of [`Callee::Return`] the function's return.
    pub place: Place,
}

/// The calls of defer functions of one program. It keeps what it was asked, a few hundred KB.
#[derive(Debug)]
pub struct DeferCalls<F> {
    functions: Functions<F>,
    by_target: HashMap<u64, Option<Callee>>,
    by_return: HashMap<u64, Option<DeferCall>>,
}

impl<F: Memory> DeferCalls<F> {
    /// Of a program whose file `file` reads by address, before a process was moved.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn new(code: &Code, file: F) -> Result<Self, Stop> {
        let functions = Functions::new(code, file)?;
        Ok(Self { functions, by_target: HashMap::new(), by_return: HashMap::new() })
    }

    /// The call of a defer function that returns to this address; `None` where nothing or something else is called.
    ///
    /// # Errors
    ///
    /// When the file cannot be read any more.
    pub fn before(&mut self, return_address: u64) -> Result<Option<DeferCall>, Stop> {
        if let Some(known) = self.by_return.get(&return_address) {
            return Ok(known.clone());
        }
        let callee = match self.functions.call_before(return_address)? {
            Some(target) => self.callee(target)?,
            None => None,
        };
        let found = match callee {
            // The byte before belongs to the call.
            Some(callee) => {
                Some(DeferCall { callee, place: self.functions.place(return_address.wrapping_sub(1))? })
            }
            None => None,
        };
        if self.by_return.len() >= REMEMBERED_MAX {
            self.by_return.clear();
        }
        self.by_return.insert(return_address, found.clone());
        Ok(found)
    }

    /// The line at which the function that an instruction belongs to starts; inlined ones do not count.
    ///
    /// # Errors
    ///
    /// When the file cannot be read any more.
    pub fn start_line(&mut self, pc: u64) -> Result<Option<u32>, Stop> {
        self.functions.start_line(pc)
    }

    /// Gives back the file's blocks, until something new is asked.
    pub fn let_go(&mut self) {
        self.functions.let_go();
    }

    fn callee(&mut self, target: u64) -> Result<Option<Callee>, Stop> {
        if let Some(known) = self.by_target.get(&target) {
            return Ok(*known);
        }
        let name = self.functions.name_of_entry(target)?;
        let callee = name.as_deref().and_then(Callee::by_name);
        if self.by_target.len() >= REMEMBERED_MAX {
            self.by_target.clear();
        }
        self.by_target.insert(target, callee);
        Ok(callee)
    }
}
