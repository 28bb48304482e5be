//! The walk over all goroutines, a batch at a time: their structures in one read, then their stacks in as few as it
//! takes, then their records; then the structures once more. What did not stand still in between, and what runs, is
//! looked at again by itself.

use super::blocks::Blocks;
use super::chain::{Chain, End, Near};
use super::functions::{Functions, Mark};
use super::goroutine::{Goroutine, Life, Status};
use super::limits::Limits;
use super::memory::{Memory, Piece, Stop};
use super::program::Program;
use super::stack::{Progress, Unwinding};
use super::walked::{OpenCoded, Records, Walked};
use crate::little_endian::u64_at;

/// Goroutines of a batch: as many as `process_vm_readv` takes pieces (`IOV_MAX`).
const BATCH: usize = 1024;
/// Bytes of a `runtime.g` taken; layouts have up to 312.
const G_BYTES_MAX: usize = 4 << 10;
/// Bytes of a stack read at once, by how often there were not enough: nearly all parked goroutines have less in use
/// than the first (Go starts with stacks of 2 KiB).
const WINDOWS: [usize; 3] = [2 << 10, 16 << 10, 256 << 10];
/// Bytes of stacks at hand at once.
const WINDOWS_BYTES: usize = 2 << 20;
/// Times a goroutine is looked at by itself before what was walked is all that is told of it.
const ATTEMPTS: usize = 3;
/// Blocks of memory kept for piles: 2 MiB. A page each: blocks of four save a sixth of the CPU time where a pile's
/// records lie side by side, and take twice as much where the heap is worn and they do not.
const BLOCK_BYTES: usize = 4 << 10;
const BLOCKS: usize = 512;
/// Times the list of goroutines is read again when it was being moved.
const LIST_ATTEMPTS: usize = 5;
const WORD: u64 = 8;

/// The walk of one census.
pub(super) struct Walker<'w, M, F> {
    pub(super) memory: &'w mut M,
    pub(super) functions: &'w mut Functions<F>,
    pub(super) program: &'w Program,
    pub(super) limits: &'w Limits,
    /// What the process's addresses are above those of the file.
    pub(super) bias: u64,
    pub(super) blocks: Blocks,
    /// The instruction asked for last that belongs to a function with defers.
    pub(super) last_with_defers: Option<u64>,
    is_over: bool,
}

/// What became of a list of goroutines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Listed {
    /// Entries of the list, ended goroutines too.
    pub(super) entries: u64,
    /// Entries that were not reached.
    pub(super) not_reached: u64,
}

/// What came of looking at one goroutine by itself.
enum Alone {
    Walked(Box<Walked>),
    Ended,
    /// There is nothing at its address.
    Unreadable,
}

/// A goroutine of the batch.
struct Member {
    address: u64,
    /// As it was looked at first, and last.
    first: Goroutine,
    later: Option<Goroutine>,
    /// Its stack, unless it runs, and how far that was followed.
    unwinding: Option<Unwinding>,
    progress: Option<Progress>,
    chain: Option<Chain>,
}

impl Member {
    fn new(address: u64, g: Goroutine, bias: u64) -> Self {
        let is_on_stack = (g.stack_lo..g.stack_hi).contains(&g.sp);
        let unwinding =
            g.stands().then(|| Unwinding::new(g.sp, g.pc, g.stack_hi, bias)).filter(|_| is_on_stack);
        Self { address, first: g, later: None, unwinding, progress: None, chain: None }
    }

    fn stood_still(&self) -> bool {
        self.later.is_some_and(|later| self.first.stood_still(&later))
    }
}

impl<'w, M: Memory, F: Memory> Walker<'w, M, F> {
    pub(super) fn new(
        memory: &'w mut M,
        functions: &'w mut Functions<F>,
        program: &'w Program,
        limits: &'w Limits,
        bias: u64,
    ) -> Self {
        let blocks = Blocks::new(BLOCK_BYTES, BLOCKS);
        Self { memory, functions, program, limits, bias, blocks, last_with_defers: None, is_over: false }
    }

    /// Walks all of them, and calls `each` with what was found of every one that lives.
    pub(super) fn all(
        &mut self,
        each: &mut impl FnMut(&mut Functions<F>, Walked) -> Result<(), Stop>,
    ) -> Result<Listed, Stop> {
        self.memory.confirm()?;
        let (_, length) = self.list()?;
        let entries = length.min(self.limits.goroutines);
        let mut done = 0;
        while done < entries && !self.is_over {
            let count = usize::try_from(entries - done).unwrap_or(usize::MAX).min(BATCH);
            let found = self.addresses(done, count)?;
            let (walked, missed) = self.batch(&found)?;
            done += u64::try_from(count - missed).unwrap_or(u64::MAX);
            // What a batch found is told once it is certain that all of it is of this process.
            match self.memory.confirm() {
                Err(Stop::OutOfTime) => self.is_over = true,
                confirmed => confirmed?,
            }
            for walked in walked {
                each(self.functions, walked)?;
            }
        }
        Ok(Listed { entries: length, not_reached: length - done })
    }

    /// Whether to go no further. Asked in the middle of a pile, where what was walked so far still counts.
    pub(super) fn out_of_time(&mut self) -> Result<bool, Stop> {
        match self.memory.confirm() {
            Err(Stop::OutOfTime) => self.is_over = true,
            confirmed => confirmed?,
        }
        Ok(self.is_over)
    }

    /// Where `runtime.allgs` is just now, and how long (Go 1.27, runtime/proc.go, `allgadd`). It only grows.
    fn list(&mut self) -> Result<(u64, u64), Stop> {
        let mut before = [0; 24];
        for _ in 0..LIST_ATTEMPTS {
            let mut now = [0; 24];
            if !self.memory.read(self.program.all_goroutines.wrapping_add(self.bias), &mut now)? {
                return Err(Stop::Replaced);
            }
            let word = |at| u64_at(&now, at).unwrap_or_default();
            let (start, length, capacity) = (word(0), word(8), word(16));
            // Three words that are written one by one: twice the same, they belong together.
            if now == before && start != 0 && length <= capacity {
                return Ok((start, length));
            }
            before = now;
        }
        Ok((0, 0))
    }

    /// Addresses of some goroutines of the list.
    fn addresses(&mut self, from: u64, count: usize) -> Result<Vec<u64>, Stop> {
        let mut bytes = vec![0; count * 8];
        for _ in 0..LIST_ATTEMPTS {
            let (start, length) = self.list()?;
            let enough = length >= from.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
            let at = start.wrapping_add(from.wrapping_mul(WORD));
            if enough && self.memory.read(at, &mut bytes)? && self.list()?.0 == start {
                let words = bytes.chunks_exact(8).map(|word| u64_at(word, 0).unwrap_or_default());
                return Ok(words.filter(|address| *address != 0).collect());
            }
        }
        Err(Stop::Replaced)
    }

    /// One batch, and how many of it could not be reached in time.
    fn batch(&mut self, addresses: &[u64]) -> Result<(Vec<Walked>, usize), Stop> {
        self.blocks.forget();
        let mut alone = Vec::new();
        let mut members = Vec::new();
        for (address, found) in addresses.iter().copied().zip(self.goroutines(addresses)?) {
            match found {
                Some(g) if g.life == Life::None => {}
                Some(g) if g.stands() => members.push(Member::new(address, g, self.bias)),
                _ => alone.push(address),
            }
        }
        let near = self.unwind_all(&mut members)?;
        self.look_again(&mut members, |_| true)?;
        for (member, near) in members.iter_mut().zip(&near) {
            if member.stood_still() && !self.is_over {
                let near = Near { start: member.first.sp, bytes: near };
                member.chain = Some(self.chain(&member.first, near)?);
            }
        }
        // Those whose records all lie in what was read of the stack stood still while it was.
        self.look_again(&mut members, |member| member.chain.as_ref().is_some_and(|c| c.is_beyond_near))?;
        let (mut walked, mut missed) = (Vec::new(), 0);
        for mut member in members {
            let Some(chain) = member.chain.take() else {
                if self.is_over {
                    missed += 1;
                } else {
                    alone.push(member.address);
                }
                continue;
            };
            let records = self.holds(&member, &chain)?;
            // Looked at once more it may hold, while there is time.
            if records != Records::Exact && chain.end != End::Limit && !self.is_over {
                alone.push(member.address);
                continue;
            }
            let open = open_coded(&member);
            walked.push(self.told(&member.first, chain, records, member.unwinding, open));
        }
        for address in alone {
            if self.is_over {
                missed += 1;
                continue;
            }
            match self.alone(address)? {
                Alone::Walked(found) => walked.push(*found),
                Alone::Ended => {}
                Alone::Unreadable => missed += 1,
            }
        }
        Ok((walked, missed))
    }

    /// A goroutine that runs, or did not stand still. Its stack and its records are settled one after the other: a
    /// stack takes microseconds, a pile may take a second, in which most goroutines do something.
    fn alone(&mut self, address: u64) -> Result<Alone, Stop> {
        let Some(mut member) = self.alone_on_stack(address)? else { return Ok(Alone::Unreadable) };
        let mut best: Option<(Records, Chain)> = None;
        for _ in 0..ATTEMPTS {
            self.blocks.forget();
            let Some(first) = self.goroutine(address)? else { break };
            if first.life == Life::None {
                return Ok(Alone::Ended);
            }
            let chain = self.chain(&first, Near { start: first.stack_lo, bytes: &[] })?;
            member = Member { first, later: self.goroutine(address)?, ..member };
            let records = self.holds(&member, &chain)?;
            let is_settled = records == Records::Exact || chain.end == End::Limit || self.is_over;
            // The longest is the best bound from below.
            if is_settled || best.as_ref().is_none_or(|(_, best)| best.records <= chain.records) {
                best = Some((records, chain));
            }
            if is_settled {
                break;
            }
        }
        let Some((records, chain)) = best else { return Ok(Alone::Unreadable) };
        let open = open_coded(&member);
        Ok(Alone::Walked(Box::new(self.told(&member.first, chain, records, member.unwinding, open))))
    }

    /// Follows the stack of one goroutine, if possible while it stands still.
    fn alone_on_stack(&mut self, address: u64) -> Result<Option<Member>, Stop> {
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let Some(first) = self.goroutine(address)? else { return Ok(last) };
            let mut member = [Member::new(address, first, self.bias)];
            self.unwind_all(&mut member)?;
            self.look_again(&mut member, |_| true)?;
            let [mut member] = member;
            let is_settled = member.stood_still();
            if !is_settled {
                // Frames of different moments are none.
                (member.unwinding, member.progress) = (None, None);
            }
            last = Some(member);
            if is_settled {
                break;
            }
        }
        Ok(last)
    }

    /// How far the records that were walked hold.
    fn holds(&mut self, member: &Member, chain: &Chain) -> Result<Records, Stop> {
        let Some(later) = member.later else { return Ok(Records::Unstable) };
        let first = &member.first;
        let is_moved = |g: &Goroutine| g.life == Life::Alive(Status::InMotion);
        if chain.end == End::Broken || is_moved(first) {
            return Ok(Records::Unstable);
        }
        let is_held = first.stood_still(&later)
            || first.same_stack(&later) && self.still_leads_to(first, later.defers, chain.anchor)?;
        Ok(if is_held && chain.end == End::Whole { Records::Exact } else { Records::LowerBound })
    }

    /// Reads the structures of some members once more.
    fn look_again(&mut self, members: &mut [Member], wanted: impl Fn(&Member) -> bool) -> Result<(), Stop> {
        let addresses: Vec<u64> = members.iter().filter(|m| wanted(m)).map(|m| m.address).collect();
        let mut read = self.goroutines(&addresses)?.into_iter();
        for member in members.iter_mut() {
            if wanted(member) {
                member.later = read.next().flatten();
            }
        }
        Ok(())
    }

    /// Follows the stacks of all members, in rounds of ever larger windows. Answers with the first window of each,
    /// in which most of their records on the stack are.
    fn unwind_all(&mut self, members: &mut [Member]) -> Result<Vec<Vec<u8>>, Stop> {
        let mut near = vec![Vec::new(); members.len()];
        // What each needs next: from where on.
        let mut waiting: Vec<(usize, u64)> = members
            .iter()
            .enumerate()
            .filter(|(_, m)| m.unwinding.is_some())
            .map(|(i, m)| (i, m.first.sp))
            .collect();
        for round in 0.. {
            let window = WINDOWS.get(round).or(WINDOWS.last()).copied().unwrap_or_default();
            let mut still = Vec::new();
            for group in waiting.chunks((WINDOWS_BYTES / window).max(1)) {
                let read = self.windows(members, group, window)?;
                for (&(i, from), bytes) in group.iter().zip(read) {
                    let Some(member) = members.get_mut(i) else { continue };
                    let Some(unwinding) = &mut member.unwinding else { continue };
                    let progress = match unwinding.advance(self.functions, from, &bytes)? {
                        // The largest window at just this place was not enough: no frame is that large.
                        Progress::Needs(next) if next <= from && round >= WINDOWS.len() => Progress::Stopped,
                        Progress::Needs(next) if !bytes.is_empty() => {
                            still.push((i, next));
                            Progress::Stopped
                        }
                        Progress::Needs(_) => Progress::Stopped,
                        end => end,
                    };
                    member.progress = Some(progress);
                    if round == 0
                        && let Some(near) = near.get_mut(i)
                    {
                        *near = bytes;
                    }
                }
            }
            waiting = still;
            if waiting.is_empty() || self.is_over {
                break;
            }
            if round >= WINDOWS.len() && self.out_of_time()? {
                break;
            }
        }
        Ok(near)
    }

    /// A window of each stack, empty where it cannot be read.
    fn windows(
        &mut self,
        members: &[Member],
        group: &[(usize, u64)],
        window: usize,
    ) -> Result<Vec<Vec<u8>>, Stop> {
        let pieces: Vec<Piece> = group
            .iter()
            .map(|&(i, from)| {
                let left = members.get(i).map_or(0, |m| m.first.stack_hi.saturating_sub(from));
                Piece { address: from, bytes: usize::try_from(left).unwrap_or(usize::MAX).min(window) }
            })
            .collect();
        self.pieces(&pieces)
    }

    fn goroutines(&mut self, addresses: &[u64]) -> Result<Vec<Option<Goroutine>>, Stop> {
        let bytes = usize::from(self.program.layout.g.bytes).min(G_BYTES_MAX);
        let pieces: Vec<Piece> = addresses.iter().map(|&address| Piece { address, bytes }).collect();
        let read = self.pieces(&pieces)?;
        Ok(read.iter().map(|bytes| Goroutine::read(&self.program.layout, bytes)).collect())
    }

    fn goroutine(&mut self, address: u64) -> Result<Option<Goroutine>, Stop> {
        Ok(self.goroutines(&[address])?.pop().flatten())
    }

    /// The pieces' bytes, none of those that cannot be read.
    fn pieces(&mut self, pieces: &[Piece]) -> Result<Vec<Vec<u8>>, Stop> {
        let mut bytes = vec![0; pieces.iter().map(|piece| piece.bytes).sum()];
        let mut readable = Vec::with_capacity(pieces.len());
        self.memory.read_pieces(pieces, &mut bytes, &mut readable)?;
        let mut rest = bytes.as_slice();
        let mut read = Vec::with_capacity(pieces.len());
        for (piece, readable) in pieces.iter().zip(readable) {
            let (part, after) = rest.split_at_checked(piece.bytes).unwrap_or_default();
            read.push(if readable { part.to_vec() } else { Vec::new() });
            rest = after;
        }
        Ok(read)
    }

    fn told(
        &self,
        g: &Goroutine,
        chain: Chain,
        records: Records,
        unwinding: Option<Unwinding>,
        open_coded: OpenCoded,
    ) -> Walked {
        let mut marks: Vec<(Mark, u64)> = chain.marks;
        let (stack, open) = unwinding.map(Unwinding::stack).unwrap_or_default();
        marks.extend(open);
        Walked::new(g, self.program, self.bias, records, open_coded, marks, stack)
    }
}

/// What the way along the stack says of open-coded defers.
fn open_coded(member: &Member) -> OpenCoded {
    match member.progress {
        Some(Progress::Whole) => OpenCoded::Exact,
        Some(_) => OpenCoded::LowerBound,
        None => OpenCoded::Unreadable,
    }
}
