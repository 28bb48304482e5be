//! The string table as one text: a profile has thousands of short strings, and one allocation holds them all.

/// Strings by position. Bytes that are no UTF-8 are kept as U+FFFD, so that one odd label hides nothing else.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Strings {
    text: String,
    /// Where each string ends in `text`.
    ends: Vec<usize>,
}

impl Strings {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        match std::str::from_utf8(bytes) {
            Ok(s) => self.text.push_str(s),
            Err(_) => self.text.push_str(&String::from_utf8_lossy(bytes)),
        }
        self.ends.push(self.text.len());
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The string at `position`; `""` where there is none (positions are checked before they get here).
    pub(super) fn at(&self, position: u32) -> &str {
        let position = position as usize;
        let start = position.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        let end = self.ends.get(position).copied().unwrap_or(start);
        self.text.get(start..end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::Strings;

    #[test]
    fn strings_come_back_by_position_and_odd_bytes_become_replacement_characters() {
        let mut strings = Strings::default();
        for s in [b"".as_slice(), b"main.f", b"a\xffb", b"", "\u{e4}".as_bytes()] {
            strings.push(s);
        }
        let all: Vec<&str> = (0..6).map(|i| strings.at(i)).collect();
        assert_eq!(all, ["", "main.f", "a\u{fffd}b", "", "\u{e4}", ""]);
        assert_eq!(strings.len(), 5);
    }
}
