//! The outermost framing of a protobuf message: one field after the other, each with its offset.
//!
//! prost could decode the whole profile in one call, but then an error has no place and memory no limit. What is
//! inside a field is left to prost.

use crate::Error;

/// One field.
pub(super) struct Field<'a> {
    /// Its number in the schema.
    pub(super) number: u64,
    /// Where it starts, tag included.
    pub(super) offset: usize,
    /// Its payload where it is length-delimited (messages, strings, packed numbers).
    pub(super) payload: Option<&'a [u8]>,
    /// All of it, tag included.
    pub(super) whole: &'a [u8],
}

/// Walks over the fields of a message.
pub(super) struct Fields<'a> {
    raw: &'a [u8],
    offset: usize,
}

impl<'a> Fields<'a> {
    pub(super) fn of(raw: &'a [u8]) -> Self {
        Self { raw, offset: 0 }
    }

    /// The next field, or `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Field<'a>>, Error> {
        let start = self.offset;
        if start == self.raw.len() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let number = tag >> 3;
        if number == 0 {
            return Err(Error::Framing { offset: start, reason: "field number 0" });
        }
        let payload = match tag & 7 {
            0 => {
                self.varint()?;
                None
            }
            1 => {
                self.take(8)?;
                None
            }
            2 => {
                let length = self.varint()?;
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                Some(self.take(length)?)
            }
            5 => {
                self.take(4)?;
                None
            }
            _ => return Err(Error::Framing { offset: start, reason: "wire type that profiles do not use" }),
        };
        let whole = self.raw.get(start..self.offset).unwrap_or_default();
        Ok(Some(Field { number, offset: start, payload, whole }))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let end = self.offset.checked_add(length);
        let Some(taken) = end.and_then(|end| self.raw.get(self.offset..end)) else {
            return Err(Error::Framing { offset: self.offset, reason: "field runs past the end" });
        };
        self.offset += length;
        Ok(taken)
    }

    fn varint(&mut self) -> Result<u64, Error> {
        let start = self.offset;
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let Some(&byte) = self.raw.get(self.offset) else {
                return Err(Error::Framing { offset: start, reason: "number runs past the end" });
            };
            self.offset += 1;
            if shift == 63 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Error::Framing { offset: start, reason: "number longer than 64 bits" })
    }
}

#[cfg(test)]
mod tests {
    use super::Fields;
    use crate::Error;

    /// Number, offset and payload length of each field.
    type Seen = Vec<(u64, usize, usize)>;

    #[track_caller]
    fn check(raw: &[u8], expected: Result<Seen, (usize, &str)>) {
        let mut fields = Fields::of(raw);
        let mut seen = Vec::new();
        let outcome = loop {
            match fields.next() {
                Ok(Some(f)) => seen.push((f.number, f.offset, f.payload.map_or(0, <[u8]>::len))),
                Ok(None) => break Ok(seen),
                Err(Error::Framing { offset, reason }) => break Err((offset, reason)),
                Err(e) => unreachable!("{e}"),
            }
        };
        assert_eq!(outcome, expected);
    }

    #[test]
    fn fields_of_every_wire_type_are_walked() {
        let raw = [0x08, 0x96, 0x01, 0x12, 2, 9, 9, 0x19, 0, 0, 0, 0, 0, 0, 0, 0, 0x25, 0, 0, 0, 0];
        check(&raw, Ok(vec![(1, 0, 0), (2, 3, 2), (3, 7, 0), (4, 16, 0)]));
    }

    #[test]
    fn framing_faults_say_where() {
        check(&[0x08, 0x01, 0x12, 5, 0], Err((4, "field runs past the end")));
        check(&[0x08, 0x80], Err((1, "number runs past the end")));
        check(&[0x08, 1, 0x0b], Err((2, "wire type that profiles do not use")));
        check(&[0x00], Err((0, "field number 0")));
        let mut long = vec![0x08];
        long.extend([0xff; 10]);
        check(&long, Err((1, "number longer than 64 bits")));
        let mut huge = vec![0x12];
        huge.extend([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
        check(&huge, Err((11, "field runs past the end")));
    }
}
