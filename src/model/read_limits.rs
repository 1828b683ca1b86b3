//! How far the objects of a repository are read.

use serde::{Deserialize, Serialize};

/// The limits within which repositories are read; what lies beyond one is told. A report says by which it was made, so that
/// whoever reads its keys again looks as far as it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReadLimits {
    /// How many encodings and containers deep an object is read.
    pub max_depth: u8,
    /// How many bytes are decoded of the encodings and containers of one object.
    pub max_decoded: u64,
    /// For how many seconds they are followed.
    pub max_object_time: u64,
    /// The largest object that is held whole, in bytes.
    pub max_blob_size: u64,
    /// So many bytes of objects are held at once.
    pub max_memory: u64,
}

impl Default for ReadLimits {
    /// Those of the command line, and of reports that do not say by which they were made.
    fn default() -> Self {
        Self {
            max_depth: 5,
            max_decoded: 256 << 20,
            max_object_time: 60,
            max_blob_size: 1 << 30,
            max_memory: 512 << 20,
        }
    }
}

impl ReadLimits {
    /// No deeper than this can be asked for.
    pub const MOST_DEPTH: u8 = 32;
    /// No longer than this can be asked for, in seconds.
    pub const MOST_OBJECT_TIME: u64 = 86_400;

    /// Whether they are some that can be asked for.
    pub fn are_sound(&self) -> bool {
        (1..=Self::MOST_DEPTH).contains(&self.max_depth)
            && (1..=Self::MOST_OBJECT_TIME).contains(&self.max_object_time)
            && [self.max_decoded, self.max_blob_size, self.max_memory].iter().all(|size| *size > 0)
    }
}
