//! What two objects have in common.

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
    /// Shorter parts are not told: to look at them again costs less than to know of them.
    pub const SHORTEST: usize = 256;
}
