//! What a program's code says of the addresses that its profiles name. Where its file can be read, kind and line of a
//! defer are exact: a return address behind a call of one of the runtime's defer functions belongs to one statement.
//!
//! It refuses to believe a program whose functions are not those that the profile names at the same addresses.

use crate::package::readable;
use linger_gobin::census::{DeferCall, Stop};

/// A program that can be asked of addresses as they are in its process.
pub trait Program {
    /// The call of a defer function that returns to this address.
    ///
    /// # Errors
    ///
    /// When its file cannot be read any more.
    fn before(&mut self, return_address: u64) -> Result<Option<DeferCall>, Stop>;

    /// The line at which the function starts that an instruction belongs to.
    ///
    /// # Errors
    ///
    /// When its file cannot be read any more.
    fn start_line(&mut self, pc: u64) -> Result<Option<u32>, Stop>;
}

/// Whether a profile calls the function of a call by the same name.
pub(super) fn is_named(call: &DeferCall, function: &str) -> bool {
    readable(function) == call.place.function
}

#[cfg(test)]
pub(super) mod tests {
    use super::Program;
    use linger_gobin::audit::Callee;
    use linger_gobin::census::{DeferCall, Place, Stop};
    use std::collections::BTreeMap;

    /// A program that tests make up: its defer calls by return address.
    #[derive(Default)]
    pub(crate) struct MadeUp(pub(crate) BTreeMap<u64, DeferCall>);

    impl MadeUp {
        pub(crate) fn with(mut self, at: u64, callee: Callee, function: &str, line: u32) -> Self {
            let place = Place { function: function.into(), file: "/src/a.go".into(), line, start_line: 10 };
            self.0.insert(at, DeferCall { callee, place });
            self
        }
    }

    impl Program for MadeUp {
        fn before(&mut self, return_address: u64) -> Result<Option<DeferCall>, Stop> {
            Ok(self.0.get(&return_address).cloned())
        }

        fn start_line(&mut self, _: u64) -> Result<Option<u32>, Stop> {
            Ok(Some(10))
        }
    }
}
