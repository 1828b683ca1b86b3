//! What two objects have in common.

use super::ObjectType;

/// A part of an object that stands in another one as well, whose delta it is. Parts are told in the order in which they
/// stand in the object; those that follow each other in both are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Where it stands in the other.
    pub from: usize,
    /// Where it stands in this one.
    pub to: usize,
    /// How many bytes.
    pub length: usize,
}

impl Copied {
    /// Shorter parts are not told: to look at them again costs less than to know of them. An entry of a tree is an id to be
    /// looked up, wherever that stands.
    pub fn shortest_of(kind: ObjectType) -> usize {
        if kind == ObjectType::Tree { 40 } else { 256 }
    }
}
