//! Object ids of both of git's formats.

use std::fmt;

/// The hash a repository names its objects by (`extensions.objectFormat`, git's
/// `Documentation/technical/hash-function-transition`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ObjectFormat {
    /// 20 bytes, git's default.
    Sha1,
    /// 32 bytes.
    Sha256,
}

impl ObjectFormat {
    /// How many bytes an id has.
    pub fn raw_len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    /// The name git's configuration uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }
}

/// An object's id. Ids of one repository all have the same length; they order as their bytes do.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Oid {
    bytes: [u8; 32],
    len: u8,
}

impl Oid {
    /// The id with these bytes; `None` unless there are 20 or 32.
    pub fn from_bytes(raw: &[u8]) -> Option<Self> {
        if raw.len() != 20 && raw.len() != 32 {
            return None;
        }
        let mut bytes = [0; 32];
        bytes[..raw.len()].copy_from_slice(raw);
        Some(Self { bytes, len: raw.len() as u8 })
    }

    /// The id written in 40 or 64 hex digits; `None` for anything else (libgit2 pads what is short with zeros).
    pub fn from_hex(text: &[u8]) -> Option<Self> {
        if text.len() != 40 && text.len() != 64 {
            return None;
        }
        let mut bytes = [0; 32];
        // Asked once whether all are digits, and not at each.
        let mut all = 0;
        for (byte, [high, low]) in bytes.iter_mut().zip(text.as_chunks().0) {
            let (high, low) = (DIGITS[usize::from(*high)], DIGITS[usize::from(*low)]);
            all |= high | low;
            *byte = high << 4 | low;
        }
        (all < NO_DIGIT).then_some(Self { bytes, len: (text.len() / 2) as u8 })
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len as usize]
    }

    /// Whether it is the all-zero id, which names no object.
    pub fn is_zero(&self) -> bool {
        self.bytes == [0; 32]
    }

    /// The first twelve hex digits, for people.
    pub fn short(&self) -> String {
        let mut text = self.to_string();
        text.truncate(12);
        text
    }

    /// Whether git has this object in every repository, stored or not: the empty tree and the empty blob
    /// (git's `object-file.c`, `find_cached_object`; `git add -N` names the empty blob without writing it).
    pub fn is_builtin(&self) -> bool {
        const EMPTY: [&str; 4] = [
            "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
            "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
            "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
            "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
        ];
        EMPTY.iter().any(|hex| Self::from_hex(hex.as_bytes()) == Some(*self))
    }
}

/// More than any digit.
const NO_DIGIT: u8 = 16;

/// What each byte is as a hex digit.
const DIGITS: [u8; 256] = {
    let mut table = [NO_DIGIT; 256];
    let mut value = 0;
    while value < NO_DIGIT {
        table[b"0123456789abcdef"[value as usize] as usize] = value;
        table[b"0123456789ABCDEF"[value as usize] as usize] = value;
        value += 1;
    }
    table
};

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 64];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.as_bytes()) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        f.write_str(std::str::from_utf8(&text[..self.as_bytes().len() * 2]).unwrap_or_default())
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Oid({self})")
    }
}

impl serde::Serialize for Oid {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Oid {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::from_hex(text.as_bytes())
            .ok_or_else(|| serde::de::Error::custom("an object's id has 40 or 64 hex digits"))
    }
}

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectType {
    /// Content of a file, or the target of a symbolic link.
    Blob,
    /// A directory.
    Tree,
    /// A commit.
    Commit,
    /// An annotated tag.
    Tag,
}

impl ObjectType {
    /// Every type.
    pub const ALL: &[Self] = &[Self::Blob, Self::Tree, Self::Commit, Self::Tag];

    /// Git's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Blob => "blob",
            Self::Tree => "tree",
            Self::Commit => "commit",
            Self::Tag => "tag",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_round_trips_and_wants_whole_ids() {
        let hex = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
        let oid = Oid::from_hex(hex.as_bytes()).unwrap();
        assert_eq!(oid.to_string(), hex);
        assert_eq!(Oid::from_bytes(oid.as_bytes()), Some(oid));
        assert!(oid.is_builtin());
        assert_eq!(Oid::from_hex(&hex.as_bytes()[..39]), None);
        assert_eq!(Oid::from_hex(b"zz825dc642cb6eb9a060e54bf8d69288fbee4904"), None);
        assert_eq!(Oid::from_bytes(&[0; 19]), None);
    }
}
