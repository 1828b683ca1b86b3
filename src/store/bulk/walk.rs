//! The walk through a pack's families: on several threads, in bounded memory.
//!
//! A thread walks a family from its whole object down, the child with most descendants last and in its base's place.
//! Whoever has nothing to do is given a branch of somebody's family. Each thread has an equal share of the memory: what
//! does not fit beside what it holds has bases let go, which are made again when they are needed, and what does not fit
//! at all waits for the end, when one thread has the whole.

use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use super::families::{Entry, Families, NONE};
use super::pool::Pool;
use super::{Pass, SMALL};
use crate::model::{Copied, ObjectType};
use crate::store::delta::{self, InPlace};
use crate::store::inflate::Inflater;
use crate::store::pack;
use crate::store::{Failure, Visitor};

/// An object that others are made of.
pub(super) struct Base<M> {
    bytes: Vec<u8>,
    /// What the visitor remembers of it.
    memory: Option<M>,
}

/// Children of an object that are still to be resolved.
pub(super) struct Branch<M> {
    entry: u32,
    kind: ObjectType,
    /// Where they stand among all children.
    children: Range<u32>,
    /// None where it was let go.
    base: Option<Arc<Base<M>>>,
}

/// What had to wait until there is more room.
pub(super) struct Late {
    entry: u32,
    /// None: the entry itself, which is whole.
    children: Option<Range<u32>>,
}

/// How an object was made of its base.
#[derive(Clone, Copy)]
enum Made {
    ForGood,
    /// Of the base's own bytes, which others need again.
    OfLent,
}

/// Why an entry is not resolved.
enum Unresolved {
    /// So many bytes are needed at once.
    NoRoom(u64),
    Failed(Failure),
}

impl From<Failure> for Unresolved {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// One thread's, with buffers that are used again.
pub(super) struct FamilyWalk<'a, V: Visitor> {
    pass: &'a Pass<'a>,
    families: &'a Families,
    file: &'a File,
    pack_end: u64,
    pool: &'a Pool<V::Memory>,
    visitor: &'a mut V,
    /// So many bytes may be held.
    room: u64,
    /// Whether there is more room for nobody.
    is_last: bool,
    inflater: Inflater,
    delta: Vec<u8>,
    in_place: InPlace,
    /// What the delta that was applied last copies.
    copied: Vec<Copied>,
    spare: Vec<Vec<u8>>,
}

impl<'a, V: Visitor> FamilyWalk<'a, V> {
    pub(super) fn new(
        pass: &'a Pass<'a>,
        families: &'a Families,
        (file, pack_end): (&'a File, u64),
        pool: &'a Pool<V::Memory>,
        visitor: &'a mut V,
    ) -> Self {
        Self {
            pass,
            families,
            file,
            pack_end,
            pool,
            visitor,
            room: pass.memory / pool.threads() as u64,
            is_last: false,
            inflater: Inflater::of_one_file(),
            delta: Vec::new(),
            in_place: InPlace::default(),
            copied: Vec::new(),
            spare: Vec::new(),
        }
    }

    /// Takes what had to wait, with all the memory that there is.
    pub(super) fn late(mut self, late: Vec<Late>) {
        (self.room, self.is_last) = (self.pass.memory, true);
        for Late { entry, children } in late {
            match children {
                None => self.root(entry),
                Some(children) => self.branch(Branch { entry, kind: self.kind_of(entry), children, base: None }),
            }
        }
    }

    /// Walks the family of a whole entry.
    pub(super) fn root(&mut self, root: u32) {
        let entry = &self.families.entries[root as usize];
        let Some(kind) = entry.whole else { return };
        if !self.families.is_needed(root) {
            return self.known_below(root);
        }
        if kind == ObjectType::Blob && self.pass.is_streamed(entry.body.size) {
            return self.large(root);
        }
        let mut bytes = self.spare.pop().unwrap_or_default();
        match self.whole(root, &mut [], &mut bytes) {
            Ok(()) => {
                let memory = self.visit(root, kind, &bytes, None);
                let base = Some(Arc::new(Base { bytes, memory }));
                self.branch(Branch { entry: root, kind, children: self.families.range_of(root), base });
            }
            Err(Unresolved::NoRoom(_)) if !self.is_last => {
                self.pool.wait_for_room(Late { entry: root, children: None })
            }
            Err(Unresolved::NoRoom(need)) => self.fail_below(root, Failure::OverMemory(need)),
            Err(Unresolved::Failed(failure)) => self.fail_below(root, failure),
        }
    }

    /// A whole entry that is not held.
    fn large(&mut self, root: u32) {
        let entry = &self.families.entries[root as usize];
        let size = entry.body.size;
        if !self.has_better(root) {
            let read = self.inflater.pieces(self.file, (entry.body.data, self.pack_end), size);
            self.pass.visit_large(self.visitor, entry.index, read);
        }
        for child in self.families.children_of(root) {
            self.fail_below(*child, Failure::OverMemory(size));
        }
    }

    /// Walks what is below a branch.
    pub(super) fn branch(&mut self, branch: Branch<V::Memory>) {
        let mut stack = vec![branch];
        while let Some(top) = stack.last_mut() {
            if self.pass.interrupt.is_set() {
                return;
            }
            let Some(place) = top.children.next() else {
                stack.pop().and_then(|branch| branch.base).into_iter().for_each(|base| self.recycle(base));
                continue;
            };
            let child = self.families.children[place as usize];
            if !self.families.is_needed(child) {
                self.known_below(child);
                continue;
            }
            if self.pool.is_hungry() {
                self.share(&mut stack);
            }
            self.child(child, &mut stack);
        }
    }

    /// Resolves the next child of the last branch, and puts its own children in a branch.
    fn child(&mut self, child: u32, stack: &mut Vec<Branch<V::Memory>>) {
        let mut base = match self.base_of_last(stack) {
            Ok(base) => base,
            Err(why) => return self.leave(why, stack, true),
        };
        let children = self.families.range_of(child);
        let Some(top) = stack.last_mut() else { return };
        let (kind, is_last) = (top.kind, top.children.is_empty());
        // The last child may take its base's place, and one that nothing is made of may have it for a while.
        let is_lent = !is_last && children.is_empty();
        if is_last || is_lent {
            top.base = None;
        }
        let mut bytes = self.spare.pop().unwrap_or_default();
        let resolved = self.resolve(child, (&mut base, is_lent), stack, &mut bytes);
        let memory = resolved.as_ref().ok().and_then(|_| self.visit(child, kind, &bytes, base.memory.as_ref()));
        if let Ok(Made::OfLent) = resolved
            && let Some(base) = Arc::get_mut(&mut base)
        {
            self.in_place.take_back(&mut bytes);
            std::mem::swap(&mut base.bytes, &mut bytes);
        }
        if is_lent {
            stack.last_mut().into_iter().for_each(|top| top.base = Some(base.clone()));
        }
        if let Err(why) = resolved {
            return self.leave(why, stack, false);
        }
        // So that a chain never grows the stack.
        let Some(top) = stack.last_mut() else { return };
        if top.children.is_empty() {
            stack.pop();
            self.recycle(base);
        }
        if children.is_empty() {
            self.keep(bytes);
        } else {
            let base = Some(Arc::new(Base { bytes, memory }));
            stack.push(Branch { entry: child, kind, children, base });
        }
    }

    /// Hands an object over, unless there may be a better copy or it is over the limit and was made for others alone.
    fn visit(&mut self, entry: u32, kind: ObjectType, bytes: &[u8], base: Option<&V::Memory>) -> Option<V::Memory> {
        if self.has_better(entry) {
            return None;
        }
        let (index, size) = (self.families.entries[entry as usize].index, bytes.len() as u64);
        if size > self.pass.limit {
            self.pass.fail(index, Failure::TooLarge(size));
            return None;
        }
        let known = base.map(|memory| (memory, self.copied.as_slice()));
        self.pass.visit(self.visitor, index, kind, bytes, known)
    }

    /// Leaves the child whose turn it is, and its siblings where they fare no better.
    fn leave(&mut self, why: Unresolved, stack: &mut Vec<Branch<V::Memory>>, has_no_base: bool) {
        let Some(top) = stack.last_mut() else { return };
        let this = top.children.start - 1;
        let failure = match why {
            Unresolved::NoRoom(_) if !self.is_last => {
                // Siblings are versions of the same, and will not fit either.
                self.pool.wait_for_room(Late { entry: top.entry, children: Some(this..top.children.end) });
                stack.pop();
                return;
            }
            Unresolved::NoRoom(need) => Failure::OverMemory(need),
            Unresolved::Failed(failure) => failure,
        };
        let left = if has_no_base { this..top.children.end } else { this..this + 1 };
        if has_no_base {
            stack.pop();
        }
        for place in left {
            self.fail_below(self.families.children[place as usize], failure);
        }
    }

    /// Of which type a family is, by any of it.
    fn kind_of(&self, mut entry: u32) -> ObjectType {
        loop {
            match self.families.entries[entry as usize].whole {
                Some(kind) => return kind,
                None => match self.families.base[entry as usize] {
                    NONE => return ObjectType::Blob,
                    base => entry = base,
                },
            }
        }
    }

    /// The object that the last branch's children are made of; made again where it was let go.
    fn base_of_last(&mut self, stack: &mut [Branch<V::Memory>]) -> Result<Arc<Base<V::Memory>>, Unresolved> {
        let Some((top, others)) = stack.split_last_mut() else { return Err(Failure::Corrupt("it has no base").into()) };
        if let Some(base) = &top.base {
            return Ok(base.clone());
        }
        let mut way = vec![top.entry];
        while let Some(&last) = way.last()
            && self.families.base[last as usize] != NONE
        {
            way.push(self.families.base[last as usize]);
        }
        let (mut base, mut bytes) = (Vec::new(), Vec::new());
        self.whole(way.pop().unwrap_or(top.entry), others, &mut base)?;
        while let Some(entry) = way.pop() {
            self.delta_of(entry, base.len() as u64, others)?;
            delta::apply(&base, &self.delta, self.pass.made_from, &mut bytes)?;
            std::mem::swap(&mut base, &mut bytes);
        }
        Ok(top.base.insert(Arc::new(Base { bytes: base, memory: None })).clone())
    }

    /// Inflates a whole entry.
    fn whole(&mut self, entry: u32, held: &mut [Branch<V::Memory>], out: &mut Vec<u8>) -> Result<(), Unresolved> {
        let size = self.families.entries[entry as usize].body.size;
        self.check(entry, size)?;
        self.make_room(size, held)?;
        Ok(self.data(&self.families.entries[entry as usize], out)?)
    }

    /// Makes a child of its base, in that one's place where nobody else needs it, or as long as `is_lent`.
    fn resolve(
        &mut self,
        child: u32,
        (base, is_lent): (&mut Arc<Base<V::Memory>>, bool),
        stack: &mut [Branch<V::Memory>],
        out: &mut Vec<u8>,
    ) -> Result<Made, Unresolved> {
        let others = stack.len().saturating_sub(1);
        let shortest = stack.last().map_or(0, |top| Copied::shortest_of(top.kind));
        self.delta_of(child, base.bytes.len() as u64, &mut stack[..others])?;
        let (delta, limit, copied) = (&self.delta, self.pass.made_from, &mut self.copied);
        let note = |copied: &mut Vec<Copied>, part: Copied| {
            if part.length >= shortest {
                copied.push(part);
            }
        };
        copied.clear();
        if let Some(base) = Arc::get_mut(base)
            && InPlace::is_faster(&base.bytes, delta)
            && self.in_place.apply(&mut base.bytes, (delta, is_lent), limit, &mut |part| note(copied, part))?
        {
            std::mem::swap(&mut base.bytes, out);
            return Ok(if is_lent { Made::OfLent } else { Made::ForGood });
        }
        copied.clear();
        delta::apply_noting(&base.bytes, delta, limit, out, &mut |part| note(copied, part))?;
        Ok(Made::ForGood)
    }

    /// Inflates a delta, and sees to it that there is room for what it makes.
    fn delta_of(&mut self, entry: u32, base: u64, held: &mut [Branch<V::Memory>]) -> Result<(), Unresolved> {
        if self.delta.capacity() as u64 > SMALL {
            self.delta = Vec::new();
        }
        let size = self.families.entries[entry as usize].body.size;
        if size > self.pass.made_from {
            return Err(Failure::TooLarge(size).into());
        }
        self.make_room(base.saturating_add(size), held)?;
        let mut delta = std::mem::take(&mut self.delta);
        let read = self.data(&self.families.entries[entry as usize], &mut delta);
        self.delta = delta;
        read?;
        let result = delta::result_size(&self.delta).unwrap_or(0);
        self.check(entry, result)?;
        self.make_room(base.saturating_add(size).saturating_add(result), held)
    }

    /// Inflates an entry. Where the next one begins tells how much to read; but an index that is damaged has one begin
    /// in the middle of another.
    fn data(&mut self, entry: &Entry, out: &mut Vec<u8>) -> Result<(), Failure> {
        let (limit, end) = (self.pass.made_from, self.pack_end);
        match pack::entry_data(self.file, entry.body, entry.end.min(end), limit, &mut self.inflater, out) {
            Err(Failure::Corrupt(_)) if entry.end < end => {
                pack::entry_data(self.file, entry.body, end, limit, &mut self.inflater, out)
            }
            read => read,
        }
    }

    /// What is over the limit is told for that, and not for what memory it takes. Others may be made from it all the same.
    fn check(&self, entry: u32, size: u64) -> Result<(), Failure> {
        let is_last = self.families.range_of(entry).is_empty();
        let limit = if is_last { self.pass.limit } else { self.pass.made_from };
        if size > limit { Err(Failure::TooLarge(size)) } else { Ok(()) }
    }

    /// Lets bases go until there is room for so many bytes besides; the lowest first, which are needed last.
    fn make_room(&self, need: u64, held: &mut [Branch<V::Memory>]) -> Result<(), Unresolved> {
        if need <= SMALL {
            return Ok(());
        }
        let size = |branch: &Branch<V::Memory>| branch.base.as_ref().map_or(0, |base| base.bytes.capacity() as u64);
        let mut sum = need.saturating_add(held.iter().map(size).sum());
        for branch in held {
            if sum <= self.room {
                break;
            }
            sum -= size(branch);
            branch.base = None;
        }
        if sum <= self.room { Ok(()) } else { Err(Unresolved::NoRoom(need)) }
    }

    /// Gives a branch to a thread that has nothing to do: of the lowest, since most is left there.
    fn share(&mut self, stack: &mut [Branch<V::Memory>]) {
        /// Fewer objects are not worth the way.
        const FEW: u64 = 4;
        let last = stack.len().saturating_sub(1);
        for (at, branch) in stack.iter_mut().enumerate() {
            let Some(base) = branch.base.as_ref().filter(|base| base.bytes.capacity() as u64 <= self.room / 4) else {
                continue;
            };
            // The last one goes on with the child whose turn it is, and about half of the others.
            let mut from = branch.children.start;
            if at == last && !branch.children.is_empty() {
                let half = self.families.weight(branch.children.clone()) / 2;
                from = branch.children.end - 1;
                while from > branch.children.start && self.families.weight(from - 1..branch.children.end) <= half {
                    from -= 1;
                }
            }
            let given = from..branch.children.end;
            if self.families.weight(given.clone()) >= FEW {
                branch.children.end = from;
                let Branch { entry, kind, .. } = *branch;
                self.pool.give(Branch { entry, kind, children: given, base: Some(base.clone()) });
                return;
            }
        }
    }

    /// Tells of what need not be read, and of what it is made of.
    fn known_below(&mut self, entry: u32) {
        for entry in self.families.all_from(entry) {
            if self.pass.interrupt.is_set() {
                return;
            }
            let entry = &self.families.entries[entry as usize];
            let size = match entry.whole {
                Some(_) => Ok(entry.body.size),
                None => pack::result_size_of(self.file, entry.body, self.pack_end, &mut self.inflater),
            };
            match size {
                Ok(size) => self.pass.visit_known(self.visitor, entry.index, size),
                Err(failure) => self.pass.fail(entry.index, failure),
            }
        }
    }

    /// Whether an entry is not what it was, and there are other copies, which are looked for at the end.
    fn has_better(&self, entry: u32) -> bool {
        let Some(doubt) = self.families.doubt_of(entry) else { return false };
        let index = self.families.entries[entry as usize].index;
        let has_copies = self.pass.objects.copies.contains_key(&index);
        if has_copies {
            self.pass.fail(index, doubt);
        }
        has_copies
    }

    /// An entry that cannot be resolved takes all its descendants with it.
    fn fail_below(&self, entry: u32, failure: Failure) {
        let below = match failure {
            Failure::OverMemory(size) | Failure::TooLarge(size) => Failure::OverMemory(size),
            _ => Failure::Corrupt("its delta base cannot be read"),
        };
        for (at, entry) in self.families.all_from(entry).into_iter().enumerate() {
            self.pass.fail(self.families.entries[entry as usize].index, if at == 0 { failure } else { below });
        }
    }

    fn recycle(&mut self, base: Arc<Base<V::Memory>>) {
        if let Ok(base) = Arc::try_unwrap(base) {
            self.keep(base.bytes);
        }
    }

    fn keep(&mut self, bytes: Vec<u8>) {
        if self.spare.len() < 8 && bytes.capacity() as u64 <= SMALL {
            self.spare.push(bytes);
        }
    }
}
