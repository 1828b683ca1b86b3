//! Deltas: an object told by what it has of another, its base, and what it adds.
//!
//! Format: git's `Documentation/gitformat-pack.txt`. Every offset, size and count is checked against what is there.

use std::ops::Range;

use super::Failure;
use super::inflate::room;
use crate::model::Copied;

const BAD: Failure = Failure::Corrupt("its delta does not fit its base");

/// The size of what a delta makes, as it says itself.
pub(super) fn result_size(delta: &[u8]) -> Option<u64> {
    delta_size(delta, delta_size(delta, 0)?.1).map(|(size, _)| size)
}

/// Applies a delta to its base.
pub(super) fn apply(base: &[u8], delta: &[u8], limit: u64, out: &mut Vec<u8>) -> Result<(), Failure> {
    apply_noting(base, delta, limit, out, &mut |_| {})
}

/// The same; `note` is told what is copied, in the object's order: what follows each other in both as one.
pub(super) fn apply_noting(
    base: &[u8],
    delta: &[u8],
    limit: u64,
    out: &mut Vec<u8>,
    note: &mut impl FnMut(Copied),
) -> Result<(), Failure> {
    let (size, mut ops) = Ops::of(delta, base.len(), limit)?;
    out.clear();
    /// As much more may be written before it is taken back ([`append`]).
    const SLACK: usize = FEW;
    // All at once, and exactly: what is held is counted. Nothing is touched before it is written.
    room(out, size + SLACK)?;
    let mut last = Copied { from: 0, to: 0, length: 0 };
    while let Some(op) = ops.next()? {
        let (piece, length) = match op {
            Op::Copy { from, length } => {
                if !join(&mut last, from, out.len(), length) {
                    note(last);
                    last = Copied { from, to: out.len(), length };
                }
                (base.get(from..).ok_or(BAD)?, length)
            }
            Op::Insert { at, length } => (delta.get(at..).ok_or(BAD)?, length),
        };
        if out.len() + length > size {
            return Err(BAD);
        }
        append(out, piece, length).ok_or(BAD)?;
    }
    note(last);
    if out.len() == size { Ok(()) } else { Err(BAD) }
}

/// So many bytes are written at once by [`append`] where that is enough.
const FEW: usize = 64;

/// Appends the first `length` bytes of `from`, mostly a few dozen; `None` where it has fewer.
#[inline]
fn append(out: &mut Vec<u8>, from: &[u8], length: usize) -> Option<()> {
    // Of a length that is known when this is compiled, twice as fast as a call for every few bytes; and of one for all, since
    // what comes next cannot be foretold.
    if length <= FEW
        && let Some(few) = from.first_chunk::<FEW>()
    {
        out.extend_from_slice(few);
        out.truncate(out.len() - (FEW - length));
    } else {
        out.extend_from_slice(from.get(..length)?);
    }
    Some(())
}

/// Adds to a copy another that follows it in both; whether it does.
#[inline]
fn join(last: &mut Copied, from: usize, to: usize, length: usize) -> bool {
    let follows = last.to + last.length == to && last.from + last.length == from;
    last.length += if follows { length } else { 0 };
    follows
}

/// Makes an object where its base stands, of a base that nobody else needs: what stays in its place is not touched, and
/// little of a large file moves from version to version.
#[derive(Default)]
pub(super) struct InPlace {
    /// What is moved: in order, here and there.
    moves: Vec<Copied>,
    /// What is written afterwards: what is inserted, and what is too short to be moved or in no order.
    patches: Vec<Patch>,
    /// What the latter have of the base.
    aside: Vec<u8>,
    /// What nobody moves of a base that is needed again, and how long that is ([`InPlace::take_back`]).
    lost: Vec<u8>,
    base: usize,
}

struct Patch {
    to: usize,
    from: usize,
    length: usize,
    is_inserted: bool,
}

impl InPlace {
    /// Whether a delta is so short that this is faster than to make the object anew.
    pub(super) fn is_faster(base: &[u8], delta: &[u8]) -> bool {
        const SMALL: usize = 4 << 10;
        base.len() >= SMALL && delta.len() <= base.len() / 16
    }

    /// As [`apply_noting`], in place. Where it fails, and where most would have to be put aside (`false`), `bytes` are
    /// the base still. Of a base that `is_lent`, being needed again, [`InPlace::take_back`] makes it of what comes out.
    pub(super) fn apply(
        &mut self,
        bytes: &mut Vec<u8>,
        (delta, is_lent): (&[u8], bool),
        limit: u64,
        note: &mut impl FnMut(Copied),
    ) -> Result<bool, Failure> {
        let Some(size) = self.plan(bytes, delta, limit, note)? else { return Ok(false) };
        if is_lent && !self.put_lost_aside(bytes) {
            return Ok(false);
        }
        self.make(bytes, delta, size)?;
        if !is_lent {
            self.forget_much();
        }
        Ok(true)
    }

    /// Keeps what nobody moves of a base; whether that is little enough.
    fn put_lost_aside(&mut self, base: &[u8]) -> bool {
        let moved: usize = self.moves.iter().map(|part| part.length).sum();
        if self.held() + base.len() - moved > base.len() / 2 {
            return false;
        }
        self.base = base.len();
        self.lost.clear();
        gaps(&self.moves, base.len()).for_each(|gap| self.lost.extend_from_slice(&base[gap]));
        true
    }

    /// Makes the base again that was lent last, of what was made of it. Cost: as much as making that.
    pub(super) fn take_back(&mut self, bytes: &mut Vec<u8>) {
        // There was room for both.
        bytes.resize(self.base.max(bytes.len()), 0);
        shift(bytes, self.moves.iter().map(|part| Copied { from: part.to, to: part.from, length: part.length }));
        let mut lost = self.lost.as_slice();
        for gap in gaps(&self.moves, self.base) {
            let (these, rest) = lost.split_at(gap.len());
            bytes[gap].copy_from_slice(these);
            lost = rest;
        }
        bytes.truncate(self.base);
        self.forget_much();
    }

    /// Makes of a base what was planned, of so many bytes.
    fn make(&self, bytes: &mut Vec<u8>, delta: &[u8], size: usize) -> Result<(), Failure> {
        room(bytes, size.saturating_sub(bytes.len()))?;
        if size > bytes.len() {
            bytes.resize(size, 0);
        }
        shift(bytes, self.moves.iter().copied());
        for patch in &self.patches {
            let source = if patch.is_inserted { delta } else { &self.aside };
            bytes[patch.to..patch.to + patch.length].copy_from_slice(&source[patch.from..patch.from + patch.length]);
        }
        bytes.truncate(size);
        Ok(())
    }

    /// Lets go of more memory than is worth keeping for the next delta.
    fn forget_much(&mut self) {
        const KEPT: usize = 1 << 20;
        if self.held() + self.lost.len() > KEPT {
            *self = Self::default();
        }
    }

    /// How many bytes the plan takes.
    fn held(&self) -> usize {
        self.aside.len()
            + self.patches.len() * std::mem::size_of::<Patch>()
            + self.moves.len() * std::mem::size_of::<Copied>()
    }

    /// Looks at the whole delta, and touches nothing; the size of what it makes.
    fn plan(
        &mut self,
        base: &[u8],
        delta: &[u8],
        limit: u64,
        note: &mut impl FnMut(Copied),
    ) -> Result<Option<usize>, Failure> {
        self.moves.clear();
        self.patches.clear();
        self.aside.clear();
        let (size, mut ops) = Ops::of(delta, base.len(), limit)?;
        let most = base.len() / 2;
        let (mut to, mut moved) = (0, 0);
        let mut last = Copied { from: 0, to: 0, length: 0 };
        while let Some(op) = ops.next()? {
            let length = match op {
                Op::Copy { from, length } => {
                    base.get(from..from + length).ok_or(BAD)?;
                    if !join(&mut last, from, to, length) {
                        if self.held() + last.length > most && !Self::is_moved(last, moved) {
                            return Ok(None);
                        }
                        self.take(base, last, &mut moved, note);
                        last = Copied { from, to, length };
                    }
                    length
                }
                Op::Insert { at, length } => {
                    delta.get(at..at + length).ok_or(BAD)?;
                    self.patches.push(Patch { to, from: at, length, is_inserted: true });
                    length
                }
            };
            to += length;
            if to > size {
                return Err(BAD);
            }
        }
        if self.held() + last.length > most && !Self::is_moved(last, moved) {
            return Ok(None);
        }
        self.take(base, last, &mut moved, note);
        if to == size { Ok(Some(size)) } else { Err(BAD) }
    }

    /// Whether a copy is moved: a long one, and in order.
    fn is_moved(part: Copied, moved: usize) -> bool {
        const SHORTEST: usize = 256;
        part.length >= SHORTEST && part.from >= moved
    }

    /// Decides how a copy is made; `moved`: up to where the base is spoken for.
    fn take(&mut self, base: &[u8], part: Copied, moved: &mut usize, note: &mut impl FnMut(Copied)) {
        note(part);
        if Self::is_moved(part, *moved) {
            *moved = part.from + part.length;
            self.moves.push(part);
        } else if part.length > 0 {
            let from = self.aside.len();
            self.aside.extend_from_slice(&base[part.from..part.from + part.length]);
            self.patches.push(Patch { to: part.to, from, length: part.length, is_inserted: false });
        }
    }
}

/// Moves parts. Both sides are in order and overlap nowhere: who moves to the front writes behind the sources of those before
/// it and before the sources of those behind it, if they go first to last; and the other way round.
fn shift(bytes: &mut [u8], parts: impl DoubleEndedIterator<Item = Copied> + Clone) {
    for part in parts.clone().filter(|part| part.to < part.from) {
        bytes.copy_within(part.from..part.from + part.length, part.to);
    }
    for part in parts.rev().filter(|part| part.to > part.from) {
        bytes.copy_within(part.from..part.from + part.length, part.to);
    }
}

/// What stands between the sources of moves, in so many bytes.
fn gaps(moves: &[Copied], length: usize) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut at = 0;
    let ends = moves.iter().map(|part| (part.from, part.from + part.length)).chain([(length, length)]);
    ends.map(move |(from, next)| std::mem::replace(&mut at, next)..from)
}

/// One instruction of a delta.
enum Op {
    /// So many bytes of the base.
    Copy { from: usize, length: usize },
    /// So many bytes of the delta itself, which may have fewer.
    Insert { at: usize, length: usize },
}

/// The instructions of a delta.
struct Ops<'d> {
    delta: &'d [u8],
    at: usize,
}

impl<'d> Ops<'d> {
    /// Of a delta whose base has so many bytes; before them the size of what it makes.
    #[inline]
    fn of(delta: &'d [u8], base: usize, limit: u64) -> Result<(usize, Self), Failure> {
        let (base_size, at) = delta_size(delta, 0).ok_or(BAD)?;
        let (size, at) = delta_size(delta, at).ok_or(BAD)?;
        if base_size != base as u64 {
            return Err(BAD);
        }
        if size > limit {
            return Err(Failure::TooLarge(size));
        }
        Ok((size as usize, Self { delta, at }))
    }

    #[inline(always)]
    fn next(&mut self) -> Result<Option<Op>, Failure> {
        let (delta, mut at) = (self.delta, self.at);
        let Some(&op) = delta.get(at) else { return Ok(None) };
        at += 1;
        let op = if op & 0x80 != 0 {
            let (from, length);
            (from, length, at) = match delta.get(at..).and_then(|rest| rest.first_chunk()) {
                Some(bytes) => {
                    let (from, length, count) = fields(op, *bytes);
                    (from, length, at + count)
                }
                // Near the end of the delta.
                None => {
                    let rest = delta.get(at..).unwrap_or_default();
                    let mut bytes = [0; 8];
                    bytes[..rest.len()].copy_from_slice(rest);
                    let (from, length, count) = fields(op, bytes);
                    if count > rest.len() {
                        return Err(BAD);
                    }
                    (from, length, at + count)
                }
            };
            Op::Copy { from, length: if length == 0 { 0x10000 } else { length } }
        } else if op > 0 {
            let (from, length) = (at, usize::from(op));
            at += length;
            Op::Insert { at: from, length }
        } else {
            return Err(BAD);
        };
        self.at = at;
        Ok(Some(op))
    }
}

/// What is copied, by its first byte and those behind it: from where, how many, and how many bytes tell it. Which of seven
/// are there cannot be foretold, so no branch depends on it.
#[inline(always)]
fn fields(op: u8, bytes: [u8; 8]) -> (usize, usize, usize) {
    let (shifts, count) = &FIELDS[usize::from(op & 0x7f)];
    // What is not there is taken from the last byte, which is none of its own.
    let word = u64::from_le_bytes(bytes) & 0x00ff_ffff_ffff_ffff;
    let field = |number: usize| (word >> shifts[number]) as usize & 0xff;
    let from = field(0) | field(1) << 8 | field(2) << 16 | field(3) << 24;
    (from, field(4) | field(5) << 8 | field(6) << 16, usize::from(*count))
}

/// For every set of fields how far each is to be shifted, and how many there are.
const FIELDS: [([u8; 7], u8); 128] = {
    let mut all = [([56; 7], 0); 128];
    let mut op = 0;
    while op < 128 {
        let mut number = 0;
        while number < 7 {
            if op >> number & 1 == 1 {
                all[op].0[number] = all[op].1 * 8;
                all[op].1 += 1;
            }
            number += 1;
        }
        op += 1;
    }
    all
};

fn delta_size(delta: &[u8], mut at: usize) -> Option<(u64, usize)> {
    let (mut size, mut shift) = (0u64, 0);
    loop {
        let byte = *delta.get(at)?;
        at += 1;
        if shift > 57 {
            return None;
        }
        size |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            return Some((size, at));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size_of(mut size: usize, delta: &mut Vec<u8>) {
        while size >= 0x80 {
            delta.push(size as u8 | 0x80);
            size >>= 7;
        }
        delta.push(size as u8);
    }

    fn copy(from: usize, length: usize, delta: &mut Vec<u8>) {
        delta.push(0xff);
        delta.extend_from_slice(&(from as u32).to_le_bytes());
        delta.extend_from_slice(&(length as u32).to_le_bytes()[..3]);
    }

    /// A delta of a base: parts in their order with something new between them, now and then one from elsewhere, or damage.
    fn delta_of(random: &mut fastrand::Rng, base: &[u8]) -> Vec<u8> {
        let (mut ops, mut size, mut at) = (Vec::new(), 0, 0);
        for _ in 0..random.usize(1..20) {
            at = if random.u8(..6) == 0 { random.usize(..base.len()) } else { at + random.usize(..600) };
            at = at.min(base.len() - 1);
            let most = if random.bool() { 5000 } else { 300 };
            let length = random.usize(1..=most.min(base.len() - at));
            copy(at, length, &mut ops);
            at = (at + length).min(base.len() - 1);
            size += length;
            for _ in 0..random.usize(..3) {
                let new: Vec<u8> = (0..random.u8(1..60)).map(|_| random.u8(..)).collect();
                ops.push(new.len() as u8);
                size += new.len();
                ops.extend(new);
            }
        }
        let mut delta = Vec::new();
        size_of(base.len(), &mut delta);
        size_of(size, &mut delta);
        delta.extend(ops);
        if random.u8(..8) == 0 {
            let at = random.usize(..delta.len());
            delta[at] = random.u8(..);
        }
        delta
    }

    #[test]
    fn in_place_comes_out_what_comes_out_anew() {
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        let (mut in_place, mut made, mut failed, mut taken_back) = (InPlace::default(), 0, 0, 0);
        for round in 0..5000 {
            let base: Vec<u8> = (0..random.usize(1..20_000)).map(|_| random.u8(..)).collect();
            let delta = delta_of(&mut random, &base);
            let (mut anew, mut noted) = (Vec::new(), Vec::new());
            let expected = apply_noting(&base, &delta, 1 << 20, &mut anew, &mut |part| noted.push(part));
            let (mut lent, mut noted_of_lent) = (base.clone(), Vec::new());
            if in_place.apply(&mut lent, (&delta, true), 1 << 20, &mut |part| noted_of_lent.push(part)) == Ok(true) {
                assert!(lent == anew && noted_of_lent == noted, "seed {seed}, round {round}");
                in_place.take_back(&mut lent);
                taken_back += 1;
            }
            assert!(lent == base, "seed {seed}, round {round}");
            let (mut bytes, mut told) = (base.clone(), Vec::new());
            match in_place.apply(&mut bytes, (&delta, false), 1 << 20, &mut |part| told.push(part)) {
                Ok(true) => {
                    assert_eq!(expected, Ok(()), "seed {seed}, round {round}");
                    assert!(bytes == anew && told == noted, "seed {seed}, round {round}");
                    made += 1;
                }
                Ok(false) => assert!(bytes == base, "seed {seed}, round {round}"),
                Err(failure) => {
                    assert_eq!(expected, Err(failure), "seed {seed}, round {round}");
                    assert!(bytes == base, "seed {seed}, round {round}");
                    failed += 1;
                }
            }
        }
        assert!(made > 1000 && failed > 100 && taken_back > 400, "{made} made, {failed} failed, {taken_back} back");
    }
}
