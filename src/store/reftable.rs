//! Refs and reflogs kept as a stack of tables instead of files: git's `Documentation/technical/reftable.txt`.
//!
//! libgit2 1.9.7 refuses such a repository, or, told not to, sees no refs in it at all: a silent "clean".

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::budget::NameBudget;
use super::files;
use super::inflate::Inflater;
use super::numbers::offset_varint;
use crate::model::{ObjectFormat, Oid};

/// What a ref names.
pub(super) enum RefValue {
    Direct(Oid),
    Symbolic(Vec<u8>),
}

/// What a stack of tables says in the end.
pub(super) struct Stack {
    pub(super) refs: BTreeMap<Vec<u8>, RefValue>,
    /// By ref and update, the reflog lines that are not deleted.
    pub(super) logs: BTreeMap<(Vec<u8>, u64), Vec<u8>>,
    /// Names share their beginnings, and logs are deflated: how much both may come to.
    budget: NameBudget,
}

const BAD: io::ErrorKind = io::ErrorKind::InvalidData;

impl Stack {
    /// Reads the tables that `tables.list` in `dir` names, later ones over earlier ones.
    ///
    /// # Errors
    /// Where a table cannot be read to its end, or what it has is far more than its bytes.
    pub(super) fn read(dir: &Path, format: ObjectFormat) -> io::Result<Self> {
        /// git compacts tables while we read: the list is then read again.
        const TRIES: usize = 5;
        let mut tried = 0;
        loop {
            tried += 1;
            match Self::read_once(dir, format) {
                Err(error) if error.kind() == io::ErrorKind::NotFound && tried < TRIES => {}
                done => return done,
            }
        }
    }

    fn read_once(dir: &Path, format: ObjectFormat) -> io::Result<Self> {
        let list = String::from_utf8(files::read(&dir.join("tables.list"))?).map_err(|_| BAD)?;
        let mut stack = Self::new();
        for name in list.lines().filter(|name| !name.is_empty()) {
            stack.add(&files::read(&dir.join(name))?, format)?;
        }
        Ok(stack)
    }

    /// One without a table.
    pub(super) fn new() -> Self {
        Self { refs: BTreeMap::new(), logs: BTreeMap::new(), budget: NameBudget::of_file(0) }
    }

    /// Adds a table to those before it.
    pub(super) fn add(&mut self, bytes: &[u8], format: ObjectFormat) -> io::Result<()> {
        self.budget.add_file(bytes.len());
        match self.table(bytes, format) {
            Some(()) => Ok(()),
            None if self.budget.is_over => Err(files::too_large("its names and logs")),
            None => Err(BAD.into()),
        }
    }

    fn table(&mut self, bytes: &[u8], format: ObjectFormat) -> Option<()> {
        let (header, footer) = match (bytes.get(..4)?, bytes.get(4)?) {
            (b"REFT", 1) => (24, 68),
            (b"REFT", 2) => (28, 72),
            _ => return None,
        };
        let block_size = be24(bytes, 5)?;
        let end = bytes.len().checked_sub(footer)?;
        let mut at = 0;
        while at < end {
            let start = if at == 0 { header } else { 0 };
            let block = bytes.get(at..end)?;
            if block.len() <= start {
                break;
            }
            let length = be24(block, start + 1)?;
            if length < start + 6 {
                return None;
            }
            let used = match block[start] {
                b'g' => self.log_block(block, start, length, format)?,
                kind => {
                    let data = block.get(..length)?;
                    if kind == b'r' {
                        self.ref_block(data, start + 4, format)?;
                    }
                    // Blocks are padded with NULs to the block size; what is not NUL is the next, unaligned, block.
                    let padded = block.get(length).is_none_or(|byte| *byte == 0);
                    if block_size > length && padded { block_size } else { length }
                }
            };
            at += used;
        }
        Some(())
    }

    fn ref_block(&mut self, data: &[u8], at: usize, format: ObjectFormat) -> Option<()> {
        let mut cursor = Cursor { data: &data[..records_end(data)?], at };
        let mut name = Vec::new();
        while cursor.at < cursor.data.len() {
            let kind = cursor.key(&mut name)?;
            // A name that is deleted is charged for as well: it is looked for.
            self.budget.take(name.len(), 0)?;
            cursor.varint()?;
            match kind {
                0 => _ = self.refs.remove(&name),
                1 => _ = self.refs.insert(name.clone(), RefValue::Direct(cursor.oid(format)?)),
                2 => {
                    self.refs.insert(name.clone(), RefValue::Direct(cursor.oid(format)?));
                    cursor.oid(format)?;
                }
                3 => {
                    let target = cursor.text()?.to_vec();
                    self.refs.insert(name.clone(), RefValue::Symbolic(target));
                }
                _ => return None,
            }
        }
        Some(())
    }

    /// A log block is deflated; how many bytes it takes in the file.
    fn log_block(&mut self, block: &[u8], start: usize, length: usize, format: ObjectFormat) -> Option<usize> {
        let mut data = block.get(..start + 4)?.to_vec();
        let mut inflated = Vec::new();
        let mut inflater = Inflater::new();
        let used = inflater.inflate_prefix(block.get(start + 4..)?, length, &mut inflated).ok()?;
        data.extend_from_slice(&inflated);
        if data.len() != length {
            return None;
        }
        let mut cursor = Cursor { data: &data[..records_end(&data)?], at: start + 4 };
        let mut key = Vec::new();
        while cursor.at < cursor.data.len() {
            let (from, kind) = (cursor.at, cursor.key(&mut key)?);
            self.budget.take(key.len(), 0)?;
            let (name, update) = key.split_at_checked(key.len().checked_sub(9)?)?;
            // Newest first: the update's number is stored inverted.
            let update = u64::MAX - u64::from_be_bytes(update[1..].try_into().ok()?);
            let place = (name.to_vec(), update);
            if kind == 0 {
                self.logs.remove(&place);
                continue;
            }
            let (old, new) = (cursor.oid(format)?, cursor.oid(format)?);
            let name = cursor.text()?;
            let email = cursor.text()?;
            let seconds = cursor.varint()?;
            let offset = i16::from_be_bytes(cursor.take(2)?.try_into().ok()?);
            let message = cursor.text()?;
            self.budget.take(0, cursor.at - from)?;
            let head = format!("{old} {new} ");
            let time = format!("> {seconds} {offset:+05}\t");
            let parts = [head.as_bytes(), name, b" <", email, time.as_bytes(), message.trim_ascii_end()];
            self.logs.insert(place, parts.concat());
        }
        Some(start + 4 + used)
    }
}

/// Where the records of a block end and its restart table begins.
fn records_end(data: &[u8]) -> Option<usize> {
    let tail = data.get(data.len().checked_sub(2)?..)?;
    let restarts = usize::from(u16::from_be_bytes([tail[0], tail[1]]));
    data.len().checked_sub(2 + restarts * 3)
}

fn be24(bytes: &[u8], at: usize) -> Option<usize> {
    let three = bytes.get(at..at + 3)?;
    Some(usize::from(three[0]) << 16 | usize::from(three[1]) << 8 | usize::from(three[2]))
}

struct Cursor<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let taken = self.data.get(self.at..self.at.checked_add(length)?)?;
        self.at += length;
        Some(taken)
    }

    fn varint(&mut self) -> Option<u64> {
        let (value, used) = offset_varint(self.data.get(self.at..)?)?;
        self.at += used;
        Some(value)
    }

    /// Replaces the end of `key` by the next record's; the record's type.
    fn key(&mut self, key: &mut Vec<u8>) -> Option<u64> {
        let keep = usize::try_from(self.varint()?).ok()?;
        let length = self.varint()?;
        if keep > key.len() {
            return None;
        }
        key.truncate(keep);
        key.extend_from_slice(self.take(usize::try_from(length >> 3).ok()?)?);
        Some(length & 7)
    }

    fn oid(&mut self, format: ObjectFormat) -> Option<Oid> {
        Oid::from_bytes(self.take(format.raw_len())?)
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let length = self.varint()?;
        self.take(usize::try_from(length).ok()?)
    }
}
