//! Calls in a function's code, by their bytes: on amd64 `E8` and a distance, on arm64 `BL`. Bytes that only look like
//! one are found too; who asks looks at the target.

use crate::elf::Machine;
use crate::little_endian::{u8_at, u32_at};

/// A call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) pc: u64,
    pub(super) target: u64,
}

/// Every call in code that starts at `entry`.
pub(super) fn find(machine: Machine, code: &[u8], entry: u64) -> impl Iterator<Item = Call> {
    let step = usize::from(machine.quantum());
    (0..code.len()).step_by(step).zip((entry..).step_by(step)).filter_map(move |(at, pc)| {
        let target = match machine {
            Machine::Amd64 => {
                let distance =
                    (u8_at(code, at)? == 0xe8).then(|| u32_at(code, at + 1)).flatten()?.cast_signed();
                pc.checked_add(5)?.checked_add_signed(distance.into())?
            }
            Machine::Arm64 => {
                let word = u32_at(code, at).filter(|word| word & 0xfc00_0000 == 0x9400_0000)?;
                // 26 bits of words, signed.
                pc.checked_add_signed(i64::from((word << 6).cast_signed() >> 6) * 4)?
            }
        };
        Some(Call { pc, target })
    })
}

#[cfg(test)]
mod tests {
    use super::find;
    use crate::elf::Machine;

    #[track_caller]
    fn check(machine: Machine, code: &[u8], expected: &[(u64, u64)]) {
        let found: Vec<_> = find(machine, code, 0x1000).map(|call| (call.pc, call.target)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn calls_forwards_and_backwards_are_found() {
        check(Machine::Amd64, &[0x90, 0xe8, 0xfb, 0, 0, 0], &[(0x1001, 0x1101)]);
        check(Machine::Amd64, &[0xe8, 0xfb, 0xff, 0xff, 0xff], &[(0x1000, 0x1000)]);
        check(Machine::Amd64, &[0xe8, 0xfb, 0xff, 0xff], &[]);
        check(Machine::Arm64, &[0x1f, 0x20, 0x03, 0xd5, 0x02, 0, 0, 0x94], &[(0x1004, 0x100c)]);
        check(Machine::Arm64, &[0xff, 0xff, 0xff, 0x97], &[(0x1000, 0xffc)]);
    }
}
