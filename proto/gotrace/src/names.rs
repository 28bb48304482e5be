//! Names that outlive generations. The numbers of strings change with each generation, but a region that began in one
//! ends in another.

use std::collections::HashMap;

use crate::event::{Name, StringRef};
use crate::tables::Tables;

/// Every such name once.
#[derive(Debug, Default)]
pub struct Names {
    texts: Vec<Box<[u8]>>,
    by_text: HashMap<Box<[u8]>, Name>,
    /// What the strings of the present generation with small numbers are.
    by_string: Vec<Option<Name>>,
}

/// Numbers of strings that are remembered. The runtime counts from 1 in each generation.
const REMEMBERED: usize = 1 << 12;

impl Names {
    /// The bytes of a name, which need not be UTF-8.
    pub fn text(&self, name: Name) -> &[u8] {
        self.texts.get(name.0 as usize).map_or(&[], |text| text)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// To be called when strings get new numbers.
    pub(crate) fn forget_numbers(&mut self) {
        self.by_string.clear();
    }

    /// The name that a string of the present generation is; the empty one for a string that is not there.
    #[inline]
    pub(crate) fn of(&mut self, tables: &Tables, string: StringRef) -> Name {
        match usize::try_from(string.0).ok().and_then(|number| self.by_string.get(number)) {
            Some(Some(name)) => *name,
            _ => self.of_new(tables, string),
        }
    }

    #[cold]
    fn of_new(&mut self, tables: &Tables, string: StringRef) -> Name {
        let name = self.of_text(tables.string(string).unwrap_or(b""));
        if let Some(number) = usize::try_from(string.0).ok().filter(|number| *number < REMEMBERED) {
            if self.by_string.len() <= number {
                self.by_string.resize(number + 1, None);
            }
            if let Some(place) = self.by_string.get_mut(number) {
                *place = Some(name);
            }
        }
        name
    }

    /// The name with this text.
    pub(crate) fn of_text(&mut self, text: &[u8]) -> Name {
        if let Some(name) = self.by_text.get(text) {
            return *name;
        }
        let name = Name(u32::try_from(self.texts.len()).unwrap_or(u32::MAX));
        self.texts.push(text.into());
        self.by_text.insert(text.into(), name);
        name
    }
}
