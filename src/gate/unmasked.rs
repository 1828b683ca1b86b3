//! Names from a push, as they are until they are told.

use std::fmt;
use std::sync::Arc;

use crate::model::Shown;

/// What makes text showable by all that is known by now.
pub(super) type Mask<'a> = &'a dyn Fn(&[u8]) -> Shown;

/// A path or a ref's name as it was pushed. It has no way out but by masking, and that is done when the decision is told: a
/// secret that is known by its variable alone may stand in the path of one commit, and the next one teaches what it is.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Unmasked(Arc<[u8]>);

impl Unmasked {
    pub(super) fn new(name: &[u8]) -> Self {
        Self(name.into())
    }

    /// How many bytes it has.
    pub(super) fn length(&self) -> usize {
        self.0.len()
    }

    /// It as it may be shown, by what is known now.
    pub(super) fn shown(&self, mask: Mask<'_>) -> Shown {
        mask(&self.0)
    }
}

impl fmt::Debug for Unmasked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unmasked({} bytes)", self.0.len())
    }
}
