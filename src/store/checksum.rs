//! Whether a pack or its index still is what its trailing checksum was made of, and ids of objects.
//!
//! git compares them in `git fsck` and `git index-pack` only. A reader that does not believes an index that a disk has
//! damaged, which leads from a sound object's id to another, or to nothing.

use std::fs::File;

use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::inflate::read_some;
use crate::model::{ObjectFormat, ObjectType, Oid};

/// What is said of a file whose checksum is another.
pub(super) const DIFFERS: &str = "its checksum is not that of what is in it";

/// Of an entry: what its index says of it and what it is.
pub(super) const ENTRY_DIFFERS: super::Failure =
    super::Failure::Corrupt("its checksum in the pack's index is not that of what is there");

/// A hash that is fed in parts.
enum Hash {
    Sha1(Sha1),
    Sha256(Sha256),
}

impl Hash {
    fn new(format: ObjectFormat) -> Self {
        match format {
            ObjectFormat::Sha1 => Self::Sha1(Sha1::new()),
            ObjectFormat::Sha256 => Self::Sha256(Sha256::new()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha1(hash) => hash.update(bytes),
            Self::Sha256(hash) => hash.update(bytes),
        }
    }

    fn finish(self) -> Vec<u8> {
        match self {
            Self::Sha1(hash) => hash.finalize().to_vec(),
            Self::Sha256(hash) => hash.finalize().to_vec(),
        }
    }
}

/// The hash that an object is called by.
pub(super) struct ObjectHash(Hash);

impl ObjectHash {
    /// Of an object of so many bytes, which are to follow.
    pub(super) fn new(format: ObjectFormat, kind: ObjectType, size: u64) -> Self {
        let mut hash = Hash::new(format);
        hash.update(format!("{} {size}\0", kind.name()).as_bytes());
        Self(hash)
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(super) fn oid(self) -> Option<Oid> {
        Oid::from_bytes(&self.0.finish())
    }
}

/// Whether bytes end with their checksum; `None` where they have none, which is written as zeros. Cost: one hash of all.
pub(super) fn of_bytes(bytes: &[u8], format: ObjectFormat) -> Option<bool> {
    let (content, expected) = bytes.split_at_checked(bytes.len().checked_sub(format.raw_len())?)?;
    let mut hash = Hash::new(format);
    is_there(expected).then(|| {
        hash.update(content);
        hash.finish() == expected
    })
}

/// The same of a file whose checksum begins at `end`; `None` too where it cannot be read.
pub(super) fn of_file(file: &File, end: u64, format: ObjectFormat) -> Option<bool> {
    const AT_ONCE: usize = 256 << 10;
    let mut buffer = vec![0; format.raw_len()];
    read_some(file, &mut buffer, end).ok()?;
    let expected = std::mem::take(&mut buffer);
    if expected.len() < format.raw_len() || !is_there(&expected) {
        return None;
    }
    let (mut hash, mut at) = (Hash::new(format), 0);
    while at < end {
        buffer.resize(usize::try_from(end - at).unwrap_or(AT_ONCE).min(AT_ONCE), 0);
        read_some(file, &mut buffer, at).ok()?;
        if buffer.is_empty() {
            return None;
        }
        hash.update(&buffer);
        at += buffer.len() as u64;
    }
    Some(hash.finish() == expected)
}

fn is_there(checksum: &[u8]) -> bool {
    checksum.iter().any(|byte| *byte != 0)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn one_bit_makes_another_checksum_and_zeros_are_none() {
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
            let content: Vec<u8> = (0..random.usize(1..700_000)).map(|_| random.u8(..)).collect();
            let sum = match format {
                ObjectFormat::Sha1 => Sha1::digest(&content).to_vec(),
                ObjectFormat::Sha256 => Sha256::digest(&content).to_vec(),
            };
            let both = |bytes: &[u8]| {
                let mut file = tempfile::tempfile().unwrap();
                file.write_all(bytes).unwrap();
                let end = (bytes.len() - format.raw_len()) as u64;
                let (of_bytes, of_file) = (of_bytes(bytes, format), of_file(&file, end, format));
                assert_eq!(of_bytes, of_file, "seed {seed}");
                of_bytes
            };
            let mut bytes = [&content[..], &sum].concat();
            assert_eq!(both(&bytes), Some(true), "seed {seed}");
            let at = random.usize(..bytes.len());
            bytes[at] ^= 1 << random.u8(..8);
            assert_eq!(both(&bytes), Some(false), "seed {seed}");
            bytes[content.len()..].fill(0);
            assert_eq!(both(&bytes), None, "seed {seed}");
        }
        assert_eq!(of_bytes(b"short", ObjectFormat::Sha1), None);
    }
}
