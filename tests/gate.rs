//! The push gate, by real pushes: git pushes over a path to a bare repository whose pre-receive hook is the binary, and
//! a raw client speaks to `git receive-pack` what git's own would never say.

#![allow(clippy::unwrap_used, reason = "a panic is the failing test's message")]

mod common;

#[path = "gate/allowed.rs"]
mod allowed;
#[path = "gate/bombs.rs"]
mod bombs;
#[path = "gate/bounds.rs"]
mod bounds;
#[path = "gate/canary.rs"]
mod canary;
#[path = "gate/decided.rs"]
mod decided;
#[path = "gate/doctor.rs"]
mod doctor;
#[path = "gate/drivers.rs"]
mod drivers;
#[path = "gate/evasions.rs"]
mod evasions;
#[path = "gate/examined.rs"]
mod examined;
#[path = "gate/fixes.rs"]
mod fixes;
#[path = "gate/guarded.rs"]
mod guarded;
#[path = "gate/host.rs"]
mod host;
#[path = "gate/hostile.rs"]
mod hostile;
#[path = "gate/installed.rs"]
mod installed;
#[path = "gate/kept.rs"]
mod kept;
#[path = "gate/learned.rs"]
mod learned;
#[path = "gate/many_refs.rs"]
mod many_refs;
#[path = "gate/memory.rs"]
mod memory;
#[path = "gate/moved.rs"]
mod moved;
#[path = "gate/notes.rs"]
mod notes;
#[path = "gate/places.rs"]
mod places;
#[path = "gate/policy.rs"]
mod policy;
#[path = "gate/property.rs"]
mod property;
#[path = "gate/reached.rs"]
mod reached;
#[path = "gate/recorded.rs"]
mod recorded;
#[path = "gate/schemes.rs"]
mod schemes;
#[path = "gate/several.rs"]
mod several;
#[path = "gate/signed.rs"]
mod signed;
#[path = "gate/standing.rs"]
mod standing;
#[path = "gate/support.rs"]
mod support;
#[path = "gate/told.rs"]
mod told;
