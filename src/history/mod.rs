//! When a key came and went: introduced, removed, held and reached, over plain commit facts.
//!
//! No I/O and no repository: objects are numbers, trees come through a closure. No textual diff anywhere; everything
//! is a set difference, exact at merges, renames, mode changes and criss-cross histories. Cost: each object's links
//! are followed once; each tree that leads to a key is read once; a commit whose tree is its parents' costs nothing.

mod bits;
mod graph;
mod keysets;
mod presence;
mod reach;
mod upward;
mod walk;

pub use bits::Bits;
pub use graph::{Graph, Links, NONE, NodeKind};
pub use keysets::{KeySets, SetId};
pub use presence::{Carriers, NodeId, Presence, Spot, TreeItem};
pub use walk::{Change, CommitFacts, History, MOST_CHANGES, MOST_OF_KEY, Way, walk};
